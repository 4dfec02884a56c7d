"""Frames of JSON and of msgpack as trees in which every number stands as it is written."""

import json
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.msgpack import Ext

Frame = str | bytes


class Written(str):
    """A part of a frame as it is to stand there, in the words of JSON."""


def tree_of(frame: Frame) -> Any:
    """A frame's values, its numbers as they are written."""
    if isinstance(frame, bytes):
        return _unpacked(frame)
    return json.loads(frame, parse_float=Written, parse_int=Written, parse_constant=Written)


def frame_of(tree: Any, like: Frame) -> Frame:
    """The frame of a tree, in the notation of another frame."""
    return msgspec.msgpack.encode(_plain(tree)) if isinstance(like, bytes) else text_of(tree)


def text_of(value: Any) -> str:
    """JSON with all numbers as they were; of what JSON has no word for what Python says of it."""
    match value:
        case Written():
            return str(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(k)}:{text_of(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ",".join(map(text_of, value)) + "]"
        case Ext():
            return f"Ext({value.code}, {bytes(value.data).hex()})"
    return json.dumps(value, ensure_ascii=False)


def shown(frame: Frame) -> str:
    """A frame for people."""
    return text_of(tree_of(frame))


def is_read(frame: Frame) -> bool:
    """Whether a frame is an object or a list of JSON, as text, or of msgpack."""
    try:
        if isinstance(frame, bytes):
            return isinstance(msgspec.msgpack.decode(frame), dict | list)
        msgspec.json.decode(frame, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return frame.lstrip()[:1] in ("{", "[")


def _unpacked(raw: bytes) -> Any:
    """The tree of a value; msgspec alone would cut a time to microseconds."""
    match raw[0]:
        case mark if 0x80 <= mark <= 0x8F or mark in (0xDE, 0xDF):
            fields = msgspec.msgpack.decode(raw, type=dict[str, Raw])
            return {name: _unpacked(bytes(one)) for name, one in fields.items()}
        case mark if 0x90 <= mark <= 0x9F or mark in (0xDC, 0xDD):
            return [_unpacked(bytes(one)) for one in msgspec.msgpack.decode(raw, type=list[Raw])]
        case mark if 0xC7 <= mark <= 0xC9 or 0xD4 <= mark <= 0xD8:
            return msgspec.msgpack.decode(raw, type=Ext)
    value = msgspec.msgpack.decode(raw)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Written(json.dumps(value)) if is_number else value


def _plain(value: Any) -> Any:
    match value:
        case Written():
            return json.loads(value)
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list():
            return [_plain(one) for one in value]
    return value
