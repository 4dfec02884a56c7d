"""What the `gap` events of an archive say is missing, and what was asked for and is not."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.archive.catalog.query import Query
from mdc_core.archive.catalog.totals import PartSpan
from mdc_core.archive.coverage.contents import Contents
from mdc_core.archive.coverage.sessions import Sessions
from mdc_core.batch import Bools, Int64s, integers, is_type
from mdc_core.concerned import Concerned
from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES
from mdc_core.times import DAY

EMPTY = "empty"  # the reason of a gap that says: asked, and there is nothing


class CoverageGap(NamedTuple):
    """A time in which events are missing, or (`empty`) in which there are none to have."""

    start: int
    end: int
    type_name: str | None  # None: of all types
    empty: bool


class Gaps:
    """The gaps of an archive by symbol."""

    def __init__(self) -> None:
        self.timeless = 0  # gaps that do not say when
        self.problems: list[str] = []
        self._of: dict[str, list[CoverageGap]] = defaultdict(list)
        self._wide: list[tuple[Concerned, CoverageGap]] = []  # of all, or of those of a pattern

    def read(self, root: Path | str, asked: Query) -> None:
        """Take in the gaps of the symbols that are chosen, whenever they were noticed."""
        with Contents(root, Query(types=("gap",)), _GapParts(asked)) as contents:
            for content in contents.parts():
                try:
                    for batch in content.batches():
                        self._take(batch, asked)
                except DataError as error:
                    self.problems.append(f"{content.name}: {error}")
            self.problems += contents.problems
            for batch in contents.unsealed():
                self._take(batch, asked)

    def _take(self, batch: pa.RecordBatch, asked: Query) -> None:
        for concerned, gap in _rows(batch.filter(pa.array(is_type(batch, "gap")))):
            if gap is None:
                self.timeless += 1
                continue
            if concerned.are_all or concerned.patterns:
                self._wide.append((concerned, gap))
                continue
            for name in filter(asked.wants, concerned.names):
                self._of[name].append(gap)

    def missing(self, symbol: str | None, type_name: str, sessions: Sessions) -> Bools:
        """The days in whose session a gap lies, and not only in its break."""
        marks = np.zeros(len(sessions.open) + 1, np.int64)
        gaps = self._about(symbol, type_name, empty=False)
        if gaps:
            starts, ends = np.array(gaps).T
            starts, ends = _without(sessions.breaks, starts, np.maximum(ends, starts + 1))
            np.add.at(marks, np.searchsorted(sessions.closes, starts, "right"), 1)
            np.add.at(marks, np.searchsorted(sessions.opens, ends, "left"), -1)
        return np.cumsum(marks[:-1]) > 0

    def lost(self, symbol: str | None, type_name: str) -> list[tuple[int, int]]:
        """When something is missing, in order; gaps that touch are one."""
        return _joined(
            [span for span in self._about(symbol, type_name, empty=False) if span[0] < span[1]]
        )

    def confirmed(self, symbol: str | None, type_name: str, sessions: Sessions) -> Bools:
        """The days of whose session it is known that there was nothing."""
        known = np.zeros(len(sessions.open), np.bool_)
        spans = self._about(symbol, type_name, empty=True)
        if spans:
            spans += zip(*(ends.tolist() for ends in sessions.breaks), strict=True)
        for start, end in _joined(spans):
            first = np.searchsorted(sessions.opens, start, "left")
            stop = np.searchsorted(sessions.closes, end, "right")
            known[first:stop] = True
        return known

    def _about(self, symbol: str | None, type_name: str, *, empty: bool) -> list[tuple[int, int]]:
        own = self._of.get(symbol, []) if symbol is not None else []
        wide = (gap for concerned, gap in self._wide if concerned.has(symbol))
        return [
            (gap.start, gap.end)
            for gap in (*own, *wide)
            if gap.empty == empty and gap.type_name in (None, type_name)
        ]


class _GapParts:
    """The choice of the parts with gaps of some symbols, or of none that is named."""

    def __init__(self, asked: Query) -> None:
        self._asked = asked
        self._numbers: set[int] = set()

    def span(self, span: PartSpan) -> None:
        """Take in what a part holds of a symbol."""
        if span.symbol is None or self._asked.wants(span.symbol):
            self._numbers.add(span.number)

    def chosen(self) -> list[int]:
        """The parts to read."""
        return sorted(self._numbers)


def _without(breaks: tuple[Int64s, Int64s], starts: Int64s, ends: Int64s) -> tuple[Int64s, Int64s]:
    """Gaps without what of them lies in breaks at their ends; those of which nothing is left go."""
    since, until = breaks
    if len(since):
        at = np.searchsorted(since, starts, "right") - 1
        starts = np.where(at < 0, starts, np.maximum(starts, until[at]))
        at = np.searchsorted(until, ends, "left")
        ends = np.where(at == len(since), ends, np.minimum(ends, since[at % len(since)]))
    left = starts < ends
    return starts[left], ends[left]


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Concerned, CoverageGap | None]]:
    """The symbols, and the gap itself, of each row."""

    def column(name: str) -> list[Any]:
        index = batch.schema.get_field_index(name)
        return batch.column(index).to_pylist() if index >= 0 else [None] * batch.num_rows

    def moments(name: str) -> list[int | None]:
        values, known = integers(batch, name)
        return np.where(known, values.astype(object), None).tolist()  # type: ignore[call-overload, no-any-return]

    times = zip(*map(moments, ("start", "end", "ts_event", "ts_recv")), strict=True)
    words = zip(*map(column, ("symbol", "extra", "channel", "reason", "count")), strict=True)
    for (start, end, event, received), (symbol, extra, channel, reason, count) in zip(
        times, words, strict=True
    ):
        said = event if event is not None else received
        span = _span(start, end, said)
        # A history provider names what it was asked for as the channel.
        about = channel if channel in EVENT_TYPES else None
        empty = reason == EMPTY and count == 0
        yield Concerned.of(symbol, extra), span and CoverageGap(*span, about, empty)


def _span(start: int | None, end: int | None, said: int | None) -> tuple[int, int] | None:
    """From when to when a gap is; with no end to the end of its day, with neither that day."""
    if start is None and end is None:
        return None if said is None else (said - said % DAY, said - said % DAY + DAY)
    if start is None:
        assert end is not None
        return (said if said is not None and said < end else end), end
    return start, (start - start % DAY + DAY if end is None else end)


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
