"""How the files of an archive of frames are laid out: blocks, each readable by itself.

A file is a plain `.zst` file of lines, which any tool reads (`zstd -dc FILE | jq`). Before the
zstd frame of each block stands one that such tools skip, with what is in the block: its head.

    5D 2A 4D 18   length of what follows (4 bytes, little-endian)
    "mdcF"        CRC-32 of the JSON and of the zstd frame (4 bytes)
    JSON          a BlockHead

The last block has no lines: its head is about the whole file, and the last 16 bytes of the file,
again a frame that is skipped, say how far before the end it begins.
"""

import struct
import zlib
from typing import NamedTuple

import msgspec
from msgspec import Struct

SKIPPED = b"\x5d\x2a\x4d\x18"
MARK = b"mdcF"
END_MARK = b"mdcE"
_START = struct.Struct("<4sI4sI")
_TAIL = struct.Struct("<4sII4s")
START_SIZE, TAIL_SIZE = _START.size, _TAIL.size
MOST_HEAD = 1 << 24  # bytes of a head; one that says more is damaged


class Tally(Struct, array_like=True):
    """What there is of a connection."""

    received: int = 0
    sent: int = 0
    notes: int = 0  # of what became of the connection
    bytes: int = 0  # of the frames, as they were on the wire

    def add(self, other: "Tally") -> None:
        """Count that as well."""
        self.received += other.received
        self.sent += other.sent
        self.notes += other.notes
        self.bytes += other.bytes

    @property
    def frames(self) -> int:
        """How many frames, in and out."""
        return self.received + self.sent


class BlockHead(Struct, omit_defaults=True):
    """What is in a block, or (`whole`) in the file that it ends."""

    number: int
    size: int = 0  # of the zstd frame
    length: int = 0  # of the lines
    first: int | None = None  # the earliest receive time, and the latest
    last: int | None = None
    connections: dict[str, Tally] = {}
    whole: bool = False

    def took(self, ns: int | None, connection: str, direction: str, size: int) -> None:
        """Count a frame, or a note, of this time."""
        if ns is not None:
            if self.first is None or self.last is None:
                self.first = self.last = ns
            elif ns > self.last:
                self.last = ns
            elif ns < self.first:
                self.first = ns
        tally = self.connections.get(connection)
        if tally is None:
            tally = self.connections[connection] = Tally()
        if direction in ("in", "http"):
            tally.received += 1
            tally.bytes += size
        elif direction == "out":
            tally.sent += 1
            tally.bytes += size
        else:
            tally.notes += 1

    def count(self, other: "BlockHead") -> None:
        """Count what is in another block as well."""
        self.length += other.length
        times = [t for t in (self.first, self.last, other.first, other.last) if t is not None]
        self.first, self.last = min(times, default=None), max(times, default=None)
        for name, tally in other.connections.items():
            self.connections.setdefault(name, Tally()).add(tally)

    @property
    def tally(self) -> Tally:
        """What there is of all connections."""
        total = Tally()
        for one in self.connections.values():
            total.add(one)
        return total


class Start(NamedTuple):
    """The first bytes of a block: how long its head is, and the checksum."""

    length: int
    crc: int


def start_of(data: bytes) -> Start | None:
    """The start of a block, if the bytes are one."""
    if len(data) < START_SIZE:
        return None
    skipped, length, mark, crc = _START.unpack_from(data)
    told = length - START_SIZE + 8
    fits = skipped == SKIPPED and mark == MARK and 0 < told <= MOST_HEAD
    return Start(told, crc) if fits else None


def head_of(data: bytes) -> BlockHead | None:
    """The head in these bytes, if they are one."""
    try:
        head = msgspec.json.decode(data, type=BlockHead)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return head if head.size >= 0 and head.length >= 0 else None


def block_of(head: BlockHead, body: bytes) -> bytes:
    """The bytes of a block."""
    told = msgspec.json.encode(head)
    crc = zlib.crc32(body, zlib.crc32(told))
    return _START.pack(SKIPPED, len(told) + 8, MARK, crc) + told + body


def tail_of(length: int) -> bytes:
    """The end of a file whose last block has this length."""
    return _TAIL.pack(SKIPPED, 8, length, END_MARK)


def last_block(tail: bytes) -> int | None:
    """How far before the tail the last block begins, if the bytes are the end of a file."""
    if len(tail) != TAIL_SIZE:
        return None
    skipped, size, length, mark = _TAIL.unpack(tail)
    return length if (skipped, size, mark) == (SKIPPED, 8, END_MARK) else None
