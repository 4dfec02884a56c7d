"""A batch of events as an Arrow RecordBatch: rows <-> columns, and the ways into a column.

The columns are those of `schema.arrow_schema`: `type` first, then every column that can
occur for the types at hand, null where it does not apply. Row order is event order.
"""

import decimal
import json
import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core import times
from mdc_core.errors import DataError
from mdc_core.events import Event, type_of
from mdc_core.schema import (
    PRECISION,
    SCALE,
    VERSIONS_KEY,
    arrow_schema,
    arrow_types,
    kind_of,
    types_with,
)

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

_WIDE = decimal.Context(prec=decimal.MAX_PREC, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
_ZERO = Decimal(0)
_SMALL = 256 << 10
_SEVERAL = 16  # batches from which it pays to join those with the same columns first
_to_json = msgspec.json.Encoder(decimal_format="number").encode


def make(type_name: str, length: int, values: Mapping[str, Any]) -> pa.RecordBatch:
    """A batch of one event type; `values` are whole columns, or one value for all rows."""
    schema = arrow_schema(frozenset([type_name]))
    return _assemble(schema, length, {"type": type_name, **values})


def _assemble(schema: pa.Schema, length: int, values: Mapping[str, Any]) -> pa.RecordBatch:
    unknown = set(values).difference(schema.names)
    if unknown:
        raise TypeError(f"no such column here: {', '.join(sorted(unknown))}")
    arrays = []
    for field in schema:
        value = values.get(field.name)
        if value is None:
            arrays.append(pa.nulls(length, field.type))
        elif isinstance(value, pa.ChunkedArray):
            arrays.append(value.combine_chunks().cast(field.type))
        elif isinstance(value, pa.Array):
            arrays.append(value if value.type == field.type else value.cast(field.type))
        elif isinstance(value, (list, np.ndarray)):
            arrays.append(pa.array(value, field.type))
        else:
            arrays.append(pa.repeat(pa.scalar(value, field.type), length))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def from_rows(rows: Sequence[Event]) -> pa.RecordBatch:
    """Rows as columns; raises DataError for a value that its column cannot hold exactly."""
    names = [type_of(row) for row in rows]
    schema = arrow_schema(frozenset(names))
    values: dict[str, Any] = {"type": names}
    uniform = len(set(names)) == 1
    for name in schema.names[1:]:
        if uniform:
            column = list(map(operator.attrgetter(name), rows))
        else:
            column = [getattr(row, name, None) for row in rows]
        if any(value is not None for value in column):
            values[name] = column_of(kind_of(name), column)
    return _assemble(schema, len(rows), values)


def concatenated(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Batches with the same columns as one."""
    if len(batches) == 1:
        return batches[0]
    whole: pa.RecordBatch = pa.concat_batches(batches)  # type: ignore[attr-defined]  # no stub
    return whole


def int64_array(values: npt.ArrayLike) -> "pa.Array[Any]":
    """Whole numbers for Arrow, which imports numpy.ma (20 ms) where it is given numpy's."""
    numbers = np.ascontiguousarray(values, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers.data)])


def size_of(batch: pa.RecordBatch) -> int:
    """The bytes of its rows, quickly where they are few."""
    whole = batch.get_total_buffer_size()  # with what is beside a slice, but in a microsecond
    return whole if whole <= _SMALL else batch.nbytes


def let_go() -> None:
    """Give what is free back to the system: where rows are long, it is in pieces of megabytes."""
    pa.default_memory_pool().release_unused()


