"""Sorting: batches into partitions, in time order, with bounded memory.

Batches are collected, sorted by partition when there are enough, and laid down in one
nameless file as slices. A journal holds the same events as long as they are only here.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from mdc_core import times
from mdc_core.archive.catalog.layout import Partition, period_of
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.archive.write.sealing.spill import Key, Sheet, Slice, Slices, SortSpill
from mdc_core.batch import Int64s, by_columns, coded, int64_array, size_of, unify
from mdc_core.events import CONTROL_TYPES
from mdc_core.schema import arrow_schema

COLLECT_BYTES = 16 << 20
BATCH_BYTES = 4_096  # what a batch takes however few rows it has
# Batches of few rows are put together as they come: thousands at once are half a second in which
# nothing is taken.
_FEW, _TOGETHER = 64, 32
_PERIODS = {"hourly": times.HOUR, "daily": times.DAY}


class Sorter:
    """Events on their way into partitions; control events are left out."""

    def __init__(self, folder: Path, partition: Partition) -> None:
        self.rows = 0
        self._partition: Partition = partition
        self._collected: list[pa.RecordBatch] = []
        self._bytes = self._small = 0  # small: how many of the last are of few rows
        self._spill = SortSpill(folder)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take a batch."""
        self._collected.append(batch)
        self._bytes += size_of(batch) + BATCH_BYTES
        self.rows += batch.num_rows
        self._small = self._small + 1 if batch.num_rows < _FEW else 0
        if self._small == _TOGETHER:
            self._put_together()
        if self._bytes >= COLLECT_BYTES:
            self._lay_down()
            self._spill.flush()

    @property
    def count(self) -> int:
        """How many partitions there are, of what is laid down."""
        return len(self._spill.keys())

    def partitions(self) -> Iterator[tuple[Key, Slices]]:
        """Each partition, to be read while nothing is added."""
        return ((key, Slices(key, pieces)) for key, pieces, _ in partitions([self]))

    def sorted(self) -> SortSpill:
        """The partitions of everything that was added."""
        self._lay_down()
        return self._spill

    def close(self) -> None:
        """Give the file back."""
        self._spill.close()

    def _put_together(self) -> None:
        """The last batches as one, their rows in the order in which they came."""
        last, self._small = self._collected[-_TOGETHER:], 0
        whole = unify(last)
        self._collected[-_TOGETHER:] = [whole]
        self._bytes += size_of(whole) + BATCH_BYTES - sum(size_of(b) + BATCH_BYTES for b in last)

    def _lay_down(self) -> None:
        """Sort what is collected into its partitions, and spill the slices."""
        batches, self._collected, self._bytes, self._small = self._collected, [], 0, 0
        for type_name, batch in _by_type(batches):
            codes, symbols = _sorted_codes(batch)
            moments = row_time(batch)
            keys, periods = self._keys(codes, moments)
            order = _order(keys, moments)
            # The key has the type and the symbol; an empty column needs no room.
            names = [
                name
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
                if name not in ("type", "symbol") and column.null_count < batch.num_rows
            ]
            ordered = batch.select(names).take(int64_array(order))
            self._slices(type_name, ordered, keys[order], moments[order], symbols, periods)

    def _slices(
        self,
        type_name: str,
        batch: pa.RecordBatch,
        keys: Int64s,
        moments: Int64s,
        symbols: list[str | None],
        periods: list[str],
    ) -> None:
        """Spill the rows of each partition, which stand together."""
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        stops = np.r_[starts[1:], len(keys)]
        sheet = Sheet(
            batch,
            [*starts.tolist(), len(keys)],
            moments[starts].tolist(),
            moments[stops - 1].tolist(),
        )
        count = len(periods)
        found = keys[starts].tolist()
        self._spill.add(
            sheet, (Key(type_name, symbols[key // count], periods[key % count]) for key in found)
        )

    def _keys(self, codes: Int64s, moments: Int64s) -> tuple[Int64s, list[str]]:
        """A number for the partition of each row, and the periods that it counts by."""
        periods, period_codes = self._periods(moments)
        return codes * len(periods) + period_codes, periods

    def _periods(self, moments: Int64s) -> tuple[list[str], Int64s]:
        """The periods that occur, and the index of each row's."""
        if self._partition == "none":
            return [period_of(None, "none")], np.zeros(len(moments), np.int64)
        length = _PERIODS.get(self._partition, times.DAY)
        first, last = int(moments.min()) // length, int(moments.max()) // length
        if first == last and self._partition != "monthly":
            return [self._period(first, length)], np.zeros(len(moments), np.int64)
        numbers, codes = np.unique(moments // length, return_inverse=True)
        names = [self._period(int(number), length) for number in numbers]
        if self._partition != "monthly":
            return names, codes
        months = sorted(set(names))
        return months, np.array([months.index(name) for name in names])[codes]

    def _period(self, number: int, length: int) -> str:
        unknown = number == NO_TIME // length
        return period_of(None if unknown else number * length, self._partition)


def partitions(sorters: Sequence[Sorter]) -> Iterator[tuple[Key, list[Slice], list[int]]]:
    """Each partition of several sorters, its slices, and the places of those that have some."""
    spills = [sorter.sorted() for sorter in sorters]
    for key in dict.fromkeys(chain.from_iterable(spill.keys() for spill in spills)):
        found = [spill.pieces(key) for spill in spills]
        places = [place for place, pieces in enumerate(found) if pieces]
        yield key, [piece for pieces in found for piece in pieces], places


def _sorted_codes(batch: pa.RecordBatch) -> tuple[Int64s, list[str | None]]:
    """The symbols as numbers in their order, so that slices lie alike in each sheet."""
    codes, found = coded(batch, "symbol")
    order = sorted(range(len(found)), key=lambda code: (found[code] is not None, found[code] or ""))
    places = np.empty(len(found), np.int64)
    places[order] = np.arange(len(found))
    return places[codes], [found[code] for code in order]


def _order(keys: Int64s, moments: Int64s) -> Int64s:
    """Rows by partition, within it by time, equal times as they came."""
    # A stable sort of 16-bit keys is a radix sort: linear.
    order = np.argsort(keys.astype(np.uint16) if keys.max() < 65_536 else keys, kind="stable")
    moments_by_key, by_key = moments[order], keys[order]
    backwards = (moments_by_key[1:] < moments_by_key[:-1]) & (by_key[1:] == by_key[:-1])
    return np.lexsort((moments, keys)) if backwards.any() else order


def _by_type(batches: list[pa.RecordBatch]) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of each event type that is stored, with its columns, as they came."""
    found: dict[str, list[tuple[pa.RecordBatch, Int64s]]] = {}
    for batch, places in by_columns(batches):
        kinds, names = coded(batch, "type")
        for kind, name in enumerate(names):
            if name is not None and name not in CONTROL_TYPES:
                own = np.flatnonzero(kinds == kind)
                occurring = [
                    n for n in arrow_schema(frozenset([name])).names if n in batch.schema.names
                ]
                rows = batch.select(occurring)
                rows = rows if len(own) == len(kinds) else rows.take(int64_array(own))
                found.setdefault(name, []).append((rows, places[own]))
    for name, pieces in found.items():
        whole = unify([rows for rows, _ in pieces], arrow_schema(frozenset([name])))
        places = np.concatenate([places for _, places in pieces])
        came = len(pieces) == 1 or bool((places[1:] > places[:-1]).all())
        yield name, whole if came else whole.take(int64_array(np.argsort(places)))
