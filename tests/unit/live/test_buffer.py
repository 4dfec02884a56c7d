"""The bounded buffer: in = out + dropped, by symbol and in order, for every policy."""

import os
import signal
import threading
import time
from collections import Counter
from decimal import Decimal

import pytest

from mdc_core.errors import WriteError
from mdc_core.events import Bar, Book, Connection, Event, Gap, Integrity, Level, Market, Trade
from mdc_core.live import buffer as buffer_module
from mdc_core.live.buffer import POLICIES, Buffer, Policy
from mdc_core.live.spill import BufferSpill
from mdc_core.times import from_ns
from tests.kit.deadline import DEADLINE

WAIT = 0.1

SYMBOLS = ("SPY", "AAPL", "MSFT")


def trade(number: int) -> Trade:
    return Trade(
        symbol=SYMBOLS[number % 3],
        ts_event=from_ns(number),
        ts_recv=from_ns(number + 7),
        provider="acme",
        channel="acme-1",
        price=Decimal("10.50"),
        size=Decimal(number),
    )


def trades(first: int, last: int) -> list[Event]:
    return [trade(number) for number in range(first, last)]


def drain(buffer: Buffer) -> list[Event]:
    out: list[Event] = []
    while events := buffer.take(0):
        out += events
    return out


def numbers(events: list[Event]) -> list[int]:
    return [int(e.size) for e in events if isinstance(e, Trade) and e.size is not None]


def gaps(events: list[Event]) -> list[tuple[object, ...]]:
    return [(e.symbol, e.count, e.start, e.end) for e in events if isinstance(e, Gap)]


def test_what_fits_comes_out_as_it_went_in() -> None:
    buffer = Buffer(10)
    buffer.put(trades(0, 4))
    buffer.put(trades(4, 10))
    buffer.close()
    assert buffer.take() == trades(0, 10)
    assert buffer.take() is None
    assert (buffer.accepted, buffer.dropped) == (10, Counter())


def test_drop_newest_says_what_is_missing_where_it_is_missing() -> None:
    buffer = Buffer(4, "drop-newest")
    buffer.put(trades(0, 3))
    buffer.put(trades(3, 9))  # 3 fits; 4..8 do not
    out = drain(buffer)
    buffer.put(trades(9, 11))
    out += drain(buffer)
    assert numbers(out) == [0, 1, 2, 3, 9, 10]
    assert [type(e) for e in out[:4]] == [Trade] * 4
    assert gaps(out[4:7]) == [
        ("AAPL", 2, from_ns(4), from_ns(7)),
        ("MSFT", 2, from_ns(5), from_ns(8)),
        ("SPY", 1, from_ns(6), from_ns(6)),
    ]
    gap = out[4]
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.provider, gap.channel) == ("overflow", "acme", "acme-1")
    assert (gap.ts_event, gap.ts_recv) == (from_ns(4), from_ns(7 + 7))
    assert buffer.dropped == {"AAPL": 2, "MSFT": 2, "SPY": 1}


def test_drop_oldest_keeps_the_latest_and_says_so_first() -> None:
    buffer = Buffer(4, "drop-oldest")
    buffer.put(trades(0, 3))
    buffer.put(trades(3, 9))
    out = drain(buffer)
    assert gaps(out[:3]) == [
        ("SPY", 2, from_ns(0), from_ns(3)),
        ("AAPL", 2, from_ns(1), from_ns(4)),
        ("MSFT", 1, from_ns(2), from_ns(2)),
    ]
    assert numbers(out) == [5, 6, 7, 8]
    assert drain(buffer) == []


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest"])
def test_events_about_the_data_are_never_dropped(policy: Policy) -> None:
    buffer = Buffer(2, policy)
    down, bad = Connection(state="down"), Integrity(check="frame")
    buffer.put([trade(0), down, trade(1)])
    buffer.put([bad, trade(2)])
    out = drain(buffer)
    assert [e for e in out if isinstance(e, Connection | Integrity)] == [down, bad]
    lost = sum(e.count or 0 for e in out if isinstance(e, Gap))
    assert lost == buffer.dropped.total() == 3 - len(numbers(out)) > 0


def test_a_flood_of_events_that_are_never_dropped_makes_the_putter_wait() -> None:
    buffer = Buffer(2, "drop-newest")
    for number in range(4):
        buffer.put([Integrity(check="frame", message=str(number))])
    waits = threading.Thread(target=buffer.put, args=([Integrity(message="4")],))
    waits.start()
    out = []
    while len(out) < 5:
        out += buffer.take() or []
    waits.join()
    assert [e.message for e in out if isinstance(e, Integrity)] == list("01234")


