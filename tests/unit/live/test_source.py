"""Sources: a simulator is passed on untouched, a vendor's library is stamped and restarted."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from mdc_core.errors import UnavailableError
from mdc_core.events import Connection, Event, Gap, Trade
from mdc_core.live.buffer import Buffer
from mdc_core.live.feed import Feed, OneLine
from mdc_core.live.limit import EventLimit
from mdc_core.live.session.stamp import Stamp
from mdc_core.live.source import Simulation, SourceLine
from mdc_core.live.upkeep.backoff import Backoff
from mdc_core.logs import Log, Mask
from mdc_core.plugin import Source, Subscription
from mdc_core.times import from_ns


class Library(Source):
    """A vendor's library that breaks off after ten trades, once."""

    breaks = 1

    def events(self) -> Iterator[Sequence[Event]]:
        told: list[Event] = [Connection(state="up")]  # which the line tells by itself
        for n in range(2):
            trades = [Trade(symbol=s, ts_event=from_ns(n)) for s in self.subscription.symbols]
            yield [*told, *trades]
            told = []
        if Library.breaks:
            Library.breaks -= 1
            raise UnavailableError("the library gave up")
        yield [Trade(symbol="SPY", ts_event=from_ns(9), channel="own", ts_recv=from_ns(10))]


class Clock:
    ns = 0

    def __call__(self) -> int:
        self.ns += 1000
        return self.ns


class Still:
    """A clock for a feed that waits for nothing."""

    def ns(self) -> int:
        return 0

    def wait(self, seconds: float) -> None:
        return None

    def random(self) -> float:
        return 0.0


def test_a_library_that_breaks_off_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Library, "breaks", 1)
    wanted = Subscription(("SPY",))
    line = SourceLine("lib", lambda s: Library(s, None, {}), wanted, mask=Mask(), now=Clock())
    feed = Feed(
        OneLine(line),
        Buffer(),
        threading.Event(),
        say=Log(threshold=100),
        clock=Still(),
    )
    events = [e for some in feed for e in some]
    kinds = [type(e).__name__ for e in events]
    assert kinds == [
        "Connection",
        "Trade",
        "Trade",
        "Connection",
        "Connection",
        "Gap",
        "Trade",
        "Trade",
        "Trade",
    ]
    up, first, second, down, again, gap, *rest = events
    assert isinstance(gap, Gap) and isinstance(down, Connection)
    assert isinstance(again, Connection)
    assert (down.state, down.reason, again.state) == (
        "down",
        "the library gave up",
        "resubscribed",
    )
    assert first.ts_recv == up.ts_recv == from_ns(2000)
    assert (gap.start, gap.end, gap.reason) == (second.ts_event, again.ts_recv, "disconnect")
    assert {e.provider for e in events} == {"lib"}
    assert [e.channel for e in rest] == ["lib-2", "lib-2", "own"]
    assert rest[-1].ts_recv == from_ns(10)


def test_a_library_that_breaks_off_before_its_first_event_may_have_lost_some() -> None:
    class Late(Source):
        """Its first run dies before it has brought anything."""

        runs = 0

        def events(self) -> Iterator[Sequence[Event]]:
            Late.runs += 1
            if Late.runs < 3:
                raise UnavailableError("not yet")
            yield [Trade(symbol="SPY", ts_event=from_ns(9))]

    wanted = Subscription(("SPY",))
    line = SourceLine("lib", lambda s: Late(s, None, {}), wanted, mask=Mask(), now=Clock())
    feed = Feed(OneLine(line), Buffer(), threading.Event(), say=Log(threshold=100), clock=Still())
    events = [e for some in feed for e in some]
    up, gap, trade = events[-3:]
    assert isinstance(up, Connection) and isinstance(gap, Gap) and isinstance(trade, Trade)
    assert (gap.start, gap.end) == (from_ns(1000), trade.ts_recv)


