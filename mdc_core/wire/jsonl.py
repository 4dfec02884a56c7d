"""JSONL: one event a line, written and read as columns.

Canonical form: keys in the order of the vocabulary, no spaces, absent for null; decimals
in plain digits without trailing zeros; times in RFC 3339, UTC, nine digits.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES, Event
from mdc_core.schema import field_names, kind_of, version_of

if TYPE_CHECKING:
    import pyarrow as pa

_encoder = msgspec.json.Encoder(decimal_format="number")
_UNION: Any = None
for _cls in EVENT_TYPES.values():
    _UNION = _cls if _UNION is None else _UNION | _cls
_decoder = msgspec.json.Decoder(_UNION, float_hook=Decimal)
_lines_decoder = msgspec.json.Decoder(list[_UNION], float_hook=Decimal)

# A decimal in the shape that str(Decimal) gives to very small and very large numbers.
_EXPONENT = re.compile(rb"(?<=[:\[,])-?\d(?:\.\d+)?E[+-]\d+(?=[,}\]])")
_NEEDS_ESCAPE = re.compile(rb'[\x00-\x1f"\\]')


def encode_json(value: Any) -> bytes:
    """Any JSON value, decimals as numbers with exactly their digits."""
    return _encoder.encode(value)


def encode_rows(rows: Sequence[Event]) -> bytes:
    """Rows as lines; raises DataError for a number that JSON cannot say."""
    data = _encoder.encode_lines(rows)
    if b"E-" in data or b"E+" in data:
        data = _EXPONENT.sub(_plain, data)
    if b":NaN" in data or b"Infinity" in data:
        _refuse_nan(rows)
    return data


def _plain(match: re.Match[bytes]) -> bytes:
    value = Decimal(match[0].decode())
    return match[0] if abs(value.adjusted()) > 40 else f"{value:f}".encode()


def _refuse_nan(rows: Sequence[Event]) -> None:
    for row in rows:
        for name in row.__struct_fields__:
            value = getattr(row, name)
            if isinstance(value, (Decimal, float)) and value - value != 0:
                raise DataError(f"{row.symbol}: {name} is {value}, not a finite number")


def decode_row(line: bytes) -> Event:
    """The event in a line, its types checked; raises DataError."""
    try:
        event: Event = _decoder.decode(line)
    except msgspec.ValidationError as error:
        raise DataError(str(error).replace("`$.", "`")) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(str(error)) from None
    return event


def rows_of(batch: "pa.RecordBatch") -> list[Event]:
    """The events of a batch as rows."""
    data = encode_batch(batch)
    rows: list[Event] = _lines_decoder.decode(b"[" + data[:-1].replace(b"\n", b",") + b"]")
    return rows


def encode_batch(batch: "pa.RecordBatch") -> bytes:
    """A batch as lines in canonical form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not batch.num_rows:
        return b""
    types = batch.column(0).unique().to_pylist()
    if len(types) == 1:
        return _bytes_of(_lines(batch, types[0]))
    parts, places = [], []
    for name in types:
        where = pc.indices_nonzero(pc.equal(batch.column(0), name))
        parts.append(_lines(batch.take(where), name))
        places.append(where)
    order = pc.sort_indices(pa.concat_arrays(places))
    return _bytes_of(pa.concat_arrays(parts).take(order))


def _bytes_of(lines: "pa.Array") -> bytes:
    import pyarrow as pa

    lines = lines.cast(pa.large_string())
    _, offsets, data = lines.buffers()
    first, *_, last = memoryview(offsets).cast("q")[lines.offset : lines.offset + len(lines) + 1]
    return data[first:last].to_pybytes() if data is not None else b""


def _lines(batch: "pa.RecordBatch", type_name: str) -> "pa.Array":
    """The text of each row, LF included, for rows of one type."""
    import pyarrow as pa
    import pyarrow.compute as pc

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
            text = pc.binary_join_element_wise(before, text, after, "")
            pieces += [text.fill_null(""), ""]
        else:
            pieces += [before, text, after]
    pieces.append("}\n")
    merged = _merge_literals(pieces)
    if len(merged) == 1:
        return pa.array(merged * batch.num_rows)
    return pc.binary_join_element_wise(*merged, "")


def _merge_literals(pieces: list[Any]) -> list[Any]:
    """Neighbouring constants as one."""
    merged: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif not isinstance(piece, str) or piece:
            merged.append(piece)
    return merged


def text_of(column: "pa.Array", kind: str) -> tuple["pa.Array", bool]:
    """The wire's text of each value of a column, and whether it goes between quotes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    match kind:
        case "text":
            return _escaped(column), True
        case "time":
            text = pc.cast(column.view(pa.timestamp("ns")), pa.string())
            return pc.binary_join_element_wise(
                pc.binary_replace_slice(text, 10, 11, "T"), "Z", ""
            ), True
        case "number":
            return decimal_text(column), False
        case "date":
            return pc.cast(column, pa.string()), True
        case "list":
            return _list_text(column, _quoted(column.flatten())), False
        case "levels":
            return _list_text(column, _level_text(column.flatten())), False
        case "float":
            return pa.array([None if v is None else _encoder.encode(v).decode() for v in column.to_pylist()]), False
        case "json":
            return column, False
        case _:
            return pc.cast(column, pa.string()), False


def decimal_text(column: "pa.Array") -> "pa.Array":
    """Decimals in plain digits, without trailing zeros."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = column.dictionary_encode()  # a batch repeats most of its prices and sizes
    text = pc.cast(encoded.dictionary, pa.string())
    trimmed = pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")
    odd = pc.match_substring(text, "E")  # below 1e-6, zero included
    if pc.any(odd).as_py():
        plain = [_plain_text(value) for value in encoded.dictionary.filter(odd).to_pylist()]
        trimmed = pc.replace_with_mask(trimmed, odd, pa.array(plain, pa.string()))
    return trimmed.take(encoded.indices)


def _plain_text(value: Decimal) -> str:
    return f"{value:f}".rstrip("0").rstrip(".") if value else "0"


def _escaped(column: "pa.Array") -> "pa.Array":
    """Strings as they stand between the quotes of JSON."""
    import pyarrow as pa

    data = column.buffers()[2]
    if data is None or not _NEEDS_ESCAPE.search(data):
        return column
    encoded = column.dictionary_encode()
    texts = [_encoder.encode(text).decode()[1:-1] for text in encoded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(encoded.indices)


def _quoted(column: "pa.Array") -> "pa.Array":
    import pyarrow.compute as pc

    return pc.binary_join_element_wise('"', _escaped(column), '"', "")


def _level_text(levels: "pa.StructArray") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    price, size, count = levels.flatten()
    counts = pc.binary_join_element_wise(',"count":', pc.cast(count, pa.string()), "")
    return pc.binary_join_element_wise(
        '{"price":', decimal_text(price), ',"size":', decimal_text(size),
        counts.fill_null(""), "}", "",
    )  # fmt: skip


def _list_text(column: "pa.ListArray", items: "pa.Array") -> "pa.Array":
    """`[a,b]` for each row, from the text of the items of all rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(column), 0)
    ends = pc.cumulative_sum(lengths)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, items), ",")
    text = pc.binary_join_element_wise("[", joined, "]", "")
    return pc.if_else(pc.is_valid(column), text, pa.scalar(None, pa.string()))


def as_dict(event: Event) -> dict[str, Any]:
    """An event as the JSON object of its line."""
    fields: dict[str, Any] = msgspec.json.decode(_encoder.encode(event))
    return fields
