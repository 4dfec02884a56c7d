"""Finnhub's codec and its server: limits, changes, pings, the key."""

import json
from typing import Any

import pytest

from mdc_core.plugin import Refused, Send, Subscription, Trade, Up, scaled
from mdc_providers.finnhub.sandbox import FinnhubSandbox
from mdc_providers.finnhub.stream import Finnhub

KEY = {"FINNHUB_API_KEY": "sandbox-key"}


def connect(*symbols: str, channels: tuple[str, ...] = ()) -> Finnhub:
    return Finnhub(Subscription(symbols, channels), Finnhub.Options(), KEY)


def server(query: str = "token=sandbox-key") -> FinnhubSandbox:
    return FinnhubSandbox(f"/?{query}", {}, FinnhubSandbox.Options())


def sent(items: Any) -> list[tuple[str, str]]:
    words = [json.loads(item.frame) for item in items if isinstance(item, Send)]
    return [(word["type"], word["symbol"]) for word in words]


def test_the_key_stands_in_the_address_alone() -> None:
    (endpoint,) = connect("AAPL").endpoints()
    assert endpoint.url == "wss://ws.finnhub.io/"
    assert endpoint.address() == "wss://ws.finnhub.io/?token=sandbox-key"


@pytest.mark.parametrize(
    ("query", "status"), [("token=sandbox-key", 101), ("token=other", 401), ("", 401)]
)
def test_a_handshake_with_another_key_is_refused(query: str, status: int) -> None:
    assert server(query).admit() == status


def test_each_symbol_beyond_the_limit_is_refused_by_name() -> None:
    names = [f"S{n}" for n in range(FinnhubSandbox.symbol_limit + 2)]
    stream, sandbox = connect(*names), server()
    answers = [a for s in stream.opened(0) if isinstance(s, Send) for a in sandbox.receive(s.frame)]
    refused = [item for answer in answers for item in stream.receive(answer, 0)]
    assert all(isinstance(item, Refused) for item in refused)
    assert {symbol for item in refused for symbol in item.symbols} == {*names[-2:]}  # type: ignore[union-attr]


def test_a_change_leaves_first_and_then_asks() -> None:
    stream = connect("AAPL", "IBM")
    items = list(stream.resubscribe(Subscription(("IBM", "TSLA"), ("trade", "news")), 0) or ())
    assert sent(items) == [
        ("unsubscribe", "AAPL"),
        ("subscribe-news", "IBM"),
        ("subscribe", "TSLA"),
        ("subscribe-news", "TSLA"),
    ]
    assert items[-1] == Up()


def test_a_place_that_is_left_is_free_again() -> None:
    sandbox = server()
    for n in range(sandbox.symbol_limit):
        assert sandbox.receive(json.dumps({"type": "subscribe", "symbol": f"S{n}"})) == []
    assert sandbox.receive('{"type":"subscribe","symbol":"X"}') != []
    assert sandbox.receive('{"type":"unsubscribe","symbol":"S1"}') == []
    assert sandbox.receive('{"type":"subscribe","symbol":"X"}') == []


def test_a_ping_comes_after_a_minute_of_silence() -> None:
    sandbox = server()
    sandbox.receive('{"type":"subscribe","symbol":"X"}')
    trade = Trade(symbol="X", ts_event="2024-01-02T14:30:00.000000000Z")
    trade.price = trade.size = scaled(1, 0)
    assert sandbox.tick(0) == []
    assert list(sandbox.tick(0)) == ['{"type":"ping"}']
    assert len(list(sandbox.feed([trade]))) == 1
    assert sandbox.tick(0) == []


def test_there_is_no_star() -> None:
    (refused,) = connect("*").opened(0)
    assert isinstance(refused, Refused) and refused.symbols == ("*",)


@pytest.mark.parametrize("words", ["Invalid API key: {key}", "wrong token {key}"])
def test_an_error_about_the_key_is_one_of_the_login_and_does_not_show_it(words: str) -> None:
    stream = connect("AAPL")
    (key,) = stream.credentials.values()
    frame = json.dumps({"type": "error", "msg": words.format(key=key)})
    (refused,) = stream.receive(frame, 0)
    assert isinstance(refused, Refused) and refused.cause == "login"
    assert refused.text == f"finnhub says: {words.format(key='***')}"
