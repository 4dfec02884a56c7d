"""Events apart by symbol, type and day, in one nameless temporary file, until all are there."""

import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core import times
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.batch import unify, widen
from mdc_core.schema import arrow_schema

IN_MEMORY = 1 << 18  # rows


class FileKey(NamedTuple):
    """What the events of a file have in common; None where they may differ."""

    symbol: str | None
    type: str | None
    day: str | None  # 2024-01-02, or `undated`


class SpooledPart:
    """The events of a key, as an exporter gets them."""

    def __init__(self, spool: "PartsSpool", key: FileKey) -> None:
        self.rows = spool.rows[key]
        self.types = frozenset(spool.types[key])
        self.schema = arrow_schema(self.types)
        self._spool, self._key = spool, key

    def tables(self) -> Iterator[pa.Table]:
        """The events, in tables of bounded size, as they came."""
        for batch in self._spool.read(self._key):
            yield pa.Table.from_batches([widen(batch, self.schema)])


class PartsSpool:
    """Takes batches; gives the events of each key."""

    def __init__(self, *, apart: bool) -> None:
        self.rows: dict[FileKey, int] = {}
        self.types: dict[FileKey, set[str]] = {}
        self._apart = apart
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - until close()
        self._waiting: dict[FileKey, list[pa.RecordBatch]] = {}
        self._waiting_rows = 0
        self._slices: dict[FileKey, list[int]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the events of a batch."""
        for key, piece in pieces_of(batch) if self._apart else [(FileKey(None, None, None), batch)]:
            self.rows[key] = self.rows.get(key, 0) + piece.num_rows
            names: list[Any] = piece.column(0).unique().to_pylist()
            self.types.setdefault(key, set()).update(names)
            self._waiting.setdefault(key, []).append(piece)
        self._waiting_rows += batch.num_rows
        if self._waiting_rows >= IN_MEMORY:
            self._flush()

    def part(self, key: FileKey) -> SpooledPart:
        """The events of a key."""
        return SpooledPart(self, key)

    def read(self, key: FileKey) -> Iterator[pa.RecordBatch]:
        """The batches of a key, from its first one on."""
        self._flush()
        for place in self._slices[key]:
            self._file.seek(place)
            with pa.ipc.open_stream(self._file) as stream:
                batches = list(stream)
            yield from batches

    def close(self) -> None:
        """Let go of the temporary file."""
        self._file.close()

    def _flush(self) -> None:
        for key, batches in self._waiting.items():
            schema = arrow_schema(frozenset(self.types[key]))
            place = self._file.seek(0, 2)
            with pa.ipc.new_stream(self._file, schema) as stream:
                whole = pa.Table.from_batches([unify(list(batches), schema)])
                stream.write_table(whole.combine_chunks())
            self._slices.setdefault(key, []).append(place)
        self._waiting.clear()
        self._waiting_rows = 0


def pieces_of(batch: pa.RecordBatch) -> Iterator[tuple[FileKey, pa.RecordBatch]]:
    """The events of a batch by key, each in the order of the batch."""
    symbols, types = (batch.column(name).dictionary_encode() for name in ("symbol", "type"))
    moments = row_time(batch)
    days, day_of = np.unique(moments // times.DAY, return_inverse=True)
    symbol_of = symbols.indices.fill_null(len(symbols.dictionary)).to_numpy()
    codes = (day_of * (len(symbols.dictionary) + 1) + symbol_of) * len(types.dictionary)
    codes = codes + types.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    batch = batch.take(order)
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        row = order[start]
        undated = moments[row] == NO_TIME
        day = "undated" if undated else times.from_ns(int(days[day_of[row]]) * times.DAY)[:10]
        key = FileKey(symbols[row].as_py(), str(types[row].as_py()), day)
        yield key, batch.slice(int(start), int(stop - start))
