"""Alpaca's session: authentication, subscription, and what the vendor says no to."""

import json
from typing import Any

import pytest

from mdc_core.plugin import (
    Bad,
    Busy,
    DataError,
    Integrity,
    Reconnect,
    Refused,
    Send,
    Subscription,
    Trade,
    Up,
    UsageError,
)
from mdc_providers.alpaca.stream import Alpaca

SECRETS = {"ALPACA_KEY_ID": "the-key", "ALPACA_SECRET_KEY": "the-secret"}
AUTHENTICATED = '[{"T":"success","msg":"authenticated"}]'


def connect(*symbols: str, channels: tuple[str, ...] = (), **options: str) -> Alpaca:
    return Alpaca(Subscription(symbols, channels), Alpaca.Options(**options), SECRETS)


def test_nothing_is_sent_before_the_greeting() -> None:
    assert list(connect("SPY").opened(0)) == []
    assert list(connect("SPY").tick(0)) == []


@pytest.mark.parametrize(
    ("feed", "path"),
    [
        ("iex", "v2/iex"),
        ("sip", "v2/sip"),
        ("test", "v2/test"),
        ("overnight", "v1beta1/overnight"),
        ("boats", "v1beta1/boats"),
        ("delayed_sip", "v2/delayed_sip"),
        ("crypto", "v1beta3/crypto/us"),
        ("crypto-us-1", "v1beta3/crypto/us-1"),
        ("crypto-eu-1", "v1beta3/crypto/eu-1"),
        ("crypto-perps", "v1beta1/crypto-perps/global"),
        ("news", "v1beta1/news"),
    ],
)
def test_endpoint(feed: str, path: str) -> None:
    url = connect("SPY", feed=feed).endpoints()[0].url
    assert url == f"wss://stream.data.alpaca.markets/{path}"


def test_star_is_subscribed_to_as_it_stands_and_covers_every_symbol() -> None:
    stream = connect("*", channels=("trade",))
    (send,) = stream.receive(AUTHENTICATED, 0)
    assert isinstance(send, Send)
    assert json.loads(send.frame) == {"action": "subscribe", "trades": ["*"]}
    ack = '[{"T":"subscription","trades":["*"],"corrections":["*"],"cancelErrors":["*"]}]'
    assert stream.receive(ack, 0) == [Up()]


def test_a_subscription_that_is_not_acknowledged_is_told_by_name() -> None:
    stream, second = connect("SPY", "QQQ", channels=("trade",)), 1_000_000_000
    list(stream.receive(AUTHENTICATED, second))
    assert list(stream.tick(10 * second)) == []
    (found,) = stream.tick(11 * second)
    assert isinstance(found, Integrity) and found.check == "subscription"
    assert found.message == "alpaca has not acknowledged in 10 s: SPY, QQQ (trade)"
    assert list(stream.tick(30 * second)) == []
    stream = connect("SPY", channels=("trade",))
    list(stream.receive(AUTHENTICATED, 0))
    list(stream.receive('[{"T":"subscription","trades":["SPY"]}]', 0))
    assert list(stream.tick(60 * second)) == []


def test_what_an_answer_leaves_out_is_refused() -> None:
    stream = connect("SPY", "IBM")
    up, refused = stream.receive('[{"T":"subscription","trades":["SPY"],"quotes":["*"]}]', 0)
    assert up == Up()
    text = "alpaca left out of the subscription: IBM (trade)"
    assert refused == Refused(text, ("IBM",), ("trade",))
    _, refused = connect("SPY", "IBM").receive(
        '[{"T":"subscription","trades":["SPY"],"quotes":["SPY"]}]', 0
    )
    text = "alpaca left out of the subscription: IBM"
    assert refused == Refused(text, ("IBM",))


@pytest.mark.parametrize(
    ("code", "effect"),
    [
        (400, Refused),
        (401, Reconnect),
        (402, Refused),
        (403, Reconnect),
        (404, Reconnect),
        (405, Refused),
        (406, Busy),
        (407, Reconnect),
        (409, Refused),
        (410, Refused),
        (411, Refused),
        (500, Reconnect),
        (599, Reconnect),
    ],
)
def test_errors(code: int, effect: type) -> None:
    frame = json.dumps([{"T": "error", "code": code, "msg": "no: the-key, the-secret"}])
    (found,) = connect("SPY").receive(frame, 0)
    assert type(found) is effect
    said = found.reason if isinstance(found, Reconnect) else found.text
    assert said == f"alpaca says: no: ***, *** (error {code})"
    if isinstance(found, Reconnect):
        assert found.cause == ("slow-consumer" if code == 407 else "protocol")


def test_a_message_of_success_that_nobody_knows_is_named() -> None:
    (bad,) = connect("SPY").receive('[{"T":"success","msg":"party"}]', 0)
    assert isinstance(bad, Bad) and "party" in str(bad.raw)