def test_block_admits_a_list_larger_than_the_buffer() -> None:
    buffer = Buffer(2)
    buffer.put(trades(0, 5))
    assert numbers(drain(buffer)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("policy", POLICIES)
def test_in_is_out_plus_dropped_when_the_taker_is_slower(policy: Policy) -> None:
    buffer = Buffer(50, policy)
    fed = Counter(trade(n).symbol for n in range(20_000))

    def produce() -> None:
        for first in range(0, 20_000, 7):
            buffer.put(trades(first, min(first + 7, 20_000)))
            if first % 490 == 0:
                buffer.put([Connection(state="up")])
        buffer.close()

    producer = threading.Thread(target=produce)
    producer.start()
    out: list[Event] = []
    while (events := buffer.take()) is not None:
        out += events
    producer.join()
    told = Counter[str | None]()
    for event in out:
        if isinstance(event, Gap):
            told[event.symbol] += event.count or 0
    received = Counter(e.symbol for e in out if isinstance(e, Market))
    assert received + told == fed
    assert told == buffer.dropped
    assert numbers(out) == sorted(numbers(out))
    assert sum(isinstance(e, Connection) for e in out) == 41
    if policy in ("block", "spill"):
        assert not told


def test_the_gaps_of_a_full_buffer_cover_exactly_what_is_missing() -> None:
    buffer = Buffer(10, "drop-newest")
    out: list[Event] = []
    for first in range(0, 600, 6):
        buffer.put(trades(first, first + 6))
        if first % 30 == 0:
            out += drain(buffer)
    out += drain(buffer)
    missing: set[int] = set()
    for gap in (e for e in out if isinstance(e, Gap)):
        number = SYMBOLS.index(gap.symbol or "")
        inside = {n for n in range(number, 600, 3) if gap.start <= from_ns(n) <= gap.end}
        assert len(inside) == gap.count
        assert not inside & missing
        missing |= inside
    assert missing == set(range(600)) - set(numbers(out))


def test_spill_gives_every_field_back_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer_module, "AT_ONCE", 1)
    rows: list[Event] = [
        Trade(
            symbol='Ä\u2028"',
            ts_event=from_ns(1),
            price=Decimal("1.10"),
            size=Decimal("1E-18"),
            extra={"fee": Decimal("0.10"), "id": 2**63, "nested": [Decimal("1.0"), None, "x"]},
        ),
        Book(symbol="B", bids=[Level(Decimal("0.30"), Decimal("7"), 2)], asks=[]),
        Bar(symbol="C", close=Decimal("123456789012345678.000000000000000001")),
    ]
    buffer = Buffer(1, "spill")
    buffer.put([trade(0)])
    for row in rows:
        buffer.put([row])
    out = drain(buffer)
    assert out == [trade(0), *rows]
    assert [repr(e) for e in out[1:]] == [repr(row) for row in rows]
    buffer.put([trade(9)])
    assert drain(buffer) == [trade(9)]


def test_a_full_disk_is_an_error_and_what_it_cost_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(self: BufferSpill, events: list[Event]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BufferSpill, "write", full)
    buffer = Buffer(1, "spill")
    buffer.put([trade(0)])
    with pytest.raises(WriteError, match="No space left"):
        buffer.put(trades(1, 3))
    buffer.close()
    out = buffer.take()
    assert out is not None
    assert numbers(out) == [0]
    assert gaps(out) == [
        ("AAPL", 1, from_ns(1), from_ns(1)),
        ("MSFT", 1, from_ns(2), from_ns(2)),
    ]


def test_closing_wakes_a_putter_that_waits_and_counts_its_events() -> None:
    buffer = Buffer(1)
    buffer.put([trade(0)])
    waits = threading.Thread(target=buffer.put, args=([trade(1)],))
    waits.start()
    buffer.close()
    waits.join()
    assert buffer.dropped == {"AAPL": 1}
    out = buffer.take()
    assert out is not None
    assert numbers(out) == [0]
    assert gaps(out) == [("AAPL", 1, from_ns(1), from_ns(1))]


def test_take_returns_nothing_when_nothing_comes() -> None:
    assert Buffer(1).take(0) == []


