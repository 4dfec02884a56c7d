"""The events of an archive by symbol, type and UTC day: how many, the first and the last."""

from array import array
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core import times
from mdc_core.archive.catalog.paths import span
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.catalog.totals import DayTotals
from mdc_core.archive.coverage.contents import Contents, PartContent
from mdc_core.archive.read.summary import PartGroup
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.batch import Int64s
from mdc_core.errors import DataError
from mdc_core.events import CONTROL_TYPES
from mdc_core.times import DAY

Key = tuple[str | None, str]
Span = tuple[int | None, int | None]

# What tells of the data, and is not itself expected on any day.
ABOUT_DATA = frozenset({"gap", "connection", "integrity", *CONTROL_TYPES})
# What happens when it happens: its absence says nothing, so it is shown by name only.
IRREGULAR = frozenset({"status", "correction", "cancel", "dividend", "split"})
_COLUMNS = ("type", "symbol", "ts_event", "ts_recv")


class Days(NamedTuple):
    """The events of one symbol and type on successive days; times where they are known."""

    rows: Int64s
    first: Int64s  # MAX_NS: not known
    last: Int64s  # MIN_NS: not known


class Holdings:
    """What is held; only of the days between two, where these are given."""

    def __init__(self, first: int | None = None, last: int | None = None) -> None:
        self.undated: Counter[Key] = Counter()  # rows of which the day is not known
        self.problems: list[str] = []
        self._first = times.MIN_NS // DAY if first is None else first
        self._last = times.MAX_NS // DAY if last is None else last
        self._ends: tuple[int, int] | None = None  # first and last day of all
        # For each piece: day, rows, first, last. Objects would take ten times the memory.
        self._pieces: dict[Key, array[int]] = {}

    def read(self, root: Path | str, query: Query, named: frozenset[str]) -> None:
        """Take in an archive; types that come irregularly only if they are named."""
        skipped = ABOUT_DATA | (IRREGULAR - named)

        def take(one: DayTotals) -> None:
            if one.type_name not in skipped:
                group = PartGroup(one.symbol, one.type_name, one.rows, one.first, one.last)
                self._take(span(one.period), group, set())

        contents = Contents(root, query, take)
        for content in contents.parts():
            part = content.part
            if part.problem:
                self.problems.append(part.problem)
            wide: set[Key] = set()
            for group in part.groups:
                if group.type_name not in skipped:
                    self._take(part.period, group, wide)
            if wide:
                self._split(content, wide)
        for batch in contents.unsealed():
            for row in _by_day(batch):
                if row["type"] not in skipped:
                    self._take_row(row)

    def _take(self, period: Span, group: PartGroup, wide: set[Key]) -> None:
        key = group.symbol, group.type_name
        if group.first is None or group.last is None:
            start, stop = period
            if start is None or stop is None or stop - start > DAY:
                self._pieces.setdefault(key, array("q"))
                self.undated[key] += group.rows
            else:  # filed by receive time
                self._add(key, start // DAY, group.rows, times.MAX_NS, times.MIN_NS)
            return
        first, last = group.first // DAY, group.last // DAY
        if first == last:
            self._add(key, first, group.rows, group.first, group.last)
        elif last < self._first or first > self._last:
            self._note(key, first)
            self._note(key, last)
        else:
            wide.add(key)

    def _split(self, content: PartContent, wide: set[Key]) -> None:
        """Read the times of a part of more than one day."""
        try:
            for batch in content.columns(_COLUMNS):
                for row in _by_day(batch):
                    if (row["symbol"], row["type"]) in wide:
                        self._take_row(row)
        except DataError as error:
            self.problems.append(f"{content.name}: {error}")

    def _take_row(self, row: dict[str, Any]) -> None:
        """Take in the events of a batch of one symbol, type and day."""
        key, rows = (row["symbol"], row["type"]), row["count_all"]
        if row["moment_min"] == NO_TIME:
            self._pieces.setdefault(key, array("q"))
            self.undated[key] += rows
        else:
            self._add(key, row["day"], rows, row["moment_min"], row["moment_max"])

    def _note(self, key: Key, day: int) -> "array[int]":
        low, high = self._ends or (day, day)
        self._ends = min(low, day), max(high, day)
        return self._pieces.setdefault(key, array("q"))

    def _add(self, key: Key, day: int, rows: int, first: int, last: int) -> None:
        pieces = self._note(key, day)
        if self._first <= day <= self._last:
            pieces.extend((day, rows, first, last))

    @property
    def keys(self) -> set[Key]:
        """The symbols and types of which anything is held, on whatever day."""
        return set(self._pieces)

    @property
    def ends(self) -> tuple[int, int] | None:
        """The first and the last day on which anything is held."""
        return self._ends

    def days(self, key: Key, first: int, count: int) -> Days:
        """What is held of a symbol and type on so many days."""
        found = Days(
            np.zeros(count, np.int64),
            np.full(count, times.MAX_NS, np.int64),
            np.full(count, times.MIN_NS, np.int64),
        )
        pieces = np.frombuffer(self._pieces.get(key, array("q")), np.int64).reshape(-1, 4)
        day, rows, start, stop = pieces[(pieces[:, 0] >= first) & (pieces[:, 0] < first + count)].T
        np.add.at(found.rows, day - first, rows)
        np.minimum.at(found.first, day - first, start)
        np.maximum.at(found.last, day - first, stop)
        return found


def _by_day(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The number, first and last time of a batch's rows by symbol, type and day."""
    moments = row_time(batch)
    table = pa.table(
        {
            "symbol": batch.column("symbol"),
            "type": pc.cast(batch.column("type"), pa.string()),
            "day": moments // DAY,
            "moment": moments,
        }
    )
    wanted: list[Any] = [("moment", "min"), ("moment", "max"), ([], "count_all")]
    grouped = table.group_by(["symbol", "type", "day"]).aggregate(wanted)
    rows: list[dict[str, Any]] = grouped.to_pylist()
    return rows
