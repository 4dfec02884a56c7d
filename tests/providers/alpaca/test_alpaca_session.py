"""Alpaca's session: authentication, subscription, and what the vendor says no to."""

import json

import pytest

from mdc_core.plugin import (
    BusyError,
    Connection,
    DataError,
    Integrity,
    MdcError,
    RefusedError,
    Send,
    Subscription,
    Trade,
    UnavailableError,
    UsageError,
)
from mdc_providers.alpaca import Alpaca

SECRETS = {"ALPACA_KEY_ID": "the-key", "ALPACA_SECRET_KEY": "the-secret"}
AUTHENTICATED = '[{"T":"success","msg":"authenticated"}]'


def connect(*symbols: str, channels: tuple[str, ...] = (), **options: str) -> Alpaca:
    return Alpaca(Subscription(symbols, channels), Alpaca.Options(**options), SECRETS)


def test_nothing_is_sent_before_the_greeting() -> None:
    assert list(connect("SPY").greet()) == []
    assert list(connect("SPY").idle()) == []


@pytest.mark.parametrize(
    ("feed", "path"),
    [
        ("iex", "v2/iex"),
        ("sip", "v2/sip"),
        ("test", "v2/test"),
        ("overnight", "v1beta1/overnight"),
        ("crypto", "v1beta3/crypto/us"),
    ],
)
def test_endpoint(feed: str, path: str) -> None:
    url = connect("SPY", feed=feed).endpoint().url
    assert url == f"wss://stream.data.alpaca.markets/{path}"


def test_star_is_subscribed_to_as_it_stands_and_covers_every_symbol() -> None:
    stream = connect("*", channels=("trade",))
    (send,) = stream.receive(AUTHENTICATED)
    assert isinstance(send, Send)
    assert json.loads(send.frame) == {"action": "subscribe", "trades": ["*"]}
    ack = '[{"T":"subscription","trades":["*"],"corrections":["*"],"cancelErrors":["*"]}]'
    assert stream.receive(ack) == [Connection(state="up")]


def test_the_connection_comes_up_once() -> None:
    stream = connect("SPY", channels=("trade",))
    ack = '[{"T":"subscription","trades":["SPY"]}]'
    assert stream.receive(ack) == [Connection(state="up")]
    assert stream.receive(ack) == []


def test_what_an_answer_leaves_out_is_named() -> None:
    stream = connect("SPY", "IBM")
    up, finding = stream.receive('[{"T":"subscription","trades":["SPY"],"quotes":["*"]}]')
    assert up == Connection(state="up")
    assert isinstance(finding, Integrity)
    assert (finding.check, finding.severity) == ("subscription", "warning")
    assert finding.message == "alpaca left out of the subscription: IBM (trades)"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, RefusedError),
        (401, UnavailableError),
        (402, RefusedError),
        (403, UnavailableError),
        (404, UnavailableError),
        (405, RefusedError),
        (406, BusyError),
        (407, UnavailableError),
        (409, RefusedError),
        (410, RefusedError),
        (411, RefusedError),
        (500, UnavailableError),
        (599, UnavailableError),
    ],
)
def test_errors(code: int, error: type[MdcError]) -> None:
    frame = json.dumps([{"T": "error", "code": code, "msg": "no: the-key, the-secret"}])
    with pytest.raises(MdcError) as caught:
        connect("SPY").receive(frame)
    assert type(caught.value) is error
    assert str(caught.value) == f"alpaca says: no: ***, *** (error {code})"


def test_a_channel_that_the_feed_has_not() -> None:
    with pytest.raises(UsageError, match="feed crypto has no channel 'luld'"):
        connect("BTC/USD", channels=("luld",), feed="crypto")
    with pytest.raises(UsageError, match="feed iex has no channel 'book'"):
        connect("SPY", channels=("book",))


@pytest.mark.parametrize("number", ["0.1", "100", "1234567.123456789", "0.000000000000000001"])
def test_numbers_are_exact(number: str) -> None:
    frame = f'[{{"T":"t","S":"X","p":{number},"s":{number},"t":"2024-01-02T14:30:00Z"}}]'
    (trade,) = connect("X").receive(frame)
    assert isinstance(trade, Trade)
    assert f"{trade.price:f}" == f"{trade.size:f}" == number


@pytest.mark.parametrize("frame", ["", "{}", "null", "hello", b"\x91\x81\xa1T\xa1t", "[1,2", '"'])
def test_a_frame_that_is_no_list_is_a_data_error(frame: str | bytes) -> None:
    with pytest.raises(DataError, match="no list of messages"):
        connect("SPY").receive(frame)


def test_a_deep_frame_does_not_overflow() -> None:
    deep = '[{"T":"t","S":"X","p":1,"s":1,"t":"2024-01-02T14:30:00Z","zz":' + "[" * 50_000
    for frame in (deep, deep + "]" * 50_000 + "}]"):
        with pytest.raises(DataError):
            connect("SPY").receive(frame)


def test_another_subscription_adds_first_and_then_leaves_what_is_not_wanted() -> None:
    stream = connect("SPY", "IBM")
    assert stream.resubscribe(Subscription(("SPY",))) is None  # not connected yet
    stream = connect("SPY", "IBM")
    stream.receive('[{"T":"subscription","trades":["SPY","IBM"],"quotes":["SPY","IBM"]}]')
    sends = stream.resubscribe(Subscription(("SPY", "MSFT"), ("trade", "status")))
    assert sends is not None
    assert [json.loads(send.frame) for send in sends] == [
        {"action": "subscribe", "trades": ["MSFT"], "statuses": ["SPY", "MSFT"]},
        {"action": "unsubscribe", "trades": ["IBM"], "quotes": ["SPY", "IBM"]},
    ]
    again = stream.resubscribe(Subscription(("SPY", "MSFT"), ("trade", "status")))
    assert list(again or ()) == []
