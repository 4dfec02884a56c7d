"""What is known of rows when they have passed: how many, from when to when, in which order."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.archive.catalog.layout import encode_symbol
from mdc_core.archive.catalog.part_row import IntervalShare, SymbolShare
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.batch import int64_array, integers
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import field_names

# The types of which an archive may hold the same time of a symbol several times over.
WITH_INTERVAL = frozenset(name for name in EVENT_TYPES if "interval" in field_names(name))


class Ranges:
    """Rows, first and last moments, event times and sequence numbers of what was added.

    The moment of a row is its event time, else its receive time; see `moments.py`.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.untimed = 0  # rows without event time
        self.in_order = True
        self._moments: list[int] = []
        self._ends: dict[str, list[int]] = {"ts_event": [], "seq": []}
        self.restart()

    def restart(self) -> None:
        """What follows has an order of its own: a frame that was appended."""
        self._last = NO_TIME
        self._fresh = len(self._moments)

    @property
    def since(self) -> tuple[int, int] | None:
        """The first and the last moment since then."""
        moments = self._moments[self._fresh :]
        return (min(moments), max(moments)) if moments else None

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows, in whatever order."""
        if not batch.num_rows:
            return
        moments = row_time(batch)
        self._moments += [int(moments.min()), int(moments.max())]
        self.in_order &= bool(moments[0] >= self._last and (moments[1:] >= moments[:-1]).all())
        self._last = int(moments[-1])
        for name, ends in self._ends.items():
            values, known = integers(batch, name)
            if known.any():
                ends += [int(values[known].min()), int(values[known].max())]
        self.untimed += int(np.count_nonzero(~integers(batch, "ts_event")[1]))
        self.rows += batch.num_rows

    def add_sorted(self, table: pa.Table) -> None:
        """Take the next rows, which are known to be in order: far quicker."""
        untimed = table.column("ts_event").null_count
        if untimed:
            for batch in table.to_batches():
                self.add(batch)
            return
        for name, ends in self._ends.items():
            ends += _extremes(table.column(name))
        self._moments += self._ends["ts_event"][-2:]
        self.rows += table.num_rows

    def facts(self) -> dict[str, Any]:
        """The ranges as fields of a PartRow; there must have been rows."""
        times, numbers = self._ends["ts_event"], self._ends["seq"]
        return {
            "rows": self.rows,
            "untimed": self.untimed,
            "in_order": self.in_order,
            "begins": min(self._moments),
            "ends": max(self._moments),
            "first": min(times, default=None),
            "last": max(times, default=None),
            "first_seq": min(numbers, default=None),
            "last_seq": max(numbers, default=None),
        }


def _extremes(column: "pa.ChunkedArray[Any]") -> list[int]:
    """The least and the greatest value of a column of times or whole numbers, if it has any."""
    if column.null_count == len(column):
        return []
    found: Any = pc.min_max(column)
    return [value.cast(pa.int64()).as_py() for value in found.values()]


class ShareRanges:
    """The ranges of the rows of several symbols, for each of them."""

    def __init__(self) -> None:
        self._of: dict[str | None, SymbolShare] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        event, known = integers(batch, "ts_event")
        columns = {
            "symbol": batch.column(batch.schema.get_field_index("symbol")),
            "moment": int64_array(row_time(batch)),
            "event": pa.array(event, mask=~known),
        }
        wanted: list[Any] = [(n, f) for n in ("moment", "event") for f in ("count", "min", "max")]
        found = pa.table(columns).group_by("symbol").aggregate(wanted)
        names = ["symbol", *(f"{name}_{function}" for name, function in wanted)]
        for symbol, rows, begins, ends, timed, first, last in zip(
            *(found.column(name).to_pylist() for name in names), strict=True
        ):
            new = SymbolShare(symbol, rows, begins, ends, first, last, rows - timed)
            self._of[symbol] = _joined(self._of[symbol], new) if symbol in self._of else new

    def shares(self) -> tuple[SymbolShare, ...]:
        """What was found, in the order of the names in paths."""
        return tuple(sorted(self._of.values(), key=lambda share: encode_symbol(share.symbol)))


def _joined(one: SymbolShare, other: SymbolShare) -> SymbolShare:
    firsts = [share.first for share in (one, other) if share.first is not None]
    lasts = [share.last for share in (one, other) if share.last is not None]
    return SymbolShare(
        one.symbol,
        one.rows + other.rows,
        min(one.begins, other.begins),
        max(one.ends, other.ends),
        min(firsts, default=None),
        max(lasts, default=None),
        one.untimed + other.untimed,
    )


class IntervalRanges:
    """Rows, first and last moments of each symbol and interval of a type that has intervals."""

    def __init__(self) -> None:
        self._of: dict[tuple[str | None, str | None], IntervalShare] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        if not batch.num_rows or batch.column(0)[0].as_py() not in WITH_INTERVAL:
            return
        columns: dict[str, Any] = {"moment": int64_array(row_time(batch))}
        for name in ("symbol", "interval"):
            at = batch.schema.get_field_index(name)
            text = pa.nulls(batch.num_rows) if at < 0 else batch.column(at)
            columns[name] = pc.cast(text, pa.string())
        table = pa.table(columns)
        wanted: list[Any] = [("moment", name) for name in ("count", "min", "max")]
        found = table.group_by(["symbol", "interval"]).aggregate(wanted)
        names = ["symbol", "interval", "moment_count", "moment_min", "moment_max"]
        for values in zip(*(found.column(name).to_pylist() for name in names), strict=True):
            self.take(IntervalShare(*values))

    def take(self, share: IntervalShare) -> None:
        """Take what is known of other rows."""
        key = share.symbol, share.interval
        known = self._of.get(key)
        if known is not None:
            begins, ends = min(known.begins, share.begins), max(known.ends, share.ends)
            share = IntervalShare(*key, known.rows + share.rows, begins, ends)
        self._of[key] = share

    def shares(self) -> tuple[IntervalShare, ...]:
        """What was found, in the order of symbols and intervals."""
        return tuple(self._of[key] for key in sorted(self._of, key=lambda k: [w or "" for w in k]))


def joined_intervals(
    one: tuple[IntervalShare, ...], other: tuple[IntervalShare, ...]
) -> tuple[IntervalShare, ...]:
    """What two files have together; nothing where that of one is not known."""
    ranges = IntervalRanges()
    for share in (*one, *other) if one and other else ():
        ranges.take(share)
    return ranges.shares()
