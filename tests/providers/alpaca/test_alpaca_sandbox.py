"""Alpaca's server: authentication, subscription, limits, errors."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import (
    HangUp,
    Trade,
)
from mdc_providers.alpaca.sandbox import AlpacaSandbox
from tests.providers.alpaca.conversation import TIME, session

AUTH = '{"action":"auth","key":"sandbox-key","secret":"sandbox-secret"}'
D = Decimal


def messages(frames: Any) -> list[Any]:
    return [message for frame in frames for message in json.loads(frame)]


def open_sandbox(path: str = "/v2/sip") -> AlpacaSandbox:
    sandbox = AlpacaSandbox(path, {}, AlpacaSandbox.Options())
    list(sandbox.greet())
    sandbox.receive(AUTH)
    return sandbox


def test_the_answer_to_a_subscription_is_its_complete_state() -> None:
    sandbox = open_sandbox()
    sandbox.receive('{"action":"subscribe","trades":["SPY"],"bars":["*"]}')
    (state,) = messages(sandbox.receive('{"action":"subscribe","trades":["IBM","SPY"]}'))
    assert state == {
        "T": "subscription",
        "trades": ["SPY", "IBM"],
        "quotes": [],
        "bars": ["*"],
        "updatedBars": [],
        "dailyBars": [],
        "statuses": [],
        "lulds": [],
        "imbalances": [],
        "corrections": ["SPY", "IBM"],
        "cancelErrors": ["SPY", "IBM"],
    }
    (state,) = messages(
        sandbox.receive('{"action":"unsubscribe","trades":["SPY","IBM"],"bars":["*"]}')
    )
    assert not any(value for key, value in state.items() if key != "T")
    assert not sandbox.subscribed


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"action":"subscribe","trades":["SPY"]}', 401),
        ("hello", 400),
        (b"\xff", 400),
        ("[]", 400),
        ('{"action":"dance"}', 400),
        ("{}", 400),
    ],
)
def test_before_authentication(frame: str | bytes, code: int) -> None:
    sandbox = AlpacaSandbox("/v2/sip", {}, AlpacaSandbox.Options())
    assert messages(sandbox.greet()) == [{"T": "success", "msg": "connected"}]
    (error,) = messages(sandbox.receive(frame))
    assert (error["T"], error["code"]) == ("error", code)
    assert not sandbox.subscribed


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (AUTH, 403),
        ('{"action":"subscribe","orderbooks":["SPY"]}', 410),
        ('{"action":"subscribe","trades":"SPY"}', 400),
        ('{"action":"subscribe","trades":[1]}', 400),
    ],
)
def test_after_authentication(frame: str, code: int) -> None:
    (error,) = messages(open_sandbox().receive(frame))
    assert (error["T"], error["code"]) == ("error", code)


def test_wrong_credentials_end_the_connection() -> None:
    with pytest.raises(HangUp) as last:
        AlpacaSandbox("/v2/sip", {}, AlpacaSandbox.Options()).receive(
            '{"action":"auth","key":"x","secret":"y"}'
        )
    assert messages(last.value.frames) == [{"T": "error", "code": 402, "msg": "auth failed"}]


@pytest.mark.parametrize("name", ["APCA-API-KEY-ID", "apca-api-key-id"])
def test_credentials_in_the_headers(name: str) -> None:
    headers = {name: "sandbox-key", "APCA-API-SECRET-KEY": "sandbox-secret"}
    sandbox = AlpacaSandbox("/v2/sip", headers, AlpacaSandbox.Options())
    assert messages(sandbox.greet())[1] == {"T": "success", "msg": "authenticated"}
    (state,) = messages(sandbox.receive('{"action":"subscribe","trades":["SPY"]}'))
    assert state["trades"] == ["SPY"]


@pytest.mark.parametrize(
    "given", [b"sandbox-key:sandbox-secret", b"sandbox-key:wrong", b"", b"\xff"]
)
def test_basic_credentials_in_the_headers(given: bytes) -> None:
    headers = {"Authorization": f"Basic {base64.b64encode(given).decode()}"}
    sandbox = AlpacaSandbox("/v2/sip", headers, AlpacaSandbox.Options())
    right = given == b"sandbox-key:sandbox-secret"
    assert messages(sandbox.greet())[1].get("code") == (None if right else 402)
    if not right:
        with pytest.raises(HangUp):
            sandbox.receive(AUTH)


def test_symbol_limit_leaves_the_old_subscription() -> None:
    sandbox = open_sandbox("/v2/iex")
    first = [f"S{number}" for number in range(30)]
    sandbox.receive(json.dumps({"action": "subscribe", "trades": first, "quotes": first}))
    (error,) = messages(sandbox.receive('{"action":"subscribe","quotes":["ONE"],"bars":["X"]}'))
    assert error == {"T": "error", "code": 405, "msg": "symbol limit exceeded"}
    (state,) = messages(sandbox.receive('{"action":"subscribe"}'))
    assert (state["trades"], state["quotes"], state["bars"]) == (first, first, [])


def test_the_test_feed_has_one_symbol_and_three_channels() -> None:
    stream, sandbox = session("FAKEPACA", "SPY", channels=("trade",), feed="test")
    trades = [
        Trade(symbol=s, ts_event=TIME, price=D(1), size=D(1), trade_id="1")
        for s in ("SPY", "FAKEPACA")
    ]
    events = [e for frame in sandbox.feed(trades) for e in stream.receive(frame, 0)]
    assert events == trades[1:]
    (error,) = messages(sandbox.receive('{"action":"subscribe","statuses":["*"]}'))
    assert error["code"] == 410
    (state,) = messages(sandbox.receive('{"action":"subscribe","bars":["FAKEPACA"]}'))
    assert state == {
        "T": "subscription",
        "trades": ["FAKEPACA"],
        "quotes": [],
        "bars": ["FAKEPACA"],
    }


def test_last_words() -> None:
    sandbox = AlpacaSandbox("/v2/sip", {}, AlpacaSandbox.Options())
    assert [m["code"] for m in messages(sandbox.expire())] == [404]
    assert [m["code"] for m in messages(sandbox.refuse())] == [406]


def test_ten_order_books_are_the_limit() -> None:
    sandbox = open_sandbox("/v1beta3/crypto/us")
    names = [f"X{n}/USD" for n in range(11)]
    (refused,) = messages(sandbox.receive(json.dumps({"action": "subscribe", "orderbooks": names})))
    assert refused["code"] == 405
    (state,) = messages(
        sandbox.receive(json.dumps({"action": "subscribe", "orderbooks": names[:10]}))
    )
    assert state["orderbooks"] == names[:10]


def test_lists_that_are_null_are_empty() -> None:
    """As Alpaca's own client in Go says it."""
    sandbox = open_sandbox()
    (state,) = messages(sandbox.receive('{"action":"subscribe","trades":["SPY"],"quotes":null}'))
    assert (state["trades"], state["quotes"]) == (["SPY"], [])
