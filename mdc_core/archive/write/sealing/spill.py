"""Slices of partitions, kept until the partitions are written whole."""

import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, KeysView, Sequence
from functools import cache, partial
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.archive.merge import MergeSource, in_place, merge, stored
from mdc_core.archive.ties import Rank
from mdc_core.batch import concatenated, cut, in_groups, int64_array, unify
from mdc_core.disk import read_at
from mdc_core.schema import arrow_schema

TABLE_ROWS = 131_072  # of a partition that are in memory at a time
TABLE_BYTES = 24 << 20  # the same where rows are long
PIECE_BYTES = 1 << 20  # of a slice that are read back at a time, for many are merged
MESSAGE_ROWS = 512  # of small slices that are read back together
KEPT_BYTES = 128 << 10  # of a message that is kept for the next slice


class Key(NamedTuple):
    """What a part is of."""

    type_name: str
    symbol: str | None
    period: str


class Sheet:
    """Rows that were laid down at once, partition by partition: in memory, or in the file.

    They have neither `type` nor `symbol`, which their keys say, nor empty columns.
    """

    def __init__(
        self, batch: pa.RecordBatch, starts: list[int], firsts: list[int], lasts: list[int]
    ) -> None:
        """`starts` are the first rows of the slices, and the end."""
        self.starts, self.firsts, self.lasts = starts, firsts, lasts
        self._batch: pa.RecordBatch | None = batch
        self._schema = batch.schema
        self._file: BinaryIO | None = None
        self._cuts: list[int] = []  # the first rows of the messages in the file
        self._places: list[tuple[int, int]] = []
        # The last message that was read: small slices lie side by side.
        self._read: tuple[int, pa.RecordBatch] | None = None

    def spill(self, file: BinaryIO, at: int) -> int:
        """Write it to the end of a file, which is at `at`; returns where that is then."""
        assert self._batch is not None
        whole = [0]  # small slices are put together, so that a message is worth it
        for start in self.starts[:-1]:
            if start - whole[-1] >= MESSAGE_ROWS:
                whole.append(start)
        for start, stop in pairwise([*whole, self.starts[-1]]):
            for piece in cut(self._batch.slice(start, stop - start), TABLE_ROWS, PIECE_BYTES):
                data = piece.serialize()
                file.write(data)
                self._cuts.append(start)
                self._places.append((at, data.size))
                start += piece.num_rows
                at += data.size
        self._batch, self._file = None, file
        return at

    def batches(self, slice_: int) -> Iterator[pa.RecordBatch]:
        """The rows of a slice."""
        start, stop = self.starts[slice_], self.starts[slice_ + 1]
        if self._batch is not None:
            yield self._batch.slice(start, stop - start)
            return
        message = bisect_right(self._cuts, start) - 1
        while start < stop:
            rows = self._message(message)
            piece = rows.slice(start - self._cuts[message], stop - start)
            yield piece
            start += piece.num_rows
            message += 1

    def whole(self) -> pa.RecordBatch:
        """All its rows."""
        if self._batch is not None:
            return self._batch
        return concatenated([self._message(number) for number in range(len(self._cuts))])

    def _message(self, number: int) -> pa.RecordBatch:
        if self._read is not None and self._read[0] == number:
            return self._read[1]
        assert self._file is not None
        at, size = self._places[number]
        data = read_at(self._file.fileno(), size, at)
        rows = pa.ipc.read_record_batch(pa.py_buffer(data), self._schema)
        if size <= KEPT_BYTES:
            self._read = number, rows
        return rows


class Slice(NamedTuple):
    """Rows of one partition in time order."""

    sheet: Sheet
    number: int

    @property
    def size(self) -> int:
        """How many rows."""
        return self.sheet.starts[self.number + 1] - self.sheet.starts[self.number]

    @property
    def first(self) -> int:
        """The moment of the first row."""
        return self.sheet.firsts[self.number]

    @property
    def last(self) -> int:
        """The moment of the last row."""
        return self.sheet.lasts[self.number]

    def batches(self, rows: int = 0) -> Iterator[pa.RecordBatch]:
        """The rows themselves."""
        return self.sheet.batches(self.number)


class SortSpill:
    """The slices of all partitions: the last ones in memory, the others in a nameless file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._size = 0
        self._slices: dict[Key, list[Slice]] = {}
        self._held: list[Sheet] = []  # those in memory

    def add(self, sheet: Sheet, keys: Iterable[Key]) -> None:
        """Add the next rows; the keys are those of its slices."""
        self._held.append(sheet)
        for number, key in enumerate(keys):
            self._slices.setdefault(key, []).append(Slice(sheet, number))

    def flush(self) -> None:
        """Move what is held in memory to the file."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - see close
        for sheet in self._held:
            self._size = sheet.spill(self._file, self._size)
        self._held.clear()
        self._file.flush()

    def keys(self) -> "KeysView[Key]":
        """The partitions."""
        return self._slices.keys()

    def pieces(self, key: Key) -> list[Slice]:
        """The slices of a partition, to be read while nothing is added."""
        return self._slices.get(key, [])

    def close(self) -> None:
        """Give the file back, and the memory."""
        self._slices.clear()
        self._held.clear()
        if self._file is not None:
            self._file.close()


