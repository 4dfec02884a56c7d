"""The events of an archive by symbol, type, bar interval and date.

What the catalog knows of a part, its first and last moment, mostly tells of which date it is,
and whether a session begins and ends in it. Where it does not, the part is read.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core import times
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.catalog.totals import PartSpan
from mdc_core.archive.coverage.contents import Contents, PartContent
from mdc_core.archive.coverage.sessions import Calendars, Sessions
from mdc_core.archive.coverage.windows import Length, Windows, length_of
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.batch import Bools, Int64s, coded
from mdc_core.errors import DataError
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES
from mdc_core.schema import field_names
from mdc_core.times import DAY

# What tells of the data, and is not itself expected on any day.
ABOUT_DATA = frozenset({"gap", "connection", "integrity", *CONTROL_TYPES})
# What happens when it happens: its absence says nothing, so it is shown by name only.
IRREGULAR = frozenset({"status", "correction", "cancel", "dividend", "split"})
PER_EVENT = frozenset({"trade", "quote", "book", "delta"})
WITH_INTERVAL = frozenset(name for name in EVENT_TYPES if "interval" in field_names(name))
_COLUMNS = ("type", "symbol", "interval", "ts_event", "ts_recv")


class CoverageKey(NamedTuple):
    """What has a line of its own: a symbol and an event type; bars by their interval."""

    symbol: str | None
    type_name: str
    interval: str | None = None

    @property
    def kind(self) -> str:
        """Type and interval, for people."""
        return f"{self.type_name} {self.interval}" if self.interval else self.type_name

    @property
    def length(self) -> Length:
        """How long its bars are."""
        return length_of(self.interval)

    @property
    def has_ends(self) -> bool:
        """Whether it can begin late and end early: not what has a row for all of a day."""
        return self.type_name in PER_EVENT or self.length.ns > 0


class Days(NamedTuple):
    """What is held of successive dates: rows, first and last that count in the session."""

    rows: Int64s
    held: Bools  # also by bars that began before
    first: Int64s  # MAX_NS: none
    last: Int64s  # MIN_NS: none


class Holdings:
    """What is held of the dates between two; parts are read where it takes that."""

    def __init__(
        self,
        calendars: Calendars,
        tolerance: int,
        first: int | None = None,
        last: int | None = None,
        named: frozenset[str] = frozenset(),
    ) -> None:
        """`named` are the types that come irregularly, and are wanted all the same."""
        self.undated: Counter[CoverageKey] = Counter()  # rows of which the day is not known
        self.problems: list[str] = []
        self._views = _Views(calendars, tolerance, first, last)
        self._skipped = ABOUT_DATA | (IRREGULAR - named)
        self._ends: tuple[int, int] | None = None  # first and last date of all
        # Of each part: number, rows, first and last moment; and of each piece: date, rows,
        # first and last that count. Objects would take ten times the memory.
        self._spans: dict[CoverageKey, array[int]] = {}
        self._pieces: dict[CoverageKey, array[int]] = {}
        self._wanted: defaultdict[int, set[CoverageKey]] = defaultdict(set)

    def read(self, root: Path | str, query: Query) -> None:
        """Take in an archive."""
        contents = Contents(root, query, self)
        for content in contents.parts():
            self._read(content)
        self.problems += contents.problems
        for batch in contents.unsealed():
            self._take(batch, None)

    def span(self, span: PartSpan) -> None:
        """Take in what a part holds of a symbol."""
        if span.type_name in self._skipped:
            return
        key = CoverageKey(span.symbol, span.type_name)
        if span.type_name in WITH_INTERVAL:
            self._wanted[span.number].add(key)
        else:
            spans = self._spans.setdefault(key, array("q"))
            spans.extend((span.number, span.rows, span.begins, span.ends))

    def chosen(self) -> Iterable[int]:
        """The parts that have to be read: the others are taken in as they are known."""
        for key, spans in self._spans.items():
            for number in self._unsettled(key, np.frombuffer(spans, np.int64).reshape(-1, 4)):
                self._wanted[number].add(key)
        return sorted(self._wanted)

    def _unsettled(self, key: CoverageKey, spans: Int64s) -> list[int]:
        """Which parts do not tell enough by their spans; takes in the others."""
        begins, ends = spans[:, 2], spans[:, 3]
        dated = begins != NO_TIME
        undated = ends == NO_TIME
        self._take_undated(key, int(spans[undated, 1].sum()))
        unsettled: list[int] = spans[~dated & ~undated, 0].tolist()
        if not dated.any():
            return unsettled
        number, rows, begins, ends = spans[dated].T
        view = self._views.of(key, int(begins.min()), int(ends.max()))
        at, until = view.hours.index_of(begins), view.until(ends)
        self._note(view, begins, ends)
        asked = view.asked(at, until)
        split = asked & (at != until)
        whole = asked & ~split
        if view.judged:
            open_ = view.windows.unanswered(begins[whole], ends[whole], at[whole])
            split[np.flatnonzero(whole)[open_ & (rows[whole] > 2)]] = True
            whole &= ~split
        self._add(key, view, at[whole], rows[whole], begins[whole], ends[whole])
        return [*unsettled, *number[split].tolist()]

    def _read(self, content: PartContent) -> None:
        """Read the times of a part."""
        try:
            for batch in content.columns(_COLUMNS):
                self._take(batch, self._wanted[content.number])
        except DataError as error:
            self.problems.append(f"{content.name}: {error}")

    def _take(self, batch: pa.RecordBatch, wanted: set[CoverageKey] | None) -> None:
        """Take in the events of a batch; None: of all symbols and types."""
        for key, moments in _by_key(batch):
            plain = key._replace(interval=None)
            if key.type_name in self._skipped or (wanted is not None and plain not in wanted):
                continue
            dated = moments[moments != NO_TIME]
            self._take_undated(key, len(moments) - len(dated))
            if len(dated):
                self._take_moments(key, dated)

    def _take_undated(self, key: CoverageKey, rows: int) -> None:
        self._pieces.setdefault(key, array("q"))
        if rows:
            self.undated[key] += rows

    def _take_moments(self, key: CoverageKey, moments: Int64s) -> None:
        view = self._views.of(key, int(moments.min()), int(moments.max()))
        at, until = view.hours.index_of(moments), view.until(moments)
        self._note(view, moments, moments)
        asked = view.asked(at, at)
        ones = np.ones(len(moments), np.int64)
        self._add(key, view, at[asked], ones[asked], moments[asked], moments[asked])
        # A bar that goes on after the next session has begun tells of that as well.
        late = np.flatnonzero((at != until) & view.asked(until, until))
        late = late[view.windows.inside(moments[late], until[late])]
        self._add(key, view, until[late], 0 * ones[late], moments[late], moments[late])

    def _note(self, view: "_View", begins: Int64s, ends: Int64s) -> None:
        low, high = int(view.dates(begins).min()), int(view.dates(ends).max())
        if self._ends is not None:
            low, high = min(low, self._ends[0]), max(high, self._ends[1])
        self._ends = low, high

    def _add(
        self,
        key: CoverageKey,
        view: "_View",
        at: Int64s,
        rows: Int64s,
        begins: Int64s,
        ends: Int64s,
    ) -> None:
        """Take in spans that are each of one date, by its index."""
        pieces = self._pieces.setdefault(key, array("q"))
        if not len(at):
            return
        early, late = view.windows.inside(begins, at), view.windows.inside(ends, at)
        found = _empty(len(view.hours.open))
        np.add.at(found.rows, at, rows)
        found.held[at] = True
        np.minimum.at(found.first, at[late], ends[late])
        np.minimum.at(found.first, at[early], begins[early])
        np.maximum.at(found.last, at[early], begins[early])
        np.maximum.at(found.last, at[late], ends[late])
        (dates,) = np.nonzero(found.held)
        columns = view.hours.first + dates, found.rows[dates], found.first[dates], found.last[dates]
        pieces.frombytes(np.column_stack(columns).tobytes())

    @property
    def keys(self) -> set[CoverageKey]:
        """What is held of on any date."""
        return set(self._pieces)

    @property
    def ends(self) -> tuple[int, int] | None:
        """The first and the last date on which anything is held."""
        return self._ends

    def days(self, key: CoverageKey, first: int, count: int) -> Days:
        """What is held on so many dates."""
        found = _empty(count)
        pieces = np.frombuffer(self._pieces.get(key, array("q")), np.int64).reshape(-1, 4)
        marks = np.zeros(count + 1, np.int64)
        for dates, mark in ((pieces[:, 0], 1), (key.length.ends(pieces[:, 0]), -1)):
            np.add.at(marks, np.clip(dates - first, 0, count), mark)
        found.held[:] = np.cumsum(marks)[:-1] > 0
        day, rows, start, stop = pieces[(pieces[:, 0] >= first) & (pieces[:, 0] < first + count)].T
        np.add.at(found.rows, day - first, rows)
        np.minimum.at(found.first, day - first, start)
        np.maximum.at(found.last, day - first, stop)
        return found


class _View(NamedTuple):
    """The dates and sessions that events of a kind are told by."""

    hours: Sessions
    windows: Windows
    judged: bool  # whether they may begin late and end early
    reach: int  # how long after its moment an event still happens
    first: int  # the dates that are asked for, by index
    last: int

    def dates(self, moments: Int64s) -> Int64s:
        """The dates of moments; of those that are not asked for, the UTC days."""
        at = self.hours.index_of(moments)
        known = (at >= 0) & (at < len(self.hours.open))
        return np.where(known, self.hours.first + at, moments // DAY)

    def until(self, moments: Int64s) -> Int64s:
        """On which date something has ended, by index."""
        return self.hours.index_of(np.minimum(moments, times.MAX_NS - self.reach) + self.reach)

    def asked(self, at: Int64s, until: Int64s) -> Bools:
        """What of some spans is asked for."""
        found: Bools = (until >= max(self.first, 0)) & (
            at <= min(self.last, len(self.hours.open) - 1)
        )
        return found


class _Views:
    """The view of each calendar and interval."""

    def __init__(
        self, calendars: Calendars, tolerance: int, first: int | None, last: int | None
    ) -> None:
        self._calendars, self._tolerance = calendars, tolerance
        self._first, self._last = first, last
        self._known: dict[tuple[str | None, str | None, bool], tuple[Sessions, _View]] = {}

    def of(self, key: CoverageKey, begins: int, ends: int) -> _View:
        """The view of something; moments between these two that are asked for are in it."""
        longest = key.length.days + 31 * key.length.months
        first = begins // DAY - 1 if self._first is None else self._first - longest
        last = ends // DAY + 1 if self._last is None else self._last
        hours = self._calendars.hours(key.symbol, first, max(last, first) + 1)
        name = self._calendars.of(key.symbol), key.interval, key.has_ends
        known = self._known.get(name)
        if known is not None and known[0] is hours:
            return known[1]
        of_days = key.type_name in WITH_INTERVAL and not key.has_ends
        told = hours.of_whole_days() if of_days else hours
        view = _View(
            told,
            Windows(told, key.length.ns, self._tolerance),
            key.has_ends and hours.timed,
            max(key.length.ns - 1, 0),
            0 if self._first is None else first - hours.first,
            len(hours.open) if self._last is None else last - hours.first,
        )
        self._known[name] = hours, view
        return view


def _empty(count: int) -> Days:
    return Days(
        np.zeros(count, np.int64),
        np.zeros(count, np.bool_),
        np.full(count, times.MAX_NS, np.int64),
        np.full(count, times.MIN_NS, np.int64),
    )


def _by_key(batch: pa.RecordBatch) -> Iterator[tuple[CoverageKey, Int64s]]:
    """The moments of a batch's rows, by symbol, type and interval."""
    codes = np.zeros(batch.num_rows, np.int64)
    names: list[list[str | None]] = []
    for name in ("symbol", "type", "interval"):
        if batch.schema.get_field_index(name) < 0:
            names.append([None])
            continue
        own, known = coded(batch, name)
        codes = codes * max(len(known), 1) + own
        names.append(known)
    order = np.argsort(codes, kind="stable")
    ordered, moments = codes[order], row_time(batch)[order]
    for part in np.split(np.arange(len(order)), np.flatnonzero(np.diff(ordered)) + 1):
        rest, interval = divmod(int(ordered[part[0]]), len(names[2]))
        symbol, type_name = divmod(rest, len(names[1]))
        kind = names[1][type_name]
        assert kind is not None
        of = names[2][interval] if kind in WITH_INTERVAL else None
        yield CoverageKey(names[0][symbol], kind, of), moments[part]