def test_a_simulator_keeps_its_own_times(desk: Any, acme: Any) -> None:
    class Market(Source):
        def events(self) -> Iterator[Sequence[Event]]:
            for _ in range(3):
                yield acme.trades(2)

    wanted = Subscription(("SPY",))
    simulation = Simulation("mkt", lambda s: Market(s, None, {}), wanted, desk.stop)
    events = [e for some in simulation for e in some]
    assert len(events) == 6
    assert {(e.ts_recv, e.provider, e.channel) for e in events} == {(None, "mkt", "mkt-1")}


def test_another_subscription_begins_the_simulation_anew() -> None:
    class Ticks(Source):
        """One trade after the other."""

        simulated = True

        def events(self) -> Iterator[Sequence[Event]]:
            while True:
                yield [Trade(symbol=symbol) for symbol in self.subscription.symbols]

    stop = threading.Event()
    simulation = Simulation("mkt", lambda s: Ticks(s, None, {}), Subscription(("A",)), stop)
    lists = iter(simulation)
    assert {(e.symbol, e.channel) for e in next(lists)} == {("A", "mkt-1")}
    simulation.resubscribe(Subscription(("B", "C")))
    assert {(e.symbol, e.channel) for e in next(lists)} == {("B", "mkt-2"), ("C", "mkt-2")}
    stop.set()
    assert next(lists, None) is None


class Hours:
    """A clock that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now, self.ended = 0.0, False

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.ended

    def is_set(self) -> bool:
        return self.ended


@pytest.mark.parametrize(("speed", "times"), [(1.0, [0, 60, 7200]), (10.0, [0, 6, 720])])
def test_a_paced_simulation_passes_as_its_event_times_say(
    speed: float, times: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Source):
        """Two trades at once, one a minute later, and one after two hours."""

        simulated = True

        def events(self) -> Iterator[Sequence[Event]]:
            for seconds in (0, 0, 60, 7200):
                yield [Trade(symbol="A", ts_event=from_ns(seconds * 10**9))]

    hours = Hours()
    monkeypatch.setattr("mdc_core.live.source.time.monotonic", lambda: hours.now)
    simulation = Simulation(
        "mkt", lambda s: Slow(s, None, {}), Subscription(("A",)), cast("Any", hours), speed
    )
    came = [(round(hours.now, 1), len(events)) for events in simulation if events]
    assert [(at, n) for at, n in came] == [
        (times[0], 1),
        (times[0], 1),
        (times[1], 1),
        (times[2], 1),
    ]


def test_a_stamp_is_the_time_as_text() -> None:
    stamp = Stamp()
    for ns in (0, 1, 999_999_999, 10**9, 1_704_205_800_000_279_014, 10**9 - 1):
        assert stamp(ns) == from_ns(ns)


def test_the_backoff_doubles_up_to_half_a_minute_and_gives_up() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    lost = UnavailableError("lost", hint="try")
    assert [backoff.delay(lost) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    backoff.worked(healthy=True)
    assert backoff.delay(lost) == 1
    assert Backoff(draw=lambda: 0.25).delay(lost) == 0.25
    with pytest.raises(UnavailableError, match=r"lost \(given up after 1 try\)") as caught:
        Backoff(0).delay(lost)
    assert caught.value.hint == "try"


def test_a_limit_counts_events_about_instruments_only() -> None:
    up = Connection(state="up")
    trade = Trade(symbol="SPY")
    limit = EventLimit(3)
    assert limit.cut([up, trade, up]) == [up, trade, up]
    assert not limit.reached
    assert limit.cut([up, trade, trade, up, trade]) == [up, trade, trade]
    assert limit.reached
    assert EventLimit().cut([trade]) == [trade]
    assert not EventLimit().reached


def test_a_limit_in_time() -> None:
    moments = iter([10.0, 11.4, 11.5])
    limit = EventLimit(duration=1_500_000_000, clock=lambda: next(moments))
    assert [limit.reached, limit.reached] == [False, True]
