"""Events that go out by Alpaca's server come in by the codec as they were."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mdc_core.plugin import (
    Bar,
    Book,
    Cancel,
    Correction,
    Delta,
    Event,
    Gap,
    Imbalance,
    Level,
    Quote,
    Status,
    Trade,
)
from tests.providers.alpaca.conversation import TIME, session

ROUND = "2024-01-02T14:30:00.000000000Z"
D = Decimal


def there_and_back(events: list[Any], **wanted: Any) -> list[Any]:
    stream, sandbox = session("*", **wanted)
    return [event for frame in sandbox.feed(events) for event in stream.receive(frame, 0)]


STOCK_EVENTS: list[Event] = [
    Trade(
        symbol="SPY",
        ts_event=TIME,
        venue="IEXG",
        price=D("472.165"),
        size=D(100),
        trade_id="71683",
        conditions=["@", "I"],
        tape="B",
    ),
    Trade(
        symbol="IBM",
        ts_event=ROUND,
        price=D("0.000000000000000001"),
        size=D("123456789012345678.5"),
        trade_id="7",
    ),
    Trade(
        symbol="IBM",
        ts_event=ROUND,
        venue="XTAE",
        price=D("1.10"),
        size=D(1),
        trade_id="A-007",
        conditions=[],
        tape="N",
    ),
    Trade(symbol="IBM", ts_event=ROUND, price=D(1), size=D(1), trade_id="007"),
    Trade(symbol="IBM", ts_event=ROUND, price=D(1), size=D(1), trade_id="9" * 40),
    Quote(
        symbol="SPY",
        ts_event=TIME,
        bid_price=D("472.16"),
        bid_size=D(3),
        bid_venue="ARCX",
        ask_price=D("472.17"),
        ask_size=D(12),
        ask_venue="XNAS",
        conditions=["R"],
        tape="B",
    ),
    Quote(symbol="SPY", ts_event=TIME, bid_price=D("472.16"), bid_size=D(3), bid_venue="BATS"),
    Quote(symbol="SPY", ts_event=TIME, ask_price=D("472.17"), ask_size=D(3)),
    Bar(
        symbol="SPY",
        ts_event=ROUND,
        interval="1m",
        ts_close="2024-01-02T14:31:00.000000000Z",
        open=D("472.16"),
        high=D("472.67"),
        low=D("472.12"),
        close=D("472.655"),
        volume=D(59234),
        vwap=D("472.388214"),
        trade_count=712,
        is_final=True,
        revision=0,
    ),
    Bar(
        symbol="SPY",
        ts_event=ROUND,
        interval="1m",
        ts_close="2024-01-02T14:31:00.000000000Z",
        open=D(1),
        high=D(1),
        low=D(1),
        close=D(1),
        is_final=True,
        revision=1,
    ),
    Bar(
        symbol="SPY",
        ts_event="2024-01-02T05:00:00.000000000Z",
        interval="1d",
        ts_close="2024-01-03T05:00:00.000000000Z",
        open=D(1),
        high=D(3),
        low=D(1),
        close=D(2),
        volume=D(9),
        is_final=False,
    ),
    Status(
        symbol="IBM",
        ts_event=TIME,
        status="halted",
        status_code="2",
        reason_code="M",
        message="Trading Halt",
        reason="Volatility",
        tape="A",
    ),
    Status(symbol="IBM", ts_event=TIME, status="other", status_code="?"),
    Status(
        symbol="IBM",
        ts_event=TIME,
        status="limit_band",
        limit_down=D("153.86"),
        limit_up=D("170.05"),
        indicator="B",
        tape="A",
    ),
    Status(symbol="IBM", ts_event=TIME, status="limit_band", status_code="F", tape="A"),
    Imbalance(symbol="IBM", ts_event=TIME, price=D("161.95"), tape="A"),
    Correction(
        symbol="IBM",
        ts_event=TIME,
        venue="XCHI",
        original_trade_id="900100",
        original_price=D("161.5"),
        original_size=D(4400),
        original_conditions=["@", "Z"],
        trade_id="900101",
        price=D("161.49"),
        size=D(4300),
        conditions=["@"],
        tape="A",
    ),
    Cancel(
        symbol="IBM",
        ts_event=TIME,
        venue="XNYS",
        trade_id="5",
        price=D(2),
        size=D(3),
        reason="cancel",
        tape="A",
    ),
    Cancel(symbol="IBM", ts_event=TIME, trade_id="6", reason="error"),
    Cancel(symbol="IBM", ts_event=TIME, trade_id="6", reason="busted"),
]

CRYPTO_EVENTS: list[Event] = [
    Trade(
        symbol="BTC/USD",
        ts_event=TIME,
        price=D("45120.5"),
        size=D("0.000123456789"),
        aggressor_side="buy",
        trade_id="9002400600800100203",
    ),
    Trade(
        symbol="BTC/USD",
        ts_event=TIME,
        price=D(1),
        size=D(1),
        aggressor_side="sell",
        trade_id="1",
    ),
    Trade(
        symbol="BTC/USD",
        ts_event=TIME,
        price=D(1),
        size=D(1),
        aggressor_side="none",
        trade_id="2",
    ),
    Quote(
        symbol="BTC/USD",
        ts_event=TIME,
        bid_price=D("1.5"),
        bid_size=D("0.5"),
        ask_price=D(2),
        ask_size=D(1),
    ),
    Book(
        symbol="BTC/USD",
        ts_event=TIME,
        bids=[Level(D("1.5"), D(2)), Level(D(1), D(9))],
        asks=[],
    ),
    Delta(symbol="BTC/USD", ts_event=TIME, action="modify", side="bid", price=D("1.25"), size=D(4)),
    Delta(symbol="BTC/USD", ts_event=TIME, action="cancel", side="ask", price=D(2), size=D(0)),
]


@pytest.mark.parametrize("event", STOCK_EVENTS, ids=lambda e: type(e).__name__)
def test_stock_events_come_back(event: Event) -> None:
    assert there_and_back([event]) == [event]


def test_crypto_events_come_back() -> None:
    wanted = {"feed": "crypto", "channels": ("trade", "quote", "book")}
    assert there_and_back(CRYPTO_EVENTS, **wanted) == CRYPTO_EVENTS


def test_all_events_come_back_in_order_ten_a_frame() -> None:
    _, sandbox = session("*")
    frames = list(sandbox.feed(STOCK_EVENTS))
    assert [len(json.loads(frame)) for frame in frames] == [10, 10]
    assert there_and_back(STOCK_EVENTS) == STOCK_EVENTS


def test_messages_are_written_as_alpaca_writes_them() -> None:
    _, sandbox = session("*")
    (frame,) = sandbox.feed(
        [
            Trade(
                symbol="SPY",
                ts_event="2024-01-02T14:30:00.120000000Z",
                venue="IEXG",
                price=D("472.10"),
                size=D(100),
                trade_id="7",
                conditions=["@"],
                tape="B",
            ),
            Quote(
                symbol="SPY",
                ts_event=ROUND,
                bid_size=D(0),
                ask_price=D(5),
                ask_size=D(1),
                ask_venue="XNAS",
            ),
        ]
    )
    assert frame == (
        '[{"T":"t","S":"SPY","t":"2024-01-02T14:30:00.12Z","i":7,"x":"V","p":472.10,"s":100,'
        '"c":["@"],"z":"B"},'
        '{"T":"q","S":"SPY","t":"2024-01-02T14:30:00Z","bx":" ","bp":0,"bs":0,"ax":"Q",'
        '"ap":5,"as":1}]'
    )


def test_trades_without_an_id_get_numbers_that_do_not_repeat_after_a_reconnect() -> None:
    def trades(*seconds: int) -> list[Trade]:
        times = [f"2024-01-02T14:30:{second:02d}.000000000Z" for second in seconds]
        return [Trade(symbol="X", ts_event=t, price=D(1), size=D(1)) for t in times]

    first = there_and_back(trades(1, 1, 2))
    second = there_and_back(trades(3, 3))
    ids = [int(trade.trade_id) for trade in first + second]
    assert ids == sorted(set(ids))
    assert there_and_back(trades(1, 1, 2)) == first


def test_a_status_without_a_code_gets_the_one_of_its_plan() -> None:
    halts = [Status(symbol="X", ts_event=TIME, status="halted", tape=tape) for tape in "AC"]
    assert [s.status_code for s in there_and_back(halts)] == ["2", "H"]
    assert [s.status for s in there_and_back(halts)] == ["halted", "halted"]


def test_what_the_protocol_has_no_message_for_is_not_sent() -> None:
    assert (
        there_and_back(
            [
                Gap(reason="disconnect"),
                Bar(
                    symbol="X",
                    ts_event=ROUND,
                    interval="5m",
                    open=D(1),
                    high=D(1),
                    low=D(1),
                    close=D(1),
                ),
                Trade(symbol="X", ts_event=ROUND, price=D(1)),
                Delta(symbol="X", ts_event=ROUND, action="modify", side="bid"),
            ]
        )
        == []
    )


def test_only_what_was_subscribed_to_is_sent() -> None:
    stream, sandbox = session("IBM", channels=("trade",))
    frames = list(sandbox.feed(STOCK_EVENTS))
    events = [event for frame in frames for event in stream.receive(frame, 0)]
    expected = [
        e for e in STOCK_EVENTS if isinstance(e, Trade | Correction | Cancel) and e.symbol == "IBM"
    ]
    assert events == expected


def test_every_letter_has_its_mic_and_back() -> None:
    letters = "ABCDFGHIJKLMNPQTUVWXYZ"
    stream, _ = session("*", channels=("trade",))
    frame = msgspec.json.encode(
        [
            {
                "T": "t",
                "S": "X",
                "t": "2024-01-02T14:30:00Z",
                "p": 1,
                "s": 1,
                "i": n,
                "x": letter,
            }
            for n, letter in enumerate(letters)
        ]
    )
    events = list(stream.receive(frame, 0))
    mics = [event.venue for event in events if isinstance(event, Trade)]
    assert all(mic and len(mic) == 4 for mic in mics)
    assert mics[letters.index("V")] == "IEXG"
    assert there_and_back(events) == events
