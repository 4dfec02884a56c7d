"""The files of an archive of frames, read block by block: what is damaged costs what it hits."""

import fcntl
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from mdc_core.disk import read_at, reading
from mdc_core.live.frames.block import (
    MARK,
    SKIPPED,
    START_SIZE,
    TAIL_SIZE,
    BlockHead,
    head_of,
    last_block,
    start_of,
)
from mdc_core.live.frames.head import FileHead, file_head
from mdc_core.live.recorded.record import quick_record
from mdc_core.texts import counted

_WINDOW = 1 << 20  # bytes that are searched at once for the next block
_MOST = 1 << 30  # bytes that a block unpacks to


class Damage(NamedTuple):
    """What cannot be read of a file, or is not there."""

    file: Path
    at: int  # bytes from its begin
    size: int
    text: str
    torn: bool = False  # the end of a file whose writer was killed, or lost its power
    loses: bool = True  # frames; what a file says of itself at its end is none

    def __str__(self) -> str:
        where = f"{self.file}: {self.text}"
        return f"{where}, {counted(self.size, 'byte')} from {self.at:,}" if self.size else where


class FrameBlock(NamedTuple):
    """A block: what is in it, its lines, and where it ends."""

    head: BlockHead
    lines: bytes
    end: int


class _Place(NamedTuple):
    """A block, and where it stands; its lines are not read yet."""

    head: BlockHead
    at: int
    told: bytes
    crc: int
    body: int
    end: int


Wanted = Callable[[BlockHead], bool]


def _every(head: BlockHead) -> bool:
    return True


class FrameFileReader:
    """One file of an archive of frames, open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path):
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._size = os.fstat(self._fd).st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    @property
    def size(self) -> int:
        """How many bytes it had when it was opened."""
        return self._size

    @property
    def is_written(self) -> bool:
        """Whether somebody is writing it now."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        except BlockingIOError:
            return True
        except OSError:
            pass  # a file system without locks
        return False

    def whole(self) -> BlockHead | None:
        """What the file says at its end is in it; None where its writer has not come to that."""
        length = last_block(self._read(TAIL_SIZE, self._size - TAIL_SIZE))
        place = None if length is None else self._place(self._size - TAIL_SIZE - length)
        is_whole = place is not None and place.head.whole and self._lines(place) is not None
        return place.head if place is not None and is_whole else None

    def head(self) -> FileHead | None:
        """What the file says at its begin."""
        place = self._place(0)
        lines = None if place is None else self._lines(place)
        record = None if lines is None else quick_record(lines.partition(b"\n")[0])
        return None if record is None else file_head(bytes(record.frame))

    def heads(self) -> Iterator[BlockHead]:
        """What is in the blocks, as far as they follow each other, without a look at them."""
        at = 0
        while (place := self._place(at)) is not None and not place.head.whole:
            yield place.head
            at = place.end

    def blocks(self, wanted: Wanted = _every) -> Iterator[FrameBlock | Damage]:
        """The blocks that are wanted, in order, and what is damaged between them.

        A block that is not wanted is passed over without a look at what is in it.
        """
        at = number = 0
        while at < self._size:
            place = self._place(at)
            if place is not None and not (place.head.whole or wanted(place.head)):
                at, number = place.end, place.head.number + 1
                continue
            lines = None if place is None else self._lines(place)
            if place is None or lines is None:
                found = self._next_block(at + 1)
                yield self._damage(at, found)
                at = self._size if found is None else found
                number += 1
                continue
            if place.head.number != number:
                text = f"block {place.head.number} where {number} was expected"
                yield Damage(self.path, at, 0, text)
            at, number = place.end, place.head.number + 1
            if place.head.whole:
                length = place.end - place.at
                if last_block(self._read(TAIL_SIZE, at)) != length:
                    size = self._size - at
                    yield Damage(self.path, at, size, "its end is damaged", loses=False)
                at += TAIL_SIZE
            else:
                yield FrameBlock(place.head, lines, place.end)

    def _damage(self, at: int, found: int | None) -> Damage:
        size = (self._size if found is None else found) - at
        torn = found is None and self.whole() is None
        text = "the file breaks off within a block" if torn else "a block is damaged"
        return Damage(self.path, at, size, text, torn)

    def _place(self, at: int) -> _Place | None:
        """The block at a place, if one begins there and ends in the file."""
        start = start_of(self._read(START_SIZE, at))
        if start is None:
            return None
        told = self._read(start.length, at + START_SIZE)
        head, body = head_of(told), at + START_SIZE + start.length
        if head is None or body + head.size > self._size:
            return None
        return _Place(head, at, told, start.crc, body, body + head.size)

    def _lines(self, place: _Place) -> bytes | None:
        """The lines of a block; None if it is damaged."""
        body = self._read(place.head.size, place.body)
        if zlib.crc32(body, zlib.crc32(place.told)) != place.crc:
            return None
        return _unpacked(body, place.head.length) if body else b""

    def _next_block(self, at: int) -> int | None:
        """Where the next block begins that is whole."""
        while at < self._size:
            data = self._read(_WINDOW + START_SIZE, at)
            place = data.find(SKIPPED)
            while place >= 0:
                if data[place + 8 : place + 12] == MARK:
                    block = self._place(at + place)
                    if block is not None and self._lines(block) is not None:
                        return at + place
                place = data.find(SKIPPED, place + 1)
            at += _WINDOW
        return None

    def _read(self, size: int, at: int) -> bytes:
        with reading(self.path):
            return read_at(self._fd, size, at) if at >= 0 else b""


def _unpacked(body: bytes, length: int) -> bytes | None:
    import zstandard

    try:
        size = zstandard.frame_content_size(body)
        if size != length or size > _MOST:
            return None
        unpack: Any = zstandard.ZstdDecompressor().decompress
        return bytes(unpack(body))
    except zstandard.ZstdError:
        return None
