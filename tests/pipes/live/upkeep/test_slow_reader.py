"""A reader that stops: what finds no room is told exactly, by symbol and time."""

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mdc_core.times import to_ns
from tests.kit.installed import MDC, plain_environ
from tests.pipes.live import venues

TOKEN = {"LINES_TOKEN": "s3cret-token"}
SYMBOLS = ("A", "B", "C")
START = 1_704_205_800_000_000_000
COUNT = 30_000


def trade(number: int) -> str:
    return f"T {number} {SYMBOLS[number * number % 3]} {START + number} 1 1\n"


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest", "spill"])
@pytest.mark.some(1)
def test_what_finds_no_room_is_declared_by_symbol_and_time(installed: Path, policy: str) -> None:
    """The reader does not read at all until the feed has taken everything."""
    read, write = os.pipe()

    def play(connection: socket.socket) -> None:
        assert venues.line_of(connection).startswith("LOGIN")
        connection.sendall(f"OK\n{''.join(map(trade, range(COUNT)))}PING\n".encode())
        assert venues.line_of(connection) == "PONG"  # all has been taken, and nothing was read
        os.write(write, b".")
        connection.recv(1)

    with venues.tcp(play) as url:
        words = ("stream", "lines", *SYMBOLS, "--url", url, "--buffer", "500")
        client = subprocess.Popen(
            [MDC, *words, "--overflow", policy],
            env={**plain_environ(), **TOKEN, "PYTHONPATH": str(installed)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert os.read(read, 1) == b"."
        client.terminate()
        out, err = client.communicate()
    for end in (read, write):
        os.close(end)
    events = [json.loads(line) for line in out.splitlines()]
    have = {event["seq"] for event in events if event["type"] == "trade"}
    gaps = [event for event in events if event["type"] == "gap"]
    assert bool(gaps) == (policy != "spill"), err
    _check(have, gaps)
    dropped = COUNT - len(have)
    assert f"{COUNT} in = {len(have)} out + 0 rejected + {dropped} dropped" in err
    assert f"no room for {dropped:,} events: " in err or not gaps


def _check(have: set[int], gaps: list[dict[str, Any]]) -> None:
    """What is missing lies in gaps of its symbol, each with its number, first and last time."""
    missing = set(range(COUNT)) - have
    told: set[int] = set()
    for gap in gaps:
        assert gap["reason"] == "overflow"
        first, last = to_ns(gap["start"]) - START, to_ns(gap["end"]) - START
        inside = {n for n in range(first, last + 1) if SYMBOLS[n * n % 3] == gap["symbol"]}
        assert {first, last} <= inside and len(inside) == gap["count"]
        assert inside <= missing and not inside & told
        told |= inside
    assert told == missing
