"""Small batches that wait for those behind them, to become one batch in the order of all."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.batch import Int64s, concatenated, int64_array, joint_schema
from mdc_core.errors import DataError, MdcError
from mdc_core.wire.limits import BYTES
from mdc_core.wire.streams.bodies import UnusualError
from mdc_core.wire.streams.ipc import Message, check_unpacked
from mdc_core.wire.streams.joined import joined
from mdc_core.wire.streams.messages import MessageReader
from mdc_core.wire.streams.patterns import Pattern
from mdc_core.wire.tables.arrow import check_columns
from mdc_core.wire.tables.bounded import written_out

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own

_FEW = 8  # messages that are as well read one by one


class Spans(NamedTuple):
    """Batches in a block of bytes: where they start and end, and their rows."""

    starts: Int64s
    ends: Int64s
    rows: Int64s


class Held:
    """Small batches of one schema, whose metadata are of one pattern if that is known."""

    def __init__(self, reader: MessageReader, pattern: Pattern | None) -> None:
        self.reader = reader
        self._pattern = pattern
        self._spans: list[Spans] = []
        self._batches: list[pa.RecordBatch] = []  # those that were read already

    def add(self, spans: Spans, batch: pa.RecordBatch | None = None) -> None:
        """Append some, or one that was read."""
        self._spans.append(spans)
        if batch is not None:
            self._batches.append(batch)

    def spans(self) -> Spans:
        """Where all of them are."""
        if len(self._spans) > 1:
            self._spans = [Spans(*map(np.concatenate, zip(*self._spans, strict=True)))]
        return self._spans[0]

    def joined(self, block: memoryview) -> pa.RecordBatch:
        """Their events as one batch; raises DataError for those that are not sound."""
        spans = self.spans()
        if self._pattern is not None and len(spans.rows) >= _FEW:
            with suppress(UnusualError):
                columns = joined(block, self._pattern, spans.starts, spans.ends, self.reader.schema)
                check_columns(columns, self.reader.name)
                return self.reader.incoming.events(columns)
        batches, size = [], 0
        for number in range(len(spans.rows)):
            batches.append(self.one(block, number))
            size += 0 if self._batches else batches[-1].nbytes
            if size > BYTES:
                raise DataError(f"{self.reader.name}: too much at once")
        if [batch.num_rows for batch in batches] != spans.rows.tolist():
            raise DataError(f"{self.reader.name}: rows that are counted in two ways")
        whole = concatenated(batches)
        if self.reader.has_dictionaries and written_out(whole) > BYTES:
            raise DataError(f"{self.reader.name}: too much at once")
        return self.reader.incoming.events(whole)

    def one(self, block: memoryview, number: int) -> pa.RecordBatch:
        """The columns of one of them."""
        if self._batches:
            return self._batches[number]
        spans = self.spans()
        start, end = int(spans.starts[number]), int(spans.ends[number])
        if self._pattern is not None:
            metadata = start + 8
            body = metadata + self._pattern.size * 8
            message = Message(metadata, body, end, self._pattern.layout)
            check_unpacked(block, message, self.reader.name)
        return self.reader.read(block, start, end)


def together(held: Sequence[Held], block: memoryview) -> Iterator[pa.RecordBatch]:
    """The batches of all schemas as one, in their order."""
    if not held:
        return
    try:
        parts = [one.joined(block) for one in held]
    except MdcError:
        yield from _one_by_one(held, block)  # those before the one to blame are sound
        return
    if len(parts) == 1:
        yield parts[0]
        return
    yield _taken(parts, _order(held))


def _taken(parts: Sequence[pa.RecordBatch], order: Int64s) -> pa.RecordBatch:
    """Rows of batches, of one behind the other, with the columns of all."""
    schema = joint_schema([part.schema for part in parts])
    given = [dict(zip(part.schema.names, part.columns, strict=True)) for part in parts]
    arrays: list[Array] = []
    places = int64_array(order)
    for field in schema:
        own = [columns.get(field.name) for columns in given]
        if all(column is None or column.null_count == len(column) for column in own):
            arrays.append(pa.nulls(len(order), field.type))
            continue
        pieces: list[Array] = [
            pa.nulls(part.num_rows, field.type) if column is None else column
            for part, column in zip(parts, own, strict=True)
        ]
        arrays.append(pa.concat_arrays(pieces).take(places))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _one_by_one(held: Sequence[Held], block: memoryview) -> Iterator[pa.RecordBatch]:
    """The events of batches of all schemas in order; raises DataError at its place."""
    there = [
        (start, number, one)
        for one in held
        for number, start in enumerate(one.spans().starts.tolist())
    ]
    for _, number, one in sorted(there, key=itemgetter(0)):
        yield from one.reader.incoming.pieces(one.one(block, number))


def _order(held: Sequence[Held]) -> Int64s:
    """Where each row of all batches is among those of the schemas, one behind the other."""
    sizes = np.concatenate([one.spans().rows for one in held])
    starts = np.concatenate([one.spans().starts for one in held])
    return np.argsort(np.repeat(starts, sizes), kind="stable")
