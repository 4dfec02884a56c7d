"""Columns to text: a batch as JSONL, without a loop over its rows."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.schema import field_names, kind_of, version_of
from mdc_core.wire.lines.values import encode_json

# The stubs of these know arrays or scalars, not the mixtures of both that they take.
_join: Callable[..., Any] = pc.binary_join_element_wise
_equal: Callable[..., Any] = pc.equal
Array = Any  # of pyarrow: the stubs give each kind of array methods of its own

_SPACE = ord(" ")


def encode(batch: pa.RecordBatch) -> bytes:
    """A batch as lines in canonical form."""
    if not batch.num_rows:
        return b""
    types = [str(name) for name in batch.column(0).unique().to_pylist()]
    if len(types) == 1:
        return _bytes_of(_lines(batch, types[0]))
    parts, places = [], []
    for name in types:
        where = pc.indices_nonzero(_equal(batch.column(0), name))
        parts.append(_lines(batch.take(where), name))
        places.append(where)
    order = pc.sort_indices(pa.concat_arrays(places))
    return _bytes_of(pa.concat_arrays(parts).take(order))


def _bytes_of(lines: Array) -> bytes:
    lines = lines.cast(pa.large_string())
    _, offsets, data = lines.buffers()
    if offsets is None or data is None:
        return b""
    cuts = memoryview(offsets).cast("q")
    first, last = cuts[lines.offset], cuts[lines.offset + len(lines)]
    return bytes(data[first:last].to_pybytes())


def _lines(batch: pa.RecordBatch, type_name: str) -> Array:
    """The text of each row, LF included, for rows of one type."""
    pieces: list[Any] = [f'{{"type":"{type_name}","v":"{version_of(type_name)}"']
    for name in field_names(type_name):
        index = batch.schema.get_field_index(name)
        if index < 0 or batch.column(index).null_count == batch.num_rows:
            continue
        column = batch.column(index)
        before, after = f',"{name}":', ""
        text, quoted = text_of(column, kind_of(name))
        if quoted:
            before, after = before + '"', '"'
        if column.null_count:
            text = _join(before, text, after, "")
            pieces += [text.fill_null(""), ""]
        else:
            pieces += [before, text, after]
    pieces.append("}\n")
    merged = _merge_literals(pieces)
    if len(merged) == 1:
        return pa.array(merged * batch.num_rows)
    return _join(*merged, "")


def _merge_literals(pieces: list[Any]) -> list[Any]:
    """Neighbouring constants as one."""
    merged: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif not isinstance(piece, str) or piece:
            merged.append(piece)
    return merged


def text_of(column: Array, kind: str) -> tuple[Array, bool]:
    """The wire's text of each value of a column, and whether it goes between quotes."""
    match kind:
        case "text":
            return _escaped(column), True
        case "time":
            text = pc.cast(column.view(pa.timestamp("ns")), pa.string())
            return _join(pc.binary_replace_slice(text, 10, 11, "T"), "Z", ""), True
        case "number":
            return decimal_text(column), False
        case "date":
            return pc.cast(column, pa.string()), True
        case "list":
            return _list_text(column, _quoted(column.flatten())), False
        case "levels":
            return _list_text(column, _level_text(column.flatten())), False
        case "float":
            texts = [None if v is None else encode_json(v).decode() for v in column.to_pylist()]
            return pa.array(texts, pa.string()), False  # all null, it would have no type
        case "json":
            return column, False
        case _:
            return pc.cast(column, pa.string()), False


def cell_text(column: Array, kind: str) -> Array:
    """The text of each value of a column as it is, without the escapes of JSON."""
    return column if kind == "text" else text_of(column, kind)[0]


def decimal_text(column: Array) -> Array:
    """Decimals in plain digits, without trailing zeros."""
    encoded = column.dictionary_encode()  # a batch repeats most of its prices and sizes
    text = pc.cast(encoded.dictionary, pa.string())
    if column.type.scale == 0:  # then a zero at the end is no trailing one
        return text.take(encoded.indices)
    trimmed = pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")
    odd = pc.match_substring(text, "E")  # below 1e-6, zero included
    if pc.any(odd).as_py():
        plain = [_plain_text(value) for value in encoded.dictionary.filter(odd).to_pylist()]
        trimmed = pc.replace_with_mask(trimmed, odd, pa.array(plain, pa.string()))
    return trimmed.take(encoded.indices)


def _plain_text(value: Decimal) -> str:
    return f"{value:f}".rstrip("0").rstrip(".") if value else "0"


def _escaped(column: Array) -> Array:
    """Strings as they stand between the quotes of JSON."""
    data = column.buffers()[2]
    if data is None or not _needs_escape(data.to_pybytes()):
        return column
    encoded = column.dictionary_encode()
    texts = [encode_json(text).decode()[1:-1] for text in encoded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(encoded.indices)


def _needs_escape(text: bytes) -> bool:
    """Whether a quote, a backslash or a control character is there, at the speed of memory."""
    least = np.frombuffer(text, np.uint8).min(initial=_SPACE)
    return b'"' in text or b"\\" in text or bool(least < _SPACE)


def _quoted(column: Array) -> Array:
    return _join('"', _escaped(column), '"', "")


def _level_text(levels: Array) -> Array:
    price, size, count = levels.flatten()
    counts = _join(',"count":', pc.cast(count, pa.string()), "")
    return _join(
        '{"price":',
        decimal_text(price),
        ',"size":',
        decimal_text(size),
        counts.fill_null(""),
        "}",
        "",
    )


def _list_text(column: Array, items: Array) -> Array:
    """`[a,b]` for each row, from the text of the items of all rows."""
    lengths: Array = pc.list_value_length(column)
    ends: Array = pc.cumulative_sum(lengths.fill_null(0))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, items), ",")
    text = _join("[", joined, "]", "")
    return pc.if_else(pc.is_valid(column), text, pa.scalar(None, pa.string()))
