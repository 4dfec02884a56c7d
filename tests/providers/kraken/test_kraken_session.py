"""Kraken's session: what is asked for and how, candles that go on, and a sign of life."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import Bar, Send, Subscription
from mdc_providers.kraken.stream import Kraken

SECOND = 1_000_000_000
D = Decimal


def connect(symbols: tuple[str, ...], channel: str, **options: Any) -> Kraken:
    return Kraken(Subscription(symbols, (channel,)), Kraken.Options(**options), {})


def asked(items: Any) -> list[Any]:
    return [json.loads(item.frame) for item in items if isinstance(item, Send)]


@pytest.mark.parametrize(
    ("interval", "minutes"),
    [("1m", 1), ("30m", 30), ("4h", 240), ("1d", 1440), ("1w", 10080), ("15d", 21600)],
)
def test_a_length_of_bars_is_asked_for_in_minutes(interval: str, minutes: int) -> None:
    (request,) = asked(connect(("BTC/USD",), "bar", interval=interval).opened(0))
    assert request["params"]["interval"] == minutes


def test_many_symbols_are_asked_for_in_pieces() -> None:
    symbols = tuple(f"A{number}/USD" for number in range(250))
    requests = asked(connect(symbols, "trade").opened(0))
    assert [len(one["params"]["symbol"]) for one in requests] == [100, 100, 50]


def candle(begin: str, close: str) -> str:
    row = {"symbol": "BTC/USD", "open": 1, "high": 3, "low": 1, "close": 0, "trades": 2}
    row |= {"volume": 4, "vwap": 2, "interval_begin": begin, "interval": 1}
    text = json.dumps({"channel": "ohlc", "type": "update", "data": [row]})
    return text.replace('"close": 0', f'"close": {close}')


def test_a_candle_is_final_when_the_next_begins_and_not_before() -> None:
    stream = connect(("BTC/USD",), "bar")
    steps = [("2024-01-02T14:30:00Z", "2.0"), ("2024-01-02T14:30:00Z", "2.1")]
    steps += [("2024-01-02T14:31:00Z", "2.2")]
    bars = [bar for step in steps for bar in stream.receive(candle(*step), 0)]
    assert [(b.close, b.is_final) for b in bars if isinstance(b, Bar)] == [
        *((number, False) for number in map(D, ("2.0", "2.1"))),
        (D("2.1"), True),
        (D("2.2"), False),
    ]


def test_a_sign_of_life_is_asked_for_where_there_is_none() -> None:
    stream = connect(("BTC/USD",), "trade")
    list(stream.opened(0))
    list(stream.receive('{"channel":"heartbeat"}', 5 * SECOND))
    assert asked(stream.tick(14 * SECOND)) == []
    assert asked(stream.tick(15 * SECOND)) == [{"method": "ping"}]
    assert asked(stream.tick(16 * SECOND)) == []
