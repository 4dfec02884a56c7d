"""A feed that finds events missing, or wrong, subscribes anew where that is wanted."""

import socket
from pathlib import Path

import pytest

from tests.kit.installed import Run
from tests.pipes.live import venues
from tests.pipes.live.venues import rows

TOKEN = {"LINES_TOKEN": "s3cret-token"}


def trade(number: int) -> str:
    return f"T {number} SPY {1_704_205_800_000_000_000 + number} 1 1\n"


@pytest.mark.parametrize(
    ("said", "reason"),
    [("MISSING SPY 3", "SPY missing (sequence)"), ("WRONG book", "book: it does not fit")],
)
def test_a_hole_is_told_and_another_connection_made(
    mdc: Run, installed: Path, said: str, reason: str
) -> None:
    def first(connection: socket.socket) -> None:
        assert venues.line_of(connection).startswith("LOGIN")
        connection.sendall(f"OK\n{trade(1)}{said}\n".encode())
        connection.recv(1)

    def second(connection: socket.socket) -> None:
        assert venues.line_of(connection).startswith("LOGIN")
        connection.sendall(f"OK\n{trade(5)}".encode())
        connection.recv(1)

    words = ("stream", "holes", "SPY", "--limit", "2", "--backoff", "1ms..1ms", "--url")
    with venues.tcp(first, second) as url:
        done = mdc(*words, url, "--on-integrity", "resubscribe", path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    up, down, again = rows(done.stdout, "connection")
    assert (up["state"], down["state"], again["state"]) == ("up", "down", "resubscribed")
    assert (down["cause"], down["reason"]) == ("resubscribe", f"subscribing anew: {reason}")
    assert [t["seq"] for t in rows(done.stdout, "trade")] == [1, 5]
    told = [row.get("reason") for row in rows(done.stdout, "gap", "integrity")]
    assert len(told) == 2 and told.count("disconnect") == 1


def test_without_it_is_told_and_no_more(mdc: Run, installed: Path) -> None:
    def play(connection: socket.socket) -> None:
        assert venues.line_of(connection).startswith("LOGIN")
        connection.sendall(f"OK\n{trade(1)}WRONG book\nMISSING SPY 3\n{trade(5)}".encode())
        connection.recv(1)

    with venues.tcp(play) as url:
        done = mdc("stream", "holes", "SPY", "--limit", "2", "--url", url, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    told = [row["type"] for row in rows(done.stdout)]
    assert told[2:-1] == ["trade", "integrity", "gap", "trade"]
