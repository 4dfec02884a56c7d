"""Alpaca's messages in msgpack: the same as in JSON, but for the times.

A time is msgpack's extension -1, to the nanosecond. A price is a double, as Alpaca sends it: the
decimal is the shortest text that leads to this double, which is what Alpaca writes in JSON. What
cannot be read at once is read as the JSON that says the same.
"""

import math
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.msgpack import Ext

from mdc_core.plugin import DataError, from_ns, to_ns
from mdc_providers.alpaca import messages as wire

_TIME = -1  # msgpack's type of a timestamp
_SECOND = 1_000_000_000
_EXTENSIONS = range(0xC7, 0xCA), range(0xD4, 0xD9)  # what begins with such a byte is one
_TIMES = ("t", "ft", "created_at", "updated_at")

_decode = msgspec.msgpack.Decoder(list[wire.Known[Ext]]).decode
_parts = msgspec.msgpack.Decoder(list[Raw]).decode
_fields = msgspec.msgpack.Decoder(dict[str, Raw]).decode
_whole = struct.Struct(">Q").unpack


def read(frame: bytes) -> Sequence[Any]:
    """The messages of a frame; raises what msgspec raises, and DataError for a time."""
    messages = _decode(frame)
    for message in messages:
        for name in _times_of(type(message)):
            if type(value := getattr(message, name)) is Ext:
                setattr(message, name, time_of(value))
    return messages


@cache
def _times_of(kind: type[msgspec.Struct]) -> Sequence[str]:
    """The fields of a message that may be a time."""
    return [name for name in _TIMES if name in kind.__struct_fields__]


def time_of(value: Ext) -> str:
    """The text of a timestamp of 4, 8 or 12 bytes."""
    data: bytes = value.data  # type: ignore[assignment]  # bytes, of whatever was decoded
    if value.code != _TIME or len(data) not in (4, 8, 12):
        raise DataError(f"no timestamp: extension {value.code} of {len(data)} bytes")
    if len(data) == 8:  # nearly always
        (number,) = _whole(data)
        seconds, rest = number & 0x3_FFFF_FFFF, number >> 34
    elif len(data) == 4:
        seconds, rest = int.from_bytes(data), 0
    else:
        seconds, rest = int.from_bytes(data[4:], signed=True), int.from_bytes(data[:4])
    if rest >= _SECOND:
        raise DataError(f"no timestamp: {rest:,} nanoseconds of a second")
    return from_ns(seconds * _SECOND + rest)


def as_json(frame: bytes) -> bytes:
    """The JSON that says the same as a frame; raises DataError for one that is no list."""
    try:
        parts = _parts(frame)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"alpaca: a frame that is no list of messages: {error}") from None
    return b"[" + b",".join(map(_part_as_json, parts)) + b"]"


def _part_as_json(part: Raw) -> bytes:
    try:
        fields = {name: _plain(bytes(value)) for name, value in _fields(part).items()}
        return msgspec.json.encode(fields)
    except (
        msgspec.MsgspecError,
        DataError,
        UnicodeError,
        RecursionError,
        OverflowError,
        TypeError,
    ):
        return msgspec.json.encode({"unread": bytes(part).hex()})


def _plain(value: bytes) -> Any:
    if any(value[0] in codes for codes in _EXTENSIONS):
        return time_of(msgspec.msgpack.decode(value, type=Ext))
    found = msgspec.msgpack.decode(value)
    _refuse_binary(found)
    # JSON has no word for it, and null would be another thing.
    return str(found) if isinstance(found, float) and not math.isfinite(found) else found


def _refuse_binary(found: Any) -> None:
    """Raise TypeError for bytes in a value: JSON would have another text in their place."""
    if isinstance(found, bytes):
        raise TypeError("binary where Alpaca has text")
    for inner in found if isinstance(found, list) else ():
        _refuse_binary(inner)
    for name, inner in found.items() if isinstance(found, dict) else ():
        _refuse_binary(name)
        _refuse_binary(inner)


def pack(text: str) -> bytes:
    """A frame of JSON, or a message, in msgpack, its times as timestamps."""
    found = msgspec.json.decode(text)
    for message in found if isinstance(found, list) else ():
        if not isinstance(message, dict):
            continue
        for name in _TIMES:
            if isinstance(value := message.get(name), str):
                seconds, rest = divmod(to_ns(value), _SECOND)
                data = rest.to_bytes(4) + seconds.to_bytes(8, signed=True)
                if 0 <= seconds < 1 << 34:
                    data = (rest << 34 | seconds).to_bytes(8)
                message[name] = Ext(_TIME, data)
    return msgspec.msgpack.encode(found)
