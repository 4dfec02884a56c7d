"""JSONL: one event a line, written and read as columns.

Canonical form: keys in the order of the vocabulary, no spaces, absent for null; decimals
in plain digits without trailing zeros; times in RFC 3339, UTC, nine digits. Columns are
written so; rows keep the digits of the vendor, 1.50 or 1E-7.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import ref

import msgspec

from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES, Event
from mdc_core.flaws import unwritable
from mdc_core.screening import doubtful
from mdc_core.texts import plainly
from mdc_core.wire.lines.values import encode_json

if TYPE_CHECKING:
    import pyarrow as pa

_encoder = msgspec.json.Encoder(decimal_format="number")
_UNWRITABLE = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)
_ENDLESS = (b"NaN", b"nfinity")  # in `extra`, msgspec before 0.23 writes such numbers down
_UNION: Any = None
for _cls in EVENT_TYPES.values():
    _UNION = _cls if _UNION is None else _UNION | _cls


@cache
def _decoder(*, many: bool) -> msgspec.json.Decoder[Any]:
    """Made when it is needed: msgspec takes a millisecond for it."""
    return msgspec.json.Decoder(list[_UNION] if many else _UNION, float_hook=Decimal)


def encode_rows(rows: Sequence[Event]) -> bytes:
    """Rows as lines; raises DataError for one that no line can hold."""
    text = None
    with suppress(*_UNWRITABLE):  # a number without end, or what is no value of JSON at all
        text = _encoder.encode_lines(rows)
    endless = text is None or any(word in text for word in _ENDLESS)
    for row in rows if endless else doubtful(rows):
        if (problem := unwritable(row)) is not None:
            raise DataError(f"{row.symbol}: {problem}")
    return _encoder.encode_lines(rows) if text is None else text


def decode_row(line: bytes) -> Event:
    """The event in a line, its types checked; raises DataError."""
    try:
        event: Event = _decoder(many=False).decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = plainly(error)
        example = "; a time is a text, such as 2024-01-02T14:30:00Z"
        raise DataError(text + example if text.startswith("ts_") else text) from None
    return event


def rows_of(batch: "pa.RecordBatch") -> list[Event]:
    """The events of a batch as rows."""
    data = encode_batch(batch)
    try:
        rows: list[Event] = _decoder(many=True).decode(b"[" + data[:-1].replace(b"\n", b",") + b"]")
    except msgspec.DecodeError as error:  # a `json` column of a stranger's table
        raise DataError(f"an event that is not what its type says: {error}") from None
    return rows


class _KeptText:
    """The text of one batch, as long as that lives."""

    def __init__(self) -> None:
        self._batch: Callable[[], object] = object
        self._text = b""

    def put(self, batch: "pa.RecordBatch", text: bytes) -> None:
        self._batch, self._text = ref(batch, self._drop), text

    def of(self, batch: "pa.RecordBatch") -> bytes | None:
        return self._text if self._batch() is batch else None

    def _drop(self, gone: object) -> None:
        if gone is self._batch:
            self._batch, self._text = object, b""


_kept = _KeptText()


def encode_batch(batch: "pa.RecordBatch") -> bytes:
    """A batch as lines in canonical form."""
    known = _kept.of(batch)
    if known is not None:
        return known
    from mdc_core.wire.lines.text import encode

    return encode(batch)


def encode_and_keep(batch: "pa.RecordBatch") -> bytes:
    """A batch as lines, kept for whoever encodes this very batch next, until another one is."""
    text = encode_batch(batch)
    _kept.put(batch, text)
    return text


def as_dict(event: Event) -> dict[str, Any]:
    """An event as the JSON object of its line."""
    fields: dict[str, Any] = msgspec.json.decode(encode_json(event))
    return fields
