"""The messages of Arrow IPC streams: where they are, and that they are not too large."""

import struct
from typing import NamedTuple

import pyarrow as pa

from mdc_core.errors import DataError
from mdc_core.wire.limits import MAX_BODY

SCHEMA, DICTIONARY, BATCH = 1, 2, 3  # kinds of messages (format/Message.fbs)
LZ4, ZSTD = 0, 1  # codecs of buffers
MAX_METADATA = 16 << 20
SMALL_BODY = 64 << 10
_PREFIX = 8
_CONTINUED = -1
_prefix = struct.Struct("<ii").unpack_from
_int64 = struct.Struct("<q").unpack_from
_int32 = struct.Struct("<i").unpack_from
_uint16 = struct.Struct("<H").unpack_from


# The last message of a stream: a continuation mark and the length 0 (Arrow columnar format,
# "IPC Streaming Format").
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class Layout(NamedTuple):
    """Where things are in the metadata of a message; 0 for what is not there."""

    kind: int
    body: int
    length: int = 0
    nodes: int = 0
    node_count: int = 0
    buffers: int = 0
    buffer_count: int = 0
    codec: int | None = None  # of its buffers: LZ4 or ZSTD
    kind_at: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is that of a batch whose parts are all there."""
        there = self.length and self.nodes and self.buffers and self.body
        return self.kind == BATCH and bool(there)


class Message(NamedTuple):
    """A message in a block of bytes: its metadata and the body behind."""

    metadata: int
    body: int
    end: int
    layout: Layout


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffer's table is, or 0."""
    vtable = table - _int32(data, table)[0]
    at = 4 + 2 * number
    if at >= _uint16(data, vtable)[0]:
        return 0
    offset = _uint16(data, vtable + at)[0]
    return table + offset if offset else 0


def _pointed(data: bytes, at: int) -> int:
    return at + int(_int32(data, at)[0])


def _vector(data: bytes, at: int) -> tuple[int, int]:
    """Where the elements of a vector begin, and how many there are."""
    if not at:
        return 0, 0
    start = _pointed(data, at)
    return start + 4, _int32(data, start)[0]


def _codec(data: bytes, at: int) -> int | None:
    """How buffers are compressed, if they are."""
    if not at:
        return None
    table = _pointed(data, at)
    codec = _field(data, table, 0)
    return data[codec] if codec else LZ4


def layout_of(metadata: bytes) -> Layout:
    """Where things are in the metadata of a message; raises ArrowInvalid where they cannot be."""
    try:
        message = _pointed(metadata, 0)
        kind, header = _field(metadata, message, 1), _field(metadata, message, 2)
        body = _field(metadata, message, 3)
        number = metadata[kind] if kind else 0
        table = _pointed(metadata, header) if header else 0
        if number == DICTIONARY:
            table = _pointed(metadata, _field(metadata, table, 1))
        if number not in (DICTIONARY, BATCH):
            found = Layout(kind=number, body=body, kind_at=kind)
        else:
            nodes, node_count = _vector(metadata, _field(metadata, table, 1))
            buffers, buffer_count = _vector(metadata, _field(metadata, table, 2))
            found = Layout(
                kind=number,
                body=body,
                length=_field(metadata, table, 0),
                nodes=nodes,
                node_count=node_count,
                buffers=buffers,
                buffer_count=buffer_count,
                codec=_codec(metadata, _field(metadata, table, 3)),
                kind_at=kind,
            )
    except (struct.error, IndexError) as error:
        raise pa.ArrowInvalid(f"damaged metadata: {error}") from None
    _check_inside(found, len(metadata))
    return found


def _check_inside(layout: Layout, size: int) -> None:
    words = [layout.body, layout.length, layout.kind_at]
    for start, count in (
        (layout.nodes, layout.node_count),
        (layout.buffers, layout.buffer_count),
        *((word, 0) for word in words),
    ):
        if not (0 <= start <= size - 8 and count >= 0 and start + 16 * count <= size):
            raise pa.ArrowInvalid("metadata that reach beyond their end")


class Scanner:
    """Finds the messages in blocks of bytes."""

    def __init__(self, name: str) -> None:
        self._name = name
        # By the size of the metadata: how they begin, as far as that says where the parts are.
        self._known: dict[int, tuple[bytes, Layout]] = {}

    def next(self, block: memoryview, at: int) -> tuple[Message | None, int]:
        """The message at a place, None for the end of a stream, and how many bytes it has.

        The bytes may be more than there are. Raises ArrowInvalid for what is no message, and
        DataError for one that is too large.
        """
        if len(block) - at < _PREFIX:
            return None, _PREFIX
        mark, size = _prefix(block, at)
        if mark != _CONTINUED:
            raise pa.ArrowInvalid("no message where one should begin")
        if not size:
            return None, _PREFIX
        if not 0 < size <= MAX_METADATA:
            raise pa.ArrowInvalid(f"metadata of {size} bytes")
        start = at + _PREFIX
        if len(block) - start < size:
            return None, _PREFIX + size
        layout = self._layout_at(block, start, size)
        length = _int64(block, start + layout.body)[0] if layout.body else 0
        if not 0 <= length <= MAX_BODY:
            raise _too_large(self._name, f"a batch of {length} bytes")
        body = start + size
        return Message(start, body, body + length, layout), _PREFIX + size + length

    def _layout_at(self, block: memoryview, start: int, size: int) -> Layout:
        known = self._known.get(size)
        if known is not None and block[start : start + len(known[0])] == known[0]:
            layout = known[1]
            if block[start + layout.kind_at] == layout.kind:
                return layout
        metadata = bytes(block[start : start + size])
        layout = layout_of(metadata)
        # Whatever follows the first of the lengths is compared when batches are joined.
        places = (layout.length, layout.nodes, layout.buffers, layout.body)
        first = min(places) if layout.is_whole and layout.codec is None else size
        self._known[size] = metadata[:first], layout
        return layout


def rows_of(block: memoryview, message: Message) -> int:
    """How many rows a batch says it has."""
    at = message.layout.length
    return int(_int64(block, message.metadata + at)[0]) if at else 0


def check_unpacked(block: memoryview, message: Message, name: str) -> None:
    """Raise DataError for a compressed batch that says it unpacks to too much."""
    layout = message.layout
    if layout.codec is None:
        return
    total = message.end - message.body
    for number in range(layout.buffer_count):
        at = message.metadata + layout.buffers + 16 * number
        offset, length = _int64(block, at)[0], _int64(block, at + 8)[0]
        if length >= _PREFIX and offset >= 0 and message.body + offset + 8 <= message.end:
            total += max(_int64(block, message.body + offset)[0], 0)
    if total > MAX_BODY:
        raise _too_large(name, f"a batch that takes {total} bytes unpacked")


def _too_large(name: str, what: str) -> DataError:
    return DataError(f"{name}: {what}", hint=f"write it in batches of at most {MAX_BODY >> 20} MiB")
