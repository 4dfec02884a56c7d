"""Rows of a result as text: JSONL, and the cells of a table.

Numbers are exact and in plain digits; times are RFC 3339 in UTC with nine digits (without Z if
they have no zone), dates 2024-01-02, intervals ISO 8601 (P1M2DT0.003S), bytes base64, lists and
structs JSON, maps JSON objects. NaN and infinities are null in JSON, which has none.
"""

import math
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import field_names
from mdc_core.wire.arrow import Incoming
from mdc_core.wire.jsonl import encode_batch
from mdc_core.wire.text import decimal_text
from mdc_core.wire.values import encode_json

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
_join: Callable[..., Any] = pc.binary_join_element_wise
_replaced: Callable[..., Any] = pc.binary_replace_slice
_DIGITS_LEFT = {"s": ".000000000", "ms": "000000", "us": "000", "ns": ""}


def json_lines(batch: pa.RecordBatch, names: Sequence[str]) -> bytes:
    """Rows as lines: events in canonical form, others with all of their columns."""
    events = _events(batch)
    if events is not None:
        return encode_batch(events)
    columns = [json_values(column) for column in batch.columns]
    rows = zip(*columns, strict=True)
    return b"".join(encode_json(dict(zip(names, row, strict=True))) + b"\n" for row in rows)


def _events(batch: pa.RecordBatch) -> pa.RecordBatch | None:
    """The rows as events, if they are whole ones: nothing would be lost, nothing made up."""
    names = batch.schema.names
    if not {"type", "symbol", "ts_event"}.issubset(names) or len(set(names)) < len(names):
        return None
    if any(pa.types.is_timestamp(field.type) and not field.type.tz for field in batch.schema):
        return None  # the time of some place: as one of an event, it would be taken for UTC
    types = batch.column(names.index("type"))
    kinds: list[Any] = types.unique().to_pylist()
    if not all(kind in EVENT_TYPES for kind in kinds):
        return None
    for kind in kinds:
        rows = batch.filter(pc.equal(types, pa.scalar(kind))) if len(kinds) > 1 else batch
        fields = ("type", *field_names(kind))
        if any(
            n not in fields and c.null_count < len(c)
            for n, c in zip(names, rows.columns, strict=True)
        ):
            return None
    try:
        return Incoming(batch.schema, "the result").events(batch)
    except DataError:
        return None


def json_values(column: Array) -> list[Any]:
    """The values of a column as they are written to JSON."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return json_values(column.dictionary_decode())
    if pa.types.is_decimal(kind):
        return [
            None if t is None else msgspec.Raw(t.encode()) for t in decimal_text(column).to_pylist()
        ]
    if pa.types.is_timestamp(kind):
        text: Array = pc.cast(column.view(pa.timestamp(kind.unit)), pa.string())
        text = _replaced(text, 10, 11, "T")
        return list(_join(text, _DIGITS_LEFT[kind.unit] + ("Z" if kind.tz else ""), "").to_pylist())
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return list(column.cast(pa.string()).to_pylist())
    if pa.types.is_floating(kind):
        return [v if v is None or math.isfinite(v) else None for v in column.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [None if v is None else b64encode(v).decode() for v in column.to_pylist()]
    if pa.types.is_interval(kind):
        return [None if v is None else _iso(*v) for v in column.to_pylist()]
    if pa.types.is_nested(kind):
        return _nested(column)
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # of strftime with %n and %Z, DuckDB makes one
        raise DataError("a text of the result is not UTF-8") from None


def _nested(column: Array) -> list[Any]:
    kind = column.type
    if pa.types.is_struct(kind):
        fields = [json_values(field) for field in column.flatten()]
        names = [field.name for field in kind]
        known = column.is_valid().to_pylist()
        rows = zip(*fields, strict=True)
        objects = [dict(zip(names, row, strict=True)) for row in rows]
        return [row if k else None for row, k in zip(objects, known, strict=True)]
    if pa.types.is_map(kind):
        # The children are those of the whole array, of which this may be a slice.
        keys, values = cells(column.keys), json_values(column.items)
        ends, known = column.offsets.to_pylist(), column.is_valid().to_pylist()
        return [
            dict(zip(keys[start:stop], values[start:stop], strict=True)) if there else None
            for start, stop, there in zip(ends, ends[1:], known, strict=False)
        ]
    items = iter(json_values(column.flatten()))
    lengths = pc.list_value_length(column).to_pylist()
    return [None if n is None else [next(items) for _ in range(n)] for n in lengths]


def cells(column: Array) -> list[str | None]:
    """The values of a column as text."""
    if pa.types.is_floating(column.type):
        words = {math.inf: "Infinity", -math.inf: "-Infinity"}
        return [
            None if v is None else "NaN" if v != v else words.get(v, repr(v))
            for v in column.to_pylist()
        ]
    return [_cell(value) for value in json_values(column)]


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return encode_json(value).decode()


def _iso(months: int, days: int, nanoseconds: int) -> str:
    """An interval as ISO 8601 says it."""
    seconds, rest = divmod(abs(nanoseconds), 1_000_000_000)
    text = f"{seconds}.{rest:09d}".rstrip("0").rstrip(".")
    sign = "-" if nanoseconds < 0 else ""
    said = (f"{months}M" if months else "") + (f"{days}D" if days else "")
    clock = f"T{sign}{text}S" if nanoseconds or not said else ""
    return f"P{said}{clock}"
