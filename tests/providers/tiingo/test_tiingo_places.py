"""Each place of Tiingo's arrays means one thing: another value there changes just that."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import Integrity, Refused, Send, Status, Subscription
from mdc_providers.tiingo.stream import Tiingo

NS = 1704205800000279014
TRADE = ["T", "2024-01-02T09:30:00-05:00", NS, "spy", *[None] * 5, 1.5, 2, None, 0, 0, 0, 0]
QUOTE = ["Q", "2024-01-02T09:30:00-05:00", NS, "spy", 1, 2, 3, 4, 5, None, None, 0, 0, *[None] * 3]
CRYPTO_TRADE = ["T", "btcusd", "2024-01-02T14:30:00+00:00", "kraken", 1, 2]
CRYPTO_QUOTE = ["Q", "btcusd", "2024-01-02T14:30:00+00:00", "kraken", 1, 2, 3, 4, 5]
FX_QUOTE = ["Q", "eurusd", "2024-01-02T14:30:00+00:00", 1, 2, 3, 4, 5]
TIME = "2024-01-02T14:30:09+00:00"


def event_of(market: str, row: list[Any], service: str = "") -> Any:
    stream = Tiingo(Subscription(("*",)), Tiingo.Options(market=market), {"TIINGO_API_TOKEN": ""})
    name = service or {"crypto": "crypto_data"}.get(market, market)
    frame = json.dumps({"messageType": "A", "service": name, "data": row})
    (event,) = stream.receive(frame, 0)
    return event


@pytest.mark.parametrize(
    ("market", "row", "place", "value", "fields"),
    [
        ("iex", TRADE, 1, "2024-01-02T09:30:09-05:00", {}),  # the nanoseconds are exact
        ("iex", TRADE, 2, NS + 1, {"ts_event": "2024-01-02T14:30:00.000279015Z"}),
        ("iex", TRADE, 3, "ibm", {"symbol": "IBM"}),
        ("iex", TRADE, 9, 7, {"price": 7}),
        ("iex", TRADE, 10, 7, {"size": 7}),
        ("iex", TRADE, 11, 1, {"conditions": ["halted"]}),
        ("iex", TRADE, 12, 1, {"conditions": ["after_hours"]}),
        ("iex", TRADE, 13, 1, {"conditions": ["intermarket_sweep"]}),
        ("iex", TRADE, 14, 1, {"conditions": ["odd_lot"]}),
        ("iex", TRADE, 15, True, {"conditions": ["nms_rule_611_exempt"]}),
        ("iex", QUOTE, 2, NS + 1, {"ts_event": "2024-01-02T14:30:00.000279015Z"}),
        ("iex", QUOTE, 4, 7, {"bid_size": 7}),
        ("iex", QUOTE, 5, 7, {"bid_price": 7}),
        ("iex", QUOTE, 6, 7, {}),
        ("iex", QUOTE, 7, 7, {"ask_price": 7}),
        ("iex", QUOTE, 8, 7, {"ask_size": 7}),
        ("iex", QUOTE, 11, 1, {"conditions": ["halted"]}),
        ("crypto", CRYPTO_TRADE, 1, "ethusd", {"symbol": "ETHUSD"}),
        ("crypto", CRYPTO_TRADE, 2, TIME, {"ts_event": "2024-01-02T14:30:09.000000000Z"}),
        ("crypto", CRYPTO_TRADE, 3, "gdax", {"venue": "gdax"}),
        ("crypto", CRYPTO_TRADE, 4, 7, {"size": 7}),
        ("crypto", CRYPTO_TRADE, 5, 7, {"price": 7}),
        ("crypto", CRYPTO_QUOTE, 2, TIME, {"ts_event": "2024-01-02T14:30:09.000000000Z"}),
        ("crypto", CRYPTO_QUOTE, 3, "gdax", {"venue": "gdax"}),
        ("crypto", CRYPTO_QUOTE, 4, 7, {"bid_size": 7}),
        ("crypto", CRYPTO_QUOTE, 5, 7, {"bid_price": 7}),
        ("crypto", CRYPTO_QUOTE, 6, 7, {}),
        ("crypto", CRYPTO_QUOTE, 7, 7, {"ask_size": 7}),
        ("crypto", CRYPTO_QUOTE, 8, 7, {"ask_price": 7}),
        ("fx", FX_QUOTE, 1, "usdjpy", {"symbol": "USDJPY"}),
        ("fx", FX_QUOTE, 2, TIME, {"ts_event": "2024-01-02T14:30:09.000000000Z"}),
        ("fx", FX_QUOTE, 3, 7, {"bid_size": 7}),
        ("fx", FX_QUOTE, 4, 7, {"bid_price": 7}),
        ("fx", FX_QUOTE, 5, 7, {}),
        ("fx", FX_QUOTE, 6, 7, {"ask_size": 7}),
        ("fx", FX_QUOTE, 7, 7, {"ask_price": 7}),
    ],
)
def test_a_place_is_one_field(
    market: str, row: list[Any], place: int, value: Any, fields: dict[str, Any]
) -> None:
    before, after = (
        event_of(market, row),
        event_of(market, [*row[:place], value, *row[place + 1 :]]),
    )
    names = before.__struct_fields__
    changed = {n: getattr(after, n) for n in names if getattr(after, n) != getattr(before, n)}
    assert changed == fields


def test_a_break_is_a_cancel_of_that_price_and_size() -> None:
    event = event_of("iex", ["B", *TRADE[1:9], 1.5, 2, *[None] * 5])
    assert (type(event).__name__, event.price, event.size, event.reason) == (
        "Cancel",
        1.5,
        2,
        "break",
    )


def test_a_subscription_that_is_not_acknowledged_is_told_by_name() -> None:
    second = 1_000_000_000
    stream = Tiingo(Subscription(("SPY",)), Tiingo.Options(), {"TIINGO_API_TOKEN": ""})
    list(stream.opened(0))
    assert list(stream.tick(9 * second)) == []
    (found,) = stream.tick(10 * second)
    assert isinstance(found, Integrity) and found.check == "subscription"
    assert found.message == "tiingo has not acknowledged in 10 s: SPY (trade, quote)"
    assert list(stream.tick(20 * second)) == []


@pytest.mark.parametrize(
    ("market", "channels", "level"),
    [
        ("iex", (), 5),
        ("iex", ("quote",), 5),
        ("iex", ("trade",), 5),
        ("iex", ("reference",), 6),
        ("crypto", (), 2),
        ("crypto", ("trade",), 5),
        ("crypto", ("quote",), 2),
        ("fx", (), 7),
    ],
)
def test_what_is_asked_for_is_the_level_that_brings_the_least_besides(
    market: str, channels: tuple[str, ...], level: int
) -> None:
    wanted = Subscription(("X",), channels)
    stream = Tiingo(wanted, Tiingo.Options(market=market), {"TIINGO_API_TOKEN": ""})
    (send,) = stream.opened(0)
    assert isinstance(send, Send)
    assert json.loads(send.frame)["eventData"]["thresholdLevel"] == level


def test_a_reference_price_is_a_state_with_its_price() -> None:
    wanted = Subscription(("SPY",), ("reference",))
    stream = Tiingo(wanted, Tiingo.Options(), {"TIINGO_API_TOKEN": ""})
    row = '["2024-01-02T09:30:00.5-05:00","spy",472.16500000000000000001]'
    (event,) = stream.receive(f'{{"messageType":"A","service":"iex","data":{row}}}', 0)
    assert isinstance(event, Status) and event.ts_event == "2024-01-02T14:30:00.500000000Z"
    assert (event.symbol, event.venue, event.message) == ("SPY", "IEXG", "reference price")
    assert event.extra == {"price": Decimal("472.16500000000000000001")}


@pytest.mark.parametrize("ticker", ["brk-b", "BRK-B"])
def test_a_symbol_comes_as_it_was_asked_for_whatever_the_vendor_writes(ticker: str) -> None:
    stream = Tiingo(Subscription(("Brk-B",)), Tiingo.Options(), {"TIINGO_API_TOKEN": ""})
    row = [ticker if value == "spy" else value for value in TRADE]
    frame = json.dumps({"messageType": "A", "service": "iex", "data": row})
    assert [event.symbol for event in stream.receive(frame, 0)] == ["Brk-B"]  # type: ignore[union-attr]


@pytest.mark.parametrize(("code", "cause"), [(400, "refusal"), (401, "login"), (403, "refusal")])
def test_a_token_that_is_wrong_is_another_cause_than_a_plan_without_the_data(
    code: int, cause: str
) -> None:
    stream = Tiingo(Subscription(("SPY",)), Tiingo.Options(), {"TIINGO_API_TOKEN": "secret"})
    answer = {"messageType": "E", "response": {"code": code, "message": "no: secret"}}
    (refused,) = stream.receive(json.dumps(answer), 0)
    assert isinstance(refused, Refused) and refused.cause == cause
    assert refused.text == f"tiingo says: no: *** (error {code})"
