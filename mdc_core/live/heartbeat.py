"""How a feed is, from time to time: its rate, its lag, the clock of its venue, what waits.

What is cheap is looked at: one event in a list that comes, and no more than some hundred lists a
second. The clock of the venue is estimated, and nothing is corrected by it: the least lag of the
last minutes is the way from there to here and what the two clocks differ in, and as the way
takes no less than nothing, one below zero is a clock of ours that is behind.
"""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from mdc_core.errors import DataError
from mdc_core.events import Book, Delta, Event, Heartbeat, Quote, Trade
from mdc_core.times import SECOND, from_ns, to_ns

WINDOW = 10  # heartbeats from which the clock's offset is estimated
_BETWEEN = SECOND // 200  # from one look at an event to the next
_TIMED = (Trade, Quote, Book, Delta)  # whose event time is the moment in which they happened


class HeartbeatMaker:
    """Makes a feed's `heartbeat` events, one for each `every` nanoseconds."""

    def __init__(self, provider: str, every: int, now: int) -> None:
        self._provider, self._every = provider, every
        self._since, self._due = now, now + every
        self._looked = 0
        self._count = 0  # events up to the last heartbeat
        self._lags: list[int] = []
        self._least: deque[int] = deque(maxlen=WINDOW)

    def look_at(self, events: Sequence[Event], now: int) -> bool:
        """Take note of what came; whether a heartbeat is due."""
        if events and not 0 <= now - self._looked < _BETWEEN:
            self._looked = now
            if (lag := _lag_of(events[-1])) is not None:
                self._lags.append(lag)
        return now >= self._due

    def beat(self, count: int, now: int) -> Heartbeat:
        """The heartbeat of this time; `count` are the events about instruments in all."""
        lags, self._lags = sorted(self._lags), []
        if lags:
            self._least.append(lags[0])
        found = self._of(lags, count, now)
        self._count, self._since, self._due = count, now, now + self._every
        return found

    def since(self, count: int, now: int) -> Heartbeat:
        """What a heartbeat would say now, of the time since the last; from any thread."""
        return self._of(sorted(self._lags), count, now)

    def _of(self, lags: Sequence[int], count: int, now: int) -> Heartbeat:
        seconds, came = max(now - self._since, 1), count - self._count
        stamp = from_ns(now)
        return Heartbeat(
            provider=self._provider,
            ts_event=stamp,
            ts_recv=stamp,
            seconds=_seconds(seconds),
            count=came,
            rate=Decimal(came * SECOND * 1000 // seconds).scaleb(-3),
            lag_p50=_part(lags, 50),
            lag_p99=_part(lags, 99),
            clock_offset=_seconds(min(self._least)) if self._least else None,
        )


def told(beat: Heartbeat) -> str:
    """A heartbeat as a line for people."""
    words = [f"{beat.rate or 0:,.1f} events/s"]
    if beat.lag_p50 is not None and beat.lag_p99 is not None:
        words.append(f"lag {_ms(beat.lag_p50)} p50, {_ms(beat.lag_p99)} p99")
    if beat.clock_offset is not None:
        words.append(f"clock offset {_ms(beat.clock_offset)}")
    words.append(f"{beat.buffered:,} buffered, {beat.dropped:,} dropped")
    words.append(f"{beat.connections} up")
    return "; ".join(words)


def _lag_of(event: Event) -> int | None:
    """Receive time less event time, where the event has both."""
    if not isinstance(event, _TIMED) or event.ts_event is None or event.ts_recv is None:
        return None
    if event.ts_event == event.ts_recv:
        return None  # the venue has no time of its own
    try:
        return to_ns(event.ts_recv) - to_ns(event.ts_event)
    except (DataError, TypeError):
        return None  # told where the event is read


def _part(lags: Sequence[int], percent: int) -> Decimal | None:
    """The lag that so many percent do not exceed."""
    return _seconds(lags[(len(lags) * percent - 1) // 100]) if lags else None


def _seconds(ns: int) -> Decimal:
    return Decimal(ns).scaleb(-9)


def _ms(seconds: Decimal) -> str:
    return f"{seconds * 1000:,.2f} ms"