def test_a_signal_whose_handler_outlasts_the_wait_does_not_make_it_longer() -> None:
    """Up to Python 3.12 `SimpleQueue.get` waits for ever then: mdc has done so for ten minutes."""
    buffer = Buffer()
    began = time.monotonic()

    def outlast(number: int, frame: object) -> None:
        while time.monotonic() < began + 2 * WAIT:
            pass

    before = signal.signal(signal.SIGUSR1, outlast)
    comes = threading.Timer(WAIT / 2, os.kill, (os.getpid(), signal.SIGUSR1))
    guard = threading.Timer(DEADLINE / 10, buffer.put, (trades(0, 1),))
    comes.start()
    guard.start()
    try:
        assert buffer.take(WAIT) == []
    finally:
        guard.cancel()
        comes.join()
        signal.signal(signal.SIGUSR1, before)


def test_what_nobody_wants_is_not_lost() -> None:
    buffer = Buffer(2, "spill")
    buffer.put(trades(0, 6))
    buffer.discard()
    buffer.put(trades(6, 9))
    assert buffer.take() is None
    assert not buffer.dropped


def test_a_taker_that_waits_gets_what_comes() -> None:
    buffer = Buffer()
    comes = threading.Thread(target=buffer.put, args=(trades(0, 1),))
    comes.start()
    assert numbers(buffer.take(60) or []) == [0]
    comes.join()


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_told_gets_in_at_once(policy: Policy) -> None:
    buffer = Buffer(1, policy)
    buffer.put([trade(0)])
    if policy != "block":
        buffer.put([trade(1)])
    buffer.tell([Connection(state="down")])
    buffer.close()
    buffer.tell([Connection(state="up")])
    out = drain(buffer)
    assert [e.state for e in out if isinstance(e, Connection)] == ["down", "up"]
    if policy == "drop-newest":
        assert [type(e) for e in out] == [Trade, Gap, Connection, Connection]


def test_a_gap_is_from_the_earliest_to_the_latest_in_whatever_order_they_came() -> None:
    def odd(ts_event: str | None, ts_recv: str | None = None) -> Trade:
        return Trade(symbol="SPY", channel="acme-1", ts_event=ts_event, ts_recv=ts_recv)

    buffer = Buffer(3, "drop-newest")
    buffer.put(trades(0, 3))
    buffer.put([trade(12), trade(6), trade(18), trade(9), odd(None, from_ns(3))])
    buffer.put([odd("1970-01-01T00:00:00.5Z"), odd("yesterday")])
    assert gaps(drain(buffer)) == [("SPY", 7, from_ns(3), "1970-01-01T00:00:00.5Z")]


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest"])
def test_each_channel_of_a_symbol_has_its_gap(policy: Policy) -> None:
    def of(symbol: str, channel: str | None, *numbers: int) -> list[Event]:
        return [Trade(symbol=symbol, channel=channel, ts_event=from_ns(n)) for n in numbers]

    dropped = [*of("SPY", "a/trades", 1, 4), *of("SPY", "a/book", 2, 6), *of("AAPL", None, 3)]
    other = of("MSFT", "a/book", 7, 8, 9, 10, 11)
    buffer = Buffer(5, policy)
    for some in (dropped, other) if policy == "drop-oldest" else (other, dropped):
        buffer.put(some)
    told = [
        (e.symbol, e.channel, e.count, e.start, e.end) for e in drain(buffer) if isinstance(e, Gap)
    ]
    assert told == [
        ("SPY", "a/trades", 2, from_ns(1), from_ns(4)),
        ("SPY", "a/book", 2, from_ns(2), from_ns(6)),
        ("AAPL", None, 1, from_ns(3), from_ns(3)),
    ]
    assert buffer.dropped == {"SPY": 4, "AAPL": 1}


def test_who_is_held_up_for_long_is_so_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(buffer_module, "monotonic", lambda: now)
    buffer = Buffer(1)
    waits = iter([0.5, 0.5, 0.8, 0.5])

    class Emptied:
        def get(self) -> None:
            nonlocal now
            now += next(waits)
            buffer._lists.clear()
            buffer._size = 0

        def put(self, nothing: None) -> None:
            pass

    monkeypatch.setattr(buffer, "_emptied", Emptied())
    held = []
    for _ in range(5):
        buffer.put([trade(0)])
        held.append(buffer.holds_up)
    assert held == [False, False, False, False, True]
    now += 2
    assert not buffer.holds_up
