"""Slices of partitions, kept until the partitions are written whole."""

import os
import tempfile
from collections.abc import Callable, Iterator, KeysView, Sequence
from functools import cache, partial
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from mdc_core.archive.merge import MergeSource, merge
from mdc_core.batch import cut, let_go, size_of, unify
from mdc_core.schema import arrow_schema

TABLE_ROWS = 131_072  # of a partition that are in memory at a time
TABLE_BYTES = 24 << 20  # the same where rows are long
PIECE_BYTES = 1 << 20  # of a slice that are read back at a time, for many are merged


class Key(NamedTuple):
    """What a part is of."""

    type_name: str
    symbol: str | None
    period: str


class Slice(NamedTuple):
    """Rows of one partition in time order, from `first` to `last`: in memory, or in the file.

    A slice has neither `type` nor `symbol`, which its key says, nor empty columns.
    """

    rows: int
    first: int
    last: int
    batch: pa.RecordBatch | None
    schema: pa.Schema
    places: tuple[tuple[int, int], ...] = ()  # where its pieces begin, and their bytes


Read = Callable[[Slice], Iterator[pa.RecordBatch]]
Piece = tuple[Slice, Read]


class SortSpill:
    """The slices of all partitions: the last ones in memory, the others in a nameless file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._size = 0
        self._slices: dict[Key, list[Slice]] = {}
        self._held: list[tuple[list[Slice], int]] = []  # where those in memory are

    def add(self, key: Key, slice_: Slice) -> None:
        """Add the next slice of a partition."""
        slices = self._slices.setdefault(key, [])
        self._held.append((slices, len(slices)))
        slices.append(slice_)

    def flush(self) -> None:
        """Move the slices held in memory to the file."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - see close
        for slices, index in self._held:
            batch = slices[index].batch
            assert batch is not None
            places = tuple(self._written(piece) for piece in cut(batch, TABLE_ROWS, PIECE_BYTES))
            slices[index] = slices[index]._replace(batch=None, places=places)
        self._held.clear()

    def _written(self, piece: pa.RecordBatch) -> tuple[int, int]:
        """Write a piece to the file; where it is."""
        assert self._file is not None
        data = piece.serialize()
        self._file.write(data)
        self._size += data.size
        return self._size - data.size, data.size

    def keys(self) -> "KeysView[Key]":
        """The partitions."""
        return self._slices.keys()

    def pieces(self, key: Key) -> list["Piece"]:
        """The slices of a partition, to be read while nothing is added."""
        if self._file is not None:
            self._file.flush()
        return [(slice_, self._read) for slice_ in self._slices.get(key, ())]

    def _read(self, slice_: Slice) -> Iterator[pa.RecordBatch]:
        if slice_.batch is not None:
            yield slice_.batch
            return
        assert self._file is not None
        for start, size in slice_.places:
            data = os.pread(self._file.fileno(), size, start)
            yield pa.ipc.read_record_batch(pa.py_buffer(data), slice_.schema)

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()


class Slices:
    """All rows of one partition, with all columns of their type, in time order."""

    def __init__(self, key: Key, pieces: Sequence[Piece]) -> None:
        self.rows = sum(slice_.rows for slice_, _ in pieces)
        self.begins = min(slice_.first for slice_, _ in pieces)
        self.ends = max(slice_.last for slice_, _ in pieces)
        self.schema = arrow_schema(frozenset([key.type_name]))
        self._key, self._pieces = key, pieces

    def tables(self) -> Iterator[pa.Table]:
        """The rows, so many at a time that memory is bounded; as often as it is asked."""
        spans = [slice_ for slice_, _ in self._pieces]
        apart = all(before.last <= after.first for before, after in pairwise(spans))
        group: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in self.batches() if apart else self._merged():
            group.append(batch)
            rows += batch.num_rows
            size += size_of(batch)
            if rows >= TABLE_ROWS or size >= TABLE_BYTES:
                yield self._whole(group)
                if size >= TABLE_BYTES:
                    let_go()
                group, rows, size = [], 0, 0
        if group:
            yield self._whole(group)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows as they were laid down, slice by slice in the order in which it came.

        Without type and symbol, and with the columns that occur.
        """
        return chain.from_iterable(read(slice_) for slice_, read in self._pieces)

    def _merged(self) -> Iterator[pa.RecordBatch]:
        """The same where slices overlap in time: late events."""
        return merge(
            MergeSource(partial(_batches, slice_, read), slice_.first, slice_.last + 1)
            for slice_, read in self._pieces
        )

    def _whole(self, slices: list[pa.RecordBatch]) -> pa.Table:
        """Slices as one table with all columns of the type."""
        batch = unify(slices, stored_schema(self._key.type_name))
        key = (self._key.type_name, self._key.symbol)
        said = [pa.repeat(pa.scalar(text, pa.string()), batch.num_rows) for text in key]
        return pa.Table.from_arrays([*said, *batch.columns], schema=self.schema)


@cache
def stored_schema(type_name: str) -> pa.Schema:
    """The columns of a slice, all of those that can occur."""
    return pa.schema(list(arrow_schema(frozenset([type_name])))[2:])


def _batches(slice_: Slice, read: Read, rows: int) -> Iterator[pa.RecordBatch]:
    return read(slice_)
