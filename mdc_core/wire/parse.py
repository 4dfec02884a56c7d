"""Lines to columns: whole blocks at once, and line by line only where a block resists.

A block that pyarrow reads into the columns of the types seen so far, with one row a line,
is done. One that it cannot read is halved until the lines that are to blame stand alone;
those are read with care, one at a time, and set aside with a reason if they are bad.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from mdc_core.batch import exact, from_rows
from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES, Event
from mdc_core.schema import (
    PRECISION,
    arrow_schema,
    arrow_types,
    columns,
    kind_of,
    version_of,
)
from mdc_core.times import to_ns
from mdc_core.wire.jsonl import decode_row, encode_json

# (batch, the text of its lines)
Piece = tuple[pa.RecordBatch, bytes]
# Called with the number of the line within the block (0 is the first), its text, the reason.
SetAside = Callable[[int, bytes, str], None]

FEW_LINES = 64
_HIGH_WORD_LIMIT = 10**PRECISION >> 64
_LF = 10

# Possessive throughout: what does not match fails at once, however long it is.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb"\{(?:[^{}\"]++|" + _STRING + rb")*+\}"
_NESTED = rb"\{(?:[^{}\"]++|" + _STRING + rb"|" + _FLAT + rb")*+\}"
_JSON_NAMES = "|".join(name for name, column in columns().items() if column.kind == "json")
_JSON_VALUE = re.compile(rb'(?<=[,{])"(' + _JSON_NAMES.encode() + rb')":(' + _NESTED + rb")")


class LinesParser:
    """Blocks of lines to batches; remembers which event types occur."""

    def __init__(self, set_aside: SetAside) -> None:
        self._set_aside = set_aside
        self._types = frozenset(["trade", "quote"])
        self._options: pj.ParseOptions | None = None
        self._inline_json = False

    def parse(self, block: bytes) -> list[Piece]:
        """The events in a block of whole lines, each ending in LF, in order."""
        if block.startswith(b'{"type":"begin"') and block.count(b"\n", 0, 65_536) > 1:
            head = block.index(b"\n") + 1
            return self._parse(block[:head], 0) + self._parse(block[head:], 1)
        if b'{"type":"end"' in block[-65_536:]:
            tail = block.rfind(b"\n", 0, len(block) - 1) + 1
            if tail and block.startswith(b'{"type":"end"', tail):
                before = self._parse(block[:tail], 0)
                return before + self._parse(block[tail:], block.count(b"\n", 0, tail))
        return self._parse(block, 0)

    def _parse(self, block: bytes, first_line: int) -> list[Piece]:
        """The pieces of a block whose first line has this number."""
        try:
            batch = self._columns(block)
        except (pa.ArrowInvalid, DataError):
            batch = None
        if batch is not None:
            return [(batch, block)]
        lines = block.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        if len(lines) <= FEW_LINES:
            return self._line_by_line(lines, first_line)
        half = len(lines) // 2
        left = b"\n".join(lines[:half]) + b"\n"
        right = b"\n".join(lines[half:]) + b"\n"
        return self._parse(left, first_line) + self._parse(right, first_line + half)

    def _columns(self, block: bytes) -> pa.RecordBatch | None:
        """The block as one batch, or None if it takes more care."""
        newlines = np.count_nonzero(np.frombuffer(block, np.uint8) == _LF)
        if block[:1] != b"{" or block[-2:] != b"}\n":
            return None
        if not block.isascii():
            try:
                block.decode()
            except UnicodeDecodeError:
                return None
        text = block
        if self._inline_json:
            text = _JSON_VALUE.sub(_as_string, block)
        try:
            table = self._read(text)
        except pa.ArrowInvalid as error:
            if self._inline_json or "from string to object" not in str(error):
                raise
            self._inline_json = True
            table = self._read(_JSON_VALUE.sub(_as_string, block))
        if table.num_rows != newlines:
            return None
        return self._typed(table)

    def _read(self, text: bytes) -> pa.Table:
        if self._options is None:
            fields = list(arrow_schema(self._types))
            fields.insert(1, pa.field("v", pa.string()))
            dates = pa.date32()
            wire = [f.with_type(pa.string()) if f.type == dates else f for f in fields]
            self._options = pj.ParseOptions(
                explicit_schema=pa.schema(wire), unexpected_field_behavior="error"
            )
        return pj.read_json(
            pa.BufferReader(text),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=self._options,
        )

    def _typed(self, table: pa.Table) -> pa.RecordBatch | None:
        """The table as a batch, once every value is known to be of its type."""
        (batch,) = table.combine_chunks().to_batches()
        schema = arrow_schema(self._types)
        kinds = batch.column(0)
        masks = {name: pc.equal(kinds, name) for name in self._types}
        counts = {name: int(mask.sum().as_py() or 0) for name, mask in masks.items()}
        if sum(counts.values()) != batch.num_rows:
            return self._with_new_types(kinds, batch)
        present = {name for name, count in counts.items() if count}
        if not _versions_known(batch.column(1), present):
            return None
        names = [name for name in schema.names if name != "type"]
        arrays = [kinds]
        for name in names:
            column = batch.column(batch.schema.get_field_index(name))
            if column.null_count != batch.num_rows:
                if not _belongs(column, name, present, masks) or not _holds(column, name):
                    return None
                if kind_of(name) == "date":
                    column = column.cast(pa.date32())
            elif kind_of(name) == "date":
                column = pa.nulls(batch.num_rows, pa.date32())
            arrays.append(column)
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _with_new_types(self, kinds: pa.Array, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        """Read again with the types that turned up, if the vocabulary has them."""
        found = set(kinds.unique().to_pylist())
        if None in found or not found.issubset(EVENT_TYPES):
            return None
        self.expect(found)
        return self._typed_again(batch)

    def _typed_again(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        schema = self._options  # rebuilt by the next read
        assert schema is None
        missing = [f for f in arrow_schema(self._types) if f.name not in batch.schema.names]
        table = pa.Table.from_batches([batch])
        for field in missing:
            kind = pa.string() if field.type == pa.date32() else field.type
            table = table.append_column(field.name, pa.nulls(batch.num_rows, kind))
        return self._typed(table)

    def expect(self, types: set[str]) -> None:
        """Make room for the columns of these event types."""
        if not types.issubset(self._types):
            self._types = self._types.union(types)
            self._options = None

    def _line_by_line(self, lines: list[bytes], first_line: int) -> list[Piece]:
        rows: list[Event] = []
        kept: list[bytes] = []
        for number, line in enumerate(lines, first_line):
            text = line.strip(b" \t\r")
            if not text:
                continue
            try:
                row, text = careful(text)
                check_values(row)
            except DataError as error:
                self._set_aside(number, line, str(error))
                continue
            rows.append(row)
            kept.append(text)
        if not rows:
            return []
        self.expect({str(row.__struct_config__.tag) for row in rows})
        return [(from_rows(rows), b"\n".join(kept) + b"\n")]


def _as_string(match: re.Match[bytes]) -> bytes:
    """A JSON object as a JSON string that holds its text."""
    name, text = match.groups()
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return match[0]
    if b" " in text or b"\t" in text:
        text = msgspec.json.format(text, indent=-1)
    escaped = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + name + b'":"' + escaped + b'"'


def _versions_known(column: pa.Array, present: set[str]) -> bool:
    """Whether every line has the current version of its type, or none."""
    if column.null_count == len(column):
        return True
    found = column.unique().drop_null()
    return len(found) == 1 and all(version_of(t) == found[0].as_py() for t in present)


def _belongs(
    column: pa.Array, name: str, present: set[str], masks: dict[str, pa.BooleanArray]
) -> bool:
    """Whether a column has values only in rows of types that have it."""
    owners = columns()[name].types
    strangers = present.difference(owners)
    if not strangers:
        return True
    if not column.null_count:
        return False
    bits = _bits(column.buffers()[0], column)
    return not any(np.any(bits & _bits(masks[t].buffers()[1], masks[t])) for t in strangers)


def _bits(buffer: pa.Buffer, array: pa.Array) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The bits of a bitmap, those beyond the array cleared."""
    length = (len(array) + 7) // 8
    bits = np.frombuffer(buffer, np.uint8, length).copy()
    if len(array) % 8:
        bits[-1] &= (1 << len(array) % 8) - 1
    return bits


