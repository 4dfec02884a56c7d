"""Batches cut so that what they become takes little memory, however small they are as they come.

A dictionary says a long text once and means it in a million rows; here it is written out.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.errors import DataError
from mdc_core.wire.limits import BYTES, MAX_EVENT, ROWS

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own


def bounded(batch: pa.RecordBatch, name: str) -> Iterator[pa.RecordBatch]:
    """The rows of a batch, few enough at once; raises DataError for an event that is too large."""
    if batch.num_rows > ROWS:
        for at in range(0, batch.num_rows, ROWS):
            yield from bounded(_cut(batch, at, ROWS), name)
        return
    size = written_out(batch)
    if size <= BYTES or (batch.num_rows <= 1 and size <= MAX_EVENT):
        yield batch
    elif batch.num_rows <= 1:
        raise DataError(f"{name}: an event of {size} bytes")
    else:
        half = batch.num_rows // 2
        yield from bounded(_cut(batch, 0, half), name)
        yield from bounded(_cut(batch, half, half + 1), name)


def _cut(batch: pa.RecordBatch, at: int, rows: int) -> pa.RecordBatch:
    """Some rows; those of lists of dictionaries by themselves, for a cast writes all items out."""
    cut = batch.slice(at, rows)
    if any(pa.types.is_list(field.type) and _is_packed(field.type) for field in batch.schema):
        return cut.take(pa.array(range(cut.num_rows)))
    return cut


def _is_packed(kind: pa.DataType) -> bool:
    inner = [kind.field(number).type for number in range(kind.num_fields)]
    return pa.types.is_dictionary(kind) or any(map(_is_packed, inner))


def written_out(batch: pa.RecordBatch) -> int:
    """How many bytes the columns take without dictionaries."""
    return sum(map(_size, batch.columns))


def _size(column: Array) -> int:
    kind = column.type
    if pa.types.is_dictionary(kind):
        values = column.dictionary
        if not (pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
            return len(column) * int(values.nbytes)
        return pc.sum(pc.binary_length(values).take(column.indices)).as_py() or 0
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return 4 * len(column) + _size(column.flatten())
    if pa.types.is_struct(kind):
        return sum(map(_size, column.flatten()))
    return int(column.nbytes)
