"""What a vendor allows is kept to: messages in a second, channels of symbols on a connection."""

import json
import socket
from pathlib import Path

from tests.kit.installed import Run
from tests.pipes.live import venues
from tests.pipes.live.venues import rows

TOKEN = {"LINES_TOKEN": "s3cret-token"}
SYMBOLS = ("A", "B", "C", "D", "E")


def trade(symbol: str) -> str:
    return f"T 1 {symbol} 1704205800000000000 1 1\n"


def test_messages_wait_until_the_vendor_takes_them(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    def play(connection: socket.socket) -> None:
        said = [venues.line_of(connection) for _ in SYMBOLS]
        assert said == [f"LOGIN {symbol}" for symbol in SYMBOLS]
        connection.sendall(f"OK\n{trade('A')}".encode())
        connection.recv(1)

    capture = tmp_path / "c.jsonl"
    with venues.tcp(play) as url:
        words = ("stream", "paced", *SYMBOLS, "--limit", "1", "--url", url)
        done = mdc(*words, "--capture", str(capture), path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert len(rows(done.stdout, "trade")) == 1
    lines = [json.loads(line) for line in capture.read_text().splitlines()]
    times = [line["recv_ns"] for line in lines if line["dir"] == "out"]
    assert len(times) == len(SYMBOLS)
    # A capture's times are those of sending, which is a moment behind that of the decision.
    spans = [later - first for first, later in zip(times, times[2:], strict=False)]
    assert min(spans) > 900_000_000


def test_channels_of_symbols_are_counted_where_the_vendor_does(mdc: Run, installed: Path) -> None:
    def play(connection: socket.socket) -> None:
        symbols = venues.line_of(connection).split()[2].split(",")
        connection.sendall(f"OK\n{''.join(map(trade, symbols))}".encode())
        connection.recv(1)

    with venues.tcp(play, play, play) as url:
        words = ("stream", "counted", *SYMBOLS, "--limit", "5", "--url", url)
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    told = {row["symbol"]: row["channel"] for row in rows(done.stdout, "trade")}
    assert told == dict(
        zip("ABCDE", [f"counted-{number}.1" for number in (1, 1, 2, 2, 3)], strict=True)
    )
    with venues.tcp() as url:
        done = mdc("stream", "counted", *SYMBOLS, "F", "G", "--url", url, path=installed, **TOKEN)
    assert done.returncode == 2
    assert "this needs 4 connections, and the vendor allows 3" in done.stderr


def test_new_connections_wait_until_the_vendor_takes_them(mdc: Run, installed: Path) -> None:
    """Five symbols are five connections, of which two a second are allowed."""

    def play(connection: socket.socket) -> None:
        symbol = venues.line_of(connection).split()[2]
        connection.sendall(f"OK\n{trade(symbol)}".encode())
        connection.recv(1)

    with venues.tcp(*[play] * 5) as url:
        words = ("-v", "stream", "opening", *SYMBOLS, "--limit", "5", "--url", url)
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert sorted(row["symbol"] for row in rows(done.stdout, "trade")) == [*SYMBOLS]
    waits = [line for line in done.stderr.splitlines() if "the vendor allows" in line]
    assert len(waits) == 3
    assert all(line.endswith("the vendor allows 2 new connections in 1s") for line in waits)