def _holds(column: pa.Array, name: str) -> bool:
    """Whether the values are such as the column may hold."""
    match kind_of(name):
        case "number":
            return _fits(column)
        case "float":
            return bool(pc.all(pc.is_finite(column)).as_py())
        case "list":
            return column.flatten().null_count == 0
        case "levels":
            levels = column.flatten()
            price, size, _ = levels.flatten()
            fits = _fits(price) and _fits(size)
            return levels.null_count == price.null_count == size.null_count == 0 and fits
        case "json":
            return True
        case _:
            return True


def _fits(column: pa.Array) -> bool:
    """Whether decimals have at most 36 digits, which pyarrow does not check when reading."""
    if not len(column):
        return True
    words = np.frombuffer(column.buffers()[1], np.int64)
    high = words[2 * column.offset + 1 : 2 * (column.offset + len(column)) : 2]
    return bool(high.max() < _HIGH_WORD_LIMIT and high.min() >= -_HIGH_WORD_LIMIT)


def careful(line: bytes) -> tuple[Event, bytes]:
    """One line as a row, with its text: unknown fields moved under `extra`.

    Raises DataError for a duplicate key, a wrong type, an unknown event type, a newer
    major version, and for all that is not JSON.
    """
    try:
        fields = json.loads(
            line.decode(), object_pairs_hook=_no_duplicates, parse_float=Decimal,
            parse_constant=_no_nan,
        )
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise DataError("not a JSON object")
    name = fields.get("type")
    cls = EVENT_TYPES.get(name) if isinstance(name, str) else None
    if cls is None:
        raise DataError("no event type" if name is None else f"unknown event type {name!r}")
    _check_version(name, fields.get("v"))
    unknown = set(fields).difference(cls.__struct_fields__, ["type"])
    if unknown:
        extra = dict(fields.get("extra") or {})
        extra.update({key: fields.pop(key) for key in sorted(unknown)})
        fields["extra"] = extra
        line = encode_json(fields)
    return decode_row(line), line


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"duplicate key {twice!r}")
    return fields


def _no_nan(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _check_version(name: str, version: Any) -> None:
    if version is None:
        return
    known = version_of(name)
    major = str(version).partition(".")[0]
    if not major.isdigit():
        raise DataError(f"{name}: v is {version!r}, not a version")
    if int(major) > int(known.partition(".")[0]):
        raise DataError(f"{name} version {version} is newer than {known}; update mdc to read it")


def check_values(row: Event) -> None:
    """Raise DataError for a value that its column cannot hold exactly."""
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if value is None or name == "v":
            continue
        try:
            _check_value(kind_of(name), value)
        except DataError as error:
            raise DataError(f"{name}: {error}") from None


def _check_value(kind: str, value: Any) -> None:
    match kind:
        case "number":
            exact(value)
        case "time":
            to_ns(value)
        case "levels":
            for level in value:
                exact(level.price)
                exact(level.size)
        case "whole":
            if not -(2**63) <= value < 2**63:
                raise DataError(f"{value} is beyond 64 bits")
        case "float":
            if value - value != 0:
                raise DataError(f"{value} is not a finite number")
        case "date":
            try:
                pa.scalar(value, pa.string()).cast(arrow_types()["date"])
            except pa.ArrowInvalid:
                raise DataError(f"not a date: {value!r}") from None

