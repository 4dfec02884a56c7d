"""Values of columns of any type as JSON values, and as the cells of a table.

Numbers are exact and in plain digits; times are RFC 3339 with nine digits (without Z if they
have no zone), dates 2024-01-02, intervals ISO 8601 (P1M2DT0.003S), bytes base64, lists and
structs JSON, maps JSON objects.
"""

import math
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.errors import DataError
from mdc_core.wire.lines.text import decimal_text
from mdc_core.wire.lines.values import encode_json

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
_join: Callable[..., Any] = pc.binary_join_element_wise
_replaced: Callable[..., Any] = pc.binary_replace_slice
_DIGITS_LEFT = {"s": ".000000000", "ms": "000000", "us": "000", "ns": ""}
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
_ODD = {math.inf: "Infinity", -math.inf: "-Infinity"}


def json_values(column: Array, *, worded: bool = False) -> list[Any]:
    """The values of a column as they are written to JSON.

    NaN and infinities, which JSON has not, are null, or with `worded` their names.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return json_values(column.dictionary_decode(), worded=worded)
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
        odd = _word if worded else _nothing
        return [v if v is None or math.isfinite(v) else odd(v) for v in column.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [None if v is None else b64encode(v).decode() for v in column.to_pylist()]
    if pa.types.is_interval(kind):
        return [None if v is None else _iso(*v) for v in column.to_pylist()]
    if pa.types.is_duration(kind):
        unit = _NANOSECONDS[kind.unit]
        counts = column.cast(pa.int64()).to_pylist()
        return [None if n is None else _iso(0, 0, n * unit) for n in counts]
    if pa.types.is_nested(kind):
        return _nested(column, worded)
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # of strftime with %n and %Z, DuckDB makes one
        raise DataError("a text is not UTF-8") from None


def _word(value: float) -> str:
    return _ODD.get(value, "NaN")


def _nothing(value: float) -> None:
    """Not a number: null."""


def _nested(column: Array, worded: bool) -> list[Any]:
    kind = column.type
    if pa.types.is_union(kind):
        raise DataError(f"{kind} has no form in JSON")
    if pa.types.is_struct(kind):
        fields = [json_values(field, worded=worded) for field in column.flatten()]
        names = [field.name for field in kind]
        known = column.is_valid().to_pylist()
        rows = zip(*fields, strict=True)
        objects = [dict(zip(names, row, strict=True)) for row in rows]
        return [row if k else None for row, k in zip(objects, known, strict=True)]
    if pa.types.is_map(kind):
        # The children are those of the whole array, of which this may be a slice.
        keys, values = cells(column.keys), json_values(column.items, worded=worded)
        ends, known = column.offsets.to_pylist(), column.is_valid().to_pylist()
        return [
            dict(zip(keys[start:stop], values[start:stop], strict=True)) if there else None
            for start, stop, there in zip(ends, ends[1:], known, strict=False)
        ]
    items = iter(json_values(column.flatten(), worded=worded))
    lengths = pc.list_value_length(column).to_pylist()
    return [None if n is None else [next(items) for _ in range(n)] for n in lengths]


def cells(column: Array) -> list[str | None]:
    """The values of a column as text."""
    if pa.types.is_floating(column.type):
        return [
            None if v is None else repr(v) if math.isfinite(v) else _word(v)
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
