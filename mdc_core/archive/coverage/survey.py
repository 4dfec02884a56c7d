"""Which days of an archive are whole: one state for each symbol, event type and UTC day.

    missing   the market was open, and nothing is held
    partial   events are held, and some of the session are missing: a gap lies in it, or they
              begin late or end early by more than the tolerance
    have      events are held, and nothing tells that any are missing
    empty     nothing is held, for there is nothing: it was asked for, and a gap event says so
    closed    the market was closed, and nothing is held

Late and early are judged where the hours are known and each event is told (`PER_EVENT`), by
the first and last event of the day. What is missing in between shows only as a gap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mdc_core import times
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.coverage.gaps import Gaps
from mdc_core.archive.coverage.holdings import Days, Holdings, Key
from mdc_core.archive.coverage.sessions import Calendars, Sessions, date_of, sessions
from mdc_core.archive.health.missing import missing
from mdc_core.archive.write.archive import Archive
from mdc_core.batch import Bools, Int64s
from mdc_core.errors import UsageError
from mdc_core.times import DAY

STATES = ("missing", "partial", "have", "empty", "closed")
MISSING, PARTIAL, HAVE, EMPTY, CLOSED = range(5)
PER_EVENT = frozenset({"trade", "quote", "book", "delta"})
_LONGEST = 36_525  # days: a hundred years

States = npt.NDArray[np.uint8]


class CoverageRow(NamedTuple):
    """The days of one symbol and type: their states, events, and which are sessions."""

    symbol: str | None
    type_name: str
    states: States
    rows: Int64s
    open: Bools
    undated: int = 0  # rows of which the day is not known

    def counts(self) -> dict[str, int]:
        """The number of days in each state."""
        found = np.bincount(self.states, minlength=len(STATES)).tolist()
        return dict(zip(STATES, found, strict=True))

    def whole(self) -> tuple[int, int]:
        """How many of the open days are whole (have or empty), and how many there are."""
        good = (self.states == HAVE) | (self.states == EMPTY)
        return int((good & self.open).sum()), int(self.open.sum())


@dataclass(frozen=True)
class CoverageRequest:
    """What is asked for; days since 1970, and the tolerance in nanoseconds."""

    symbols: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    first: int | None = None
    last: int | None = None
    tolerance: int = 15 * times.MINUTE


class CoverageSurvey:
    """The coverage of an archive: its days and lines, which are judged as they are read."""

    def __init__(
        self, root: Path | str, asked: CoverageRequest, calendars: Calendars, today: int
    ) -> None:
        self._asked, self._calendars = asked, calendars
        before = None if asked.first is None else asked.first - 1
        self._held = Holdings(before, asked.last)
        named = frozenset(asked.types)
        self._held.read(root, Query(asked.symbols, asked.types), named)
        self.problems = self._held.problems
        self.keys = self._keys(root, named)
        self.first, self.count = self._range(today)
        self._gaps = Gaps()
        # A session may begin the day before, so the neighbours are looked at as well.
        self._hours = {
            name: sessions(name, self.first - 1, self.count + 2)
            for name in {calendars.of(symbol) for symbol, _ in self.keys}
        }
        if self.count:
            end = (self.first + self.count) * DAY
            self._gaps.read(root, frozenset(asked.symbols), end)
        gone = missing(Archive.open(root), Query(asked.symbols, asked.types))
        self.problems = sorted({*self.problems, *self._gaps.problems, *gone})

    @property
    def timeless_gaps(self) -> int:
        """How many gaps do not say when they were."""
        return self._gaps.timeless

    def _keys(self, root: Path | str, named: frozenset[str]) -> list[Key]:
        """What is held and what is asked for by name, sorted; no symbol comes first."""
        keys = self._held.keys
        self._ends = self._held.ends
        unheld = [s for s in self._asked.symbols if s not in {symbol for symbol, _ in keys}]
        types = named
        if (unheld and not types) or (self._asked.symbols and self._ends is None):
            others = Holdings(0, 0)
            others.read(root, Query(types=self._asked.types), named)
            self._ends = self._ends or others.ends
            types = types or frozenset(type_name for _, type_name in others.keys)
            if not types:
                raise UsageError(
                    "nothing is held, so it is not known what to expect",
                    hint="--type says what",
                )
        if named:
            keys |= {(symbol, name) for symbol in self._asked.symbols for name in types}
        else:
            keys |= {(symbol, name) for symbol in unheld for name in types}
        return sorted(keys, key=lambda key: (key[0] is not None, key[0] or "", key[1]))

    def _range(self, today: int) -> tuple[int, int]:
        """The first day and the number of days: as asked, else from first to last held."""
        first, last = self._asked.first, self._asked.last
        if not self.keys:
            return 0, 0
        if self._ends is None and (first is None or last is None):
            raise UsageError(
                "nothing is held, so there is no first and last day",
                hint="--from DAY --to DAY",
            )
        low, high = self._ends or (today, today)
        first = low if first is None else first
        # What is to come is not missing.
        today = max(high, today)
        last = max(high, min(first, today)) if last is None else min(last, today)
        count = last - first + 1
        if count < 1:
            raise UsageError(f"{date_of(first)} is after {date_of(last)}: no day to look at")
        if count > _LONGEST:
            raise UsageError(f"{count:,} days are too many", hint="--from and --to choose")
        return first, count

    def lines(self) -> Iterator[CoverageRow]:
        """Each symbol and type."""
        if not self.count:
            return
        for key in self.keys:
            hours = self._hours[self._calendars.of(key[0])]
            days = by_session(self._held.days(key, self.first - 1, self.count + 2), hours)
            gaps = self._gaps.missing(*key, hours)
            timed = hours.timed and key[1] in PER_EVENT
            cut = outside(days, hours, self._asked.tolerance) if timed else np.False_
            states = judged(days, hours, gaps | cut, self._gaps.confirmed(*key, hours))
            inner = slice(1, -1)
            yield CoverageRow(
                *key,
                states[inner],
                days.rows[inner],
                hours.open[inner],
                self._held.undated[key],
            )


def by_session(days: Days, hours: Sessions) -> Days:
    """The same, with the events of an evening counted to the session that begins in it.

    Where a day holds other events as well, its rows stay: its first and last time do not tell
    how many belong to which; but it is known that the session of the next day has begun.
    """
    opens = np.where(hours.open & (hours.opens < hours.midnights), hours.opens, times.MAX_NS)
    begun = np.zeros(len(opens), np.bool_)
    begun[1:] = (days.rows[:-1] > 0) & (days.last[:-1] >= opens[1:])
    alone = begun.copy()
    alone[1:] &= days.first[:-1] >= opens[1:]
    moved = np.append(alone[1:], False)
    rows = np.where(moved, 0, days.rows)
    rows[1:] += np.where(alone[1:], days.rows[:-1], 0)
    first = np.where(moved, times.MAX_NS, days.first)
    last = np.where(moved, times.MIN_NS, days.last)
    since, until = opens.copy(), opens.copy()  # of the part of a session before midnight
    since[1:] = np.where(alone[1:], days.first[:-1], opens[1:])
    until[1:] = np.where(alone[1:], days.last[:-1], opens[1:])
    return Days(
        rows,
        np.where(begun, np.minimum(first, since), first),
        np.where(begun, np.maximum(last, until), last),
    )


def outside(days: Days, hours: Sessions, tolerance: int) -> Bools:
    """The sessions in which events begin late or end early; unknown times are neither."""
    late = (days.first != times.MAX_NS) & (days.first > hours.opens + tolerance)
    early = (days.last != times.MIN_NS) & (days.last < hours.closes - tolerance)
    cut: Bools = hours.open & (late | early)
    return cut


def judged(days: Days, hours: Sessions, cut: Bools, confirmed: Bools) -> States:
    """The state of each day."""
    present = (days.rows > 0) | (days.last != times.MIN_NS)
    begun = days.rows == 0  # and no more than begun, in the evening before
    held = np.where(hours.open & (cut | begun), PARTIAL, HAVE)
    absent = np.where(hours.open, np.where(confirmed, EMPTY, MISSING), CLOSED)
    return np.where(present, held, absent).astype(np.uint8)
