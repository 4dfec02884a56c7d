"""Alpaca's messages in msgpack say what those in JSON say."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.msgpack import Ext

from mdc_core.plugin import Bad, DataError, Trade, from_ns
from mdc_providers.alpaca.packed import pack, time_of
from tests.providers.alpaca.conversation import session
from tests.providers.alpaca.test_alpaca_round_trip import CRYPTO_EVENTS, STOCK_EVENTS


def of_doubles(events: list[Any]) -> list[Any]:
    """Those whose numbers a double holds."""
    wide = [e for e in events if isinstance(e, Trade) and len(str(e.size)) > 17]
    return [event for event in events if event not in wide]


@pytest.mark.parametrize(
    ("events", "options"),
    [
        (of_doubles(STOCK_EVENTS), {"feed": "sip"}),
        (CRYPTO_EVENTS, {"feed": "crypto", "channels": ("trade", "quote", "book")}),
    ],
)
def test_events_of_every_kind_come_back(events: list[Any], options: Any) -> None:
    stream, sandbox = session("*", encoding="msgpack", **options)
    frames = list(sandbox.feed(events))
    assert all(isinstance(frame, bytes) for frame in frames)
    assert [event for frame in frames for event in stream.receive(frame, 0)] == events


@pytest.mark.parametrize("number", ["0.1", "472.165", "1e-07", "4503599627370.497", "100", "2e22"])
def test_a_double_is_its_shortest_decimal(number: str) -> None:
    stream, _ = session("*", encoding="msgpack")
    frame = pack(f'[{{"T":"t","S":"X","p":{number},"s":1,"t":"2024-01-02T14:30:00Z"}}]')
    (trade,) = stream.receive(frame, 0)
    assert isinstance(trade, Trade)
    assert trade.price == Decimal(number)


@pytest.mark.parametrize(
    ("data", "ns"),
    [
        ("65941d88", 1704205704 * 10**9),
        ((999999999 << 34 | 1704205704).to_bytes(8).hex(), 1704205704_999999999),
        ("000000070000000065941d88", 1704205704_000000007),
        ("3b9ac9ffffffffffffffffff", -1),
    ],
)
def test_the_three_forms_of_a_timestamp(data: str, ns: int) -> None:
    assert time_of(Ext(-1, bytes.fromhex(data))) == from_ns(ns)


@pytest.mark.parametrize(
    "value",
    [
        Ext(5, b"1234"),
        Ext(-1, b"12345"),
        Ext(-1, (10**9 << 34 | 1704205704).to_bytes(8)),
        Ext(-1, b"\xff" * 12),
    ],
)
def test_what_is_no_timestamp(value: Ext) -> None:
    with pytest.raises(DataError, match="no timestamp"):
        time_of(value)


def test_a_message_without_its_time_costs_itself_alone() -> None:
    stream, _ = session("*", encoding="msgpack")
    good = {"T": "t", "S": "X", "p": 1.5, "s": 1, "t": Ext(-1, bytes.fromhex("65941d88"))}
    bad = [{**good, "t": Ext(5, b"1234")}, {**good, "p": float("nan")}, {**good, "t": 7}]
    found = list(stream.receive(msgspec.msgpack.encode([bad[0], good, bad[1], bad[2], good]), 0))
    assert [type(item) for item in found].count(Bad) == 2
    trades = [item for item in found if isinstance(item, Trade)]
    assert [str(trade.price) for trade in trades] == ["1.5", "NaN", "1.5"]  # core sets that aside


def test_json_is_read_whatever_was_asked_for() -> None:
    stream, _ = session("*", encoding="msgpack")
    frame = '[{"T":"t","S":"X","p":1.10,"s":1,"t":"2024-01-02T14:30:00Z"}]'
    assert list(stream.receive(frame, 0)) == list(stream.receive(frame.encode(), 0))


@pytest.mark.parametrize("fields", [{"S": b"SPY"}, {"new": [b"SPY"]}, {"new": {b"k": 1}}])
def test_binary_data_becomes_no_text(fields: dict[str, Any]) -> None:
    stream, _ = session("*", encoding="msgpack")
    time = Ext(-1, (1704205704).to_bytes(4))
    good = {"T": "t", "S": "SPY", "i": 1, "x": "V", "p": 1.5, "s": 2, "t": time}
    trade, bad, last = stream.receive(msgspec.msgpack.encode([good, {**good, **fields}, good]), 0)
    assert isinstance(trade, Trade) and isinstance(last, Trade)
    assert isinstance(bad, Bad)
