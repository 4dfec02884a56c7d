"""Frames written to the files of an archive: in blocks, by a thread of its own.

What has been written survives a killed process. A frame is written within WINDOW seconds after it
came, or as soon as BLOCK bytes are there; it is on the disk, for a power cut, within twice that.
Files are only ever added: what is there is never opened to be written.
"""

import fcntl
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from threading import Condition, Lock, Thread
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mdc_core.disk import reason, sync_path
from mdc_core.errors import WriteError
from mdc_core.live.frames.block import BlockHead, block_of, tail_of
from mdc_core.live.frames.head import FORMAT, STATE, SUFFIX, FileHead
from mdc_core.times import SECOND, from_ns

WINDOW = 1.0  # seconds
BLOCK = 1 << 20  # characters of a block
WAITING = 1 << 26  # characters that may wait for a disk that is slow; then the feed waits
LEVEL = 1  # of zstd: 3 takes a third more time for 2 % less
FILE_SIZE = 64 << 20
FILE_TIME = 3600 * SECOND
_END = "}\n"
_WITH_FRAMES = 2  # blocks of a file in which there is more than what it says of itself


class FrameRotation(Struct, frozen=True):
    """How large a file may become, in bytes, and how long it is written to, in nanoseconds."""

    size: int = FILE_SIZE
    time: int = FILE_TIME


class FrameLine(NamedTuple):
    """A line that is to be written."""

    start: str  # up to the frame
    frame: str
    ns: int | None
    connection: str
    direction: str
    size: int  # of the frame on the wire


class _Pending(NamedTuple):
    """A block that is not written yet."""

    parts: list[str]
    head: BlockHead


class FrameWriter:
    """Writes the frames of one run into files of a folder."""

    def __init__(self, folder: Path, head: FileHead, rotation: FrameRotation | None = None) -> None:
        import zstandard

        self.folder = folder
        self._head = replace(head, state=STATE, format=FORMAT, number=0)
        self._rotation = rotation or FrameRotation()
        self._pack: Any = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress
        self._now = _Pending([], BlockHead(0))  # the block that is filled
        self._size = 0  # of it
        self._full: list[_Pending] = []  # blocks that can be written
        self._waiting = 0  # characters of all of them
        self._closing = self._hurries = self._is_over = False
        self._failed: OSError | MemoryError | None = None
        self._lock = Lock()
        self._state = Condition(self._lock)
        try:
            self._file = self._next_file()
        except OSError as error:
            raise WriteError(f"cannot capture to {folder}: {reason(error)}") from None
        self._thread = Thread(target=self._work, name="mdc-frames", daemon=True)
        self._thread.start()

    def add(self, line: "FrameLine") -> None:
        """Add a line; raises WriteError once the disk refuses."""
        start, frame, ns, connection, direction, size = line
        with self._lock:
            if self._is_over:
                raise self._failure()
            if not self._size:
                self._state.notify_all()
            self._now.parts.extend((start, frame, _END))
            self._size += len(start) + len(frame)
            self._now.head.took(ns, connection, direction, size)
            if self._size >= BLOCK:
                self._fill()
                self._state.notify_all()
                if self._waiting >= WAITING:
                    self._state.wait_for(lambda: self._waiting < BLOCK or self._is_over)

    def _fill(self) -> None:
        self._full.append(self._now)
        self._waiting += self._size
        self._now, self._size = _Pending([], BlockHead(0)), 0

    def flush(self) -> None:
        """Write what is there without waiting for more."""
        with self._state:
            self._hurries = True
            self._state.notify_all()

    def close(self) -> None:
        """Write all there is, and what ends the file."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        self._thread.join()
        self._file.close()
        if self._failed is not None:
            raise self._failure()

    def _failure(self) -> WriteError:
        why = "its thread has ended" if self._failed is None else reason(self._failed)
        return WriteError(f"cannot go on capturing to {self._file.path}: {why}")

    def _work(self) -> None:
        try:
            while self._write_next():
                pass
            self._file.finish()
        except (OSError, MemoryError) as error:
            self._failed = error
        finally:
            with self._state:
                self._is_over = True
                self._state.notify_all()

    def _write_next(self) -> bool:
        """Write the blocks that are there, or one once its time has come; False: no more come."""
        state = self._state
        with state:
            state.wait_for(
                lambda: self._size or self._full or self._closing,
                WINDOW if self._file.is_unsynced else None,
            )
            if self._size and not self._full:
                state.wait_for(lambda: self._full or self._closing or self._hurries, WINDOW)
            if (self._size and not self._full) or self._closing or self._hurries:
                self._fill()
            blocks, self._full, self._waiting = self._full, [], 0
            self._hurries = False
            goes_on = not self._closing
            state.notify_all()
        for block in blocks:
            self._write(block)
        self._file.sync()
        return goes_on

    def _write(self, block: "_Pending") -> None:
        if not block.parts:
            return
        if self._file.is_over(self._rotation):
            self._file.finish()
            self._file.close()
            self._file = self._next_file()
        lines = "".join(block.parts).encode(errors="surrogatepass")
        self._file.write(block.head, lines, self._pack(lines))

    def _next_file(self) -> "BlockFile":
        """A new file that says what it is."""
        self._head = head = replace(self._head, number=self._head.number + 1)
        ns = time.time_ns()
        moment = re.sub("[-:]", "", from_ns(ns)[:19])
        name = f"{moment}Z-{_plain(head.provider)}-{head.run}-{head.number:04d}{SUFFIX}"
        file = BlockFile(self.folder / name)
        told = msgspec.json.encode(head).decode()
        line = f'{{"recv_ns":null,"dir":"derived","frame":{told}}}\n'.encode()
        file.write(BlockHead(0), line, self._pack(line))
        file.sync(now=True)
        sync_path(self.folder)
        return file


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]", "_", name) or "frames"


class BlockFile:
    """A file that is being written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.is_unsynced = False
        self._whole = BlockHead(0, whole=True)
        self._size = self._number = 0
        self._since = self._synced = time.monotonic()
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with suppress(OSError):  # a file system without locks: nobody sees that it is written
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_over(self, rotation: FrameRotation) -> bool:
        """Whether what comes belongs into another file."""
        if self._number < _WITH_FRAMES:
            return False
        age = (time.monotonic() - self._since) * SECOND
        return self._size >= rotation.size or age >= rotation.time

    def write(self, head: BlockHead, lines: bytes, packed: bytes) -> None:
        """Write a block; what could not be written whole is cut off again."""
        head.number, head.size, head.length = self._number, len(packed), len(lines)
        self._append(block_of(head, packed))
        self._whole.count(head)
        self._number += 1

    def sync(self, *, now: bool = False) -> None:
        """Bring it to the disk, unless that has just been done."""
        if now or (self.is_unsynced and time.monotonic() - self._synced >= WINDOW):
            os.fdatasync(self._fd)
            self._synced, self.is_unsynced = time.monotonic(), False

    def finish(self) -> None:
        """Write what is in the whole file, and bring it to the disk."""
        self._whole.number = self._number
        block = block_of(self._whole, b"")
        self._append(block + tail_of(len(block)))
        self.sync(now=True)

    def close(self) -> None:
        """Let go of it."""
        with suppress(OSError):
            os.close(self._fd)

    def _append(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)
        self.is_unsynced = True
