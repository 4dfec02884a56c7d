"""Slices of partitions, kept until the partitions are written whole."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core import times
from mdc_core.batch import Int64s, integers
from mdc_core.schema import arrow_schema

# The moment of a row that has no time: before all others.
UNKNOWN = times.MIN_NS


class Key(NamedTuple):
    """What a part is of."""

    type_name: str
    symbol: str | None
    period: str


class Place(NamedTuple):
    """Where in the file a slice is, and the columns that it has."""

    start: int
    size: int
    schema: pa.Schema


class Spill:
    """Slices of partitions: the last ones in memory, those before in one nameless file.

    A slice has neither `type` nor `symbol`, which its key says, nor empty columns.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file: BinaryIO | None = None
        self._size = 0
        self._places: dict[Key, list[Place]] = {}
        self._held: dict[Key, list[pa.RecordBatch]] = {}

    def add(self, key: Key, batch: pa.RecordBatch) -> None:
        """Add the next slice of a partition."""
        self._held.setdefault(key, []).append(batch)

    def flush(self) -> None:
        """Write the slices held in memory to the file."""
        if self._file is None:
            self._root.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._root)  # noqa: SIM115 - see close
        for key, batches in self._held.items():
            for batch in batches:
                data = batch.serialize()
                self._file.write(data)
                place = Place(self._size, data.size, batch.schema)
                self._places.setdefault(key, []).append(place)
                self._size += data.size
        self._held.clear()

    def partitions(self) -> Iterator[tuple[Key, pa.Table]]:
        """Each partition as one table in time order, with all columns of its type."""
        if self._file is not None:
            self._file.flush()
        for key in {**self._places, **self._held}:
            pieces = [self._read(place) for place in self._places.get(key, ())]
            pieces += self._held.get(key, ())
            yield key, _in_time_order(_whole(key, pieces))

    def _read(self, place: Place) -> pa.RecordBatch:
        assert self._file is not None
        data = os.pread(self._file.fileno(), place.size, place.start)
        return pa.ipc.read_record_batch(pa.py_buffer(data), place.schema)

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._places.clear()
        self._size = 0
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()


def _whole(key: Key, slices: list[pa.RecordBatch]) -> pa.Table:
    """The slices of a partition as one table with all columns of its type."""
    schema = arrow_schema(frozenset([key.type_name]))
    rows = sum(piece.num_rows for piece in slices)
    given = [frozenset(piece.schema.names) for piece in slices]
    columns: list[Any] = []
    for field in schema:
        if field.name in ("type", "symbol"):
            text = key.type_name if field.name == "type" else key.symbol
            columns.append(pa.repeat(pa.scalar(text, pa.string()), rows))
            continue
        pieces = [
            piece.column(field.name) if field.name in names
            else pa.nulls(piece.num_rows, field.type)
            for piece, names in zip(slices, given, strict=True)
        ]  # fmt: skip
        # In pieces: a partition may be large, and is written a row group at a time.
        columns.append(pa.chunked_array(pieces, field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _in_time_order(table: pa.Table) -> pa.Table:
    moments = np.concatenate([moment_of(batch) for batch in table.to_batches()])
    if (moments[1:] >= moments[:-1]).all():
        return table
    return table.take(np.argsort(moments, kind="stable"))


def moment_of(batch: pa.RecordBatch) -> Int64s:
    """The time a row is filed under: event time, else receive time, else UNKNOWN."""
    event, known = integers(batch, "ts_event")
    if known.all():
        return event
    received, received_known = integers(batch, "ts_recv")
    return np.where(known, event, np.where(received_known, received, UNKNOWN))