class Slices:
    """All rows of one partition, with all columns of their type, in time order."""

    def __init__(self, key: Key, pieces: Sequence[Slice]) -> None:
        self.rows = sum(piece.size for piece in pieces)
        self.begins = min(piece.first for piece in pieces)
        self.ends = max(piece.last for piece in pieces)
        self.schema = arrow_schema(frozenset([key.type_name]))
        self.pieces = pieces
        self._key = key

    def tables(self) -> Iterator[pa.Table]:
        """The rows, so many at a time that memory is bounded; as often as it is asked."""
        apart = all(before.last <= after.first for before, after in pairwise(self.pieces))
        rows = self.batches() if apart else self._merged()
        for group in in_groups(rows, TABLE_ROWS, TABLE_BYTES):
            yield self._whole(group)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows as they were laid down, slice by slice in the order in which it came.

        Without type and symbol, and with the columns that occur.
        """
        return chain.from_iterable(piece.batches() for piece in self.pieces)

    def _merged(self) -> Iterator[pa.RecordBatch]:
        """The rows of slices that overlap in time, merged: late events."""
        return merge(
            MergeSource(piece.batches, piece.first, piece.last + 1) for piece in self.pieces
        )

    def _whole(self, slices: list[pa.RecordBatch]) -> pa.Table:
        """Slices as one table with all columns of the type."""
        batch = unify(slices, stored_schema(self._key.type_name))
        key = (self._key.type_name, self._key.symbol)
        said = [pa.repeat(pa.scalar(text, pa.string()), batch.num_rows) for text in key]
        return pa.Table.from_arrays([*said, *batch.columns], schema=self.schema)


class SharedSlices:
    """The rows of several partitions of one type, in the order of time and of a rank."""

    def __init__(self, partitions: Sequence[tuple[Key, Slices]], rank: Rank) -> None:
        ((self._type, *_), _), *_ = partitions
        self.rows = sum(rows.rows for _, rows in partitions)
        self.schema = arrow_schema(frozenset([self._type]))
        self._rank = rank
        # Of each sheet the slices that are meant, and their symbols.
        self._sheets: dict[Sheet, dict[int, str | None]] = {}
        for key, rows in partitions:
            for sheet, number in rows.pieces:
                self._sheets.setdefault(sheet, {})[number] = key.symbol

    def tables(self) -> Iterator[pa.Table]:
        """The rows, so many at a time that memory is bounded; as often as it is asked."""
        rows = merge(self._sources(), self._rank)
        for group in in_groups(rows, TABLE_ROWS, TABLE_BYTES):
            yield pa.Table.from_batches([unify(group, self.schema)])

    def _sources(self) -> Iterator[MergeSource]:
        spans = [
            (min(sheet.firsts[n] for n in chosen), max(sheet.lasts[n] for n in chosen))
            for sheet, chosen in self._sheets.items()
        ]
        apart = all(before[1] < after[0] for before, after in pairwise(spans))
        for (first, last), (sheet, chosen) in zip(spans, self._sheets.items(), strict=True):
            rows = partial(self._of_sheet, sheet, chosen)
            yield MergeSource(rows, first, last + 1) if apart else stored(rows())

    def _of_sheet(
        self, sheet: Sheet, chosen: dict[int, str | None], rows: int = 0
    ) -> Iterator[pa.RecordBatch]:
        """The rows of one sheet, in order."""
        batch, lengths = sheet.whole(), np.diff(sheet.starts)
        symbols = [chosen.get(number) for number in range(len(lengths))]
        owners = np.repeat(np.arange(len(lengths)), lengths)
        columns = [
            pa.repeat(pa.scalar(self._type, pa.string()), batch.num_rows),
            pa.array(symbols, pa.string()).take(int64_array(owners)),
            *batch.columns,
        ]
        whole = pa.RecordBatch.from_arrays(columns, names=["type", "symbol", *batch.schema.names])
        if len(chosen) < len(lengths):
            wanted = np.isin(np.arange(len(lengths)), list(chosen))
            whole = whole.filter(pa.array(wanted[owners]))
        yield in_place(whole, self._rank)


@cache
def stored_schema(type_name: str) -> pa.Schema:
    """The columns of a slice, all of those that can occur."""
    return pa.schema(list(arrow_schema(frozenset([type_name])))[2:])
