"""A batch of events as an Arrow RecordBatch: rows <-> columns, and the ways into a column.

The columns are those of `schema.arrow_schema`: `type` first, then every column that can
occur for the types at hand, null where it does not apply. Row order is event order.
"""

import decimal
import operator
from collections.abc import Iterable, Mapping, Sequence
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
    arrow_schema,
    arrow_types,
    kind_of,
)

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_WIDE = decimal.Context(prec=decimal.MAX_PREC, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
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
    getters = [(f.name, operator.attrgetter(f.name)) for f in schema if f.name != "type"]
    uniform = len(set(names)) == 1
    for name, get in getters:
        if uniform:
            column = [get(row) for row in rows]
        else:
            column = [getattr(row, name, None) for row in rows]
        if any(value is not None for value in column):
            values[name] = column_of(kind_of(name), column)
    return _assemble(schema, len(rows), values)


def column_of(kind: str, values: Iterable[Any]) -> pa.Array:
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
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if exponent < -SCALE:
        value = value.normalize(_WIDE)
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)
        if exponent < -SCALE:
            raise DataError(f"{_short(value)} is finer than {SCALE} decimal places")
    if value and value.adjusted() >= PRECISION - SCALE:
        raise DataError(f"{_short(value)} has more than {PRECISION - SCALE} digits before the point")
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
    known = np.ones(batch.num_rows, np.bool_)
    if column.null_count:
        known = valid(column)
        column = column.fill_null(0)
    return column.view(pa.int64()).to_numpy(), known


def valid(column: pa.Array) -> Bools:
    """Where a column has a value."""
    return pc.is_valid(column).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def is_type(batch: pa.RecordBatch, *names: str) -> Bools:
    """Which rows are of one of these event types."""
    column = batch.column(0)
    mask = pc.equal(column, names[0])
    for name in names[1:]:
        mask = pc.or_(mask, pc.equal(column, name))
    return mask.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


class Keys:
    """Numbers for the distinct combinations of some text columns, the same in every batch."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._known: dict[tuple[str | None, ...], int] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __call__(self, batch: pa.RecordBatch) -> Int64s:
        """The number of each row's combination, counted from 0 in order of appearance."""
        combined = np.zeros(batch.num_rows, np.int64)
        words: list[list[str | None]] = []
        for name in self._names:
            index = batch.schema.get_field_index(name)
            if index < 0:
                words.append([None])
                continue
            encoded = batch.column(index).dictionary_encode(null_encoding="encode")
            words.append(encoded.dictionary.to_pylist())
            codes = encoded.indices.to_numpy(zero_copy_only=False)
            combined = combined * len(words[-1]) + codes
        size = 1
        for column in words:
            size *= max(len(column), 1)
        if size <= 4 * batch.num_rows + 65_536:
            present = np.flatnonzero(np.bincount(combined, minlength=size))
            table = np.zeros(size, np.int64)
            table[present] = [self._number(int(code), words) for code in present]
            return table[combined]
        present, inverse = np.unique(combined, return_inverse=True)
        table = np.array([self._number(int(code), words) for code in present], np.int64)
        return table[inverse]

    def _number(self, code: int, words: list[list[str | None]]) -> int:
        key: list[str | None] = []
        for column in reversed(words):
            code, index = divmod(code, len(column))
            key.append(column[index])
        return self._known.setdefault(tuple(reversed(key)), len(self._known))


class Previous:
    """The value before, within each key: what a check carries from row to row and batch to batch."""

    def __init__(self) -> None:
        self._last = np.zeros(0, np.int64)
        self._seen = np.zeros(0, np.bool_)

    def __call__(self, keys: Int64s, values: Int64s) -> tuple[Int64s, Bools]:
        """For each row the value of the row before it with the same key, and whether there is one."""
        if not len(keys):
            return values, np.zeros(0, np.bool_)
        self._grow(int(keys.max()) + 1)
        # A stable sort of 16-bit keys is a radix sort: linear.
        order = np.argsort(keys.astype(np.uint16) if len(self._last) < 65_536 else keys, kind="stable")
        sorted_keys, sorted_values = keys[order], values[order]
        starts = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
        before = np.empty_like(sorted_values)
        before[1:] = sorted_values[:-1]
        known = np.ones(len(keys), np.bool_)
        first = sorted_keys[starts]
        before[starts] = self._last[first]
        known[starts] = self._seen[first]
        ends = np.r_[starts[1:] - 1, len(keys) - 1]
        self._last[first] = sorted_values[ends]
        self._seen[first] = True
        result, result_known = np.empty_like(before), np.empty_like(known)
        result[order], result_known[order] = before, known
        return result, result_known

    def _grow(self, size: int) -> None:
        if size > len(self._last):
            room = max(size, 2 * len(self._last)) - len(self._last)
            self._last = np.r_[self._last, np.zeros(room, np.int64)]
            self._seen = np.r_[self._seen, np.zeros(room, np.bool_)]
