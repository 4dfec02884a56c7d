"""`mdc stream finnhub` as it is run: against its mock server, in real pipes."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_providers.finnhub import stream
from tests.conftest import Shell

Event = dict[str, Any]
CLIENT = "timeout $DEADLINE mdc stream finnhub --mock --url $url"
TIME = "2024-01-02T14:30:0{}.580000000Z"
TRADE = {"type": "trade", "symbol": "AAPL", "price": "172.1601", "size": "5"}
PLAYED = [
    TRADE | {"ts_event": TIME.format(0), "conditions": ["1", "12"]},
    TRADE | {"ts_event": TIME.format(1)},
    TRADE | {"ts_event": TIME.format(2), "symbol": "BINANCE:BTCUSDT", "venue": "BINANCE"},
    {
        "type": "status",
        "symbol": "OANDA:EUR_USD",
        "venue": "OANDA",
        "ts_event": TIME.format(3),
        "status": "other",
        "message": "last price",
        "extra": {"price": "1.09512"},
    },
    {
        "type": "news",
        "symbol": "AAPL",
        "ts_event": "2024-01-02T14:31:00.000000000Z",
        "headline": "Something has happened",
        "summary": "In short",
        "source": "A Paper",
        "url": "https://example.com/a",
        "news_id": "7394001",
        "symbols": ["AAPL"],
        "created": "2024-01-02T14:31:00.000000000Z",
    },
]


def plain(events: list[Event]) -> list[Event]:
    left_out = ("v", "ts_recv", "provider", "channel")
    market = [e for e in events if e["type"] not in ("connection", "heartbeat")]
    return [{name: value for name, value in e.items() if name not in left_out} for e in market]


def test_what_the_mock_plays_arrives_exactly(shell: Shell) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in PLAYED).replace('"1.09512"', "1.09512")
    done = shell(
        "cat > e.jsonl; mdc mock finnhub --once e.jsonl | { read url; "
        f"{CLIENT} AAPL BINANCE:BTCUSDT OANDA:EUR_USD --type trade,news; }}",
        stdin=lines.encode(),
    )
    assert done.status == 0, done.err
    assert plain(done.events) == PLAYED


def test_a_wrong_key_is_refused_and_shown_nowhere(shell: Shell) -> None:
    done = shell(
        "mkfifo u; mdc mock finnhub --symbol AAPL --limit 5 > u & read url < u; "
        "timeout $DEADLINE mdc stream finnhub AAPL --url $url --capture c.jsonl -v "
        "--log-format json; code=$?; kill $!; exit $code",
        FINNHUB_API_KEY="a-wrong/key",
    )
    assert done.status == 77
    assert "answers the handshake with HTTP 401" in done.err
    assert "check FINNHUB_API_KEY" in done.err
    said = done.out + done.err + shell("cat c.jsonl").out
    assert "a-wrong" not in said


def test_the_key_is_not_in_a_capture(shell: Shell) -> None:
    done = shell(
        "mdc stream finnhub AAPL --mock --limit 20 --capture c.jsonl > e.jsonl; cat c.jsonl"
    )
    assert '"state":"open"' in done.out and '"type":"subscribe"' in done.out
    assert "sandbox-key" not in done.out


def test_fifty_symbols_are_one_connection_and_one_more_is_told(shell: Shell) -> None:
    names = " ".join(f"S{n}" for n in range(51))
    done = shell(f"timeout $DEADLINE mdc stream finnhub {names} --mock --limit 5")
    assert done.status == 2
    assert "at most 50 symbols for each connection" in done.err


def test_a_second_connection_ends_both(shell: Shell) -> None:
    done = shell(
        "mkfifo u; mdc mock finnhub --symbol AAPL --speed 1x > u & read url < u; exec 3>&1; "
        "timeout $DEADLINE mdc stream finnhub AAPL --mock --url $url --retries 0 > a.jsonl & "
        "until grep -q '.type.:.trade.' a.jsonl; do :; done; "
        "timeout $DEADLINE mdc stream finnhub AAPL --mock --url $url --retries 0 > b.jsonl; "
        "wait $!; kill %1; cat a.jsonl"
    )
    assert [e["state"] for e in done.events if e["type"] == "connection"][:2] == ["up", "down"]


def test_the_mock_in_a_pipe(shell: Shell) -> None:
    feed = "mdc stream finnhub AAPL BINANCE:BTCUSDT --mock --limit 300"
    done = shell(f"{feed} | mdc validate --strict | mdc store --root d && mdc cat --root d")
    assert done.status == 0, done.err
    assert sum(e["type"] == "trade" for e in done.events) == 300


def test_a_disconnect_is_a_gap_and_the_rest_comes(shell: Shell) -> None:
    done = shell(
        "mdc stream sim AAPL --type trade --limit 500 | mdc convert -o e.jsonl && "
        "mdc mock finnhub --once --fault disconnect-after=200,skip=3 e.jsonl | "
        f"{{ read url; {CLIENT} AAPL; }}"
    )
    assert done.status == 0, done.err
    kinds = [e["type"] for e in done.events]
    states = [e["state"] for e in done.events if e["type"] == "connection"]
    assert states == ["up", "down", "resubscribed"]
    assert (kinds.count("gap"), kinds.count("trade")) == (1, 497)


def test_frames_that_cannot_be_read_are_counted_and_the_feed_goes_on(shell: Shell) -> None:
    def trade(price: str) -> str:
        item = f'{{"c":null,"p":{price},"s":"AAPL","t":1704205800580,"v":1}}'
        return f'{{"data":[{item}],"type":"trade"}}'

    frames = [
        trade("5E-7"),
        trade("123456789012345678901234567890.5"),
        trade("NaN"),
        trade('"text"'),
        '{"data":[{"p":1}],"type":"trade"}',
        '{"data":[[],7],"type":"trade"}',
        '{"type":"newkind"}',
        '{"type":"error","msg":"Something else"}',
        "[]",
        trade("2.50"),
    ]
    head = '"recv_ns":1704205800000000000,"dir":"in"'
    lines = [f'{{{head},"frame":{json.dumps(text)},"encoding":"text"}}' for text in frames]
    lines.append(f'{{{head},"frame":"//79","encoding":"base64"}}')
    done = shell(
        "cat > c.jsonl; mdc stream finnhub AAPL --replay c.jsonl --quarantine q.jsonl; "
        "wc -l < q.jsonl >&2",
        stdin="\n".join(lines).encode(),
    )
    prices = [Decimal(e["price"]) for e in done.events if e["type"] == "trade"]
    assert prices == [Decimal("5E-7"), Decimal("2.5")]
    assert done.err.split()[-1] == "10"
    assert sum(e["type"] == "integrity" for e in done.events) == 10


@pytest.mark.parametrize("example", stream.EXAMPLES)
def test_examples(example: str, shell: Shell) -> None:
    done = shell(f"timeout $DEADLINE {example.replace(' | mdc', ' --mock --limit 20 | mdc', 1)}")
    assert done.status == 0, done.err