def cut(batch: pa.RecordBatch, rows: int, size: int) -> Iterator[pa.RecordBatch]:
    """A batch in slices of at most so many rows, and of about so many bytes."""
    count = max(size_of(batch) // size, 1)
    step = max(min(rows, -(-batch.num_rows // count)), 1)
    return (batch.slice(at, step) for at in range(0, batch.num_rows, step))


def in_groups(
    batches: Iterable[pa.RecordBatch], rows: int, size: int
) -> Iterator[list[pa.RecordBatch]]:
    """Batches in groups of about so many rows, or fewer where these make so many bytes."""
    group: list[pa.RecordBatch] = []
    count = held = 0
    for batch in batches:
        group.append(batch)
        count += batch.num_rows
        held += size_of(batch)
        if count >= rows or held >= size:
            yield group
            if held >= size:
                let_go()
            group, count, held = [], 0, 0
    if group:
        yield group


def unify(batches: Sequence[pa.RecordBatch], schema: pa.Schema | None = None) -> pa.RecordBatch:
    """Batches of any columns as one with the columns of all of them, or those of a schema."""
    first = batches[0].schema
    if all(batch.schema.equals(first) for batch in batches):
        return widen(concatenated(batches), schema or first)
    schema = schema or joint_schema([batch.schema for batch in batches])
    if len(batches) <= _SEVERAL:
        return concatenated([widen(batch, schema) for batch in batches])
    groups = by_columns(batches)
    whole = concatenated([widen(batch, schema) for batch, _ in groups])
    return whole.take(int64_array(np.argsort(np.concatenate([places for _, places in groups]))))


def by_columns(batches: Iterable[pa.RecordBatch]) -> list[tuple[pa.RecordBatch, Int64s]]:
    """Batches with the same columns as one, and which rows of all batches its rows are."""
    groups: dict[tuple[str, ...], list[tuple[int, pa.RecordBatch]]] = {}
    at = 0
    for batch in batches:
        groups.setdefault(tuple(batch.schema.names), []).append((at, batch))
        at += batch.num_rows
    return [
        (
            concatenated([batch for _, batch in group]),
            np.concatenate([np.arange(at, at + batch.num_rows) for at, batch in group]),
        )
        for group in groups.values()
    ]


def widen(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch with the columns of a schema, null where it has none."""
    if batch.schema.equals(schema, check_metadata=True):
        return batch
    given = dict(zip(batch.schema.names, batch.columns, strict=True))
    length = batch.num_rows
    arrays = [given.get(field.name) for field in schema]
    filled = [
        pa.nulls(length, field.type) if array is None else array
        for field, array in zip(schema, arrays, strict=True)
    ]
    return pa.RecordBatch.from_arrays(filled, schema=schema)


def occurring(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch without the columns that have no value in any row."""
    rows, given = batch.num_rows, zip(batch.schema.names, batch.columns, strict=True)
    return batch.select([name for name, column in given if column.null_count < rows])


def joint_schema(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """The columns of the event types that batches of these schemas may hold."""
    kinds = {(tuple(schema.names), (schema.metadata or {}).get(VERSIONS_KEY)) for schema in schemas}
    types = {name for _, said in kinds for name in json.loads(said or b"{}")}
    whole = arrow_schema(frozenset(types))
    missing = {name for names, _ in kinds for name in names}.difference(whole.names)
    return arrow_schema(frozenset(types) | types_with(frozenset(missing))) if missing else whole


def column_of(kind: str, values: Iterable[Any]) -> "pa.Array[Any]":
    """The Arrow array of Python values as rows carry them: text times, decimals, dicts."""
    target = arrow_types()[kind]
    if kind == "time":
        values = [None if v is None else times.to_ns(v) for v in values]
    elif kind == "json":
        values = [None if v is None else _to_json(v).decode() for v in values]
    elif kind == "number":
        values = [None if v is None else exact(v) for v in values]
    elif kind == "levels":
        values = [None if v is None else [_level(level) for level in v] for v in values]
    elif kind == "date":
        return pa.array(values, pa.string()).cast(target)
    try:
        return pa.array(values, target)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
        raise DataError(str(error).partition("\n")[0]) from None


def _level(level: Any) -> dict[str, Any]:
    return {"price": exact(level.price), "size": exact(level.size), "count": level.count}


def exact(value: Decimal) -> Decimal:
    """The same value in plain form; raises DataError where decimal(36, 18) cannot hold it."""
    if not value.is_finite():
        raise DataError(f"{value} is not a finite number")
    if not value:
        return _ZERO  # whatever its exponent
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < -SCALE:
        value = value.normalize(_WIDE)
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)
        if exponent < -SCALE:
            raise DataError(f"{_short(value)} is finer than {SCALE} decimal places")
    if value.adjusted() >= PRECISION - SCALE:
        raise DataError(
            f"{_short(value)} has more than {PRECISION - SCALE} digits before the point"
        )
    return value


def _short(value: Decimal) -> str:
    text = str(value)
    return text if len(text) <= 50 else text[:47] + "..."


def integers(batch: pa.RecordBatch, name: str) -> tuple[Int64s, Bools]:
    """A whole-number or time column as int64 (0 where null), and where it has a value."""
    index = batch.schema.get_field_index(name)
    if index < 0:
        return np.zeros(batch.num_rows, np.int64), np.zeros(batch.num_rows, np.bool_)
    column = batch.column(index)
    known = valid(column)
    if column.null_count:
        column = column.fill_null(0)
    return column.view(pa.int64()).to_numpy(), known


def number(batch: pa.RecordBatch, name: str, places: int = 9) -> tuple[Int64s, Bools]:
    """A number column as int64 of 10**-places, exactly, and where it has such a value.

    A value that is finer, or does not fit into 64 bits, is none: `decimals` has them all.
    Times and whole numbers are as they are, whatever the places.
    """
    index = batch.schema.get_field_index(name)
    if index < 0 or not pa.types.is_decimal(batch.schema.field(index).type):
        return integers(batch, name)
    signed, low, known = decimal_words(batch.column(index))
    negative = signed < 0
    high = np.where(negative, ~signed + (low == 0), signed).view(np.uint64)
    low = np.where(negative, ~low + np.uint64(1), low)
    digits = SCALE - places
    for step in filter(None, (min(digits, 9), digits - 9 if digits > 9 else 0)):
        high, low, rest = _divided(high, low, 10**step)
        known = known & (rest == 0)
    known = known & (high == 0) & (low <= np.uint64(times.MAX_NS))
    size = np.where(known, low, 0).view(np.int64)
    return np.where(negative, -size, size), known


def _divided(high: UInt64s, low: UInt64s, by: int) -> tuple[UInt64s, UInt64s, UInt64s]:
    """The quotient of 128-bit numbers by less than 2**32, in two words, and the remainder."""
    divisor, half, mask = np.uint64(by), np.uint64(32), np.uint64(0xFFFFFFFF)
    rest = np.zeros(len(high), np.uint64)
    words = []
    for limb in (high >> half, high & mask, low >> half, low & mask):
        quotient, rest = np.divmod((rest << half) | limb, divisor)
        words.append(quotient)
    return (words[0] << half) | words[1], (words[2] << half) | words[3], rest


def valid(column: "pa.Array[Any]") -> Bools:
    """Which rows of a column have a value."""
    length = len(column)
    if not column.null_count:
        return np.ones(length, np.bool_)
    if column.null_count == length:
        return np.zeros(length, np.bool_)
    # Far quicker than pc.is_valid and its way to numpy.
    first, shift = divmod(column.offset, 8)
    mask: Any = column.buffers()[0]
    octets = np.frombuffer(mask, np.uint8)[first : first + (shift + length + 7) // 8]
    bits = np.unpackbits(octets, bitorder="little")
    return bits[shift : shift + length].view(np.bool_)


def is_type(batch: pa.RecordBatch, *names: str) -> Bools:
    """Which rows are of one of these event types."""
    column = batch.column(0)
    if len(column) == 1:
        return np.array([column[0].as_py() in names], np.bool_)
    mask = pc.is_in(column, pa.array(names, column.type))
    return mask.to_numpy(zero_copy_only=False)


def count_types(batch: pa.RecordBatch) -> dict[str, int]:
    """How many events of each type a batch holds."""
    return count_values(batch.column(0))


def count_values(column: "pa.Array[Any]") -> dict[str, int]:
    """How often each value of a column occurs."""
    values, numbers = pc.value_counts(column).flatten()
    names: list[Any] = values.to_pylist()
    counts: list[Any] = numbers.to_pylist()
    return Counter(dict(zip(names, counts, strict=True)))


def decimals(batch: pa.RecordBatch, name: str) -> tuple[Int64s, UInt64s, Bools]:
    """A number column as integers of 10**-18: high word, low word, and where it has a value.

    Without a copy, and exact: (high, low) compare as the numbers do.
    """
    index = batch.schema.get_field_index(name)
    if index < 0:
        nothing = np.zeros(batch.num_rows, np.int64)
        return nothing, nothing.view(np.uint64), nothing.astype(np.bool_)
    return decimal_words(batch.column(index))


def decimal_words(column: "pa.Array[Any]") -> tuple[Int64s, UInt64s, Bools]:
    """A decimal column as the same integers: high word, low word, and where it has a value."""
    target = arrow_types()["number"]
    if column.type != target:
        column = column.cast(target)
    data: Any = column.buffers()[1] if len(column) else b""
    start = 16 * column.offset if len(column) else 0
    words = np.frombuffer(data, np.int64, 2 * len(column), start)
    return words[1::2], words[0::2].view(np.uint64), valid(column)


def plain(value: int, scale: int = SCALE) -> str:
    """The exact text of an integer of 10**-scale, without trailing zeros."""
    whole, rest = divmod(abs(value), 10**scale)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{rest:0{scale}d}".rstrip("0").rstrip(".")


def coded(batch: pa.RecordBatch, name: str) -> tuple[Int64s, list[str | None]]:
    """A text column as numbers, and what they stand for."""
    column = batch.column(batch.schema.get_field_index(name))
    encoded = column.dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()
