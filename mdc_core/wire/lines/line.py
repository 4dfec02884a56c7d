"""One line, read with care: what is wrong with it, said in a sentence."""

import json
import re
from decimal import Decimal, DecimalException
from typing import Any, NamedTuple

import pyarrow as pa

from mdc_core.batch import exact
from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES, Event, Level
from mdc_core.schema import arrow_types, columns, kind_of
from mdc_core.texts import plainly
from mdc_core.times import to_ns
from mdc_core.versions import changes
from mdc_core.wire.lines.jsonl import decode_row, encode_rows
from mdc_core.wire.lines.values import encode_json
from mdc_core.wire.migrate import add_to_extra, migrate_line, move_to_extra

# What a number between quotes may be; Decimal itself takes spaces, "1_0" and other scripts.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|NaN|[+-]?Infinity", re.ASCII)


class ParsedLine(NamedTuple):
    """A line that was read: its event, its text, its version, whether that is an older one."""

    row: Event
    text: bytes
    version: str | None
    is_older: bool


def parse_line(line: bytes) -> ParsedLine:
    """One line as a row: of an older version made current, unknown fields under `extra`.

    Raises DataError for a duplicate key, a wrong type, an unknown event type, a version
    that cannot be read, and for all that is not JSON.
    """
    fields = load_object(line)
    name = fields.get("type")
    cls = EVENT_TYPES.get(name) if isinstance(name, str) else None
    if not isinstance(name, str) or cls is None:
        raise DataError("no event type" if name is None else f"unknown event type {name!r}")
    version = fields.get("v")
    if not isinstance(version, str | None):
        raise DataError(f"{name}: v is {version!r}, not a version")
    older = changes(name, version) if version is not None else ()
    if older:
        migrate_line(fields, older)
    unversioned = "v" in fields and (older or version is None)
    if unversioned:
        del fields["v"]
    unknown = set(fields).difference(cls.__struct_fields__, ["type"])
    foreign = {key for key in unknown if fields[key] is None and key in columns()}
    for key in foreign:
        del fields[key]  # a column of other types, without a value: in a table it is there
    if unknown != foreign:
        move_to_extra(fields, unknown - foreign)
    more = _beyond_levels(fields)
    if more:
        add_to_extra(fields, more)
    _check_texts(fields)
    if unknown or unversioned or more:
        line = encode_json(fields)
    row = decode_row(line)
    return ParsedLine(row, encode_rows([row])[:-1] if older else line, version, bool(older))


def load_object(text: bytes) -> dict[str, Any]:
    """A JSON object with its numbers as they are; raises DataError for what is none.

    The same key twice is an error, at any depth.
    """
    try:
        fields = json.loads(
            text.decode(),
            object_pairs_hook=_no_duplicates,
            parse_float=Decimal,
            parse_constant=_no_nan,
        )
        if b"\\u" in text:
            encode_json(fields)  # half a character, as an escape may name it, has no UTF-8
    except (ValueError, RecursionError, DecimalException) as error:
        raise DataError(f"not JSON: {plainly(error)}") from None
    if not isinstance(fields, dict):
        raise DataError("not a JSON object")
    return fields


def _beyond_levels(fields: dict[str, Any]) -> dict[str, Any]:
    """What levels have beside their fields, taken off them: a list for each list of levels."""
    found = {}
    for name, value in fields.items():
        if name in columns() and kind_of(name) == "levels" and isinstance(value, list):
            more = [_beyond_level(level) for level in value]
            if any(more):
                found[name] = more
    return found


def _beyond_level(level: Any) -> dict[str, Any]:
    if not isinstance(level, dict):
        return {}  # the decoder says what it should be
    names = [key for key in level if key not in Level.__struct_fields__]
    return {key: level.pop(key) for key in names}


def _check_texts(fields: dict[str, Any]) -> None:
    """Raise DataError for what the typed decoder would take too kindly."""
    for name, value in fields.items():
        if name not in columns():
            continue
        kind = kind_of(name)
        if kind == "number" and isinstance(value, str) and not _NUMBER.fullmatch(value):
            raise DataError(f"{name}: {value[:40]!r} is not a number")
        if kind == "levels" and isinstance(value, list):
            for level in value:
                _check_level(name, level)


def _check_level(name: str, level: Any) -> None:
    if not isinstance(level, dict):
        return  # the decoder says what it should be
    for key, value in level.items():
        if isinstance(value, str) and not _NUMBER.fullmatch(value):
            raise DataError(f"{name}: {key}: {value[:40]!r} is not a number")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"duplicate key {twice!r}")
    return fields


def _no_nan(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


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
                if level.count is not None:
                    _check_whole(level.count)
        case "whole":
            _check_whole(value)
        case "float":
            if value - value != 0:
                raise DataError(f"{value} is not a finite number")
        case "date":
            try:
                pa.scalar(value, pa.string()).cast(arrow_types()["date"])
            except pa.ArrowInvalid:
                raise DataError(f"not a date: {value!r}") from None


def _check_whole(value: int) -> None:
    if not -(2**63) <= value < 2**63:
        raise DataError(f"{value} is beyond 64 bits")
