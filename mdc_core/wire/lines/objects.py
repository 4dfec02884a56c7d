"""JSON objects in lines, as strings of their text: what pyarrow reads into a column of texts."""

import re
from decimal import Decimal, DecimalException
from functools import cache
from typing import Any

import msgspec
import pyarrow as pa

from mdc_core.errors import DataError
from mdc_core.schema import columns
from mdc_core.wire.lines.line import load_object
from mdc_core.wire.lines.values import encode_json

# Possessive throughout: what does not match fails at once, however long it is.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb"\{(?:[^{}\"]++|" + _STRING + rb")*+\}"
_TWO = rb"\{(?:[^{}\"]++|" + _STRING + rb"|" + _FLAT + rb")*+\}"
_NESTED = rb"\{(?:[^{}\"]++|" + _STRING + rb"|" + _TWO + rb")*+\}"
_JSON_COLUMNS = [name for name, column in columns().items() if column.kind == "json"]
_decode_object = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


@cache
def _json_value() -> re.Pattern[bytes]:
    """A JSON object with its key; made when one is there, for it takes milliseconds."""
    names = "|".join(_JSON_COLUMNS).encode()
    return re.compile(rb'(?<=[,{ \t])"(' + names + rb')"[ \t]*:[ \t]*(' + _NESTED + rb")")


def with_strings(block: bytes) -> tuple[bytes, int]:
    """Lines with each such object as a string, and how many there are."""
    return _json_value().subn(_as_string, block)


def values_of_objects(batch: pa.RecordBatch) -> int:
    """How many values the columns of JSON objects have."""
    there = [batch.column(name) for name in _JSON_COLUMNS if name in batch.schema.names]
    return sum(len(column) - column.null_count for column in there)


def _as_string(match: re.Match[bytes]) -> bytes:
    """A JSON object as a JSON string that holds its text, as the reader of lines writes it."""
    name, text = match.groups()
    try:
        plain = encode_json(_decode_object(text))
        if plain != text:
            load_object(text)  # which does not take the same key twice
    except (msgspec.DecodeError, DecimalException, RecursionError, DataError):
        return match[0]
    escaped = plain.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + name + b'":"' + escaped + b'"'
