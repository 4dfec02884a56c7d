"""The journal: batches appended to a file, checksummed, and on the disk before they count.

A segment is a file of records. The first one says how to seal the others. Each has a head
of 36 bytes (little-endian): the mark, the checksum (CRC-32) of the rest of the head, the
number of the record, the length of its body, the number of its rows, the checksum of its
body. The body is the names of the columns that occur, joined by commas, their length before
them, and the rows as an Arrow record batch. Each record is readable by itself, so damage costs
what it hits.

Whoever writes a segment holds a lock on it: a segment that is not locked was left behind.
"""

import errno
import fcntl
import os
import struct
import zlib
from collections import Counter
from collections.abc import Container, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Any, BinaryIO, Literal

import msgspec
import pyarrow as pa

from mdc_core.archive.catalog.layout import Layout, Partition
from mdc_core.disk import reading, refused, sync_path, unreadable, writing
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import arrow_schema

Fsync = Literal["always", "batch", "none"]
SUFFIX = ".journal"
_CARRY = "c"
_ALWAYS = frozenset(("type", "symbol", "ts_event", "ts_recv"))
SYNC_ROWS = 1_000
SYNC_SECONDS = 0.02  # 50 syncs a second cost about 1 % of a core (bench/windows.py)
MARK = b"mdcJ"
HEAD = struct.Struct("<4sIQQQI")  # mark, crc of what follows, number, length, rows, crc
_TAIL = struct.Struct("<QQQI")


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """How a segment is to be sealed."""

    mdc: str
    run_id: str
    format: str
    options: dict[str, Any] = {}
    profiles: dict[str, Any] = {}
    layout: Layout
    partition: Partition
    schema: bytes = b""  # all columns and versions of the vocabulary, as an Arrow message
    origin: msgspec.Raw = msgspec.Raw(b"{}")
    again: bool = False  # also what the archive has already