def test_a_price_of_nothing_with_a_size_is_a_price() -> None:
    head = '"T":"q","S":"X","t":"2024-01-02T14:30:00Z"'
    frame = f'[{{{head},"bp":0,"bs":5,"ap":0,"as":0}},{{{head},"bp":0,"bs":0,"ap":0,"as":7}}]'
    quotes = connect("X").receive(frame, 0)
    sides = [[q.bid_price, q.bid_size, q.ask_price, q.ask_size] for q in quotes]  # type: ignore[union-attr]
    assert sides == [[0, 5, None, 0], [None, 0, 0, 7]]


def test_events_before_a_refusal_in_the_same_frame_survive() -> None:
    trade = {"T": "t", "S": "X", "p": 1, "s": 1, "t": "2024-01-02T14:30:00Z"}
    frame = json.dumps([trade, {"T": "error", "code": 402, "msg": "no"}])
    first, last = connect("X").receive(frame, 0)
    assert isinstance(first, Trade) and isinstance(last, Refused)


def test_a_channel_that_the_feed_has_not() -> None:
    with pytest.raises(UsageError, match="feed crypto has no channel 'luld'"):
        connect("BTC/USD", channels=("luld",), feed="crypto")
    with pytest.raises(UsageError, match="feed iex has no channel 'book'"):
        connect("SPY", channels=("book",))


@pytest.mark.parametrize("number", ["0.1", "100", "1234567.123456789", "0.000000000000000001"])
def test_numbers_are_exact(number: str) -> None:
    frame = f'[{{"T":"t","S":"X","p":{number},"s":{number},"t":"2024-01-02T14:30:00Z"}}]'
    (trade,) = list(connect("X").receive(frame, 0))
    assert isinstance(trade, Trade)
    assert f"{trade.price:f}" == f"{trade.size:f}" == number


@pytest.mark.parametrize("frame", ["", "{}", "null", "hello", b"\xc1", "[1,2", '"'])
def test_a_frame_that_is_no_list_is_a_data_error(frame: str | bytes) -> None:
    with pytest.raises(DataError, match="no list of messages"):
        list(connect("SPY").receive(frame, 0))


def test_a_deep_frame_does_not_overflow() -> None:
    deep = '[{"T":"t","S":"X","p":1,"s":1,"t":"2024-01-02T14:30:00Z","zz":' + "[" * 50_000
    with pytest.raises(DataError, match="brackets do not close"):
        list(connect("SPY").receive(deep, 0))
    (bad,) = connect("SPY").receive(deep + "]" * 50_000 + "}]", 0)
    assert isinstance(bad, Bad)


def actions(items: Any) -> list[Any]:
    return [json.loads(item.frame) for item in items]


def test_another_subscription_adds_and_when_that_is_accepted_leaves_what_is_not_wanted() -> None:
    stream = connect("SPY", "IBM")
    assert stream.resubscribe(Subscription(("SPY",)), 0) is None  # not connected yet
    stream = connect("SPY", "IBM")
    list(stream.receive('[{"T":"subscription","trades":["SPY","IBM"],"quotes":["SPY","IBM"]}]', 0))
    sends = stream.resubscribe(Subscription(("SPY", "MSFT"), ("trade", "status")), 0)
    assert actions(sends) == [
        {"action": "subscribe", "trades": ["MSFT"], "statuses": ["SPY", "MSFT"]}
    ]
    both = '["SPY","IBM","MSFT"]'
    frame = f'[{{"T":"subscription","trades":{both},"quotes":["SPY"],"statuses":["SPY","MSFT"]}}]'
    assert actions(stream.receive(frame, 0)) == [
        {"action": "unsubscribe", "trades": ["IBM"], "quotes": ["SPY", "IBM"]}
    ]
    assert list(stream.receive(frame, 0)) == [Up()]
    again = stream.resubscribe(Subscription(("SPY", "MSFT"), ("trade", "status")), 0)
    assert again == [Up()]


def test_a_refused_change_leaves_the_subscription_as_it_was() -> None:
    stream = connect("SPY", channels=("trade",))
    list(stream.receive('[{"T":"subscription","trades":["SPY"]}]', 0))
    list(stream.resubscribe(Subscription(("IBM",), ("trade",)), 0) or ())
    (refused,) = stream.receive('[{"T":"error","code":405,"msg":"limit"}]', 0)
    assert isinstance(refused, Refused)
    assert list(stream.receive('[{"T":"subscription","trades":["SPY"]}]', 0)) == [Up()]


def test_of_many_bars_the_oldest_alone_is_forgotten() -> None:
    stream = connect("X", channels=("bar", "updated_bar"), feed="sip")

    def revision(minute: int) -> int | None:
        prices = '"o":1,"h":1,"l":1,"c":1,"v":1'
        frame = f'[{{"T":"u","S":"X","t":"2024-01-02T14:{minute:02d}:00Z",{prices}}}]'
        (bar,) = stream.receive(frame, 0)
        return bar.revision  # type: ignore[union-attr]

    assert [revision(minute) for minute in range(11)] == [1] * 11
    assert [revision(minute) for minute in (10, 1, 0)] == [2, 2, 1]
