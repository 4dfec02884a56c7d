"""Which days of an archive are complete: one state for each symbol, event type and session.

    missing   the market was open, and nothing is held
    partial   events are held, and some of the session are missing: a gap lies in it, or they
              begin late or end early by more than the tolerance
    complete  events are held, and nothing tells that any are missing
    empty     nothing is held, for there is nothing: it was asked for, and a gap event says so
    closed    the market was closed, and nothing is held
    outside   the market was closed, and events are held

Late and early are judged by the first and last event in the session, for what is told event by
event and for bars shorter than a day. What is missing in between shows only as a gap. Without a
calendar a session is a UTC day. How much of a session is partial is told by its share (`shares`).
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
from mdc_core.archive.coverage.holdings import Days, Holdings
from mdc_core.archive.coverage.sessions import Calendars, Sessions, date_of
from mdc_core.archive.coverage.shares import A_LITTLE, ALMOST, Shares, covered
from mdc_core.archive.coverage.views import CoverageKey
from mdc_core.archive.coverage.windows import LONGEST, Windows
from mdc_core.archive.health.missing import missing
from mdc_core.archive.write.archive import Archive
from mdc_core.batch import Bools, Int64s
from mdc_core.errors import NothingFoundError, UsageError
from mdc_core.texts import counted

STATES = ("missing", "partial", "complete", "empty", "closed", "outside")
MISSING, PARTIAL, COMPLETE, EMPTY, CLOSED, OUTSIDE = range(6)

States = npt.NDArray[np.uint8]
_SHARES = np.array([state in ("complete", "empty") for state in STATES], np.float64)


class CoverageRow(NamedTuple):
    """The days of one symbol, type and interval: their states, events, which are sessions."""

    symbol: str | None
    type_name: str
    states: States
    rows: Int64s
    open: Bools
    shares: Shares  # of each session, what is covered
    first: Int64s  # the first moment that counts; MAX_NS: none
    last: Int64s  # MIN_NS: none
    undated: int = 0  # rows of which the day is not known
    interval: str | None = None  # of bars

    @property
    def kind(self) -> str:
        """Type and interval, for people."""
        return CoverageKey(self.symbol, self.type_name, self.interval).kind

    def counts(self) -> dict[str, int]:
        """The number of days in each state."""
        found = np.bincount(self.states, minlength=len(STATES)).tolist()
        return dict(zip(STATES, found, strict=True))

    def complete(self) -> tuple[int, int]:
        """How many of the open days are complete or empty, and how many there are."""
        good = (self.states == COMPLETE) | (self.states == EMPTY)
        return int(good.sum()), int(self.open.sum())

    def covered(self) -> float:
        """How many of the open days are covered, each by its share."""
        return float(self.shares[self.open].sum())


@dataclass(frozen=True)
class CoverageRequest:
    """What is asked for; days since 1970, and the tolerance in nanoseconds."""

    symbols: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    first: int | None = None
    last: int | None = None
    tolerance: int = 15 * times.MINUTE
    patterns: tuple[str, ...] = ()  # of more symbols

    @property
    def query(self) -> Query:
        """What is looked at, whenever it was."""
        return Query(self.symbols, self.types, patterns=self.patterns)


class CoverageSurvey:
    """The coverage of an archive: its days and lines, which are judged as they are read."""

    def __init__(
        self, root: Path | str, asked: CoverageRequest, calendars: Calendars, today: int
    ) -> None:
        self._asked, self._calendars = asked, calendars
        named = frozenset(asked.types)
        self._held = Holdings(calendars, asked.tolerance, asked.first, asked.last, named)
        self._held.read(root, asked.query)
        self.problems = self._held.problems
        self.keys = self._keys(root, named)
        self.first, self.count = self._range(today)
        # What a calendar does not know is told before anything is written.
        symbols = {calendars.of(symbol): symbol for symbol, *_ in self.keys}
        self._hours = {name: self._sessions(symbol) for name, symbol in symbols.items()}
        self._gaps = Gaps()
        if self.count:
            self._gaps.read(root, asked.query)
        gone = missing(Archive.open(root), asked.query)
        self.problems = sorted({*self.problems, *self._gaps.problems, *gone})

    def _sessions(self, symbol: str | None) -> Sessions:
        stop = self.first + self.count
        return self._calendars.hours(symbol, self.first, stop).between(self.first, stop)

    @property
    def without_calendar(self) -> list[str]:
        """The symbols for which no calendar was named."""
        symbols = {key.symbol for key in self.keys if self._calendars.of(key.symbol) is None}
        return sorted("-" if symbol is None else symbol for symbol in symbols)

    @property
    def timeless_gaps(self) -> int:
        """How many gaps do not say when they were."""
        return self._gaps.timeless

    def _keys(self, root: Path | str, named: frozenset[str]) -> list[CoverageKey]:
        """What is held and what is asked for by name, sorted; no symbol comes first."""
        keys = self._held.keys
        self._ends = self._held.ends
        unheld = set(self._asked.symbols) - {key.symbol for key in keys}
        kinds = {key[1:] for key in keys if key.type_name in named}
        if (unheld and not named) or (self._asked.symbols and self._ends is None):
            others = Holdings(Calendars([]), self._asked.tolerance, 0, 0, named)
            others.read(root, Query(types=self._asked.types))
            self._ends = self._ends or others.ends
            kinds |= {key[1:] for key in others.keys}
            if not kinds and not named:
                raise NothingFoundError(
                    "nothing is held, so it is not known what to expect",
                    hint="--type says what",
                )
        kinds |= {(name, None) for name in named - {name for name, _ in kinds}}
        kept = {(key.symbol, key.type_name) for key in keys}
        for symbol in self._asked.symbols if named else unheld:
            more = (CoverageKey(symbol, *kind) for kind in kinds)
            keys |= {key for key in more if key[:2] not in kept}
        return sorted(keys, key=lambda key: (key.symbol is not None, *map(_spelled, key)))

    def _range(self, today: int) -> tuple[int, int]:
        """The first day and the number of days: as asked, else from first to last held."""
        first, last = self._asked.first, self._asked.last
        if not self.keys:
            return 0, 0
        if self._ends is None and (first is None or last is None):
            raise NothingFoundError(
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
        if count > LONGEST:
            raise UsageError(f"{counted(count, 'day')} are too many", hint="--from and --to choose")
        return first, count

    def lines(self) -> Iterator[CoverageRow]:
        """Each symbol, type and interval."""
        if not self.count:
            return
        for key in self.keys:
            hours = self._hours[self._calendars.of(key.symbol)]
            days = self._held.days(key, self.first, self.count)
            about = key.symbol, key.type_name
            cut = self._gaps.missing(*about, hours)
            length = None
            if key.has_ends:
                length = key.length.ns
                cut = cut | outside(days, Windows(hours, length, self._asked.tolerance))
            states = judged(days, hours, cut, self._gaps.confirmed(*about, hours))
            shares = covered(days, hours, length, self._gaps.lost(*about))
            yield CoverageRow(
                *about,
                states,
                days.rows,
                hours.open,
                np.where(states == PARTIAL, np.clip(shares, A_LITTLE, ALMOST), _SHARES[states]),
                *(days[2:] if key.has_ends else _never(len(states))),
                self._held.undated[key],
                key.interval,
            )


def outside(days: Days, windows: Windows) -> Bools:
    """The sessions in which events begin late or end early."""
    cut: Bools = (days.first > windows.begun) | (days.last < windows.ending)
    return cut


def judged(days: Days, hours: Sessions, cut: Bools, confirmed: Bools) -> States:
    """The state of each day."""
    present = np.where(hours.open, days.held, days.rows > 0)
    held = np.where(hours.open, np.where(cut, PARTIAL, COMPLETE), OUTSIDE)
    absent = np.where(hours.open, np.where(confirmed, EMPTY, MISSING), CLOSED)
    return np.where(present, held, absent).astype(np.uint8)


def _never(count: int) -> tuple[Int64s, Int64s]:
    """First and last moments of what has none."""
    return np.full(count, times.MAX_NS), np.full(count, times.MIN_NS)


def _spelled(word: str | None) -> str:
    return word or ""
