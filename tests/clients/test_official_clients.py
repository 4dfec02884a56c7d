"""Vendors' own clients against our mock servers: what they decode is what was played.

They are installed in an environment of their own (`requirements.txt`, by `.ci/run`), whose
Python is named by MDC_CLIENTS; where there is none, they are skipped.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mdc_core import registry
from mdc_core.times import to_ns
from tests.conftest import Shell

PROGRAMS = Path(__file__).resolve().parent / "programs"
PYTHON = os.environ.get("MDC_CLIENTS", "")
TRADE = ("price", "size", "id")
SIDED = (*TRADE, "side")
QUOTE = ("bid_price", "bid_size", "ask_price", "ask_size")
BAR = ("open", "high", "low", "close", "volume")
US, MS = 1_000, 1_000_000

Event = dict[str, Any]


class Client(NamedTuple):
    """How a client is called, and what it can tell of an event."""

    library: str
    program: str
    server: str
    symbols: tuple[str, ...]
    arguments: str  # of the program; $url is that of the mock server, $count what to wait for
    resolution: int  # of its times, in nanoseconds
    fields: Mapping[str, tuple[str, ...]]


STOCKS, PAIRS = ("SPY", "AAPL"), ("BTC-USD", "ETH-USD")
CLIENTS = {
    "alpaca-py": Client(
        library="alpaca",
        program="alpaca_client.py",
        server="alpaca",
        symbols=STOCKS,
        arguments="$url sandbox-key sandbox-secret $count SPY AAPL",
        resolution=US,
        fields={"trade": TRADE, "quote": QUOTE},
    ),
    "polygon-api-client": Client(
        library="polygon",
        program="polygon_client.py",
        server="polygon",
        symbols=STOCKS,
        arguments="polygon $url sandbox-key stocks $count T.SPY Q.SPY AM.SPY T.AAPL Q.AAPL AM.AAPL",
        resolution=MS,
        fields={"trade": TRADE, "quote": QUOTE, "bar": BAR},
    ),
    "massive": Client(
        library="massive",
        program="polygon_client.py",
        server="massive",
        symbols=STOCKS,
        arguments="massive $url sandbox-key stocks $count T.* Q.* AM.*",
        resolution=MS,
        fields={"trade": TRADE, "quote": QUOTE, "bar": BAR},
    ),
    "massive (crypto)": Client(
        library="massive",
        program="polygon_client.py",
        server="massive --market crypto",
        symbols=PAIRS,
        arguments="massive $url sandbox-key crypto $count XT.BTC-USD XT.ETH-USD",
        resolution=MS,
        fields={"trade": SIDED},
    ),
    "coinbase-advanced-py": Client(
        library="coinbase",
        program="coinbase_client.py",
        server="coinbase",
        symbols=PAIRS,
        arguments="$url $count BTC-USD ETH-USD",
        resolution=1,
        fields={"trade": ("price", "size", "side")},  # ids are the mock server's
    ),
    "python-kraken-sdk": Client(
        library="kraken",
        program="kraken_client.py",
        server="kraken",
        symbols=("BTC/USD", "ETH/USD"),
        arguments="$url $count BTC/USD ETH/USD",
        resolution=1,
        fields={"trade": SIDED},
    ),
    "python-binance": Client(
        library="binance",
        program="binance_client.py",
        server="binance",
        symbols=("BTCUSDT", "ETHUSDT"),
        arguments="$url $count BTCUSDT ETHUSDT",
        resolution=MS,
        fields={"trade": SIDED},
    ),
}


def installed(client: Client) -> bool:
    """Whether the client's library is in the environment of the clients."""
    find = f"import importlib.util as u, sys; sys.exit(u.find_spec({client.library!r}) is None)"
    return subprocess.run([PYTHON, "-c", find], check=False).returncode == 0


def tape(symbols: tuple[str, ...], shell: Shell) -> list[Event]:
    """What is played, in events.jsonl: a simulated market, and a bar of each symbol."""
    bars = "".join(
        f'{{"type":"bar","symbol":"{symbol}","ts_event":"2024-01-02T14:31:00Z","interval":"1m",'
        f'"open":472.16,"high":472.67,"low":472.12,"close":{number}.655,"volume":59234}}\n'
        for number, symbol in enumerate(symbols, start=472)
    )
    done = shell(
        f"(mdc stream sim {' '.join(symbols)} --seed 4 --limit 300 --plain; cat)"
        " | mdc convert --plain | tee events.jsonl",
        stdin=bars.encode(),
    )
    assert done.status == 0, done.err
    return done.events


def expected(event: Event, client: Client) -> Event:
    """What the client is to tell of an event that is played."""
    ns = to_ns(event["ts_event"])
    names = {"id": "trade_id", "side": "aggressor_side"}
    found = {name: event.get(names.get(name, name)) for name in client.fields[event["type"]]}
    head = {"type": event["type"], "symbol": event["symbol"]}
    return {**head, "ns": ns - ns % client.resolution, **plain(found)}


def plain(values: Mapping[str, Any]) -> Event:
    """Values as the same number is the same text, whatever its digits."""
    return {
        name: text if name in ("id", "side") else str(Decimal(text).normalize())
        for name, text in values.items()
        if text is not None
    }


def told(line: str) -> Event:
    """What the client has told."""
    values = json.loads(line)
    head = {name: values.pop(name) for name in ("type", "symbol", "ns")}
    return {**head, **plain(values)}


@pytest.mark.skipif(not PYTHON, reason="MDC_CLIENTS names no environment with vendors' clients")
@pytest.mark.parametrize("name", CLIENTS)
def test_what_a_vendors_client_decodes_is_what_was_played(name: str, shell: Shell) -> None:
    client = CLIENTS[name]
    vendor = client.server.partition(" ")[0]
    if vendor not in registry.find("stream"):
        pytest.skip(f"there is no provider {vendor}")
    if not installed(client):
        pytest.skip(f"{name} is not installed in {PYTHON}")
    whole = tape(client.symbols, shell)
    wanted = [expected(event, client) for event in whole if event["type"] in client.fields]
    assert {event["type"] for event in wanted} == set(client.fields)
    done = shell(
        # When all is played the server is silent: not each client takes what came before a close.
        f"mdc mock {client.server} events.jsonl --fault stall-after=$all > url & server=$!\n"
        "until [ -s url ]; do sleep .02; done; read url < url\n"
        f"timeout $DEADLINE {PYTHON} {PROGRAMS / client.program} {client.arguments}; status=$?\n"
        "kill -INT $server; wait $server; exit $status",
        count=str(len(wanted)),
        all=str(len(whole)),
    )
    assert done.status == 0, done.err
    got = [told(line) for line in done.out.splitlines()]
    assert got == wanted
