"""Columns of text, as a CSV file has them, as lines of JSON, which are read with all care."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.columns import field_names, kind_of
from mdc_core.plugin import EVENT_TYPES, DataError, utc

# The stub of it knows arrays or scalars, not the mixture of both that it takes.
_join: Callable[..., Any] = pc.binary_join_element_wise
_FIELDS = frozenset(name for kind in EVENT_TYPES for name in field_names(kind))
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_BARE = {"number": _NUMBER, "float": _NUMBER, "whole": r"^-?(0|[1-9][0-9]*)$"}
_FLAGS = {b"true": b"true", b"True": b"true", b"false": b"false", b"False": b"false"}
_SPECIAL = re.compile(rb'[\x00-\x1f"\\]')


def lines_of(columns: Mapping[str, Any], type_name: str | None) -> bytes:
    """One JSON object a row; a value that is not of its field's kind is put as a string.

    So whoever reads the lines says what is wrong with it.
    """
    kinds = columns.get("type")
    if kinds is None:
        kinds = pa.repeat((type_name or "").encode(), len(next(iter(columns.values()))))
    elif type_name is not None:
        kinds = kinds.fill_null(type_name.encode())
    pieces = [_join(b'{"type":', _quoted(kinds).fill_null(b"null"), b"")]
    for name, column in columns.items():
        if name != "type" and column.null_count < len(column):
            key = b"," + msgspec.json.encode(name) + b":"
            pieces.append(_join(key, _value(column, name), b"").fill_null(b""))
    return b"".join(_join(*pieces, b"}\n", b"").to_pylist())


def _value(column: Any, name: str) -> Any:
    """The JSON text of a column's values."""
    kind = kind_of(name) if name in _FIELDS else "text"
    if kind in _BARE:
        bare = pc.match_substring_regex(column, _BARE[kind])
        return pc.if_else(bare, column, _quoted(column))
    if kind == "time":
        return _each(column, _time)
    if kind == "flag":
        return _each(column, lambda text: _FLAGS.get(text) or _string(text))
    if kind in ("json", "list", "levels"):
        return _each(column, _compact)
    return _quoted(column)


def _quoted(column: Any) -> Any:
    data = column.buffers()[2]
    if data is not None and _SPECIAL.search(data):
        return _each(column, _string)
    return _join(b'"', column, b'"', b"")


def _each(column: Any, meaning: Callable[[bytes], bytes]) -> Any:
    """What each value means, asked once for each distinct one."""
    encoded = column.dictionary_encode()
    meanings = [meaning(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(meanings, pa.binary()).take(encoded.indices)


def _string(text: bytes) -> bytes:
    """A JSON string of the same bytes, which need not be UTF-8."""
    return b'"' + _SPECIAL.sub(lambda found: b"\\u%04x" % found[0][0], text) + b'"'


def _time(text: bytes) -> bytes:
    """A time as the wire writes it; without a zone it is UTC."""
    try:
        return _string(utc(text.decode()).encode())
    except (DataError, UnicodeDecodeError):
        return _string(text)


def _compact(text: bytes) -> bytes:
    """A JSON value on one line, every digit as it is."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _string(text)
    return msgspec.json.format(text, indent=-1)
