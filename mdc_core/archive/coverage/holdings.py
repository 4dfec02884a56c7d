"""The events of an archive by symbol, type, bar interval and date.

What the catalog knows of a part, its first and last moment, mostly tells of which date it is,
and whether a session begins and ends in it. Where it does not, the part is read.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core import times
from mdc_core.archive.catalog.part_stats import WITH_INTERVAL
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.catalog.totals import PartSpan
from mdc_core.archive.coverage.contents import Contents, PartContent
from mdc_core.archive.coverage.sessions import Calendars
from mdc_core.archive.coverage.views import (
    ABOUT_DATA,
    IRREGULAR,
    CoverageKey,
    SessionView,
    SessionViews,
)
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.batch import Bools, Int64s, coded
from mdc_core.errors import DataError

Wanted = set[CoverageKey | tuple[str | None, str]]


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
        self._views = SessionViews(calendars, tolerance, first, last)
        self._skipped = ABOUT_DATA | (IRREGULAR - named)
        self._ends: tuple[int, int] | None = None  # first and last date of all
        # Of each part: number, rows, first and last moment; and of each piece: date, rows,
        # first and last that count. Objects would take ten times the memory.
        self._spans: dict[CoverageKey, array[int]] = {}
        self._pieces: dict[CoverageKey, array[int]] = {}
        # What to read of parts; of a symbol and type alone: all intervals.
        self._wanted: defaultdict[int, Wanted] = defaultdict(set)

    def read(self, root: Path | str, query: Query) -> None:
        """Take in an archive."""
        with Contents(root, query, self) as contents:
            for content in contents.parts():
                self._read(content)
            self.problems += contents.problems
            for batch in contents.unsealed():
                self._take(batch, None)

    def span(self, span: PartSpan) -> None:
        """Take in what a part holds of a symbol."""
        if span.type_name in self._skipped:
            return
        key = CoverageKey(span.symbol, span.type_name, span.interval)
        if not span.told:
            self._wanted[span.number].add(key[:2])
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
        few = split & (rows <= 2)  # which are the first and the last
        for moments in (begins[few], ends[few & (rows == 2)]):
            if len(moments):
                self._take_moments(key, moments)
        split &= ~few
        whole = asked & ~split & ~few
        if view.judged:
            open_ = view.windows.unanswered(begins[whole], ends[whole], at[whole])
            split[np.flatnonzero(whole)[open_ & (rows[whole] > 2)]] = True
            whole &= ~split
        self._add(key, view, at[whole], rows[whole], begins[whole], ends[whole])
        return [*unsettled, *number[split].tolist()]

    def _read(self, content: PartContent) -> None:
        """Read the times of a part."""
        wanted, row = self._wanted[content.number], content.row
        names = ["ts_event"] if row is not None and not row.untimed else ["ts_event", "ts_recv"]
        names += () if content.own else ("type", "symbol")
        names += ["interval"] if any(key[1] in WITH_INTERVAL for key in wanted) else []
        try:
            for batch in content.columns(names):
                self._take(batch, wanted, content.own)
        except DataError as error:
            self.problems.append(f"{content.name}: {error}")

    def _take(
        self,
        batch: pa.RecordBatch,
        wanted: Wanted | None,
        own: tuple[str | None, str] | None = None,
    ) -> None:
        """Take in the events of a batch (None: of all symbols and types), or all of one."""
        for key, moments in _by_key(batch, own):
            if key.type_name in self._skipped:
                continue
            if wanted is not None and key not in wanted and key[:2] not in wanted:
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
        ends = np.array([moments.min(), moments.max()])
        view = self._views.of(key, int(ends[0]), int(ends[1]))
        self._note(view, ends[:1], ends[1:])
        at, until = view.hours.index_of(ends[:1]), view.until(ends[1:])
        if at == until:  # as of most parts and batches
            if view.asked(at, at).all():
                counting = moments[view.windows.inside(moments, at)]
                rows, known = np.array([len(moments)]), counting if len(counting) else moments
                span = known.min(keepdims=True), known.max(keepdims=True)
                self._add(key, view, at, rows, *span)
            return
        at, until = view.hours.index_of(moments), view.until(moments)
        asked = view.asked(at, at)
        ones = np.ones(len(moments), np.int64)
        self._add(key, view, at[asked], ones[asked], moments[asked], moments[asked])
        # A bar that goes on after the next session has begun tells of that as well.
        late = np.flatnonzero((at != until) & view.asked(until, until))
        late = late[view.windows.inside(moments[late], until[late])]
        self._add(key, view, until[late], 0 * ones[late], moments[late], moments[late])

    def _note(self, view: SessionView, begins: Int64s, ends: Int64s) -> None:
        low, high = int(view.dates(begins).min()), int(view.dates(ends).max())
        if self._ends is not None:
            low, high = min(low, self._ends[0]), max(high, self._ends[1])
        self._ends = low, high

    def _add(
        self,
        key: CoverageKey,
        view: SessionView,
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


def _empty(count: int) -> Days:
    return Days(
        np.zeros(count, np.int64),
        np.zeros(count, np.bool_),
        np.full(count, times.MAX_NS, np.int64),
        np.full(count, times.MIN_NS, np.int64),
    )


def _by_key(
    batch: pa.RecordBatch, own: tuple[str | None, str] | None
) -> Iterator[tuple[CoverageKey, Int64s]]:
    """The moments of a batch's rows, by symbol, type and interval."""
    codes = np.zeros(batch.num_rows, np.int64)
    names: list[list[str | None]] = [] if own is None else [[own[0]], [own[1]]]
    for name in ("symbol", "type", "interval")[len(names) :]:
        if batch.schema.get_field_index(name) < 0:
            names.append([None])
            continue
        numbers, known = coded(batch, name)
        codes = codes * max(len(known), 1) + numbers
        names.append(known)
    moments = row_time(batch)
    ends = [0, len(codes)]
    if len(codes) and codes.min() != codes.max():
        order = np.argsort(codes, kind="stable")
        codes, moments = codes[order], moments[order]
        ends = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for first, stop in pairwise(ends):
        if first < stop:
            rest, interval = divmod(int(codes[first]), len(names[2]))
            symbol, type_name = divmod(rest, len(names[1]))
            kind = names[1][type_name]
            assert kind is not None
            of = names[2][interval] if kind in WITH_INTERVAL else None
            yield CoverageKey(names[0][symbol], kind, of), moments[first:stop]