class Journal:
    """A segment that is being written."""

    def __init__(self, folder: Path, segment: str, header: Header, fsync: Fsync) -> None:
        self.segment = segment
        self.path = folder / f"{segment}{SUFFIX}"
        self.size = 0
        self.rows = 0
        self.written: Counter[str] = Counter()  # events by type
        self._number = 0
        self._durable: Counter[str] = Counter()
        self._unsynced = 0
        self._since = 0.0
        self._failed: OSError | None = None
        self._state = Condition()
        self._closing = False
        self._fsync = fsync
        with writing(self.path):
            self._fd = _created(self.path)
            try:
                self._append(msgspec.json.encode(header), 0)
                if fsync != "none":
                    os.fsync(self._fd)
                    sync_path(folder)
            except OSError:
                self.close()
                raise
        self._thread: Thread | None = None
        if fsync == "batch":
            self._thread = Thread(target=self._sync_in_groups, name="journal", daemon=True)
            self._thread.start()

    def write(self, batch: pa.RecordBatch, counts: Mapping[str, int]) -> None:
        """Append a batch; `acknowledged` tells when it is durable."""
        body = _occurring(batch)
        with writing(self.path):
            self._append((_names(body.schema), body.serialize()), batch.num_rows)
            if self._fsync == "always":
                os.fsync(self._fd)
            self._must_be_there()
        self.rows += batch.num_rows
        with self._state:
            if self._failed is not None:
                raise refused(self.path, self._failed)
            self.written.update(counts)
            if self._fsync != "batch":
                self._durable = self.written.copy()
                return
            if not self._unsynced:
                self._since = monotonic()
            self._unsynced += batch.num_rows
            self._state.notify()

    @property
    def acknowledged(self) -> Counter[str]:
        """How many events of each type are durable."""
        with self._state:
            return self._durable.copy()

    def sync(self) -> None:
        """Make everything durable now."""
        if self._fsync == "none" or self.is_gone:
            return
        with writing(self.path):
            os.fsync(self._fd)
        with self._state:
            self._durable = self.written.copy()
            self._unsynced = 0

    @property
    def is_gone(self) -> bool:
        """Whether somebody has removed the file, and what is in it ends with us."""
        return not os.fstat(self._fd).st_nlink

    def _must_be_there(self) -> None:
        if self.is_gone:
            raise FileNotFoundError(errno.ENOENT, "removed")

    def harden(self) -> None:
        """Make the whole segment durable, whatever `fsync` says: its place as well."""
        with writing(self.path):
            os.fsync(self._fd)
            sync_path(self.path.parent)

    def _append(self, body: Any, rows: int) -> None:
        """Write one record; what could not be written whole is cut off again."""
        pieces = body if isinstance(body, tuple) else (body,)
        length = sum(len(memoryview(piece)) for piece in pieces)
        crc = 0
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
        tail = _TAIL.pack(self._number, length, rows, crc)
        head = HEAD.pack(MARK, zlib.crc32(tail), self._number, length, rows, crc)
        try:
            _write_all(self._fd, [head, *pieces])
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self.size)
            raise
        self.size += len(head) + length
        self._number += 1

    def _sync_in_groups(self) -> None:
        """Sync when there are enough events, or the oldest has waited long enough."""
        with self._state:
            while True:
                self._state.wait_for(lambda: self._closing or self._unsynced)
                left = self._since + SYNC_SECONDS - monotonic()
                self._state.wait_for(
                    lambda: self._closing or self._unsynced >= SYNC_ROWS, max(left, 0)
                )
                if self._closing:
                    return
                reached, self._unsynced = self.written.copy(), 0
                self._state.release()
                try:
                    os.fsync(self._fd)
                    self._must_be_there()
                    failed = None
                except OSError as error:
                    failed = error
                finally:
                    self._state.acquire()
                if failed is not None:
                    self._failed = failed
                    return
                self._durable = reached

    def give_up(self) -> None:
        """Remove the segment: its events are elsewhere, and recovery would remove it as well."""
        with suppress(OSError):
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Let go of the segment; the file stays."""
        with self._state:
            self._closing = True
            self._state.notify()
        thread = getattr(self, "_thread", None)
        if thread is not None:
            thread.join()
        os.close(self._fd)


def vocabulary() -> pa.Schema:
    """All columns of all event types, and their versions."""
    return arrow_schema(frozenset(EVENT_TYPES))


def segments(folder: Path) -> list[Path]:
    """The segments of an archive, in the order of their names."""
    with reading(folder):
        return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())


def carry_of(segment: str) -> str:
    """The segment that has what a seal of another one carried on."""
    return f"{segment}{_CARRY}"


def carries_on(segment: str) -> bool:
    """Whether a segment has what a seal of another one left; only where no file is appended to."""
    return segment.endswith(_CARRY)


def counts(segment: str, sealed: Container[str], present: Container[str]) -> bool:
    """Whether the events of a segment are to be had from it, and nowhere else.

    What carries on is written before the segment that it carries on is given up: until that
    is sealed, or gone with a lost catalog, its events count where they were.
    """
    before = segment.removesuffix(_CARRY)
    carried = before == segment or before in sealed or before not in present
    return carried and segment not in sealed


def discard_carry(folder: Path, segment: str) -> None:
    """Remove what an attempt to seal a segment has carried on; it never counted."""
    path = folder / f"{carry_of(segment)}{SUFFIX}"
    if path.exists():
        path.unlink()
        sync_path(folder)


def left_behind(path: Path) -> BinaryIO | None:
    """A segment that nobody writes any more, locked; None if it is being written, or gone."""
    try:
        file = path.open("rb", buffering=0)
    except (FileNotFoundError, PermissionError):
        return None
    except OSError as error:
        raise unreadable(path, error) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_nlink:
            return file
    except BlockingIOError:
        pass
    file.close()
    return None


def _created(path: Path) -> int:
    """A new file that is locked before it can be seen."""
    unseen = path.with_suffix(f".{os.getpid()}.new")
    # Appending: what is written after a cut stands where the cut was.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    fd = os.open(unseen, flags, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        unseen.rename(path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _occurring(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The columns that have a value, and those that all who read look for; no metadata."""
    names, columns = batch.schema.names, batch.columns
    wanted = [
        place
        for place, name in enumerate(names)
        if name in _ALWAYS or columns[place].null_count < batch.num_rows
    ]
    return pa.record_batch([columns[n] for n in wanted], names=[names[n] for n in wanted])


def _names(schema: pa.Schema) -> bytes:
    names = ",".join(schema.names).encode()
    return len(names).to_bytes(4, "little") + names


def _write_all(fd: int, pieces: list[Any]) -> None:
    views = [memoryview(piece).cast("B") for piece in pieces]
    while views:
        done = os.writev(fd, views[:16])
        while views and done >= len(views[0]):
            done -= len(views.pop(0))
        if done:
            views[0] = views[0][done:]
