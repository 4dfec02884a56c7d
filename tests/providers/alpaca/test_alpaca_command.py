"""`mdc stream alpaca` in all its feeds and both encodings, against its mock server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from mdc_core.contracts import Subscription
from mdc_core.events import Trade
from mdc_core.live.sandbox.playback import Playback
from mdc_core.live.sandbox.server import SandboxServer
from mdc_core.logs import Log
from mdc_core.plugin import scaled
from mdc_providers.alpaca import stream
from tests.conftest import Shell

Event = dict[str, Any]
CLIENT = "timeout $DEADLINE mdc stream alpaca --mock --url $url"
NEWS = {
    "type": "news",
    "ts_event": "2024-01-02T22:00:38.000000000Z",
    "headline": "Something has happened",
    "summary": "In short",
    "author": "A Writer",
    "source": "a-wire",
    "url": "https://example.com/a",
    "content": "<p>At length</p>",
    "news_id": "24918784",
    "symbols": ["AAPL", "TSLA"],
    "created": "2024-01-02T22:00:37.000000000Z",
    "updated": "2024-01-02T22:00:38.000000000Z",
}
PERPETUAL = [
    {
        "type": "funding",
        "symbol": "BTC-PERP",
        "ts_event": "2024-01-02T14:30:00.120000000Z",
        "funding_rate": "0.0000125",
        "next_funding": "2024-01-02T16:00:00.000000000Z",
        "mark_price": "45121.25",
        "index_price": "45120.5",
    },
    {
        "type": "open_interest",
        "symbol": "BTC-PERP",
        "ts_event": "2024-01-02T14:30:00.120000000Z",
        "open_interest": "1250.75",
    },
]


def plain(events: list[Event]) -> list[Event]:
    left_out = ("v", "ts_recv", "provider", "channel")
    market = [e for e in events if e["type"] not in ("connection", "heartbeat")]
    return [{name: value for name, value in e.items() if name not in left_out} for e in market]


def served(shell: Shell, rows: list[Event], feed: str, client: str) -> list[Event]:
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    done = shell(
        f"cat > e.jsonl; mdc mock alpaca {feed} --once e.jsonl | "
        f"{{ read url; {CLIENT} {feed} {client}; }}",
        stdin=lines,
    )
    assert done.status == 0, done.err
    return plain(done.events)


def test_an_item_of_news_is_an_event_for_each_symbol(shell: Shell) -> None:
    items = [{"symbol": symbol, **NEWS} for symbol in ("AAPL", "TSLA")]
    expected = [{"type": "news", "symbol": symbol, **NEWS} for symbol in ("AAPL", "TSLA")]
    assert served(shell, items, "--feed news", "AAPL") == expected
    assert served(shell, items, "--feed news", "IBM") == []
    assert served(shell, items, "--feed news", "'*' --encoding msgpack") == expected


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_the_funding_of_perpetual_futures(encoding: str, shell: Shell) -> None:
    client = f"BTC-PERP --type funding --encoding {encoding}"
    assert served(shell, PERPETUAL, "--feed crypto-perps", client) == PERPETUAL


def test_msgpack_says_what_json_says(shell: Shell) -> None:
    done = shell(
        "mdc stream sim SPY --type trade,quote --limit 2000 | mdc convert -o e.jsonl; "
        "for encoding in json msgpack; do mdc mock alpaca --once e.jsonl | { read url; "
        f"{CLIENT} SPY --encoding $encoding > $encoding.jsonl; }}; done; mdc cat msgpack.jsonl"
    )
    assert done.status == 0, done.err
    written = plain(shell("mdc cat json.jsonl").events)
    assert len(written) == 2000
    # Whole numbers of a double are 100.0 in one and 100 in the other.
    assert [of_numbers(e) for e in plain(done.events)] == [of_numbers(e) for e in written]


def of_numbers(event: Event) -> Event:
    numbers = ("price", "size", "bid_price", "bid_size", "ask_price", "ask_size")
    return {name: float(value) if name in numbers else value for name, value in event.items()}


def test_a_capture_of_msgpack_is_replayed_without_being_told(shell: Shell) -> None:
    done = shell(
        "mdc stream alpaca SPY --mock --limit 50 --encoding msgpack --capture c.jsonl | "
        "mdc convert -o a.jsonl && mdc stream alpaca SPY --replay c.jsonl | mdc convert -o b.jsonl "
        "&& mdc cat b.jsonl"
    )
    assert done.status == 0, done.err
    first = plain(shell("mdc cat a.jsonl").events)
    assert len(first) == 50
    assert plain(done.events)[:50] == first


def test_the_mock_of_msgpack_in_a_pipe(shell: Shell) -> None:
    feed = "mdc stream alpaca --feed crypto --type trade,book BTC/USD --encoding msgpack --mock"
    done = shell(f"{feed} --limit 300 | mdc validate --strict | mdc store --root d")
    assert done.status == 0, done.err


@pytest.fixture
def mock() -> Iterator[str]:
    """The URL of a mock server that plays one trade."""
    kind = stream.Alpaca
    one = scaled(1, 0)
    trade = Trade(symbol="SPY", ts_event="2024-01-02T14:30:00.000000000Z", price=one, size=one)
    endpoint = kind(Subscription(("SPY",)), kind.Options(), kind.test_secrets).endpoints()[0]
    tape = Playback(lambda: iter([[trade]]))
    with SandboxServer(kind.sandbox, tape, endpoint=endpoint, say=Log()) as server:
        yield server.url()


def talk(client: ClientConnection) -> Any:
    """Log in and subscribe, each message in pieces of a few bytes; the first event."""
    assert json.loads(client.recv())[0]["msg"] == "connected"
    login = json.dumps({"action": "auth", "key": "sandbox-key", "secret": "sandbox-secret"})
    for text in (login, '{"action":"subscribe","trades":["SPY"]}'):
        client.send(text[at : at + 7] for at in range(0, len(text), 7))
        client.recv()
    return json.loads(client.recv())[0]


def test_the_mock_takes_compressed_messages_in_pieces(mock: str) -> None:
    with connect(mock, compression="deflate") as client:
        answer = client.response
        assert answer is not None
        assert "permessage-deflate" in answer.headers["Sec-WebSocket-Extensions"]
        assert talk(client)["S"] == "SPY"


@pytest.mark.parametrize("example", stream.EXAMPLES)
def test_examples(example: str, shell: Shell) -> None:
    first, *rest = example.split(" | ")
    done = shell(" | ".join([f"timeout $DEADLINE {first} --mock --limit 20", *rest]))
    assert done.status == 0, done.err
