"""Tables for tools that know no nanoseconds: times as microseconds, and all of each beside it.

`ts_event` is timestamp[us, UTC], rounded down; `ts_event_ns`, an int64, is the time itself.
"""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.errors import DataError
from mdc_core.schema import arrow_types, columns

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
MICROSECONDS = pa.timestamp("us", "UTC")
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}


@cache
def _times() -> dict[str, str]:
    """The columns of times, by those of their nanoseconds."""
    return {f"{name}_ns": name for name, column in columns().items() if column.kind == "time"}


def is_portable(schema: pa.Schema) -> bool:
    """Whether a table has a column of nanoseconds beside, or instead of, one of times."""
    found = [name for name in schema.names if name.endswith("_ns")]
    return bool(found) and not _times().keys().isdisjoint(found)


def to_portable(table: pa.Table) -> pa.Table:
    """The table with two columns for each of times."""
    names: list[str] = []
    made: list[Array] = []
    beside = {name: extra for extra, name in _times().items()}
    for name, column in zip(table.schema.names, table.columns, strict=True):
        names.append(name)
        if name not in beside:
            made.append(column)
            continue
        whole = column.cast(pa.int64())
        made += [_rounded_down(whole.combine_chunks(), 1000).cast(MICROSECONDS), whole]
        names.append(beside[name])
    return pa.table(made, names, metadata=table.schema.metadata)


def restored_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with times in the place of such pairs."""
    if not is_portable(schema):
        return schema
    fields = {_times().get(field.name, field.name): field for field in schema}
    zoned = arrow_types()["time"]
    whole = {_times()[name] for name in schema.names if name in _times()}
    found = [(name, zoned if name in whole else field.type) for name, field in fields.items()]
    plain = pa.schema(found)
    return plain.with_metadata(schema.metadata) if schema.metadata else plain


def restored(batch: pa.RecordBatch, schema: pa.Schema, first_row: int) -> pa.RecordBatch:
    """The batch in such a schema; raises DataError where the two of a pair differ."""
    there = dict(zip(batch.schema.names, batch.columns, strict=True))
    made: list[Array] = []
    for name in schema.names:
        whole = there.get(f"{name}_ns") if f"{name}_ns" in _times() else None
        if whole is None:
            made.append(there[name])
            continue
        if not pa.types.is_integer(whole.type):
            raise DataError(f"{name}_ns is {whole.type}, not nanoseconds as integers")
        whole = whole.cast(pa.int64())
        if name in there:
            _check(name, there[name], whole, first_row)
        made.append(whole.cast(arrow_types()["time"]))
    return pa.RecordBatch.from_arrays(made, schema=schema)


def _check(name: str, times: Array, whole: Array, first_row: int) -> None:
    """Raise DataError for a time that is not the beginning of its nanoseconds."""
    if not pa.types.is_timestamp(times.type):
        raise DataError(f"{name} is {times.type} beside {name}_ns, not a time")
    said = times.cast(pa.int64())
    same = pc.equal(said, _rounded_down(whole, _NANOSECONDS[times.type.unit]))
    both_null = pc.and_(said.is_null(), whole.is_null())
    odd: Array = pc.invert(pc.or_(pc.fill_null(same, False), both_null))
    rows = pc.indices_nonzero(odd)
    if len(rows):
        row = rows[0].as_py()
        said_of = f"{times.cast(pa.string())[row]} beside {name}_ns {whole[row]}"
        hint = "whoever changes one has to change the other, or to leave one out"
        raise DataError(f"row {first_row + row}: {name} is {said_of}", hint=hint)


def _rounded_down(whole: Array, unit: int) -> Array:
    values = np.asarray(whole.fill_null(0)) // unit
    return pa.array(values, pa.int64(), mask=np.asarray(whole.is_null()))
