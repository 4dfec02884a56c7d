"""What a connection is lost by: its cause, the next try, the circuit breaker, the credentials."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mdc_core.times import to_ns
from tests.conftest import only_says_error
from tests.kit.installed import Run
from tests.pipes.live import venues
from tests.pipes.live.venues import Script, rows

TOKEN = {"LINES_TOKEN": "s3cret-token"}
SOON = ("--backoff", "1ms..2ms")


def trade(number: int) -> bytes:
    return f"T {number} SPY {1_704_205_800_000_000_000 + number} {number}.50 10\n".encode()


def login(connection: socket.socket, token: str = "s3cret-token") -> None:
    assert venues.line_of(connection) == f"LOGIN {token} SPY"


def saying(text: bytes, *, stays: bool = True) -> Script:
    """A connection that is up, brings a trade and then says this."""

    def play(connection: socket.socket) -> None:
        login(connection)
        connection.sendall(b"OK\n" + trade(1) + text)
        if stays:
            connection.recv(1)

    return play


def good(connection: socket.socket) -> None:
    login(connection)
    connection.sendall(b"OK\n" + trade(2))
    connection.recv(1)


def gone(connection: socket.socket) -> None:
    login(connection)


def refusing(text: bytes, token: str = "s3cret-token") -> Script:
    def play(connection: socket.socket) -> None:
        login(connection, token)
        connection.sendall(text + b"\n")

    return play


LOST = {
    "server-close": (saying(b"", stays=False), "connection closed by the server"),
    "network": (saying(b"T 3 SP", stays=False), "closed within a frame, 6 bytes into it"),
    "protocol": (saying(b"BYE\n"), "moody says bye"),
    "slow-consumer": (saying(b"SLOW\n"), "moody says: too slow"),
    "limit": (saying(b"FULL\n"), "moody is full"),
    "maintenance": (saying(b"CLOSED\n"), "moody is closed"),
    "stall": (saying(b""), "nothing received for 0.25 s"),
    "login": (saying(b"DENIED\n"), "moody says: wrong token"),
}


@pytest.mark.parametrize("cause", LOST)
def test_a_connection_says_what_it_was_lost_by(
    mdc: Run, installed: Path, tmp_path: Path, cause: str
) -> None:
    script, reason = LOST[cause]
    capture = str(tmp_path / "c")
    with venues.tcp(script, good) as url:
        done = mdc(
            *("stream", "moody", "SPY", "--url", url, *SOON, "--limit", "2", "--capture", capture),
            path=installed,
            **TOKEN,
        )
    assert done.returncode == 0, done.stderr
    up, down, again = rows(done.stdout, "connection")
    assert (up["state"], up["attempt"], up["breaker"]) == ("up", 1, "closed")
    assert (down["state"], down["cause"], down["attempt"]) == ("down", cause, 1)
    assert reason in down["reason"] and down["breaker"] == "closed"
    assert 0 <= to_ns(down["retry_at"]) - to_ns(down["ts_event"]) <= 10_000_000
    assert (again["state"], again["attempt"]) == ("resubscribed", 1)
    assert [t["seq"] for t in rows(done.stdout, "trade")] == [1, 2]
    replayed = mdc("stream", "moody", "SPY", "--replay", capture, path=installed)
    assert replayed.stdout.splitlines()[1:-1] == done.stdout.splitlines()[1:-1]


def test_the_circuit_breaker_opens_lets_one_be_tried_and_closes(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    capture = str(tmp_path / "c")
    with venues.tcp(saying(b"", stays=False), gone, gone, good) as url:
        done = mdc(
            *("stream", "moody", "SPY", "--url", url, *SOON, "--breaker", "1/5ms"),
            *("--limit", "2", "--capture", capture),
            path=installed,
            **TOKEN,
        )
    assert done.returncode == 0, done.stderr
    told = [(c["state"], c["attempt"], c["breaker"]) for c in rows(done.stdout, "connection")]
    assert told == [
        ("up", 1, "closed"),
        ("down", 1, "closed"),  # a connection that worked is no failed try
        ("down", 2, "open"),
        ("down", 2, "half-open"),
        ("down", 3, "open"),
        ("down", 3, "half-open"),
        ("resubscribed", 3, "closed"),
    ]
    assert done.stderr.count("for the circuit breaker is open") == 2
    (gap,) = rows(done.stdout, "gap")
    assert gap["reason"] == "disconnect" and gap["end"]
    replayed = mdc("stream", "moody", "SPY", "--replay", capture, path=installed)
    assert replayed.stdout.splitlines()[1:-1] == done.stdout.splitlines()[1:-1]


def test_credentials_that_were_changed_are_read_again(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first-token\n")

    def rotating(connection: socket.socket) -> None:
        login(connection, "first-token")
        secret.write_text("s3cret-token\n")
        connection.sendall(b"DENIED\n")

    with venues.tcp(rotating, good) as url:
        done = mdc(
            *("stream", "moody", "SPY", "--url", url, *SOON, "--limit", "1"),
            path=installed,
            LINES_TOKEN_FILE=str(secret),
        )
    assert done.returncode == 0, done.stderr
    down, up = rows(done.stdout, "connection")
    assert (down["state"], down["cause"]) == ("down", "login")
    assert (up["state"], up["attempt"]) == ("resubscribed", 2)
    assert "first-token" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("scripts", "states"),
    [
        ([refusing(b"DENIED")], ["down"]),
        (
            [saying(b"", stays=False), refusing(b"DENIED"), refusing(b"DENIED")],
            ["up", "down", "down", "down"],
        ),
    ],
    ids=["at first", "later"],
)
def test_credentials_that_are_refused_end_the_feed(
    mdc: Run, installed: Path, scripts: list[Callable[[Any], None]], states: list[str]
) -> None:
    """At once where nothing else is found; where they were right before, with the second try."""
    with venues.tcp(*scripts) as url:
        done = mdc("stream", "moody", "SPY", "--url", url, *SOON, path=installed, **TOKEN)
    assert done.returncode == 77, done.stderr
    assert "mdc stream: moody says: wrong token\n" in done.stderr
    told = rows(done.stdout, "connection")
    assert [c["state"] for c in told] == states
    assert told[-1]["cause"] == "login"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--backoff", "2s"), "'2s' is not a shortest and a longest wait (say 2s..30s)"),
        (("--backoff", "5s..2s"), "5s is longer than 2s"),
        (("--breaker", "5"), "'5' is not failures in a time (say 5/60s, or off)"),
        (("--breaker", "0/60s"), "'0/60s' is not failures in a time"),
        (("--breaker", "5/60"), "60"),
    ],
)
def test_what_is_no_wait_is_refused(mdc: Run, words: tuple[str, str], said: str) -> None:
    done = mdc("stream", "alpaca", "SPY", *words)
    assert done.returncode == 2 and only_says_error(done.stdout)
    assert said in done.stderr


def test_a_feed_that_is_given_up_says_so(mdc: Run, installed: Path) -> None:
    """The last `connection` says that there is no other try, with the reason of the last."""

    def once(connection: socket.socket) -> None:
        login(connection)
        connection.sendall(b"OK\n" + trade(1))

    with venues.tcp(once, gone, gone) as url:
        words = ("stream", "lines", "SPY", "--url", url, "--retries", "2", *SOON)
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 69 and "given up after 3 tries" in done.stderr
    _, first, last = rows(done.stdout, "connection")
    assert (first["state"], last["state"]) == ("down", "down")
    assert "retry_at" in first and "retry_at" not in last
