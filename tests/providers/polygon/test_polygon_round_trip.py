"""Events that go out by Polygon's server come in by the codec as they were."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import (
    Bar,
    Event,
    Gap,
    HangUp,
    Imbalance,
    Indicator,
    Quote,
    Status,
    Trade,
)
from mdc_providers.polygon.codes import PREFIXES
from mdc_providers.polygon.sandbox import PolygonSandbox
from tests.providers.polygon.session import session, there_and_back

TIME = "2024-01-02T14:30:00.123000000Z"
FINE = "2024-01-02T14:30:00.123456789Z"
MINUTE, NEXT = "2024-01-02T14:30:00.000000000Z", "2024-01-02T14:31:00.000000000Z"
SECOND = "2024-01-02T14:30:01.000000000Z"
D = Decimal
PRICES = {"open": D("1.5"), "high": D(3), "low": D("1.10"), "close": D(2), "vwap": D("1.75")}


def bar(symbol: str, interval: str, end: str, **more: Any) -> Bar:
    head = {"symbol": symbol, "ts_event": MINUTE, "interval": interval, "ts_close": end}
    return Bar(**head, **PRICES, is_final=True, **more)


EVENTS: dict[str, list[Event]] = {
    "stocks": [
        Trade(
            symbol="SPY",
            ts_event=TIME,
            venue="IEXG",
            channel="trade",
            seq=41,
            price=D("472.165"),
            size=D("0.5"),
            trade_id="71683",
            conditions=["14", "41"],
            tape="B",
        ),
        Trade(
            symbol="SPY",
            ts_event=TIME,
            venue="62",
            channel="trade",
            seq=47,
            price=D("0.000000000000000001"),
            size=D("123456789012345678.5"),
            trade_id="A-7",
        ),
        Quote(
            symbol="SPY",
            ts_event=TIME,
            channel="quote",
            seq=7,
            bid_price=D("472.16"),
            bid_size=D(3),
            bid_venue="ARCX",
            ask_size=D(0),
            conditions=["1"],
            tape="C",
        ),
        bar("SPY", "1m", NEXT, volume=D(59234)),
        bar("SPY", "1s", SECOND, volume=D(34)),
        Status(
            symbol="SPY",
            ts_event=FINE,
            channel="luld",
            seq=3,
            status="limit_band",
            limit_down=D("153.86"),
            limit_up=D("170.05"),
            indicator="21,17",
            tape="A",
        ),
        Indicator(
            symbol="SPY", ts_event=FINE, name="fmv", value=472.165, extra={"fmv": D("472.1650")}
        ),
    ],
    "crypto": [
        Trade(
            symbol="BTC-USD",
            ts_event=TIME,
            venue="1",
            price=D(45120),
            size=D("5E-7"),
            aggressor_side="sell",
            trade_id="6e2f7f6e-3f0a",
        ),
        bar("BTC-USD", "1m", NEXT, volume=D("951.6112")),
        bar("BTC-USD", "1s", SECOND, volume=D("1.5")),
    ],
    "forex": [
        Quote(
            symbol="EUR/USD",
            ts_event=TIME,
            venue="48",
            bid_price=D("1.09629"),
            ask_price=D("1.09631"),
        ),
        bar("EUR/USD", "1m", NEXT),
        bar("EUR/USD", "1s", SECOND),
    ],
    "indices": [
        Indicator(
            symbol="I:SPX", ts_event=TIME, name="value", value=4742.83, extra={"val": D("4742.830")}
        ),
        bar("I:SPX", "1m", NEXT),
    ],
}


@pytest.mark.parametrize("market", EVENTS)
def test_events_come_back(market: str) -> None:
    stream, sandbox = session("*", channels=tuple(PREFIXES[market]), market=market)
    assert there_and_back(stream, sandbox, EVENTS[market]) == EVENTS[market]


def test_a_mixed_frame_has_ten_messages() -> None:
    """Of several kinds and symbols."""
    _, sandbox = session("*", channels=tuple(PREFIXES["stocks"]))
    frames = list(sandbox.feed(EVENTS["stocks"] * 2))
    assert [len(json.loads(frame)) for frame in frames] == [10, 4]
    assert {m["ev"] for m in json.loads(frames[0])} == {"T", "Q", "AM", "A", "LULD", "FMV"}


def test_an_imbalance_keeps_the_vendors_type_and_tells_no_side() -> None:
    stream, sandbox = session("SPY", channels=("imbalance",))
    event = Imbalance(symbol="SPY", ts_event=FINE, venue="XNYS", seq=44, auction="open", side="buy")
    event.imbalance_size, event.paired_size, event.indicative_price = D(480), D(440), D("25.03")
    (found,) = there_and_back(stream, sandbox, [event])
    event.channel, event.side, event.extra = "imbalance", None, {"a": "M"}
    assert found == event


def test_only_what_was_subscribed_to_is_sent() -> None:
    stream, sandbox = session("SPY", channels=("trade",))
    other = Trade(symbol="IBM", ts_event=TIME, price=D(1), size=D(1))
    found = there_and_back(stream, sandbox, [*EVENTS["stocks"], other, Gap(reason="disconnect")])
    assert found == EVENTS["stocks"][:2]


def test_trades_without_numbers_and_ids_get_some_that_do_not_repeat_after_a_reconnect() -> None:
    def trades(*seconds: int) -> list[Trade]:
        times = [f"2024-01-02T14:30:{second:02d}.000000000Z" for second in seconds]
        return [Trade(symbol="X", ts_event=t, price=D(1), size=D(1)) for t in times]

    first = there_and_back(*session("X", channels=("trade",)), trades(1, 1, 2))
    second = there_and_back(*session("X", channels=("trade",)), trades(3, 3))
    numbers = [int(trade.seq or 0) for trade in first + second]
    assert numbers == sorted(set(numbers))
    assert [trade.trade_id for trade in first + second] == list(map(str, numbers))


@pytest.mark.parametrize("trouble", ["slow-consumer", "force-disconnect"])
def test_a_server_that_has_enough_says_why(trouble: str) -> None:
    _, sandbox = session("X", channels=("trade",))
    rough = PolygonSandbox("/stocks", {}, PolygonSandbox.Options(trouble=trouble))
    rough.receive('{"action":"auth","params":"sandbox-key"}')
    rough.receive('{"action":"subscribe","params":"T.X"}')
    trades = [Trade(symbol="X", ts_event=TIME, price=D(1), size=D(1))] * 300
    assert len(list(sandbox.feed(trades))) == 30
    frames = []
    with pytest.raises(HangUp) as last:
        frames += rough.feed(trades)
    assert json.loads(last.value.frames[0])[0]["status"] == trouble.replace("-", "_")
