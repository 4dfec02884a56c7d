"""What a vendor refuses: the others go on, and the end is 77 where nothing is left."""

import socket
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.kit.installed import Run
from tests.pipes.live import venues
from tests.pipes.live.venues import rows

TOKEN = {"LINES_TOKEN": "s3cret-token"}
TRADE = "T 1 {} 1704205800000000000 1 1\n"


def test_all_refused_one_by_one_is_77(mdc: Run, installed: Path) -> None:
    """Of two symbols two channels each, in four messages, behind trades that came."""
    skipped = [f"{symbol} {channel}" for channel in ("trade", "quote") for symbol in ("A", "B")]

    def play(connection: socket.socket) -> None:
        venues.line_of(connection)
        connection.sendall(f"OK\n{TRADE.format('A')}".encode())
        for one in skipped:
            connection.sendall(f"SKIP {one}\n".encode())
        connection.recv(1)

    with venues.tcp(play) as url:
        done = mdc("stream", "both", "A", "B", "--url", url, path=installed, **TOKEN)
    assert done.returncode == 77, done.stderr
    assert len(rows(done.stdout, "trade")) == 1
    told = [(row["message"], row["extra"]) for row in rows(done.stdout, "integrity")]
    assert told == [
        (f"lines has no {channel} of {symbol}", {"symbols": [symbol], "channels": [channel]})
        for symbol, channel in map(str.split, skipped[:3])
    ]
    assert done.stderr.splitlines()[-1] == "mdc stream: lines has no quote of B"


def test_one_channel_that_is_left_goes_on(mdc: Run, installed: Path) -> None:
    def play(connection: socket.socket) -> None:
        venues.line_of(connection)
        for one in ("A trade", "A quote", "A trade", "B quote"):
            connection.sendall(f"SKIP {one}\n".encode())
        connection.sendall(f"OK\n{TRADE.format('B')}".encode())
        connection.recv(1)

    with venues.tcp(play) as url:
        words = ("stream", "both", "A", "B", "--limit", "1", "--url", url)
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert [row["symbol"] for row in rows(done.stdout, "trade")] == ["B"]
    assert len(rows(done.stdout, "integrity")) == 4


def test_a_connection_that_is_refused_leaves_the_others(mdc: Run, installed: Path) -> None:
    """Each symbol has a connection of its own: 77 is for all of them."""

    def play(connection: socket.socket) -> None:
        symbol = venues.line_of(connection).split()[2]
        answer = f"NO {symbol}\n" if symbol in ("A", "B") else f"OK\n{TRADE.format(symbol)}"
        connection.sendall(answer.encode())
        if symbol == "C":
            connection.recv(1)

    with venues.tcp(play, play, play) as url:
        words = ("stream", "alone", "A", "B", "C", "--duration", "2s", "--url", url)
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert [row["symbol"] for row in rows(done.stdout, "trade")] == ["C"]
    told = {row["message"]: row["extra"] for row in rows(done.stdout, "integrity")}
    assert told == {f"lines says: {one}": {"symbols": [one]} for one in "AB"}
    for one in "AB":
        assert f"lines says: {one}; the other connections go on" in done.stderr
    with venues.tcp(play, play) as url:
        done = mdc("stream", "alone", "A", "B", "--url", url, path=installed, **TOKEN)
    assert done.returncode == 77, done.stderr
    assert len(rows(done.stdout, "integrity")) == 1
    assert done.stderr.splitlines()[-1] in (
        "mdc stream: lines says: A",
        "mdc stream: lines says: B",
    )


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            "alpaca SPY AAPL --feed test",
            "alpaca left out of the subscription: SPY, AAPL",
        ),
        ("binance NOSUCHUSDT --type trade,quote", "binance has no NOSUCHUSDT in its market spot"),
        (
            "coinbase NOSUCH-USD --type trade,book",
            "coinbase left out of the subscription: NOSUCH-USD",
        ),
        ("coinbase NOSUCH-USD --feed exchange", "NOSUCH-USD is not a valid product"),
        ("finnhub '*'", "finnhub has no '*' for all symbols"),
        ("kraken XBT/USD XDG/USD --type trade,book", "Currency pair not supported XDG/USD"),
        ("kraken_futures PF_NOSUCHUSD --type trade,funding", "PF_NOSUCHUSD: Invalid product id"),
        ("massive NOTINPLAN", "massive refuses NOTINPLAN: not authorized"),
        ("okx NOSUCH-USDT --type trade,bar", "okx refuses NOSUCH-USDT: Wrong URL or channel:"),
        ("polygon NOTINPLAN --type trade,fmv", "polygon refuses NOTINPLAN: not authorized"),
        ("tiingo SPY --threshold-level 9", "tiingo says: thresholdLevel not valid (error 400)"),
    ],
)
def test_each_vendor_that_refuses_everything_ends_with_77(
    asked: str, words: str, shell: Shell
) -> None:
    done = shell(f"timeout $DEADLINE mdc stream {asked} --mock")
    assert done.status == 77, done.err
    assert words in done.err
    assert {event["type"] for event in done.events} <= {"connection", "gap", "integrity"}
