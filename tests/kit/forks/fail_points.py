"""Fail points: every step of a command that touches a disk, each of which can be made to fail.

    MDC_FAIL=NAME[@TEXT]:N[:KIND][+]  fail the Nth step of a name, with TEXT in its path; with +,
                                      all that follow as well
    MDC_FAIL=trace:FILE               append the name and the path of every step to a file

NAME `any` counts the steps that change something, `all` those that read as well. KIND is kill
(the default), term (SIGTERM comes, and the step is done), eio, enospc, emfile, eintr, or short: a
read or a write does half of what was asked and says so. A write that is killed or finds the disk
full has written half of its bytes. The steps are the calls of the system, wherever they come from:
nothing in mdc has to know of this, and nothing new can be forgotten. Code and what is installed do
not count. What SQLite does inside is stood in for by its statements: `commit` fails before a
transaction counts, `committed` behind it.
"""

import builtins
import errno
import io
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import pyarrow as pa

VARIABLE = "MDC_FAIL"
ERRORS = {"eio": errno.EIO, "enospc": errno.ENOSPC, "emfile": errno.EMFILE, "eintr": errno.EINTR}
SQLITE = {
    "eio": "disk I/O error",
    "enospc": "database or disk is full",
    "emfile": "unable to open database file",
}
READS = ("look", "read", "select")
ROOMLESS = ("connect", "unlink", "rmdir", *READS)  # what a full disk lets pass
CHANGES = ("BEGIN", "CREATE", "DELETE", "INSERT", "PRAGMA USER_VERSION =")
CODE = (sys.prefix, sys.base_prefix, str(Path(__file__).parents[3] / "mdc_core"), "/dev", "/proc")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Fault(NamedTuple):
    """Which step fails, and how."""

    name: str
    part: str  # of the path
    number: int
    kind: str
    lasting: bool

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """What MDC_FAIL says."""
        step, number, kind = f"{text.removesuffix('+')}:kill".split(":")[:3]
        name, _, part = step.partition("@")
        if kind not in ("kill", "term", "short") and kind not in ERRORS:
            raise ValueError(f"{VARIABLE}={text}: kill, term, short, {', '.join(ERRORS)}")
        return cls(name, part, int(number), kind, text.endswith("+"))

    def means(self, name: str, path: str) -> bool:
        """Whether it counts a step."""
        kinds = (name, "all") if name in READS else (name, "any", "all")
        return self.name in kinds and self.part in path


class FailPoints:
    """Counts the steps, and fails the one that is meant."""

    def __init__(self, fault: Fault | None, trace: int | None = None) -> None:
        self._fault, self._trace = fault, trace
        self._count = 0
        self._lock = Lock()  # some syncs run side by side

    def reached(self, name: str, on: object, half: Callable[[], object] | None = None) -> bool:
        """Go on, or fail; `half` does half of the step. Whether it is to do half and say so."""
        path = os.readlink(f"/proc/self/fd/{on}") if isinstance(on, int) else str(on)  # noqa: PTH115
        if path.startswith(CODE):
            return False
        if self._trace is not None:
            _write(self._trace, f"{name} {' '.join(path.split())}\n".encode())
        fault = self._fault
        if fault is None or not fault.means(name, path):
            return False
        with self._lock:
            self._count += 1
            number = self._count
        if fault.kind == "enospc" and name in ROOMLESS:
            return False
        if number == fault.number or (fault.lasting and number > fault.number):
            if fault.kind == "short":
                return True
            if half is not None and fault.kind in ("kill", "enospc"):
                half()
            self._fail(name, fault.kind, path)
        return False

    def _fail(self, name: str, kind: str, path: str) -> None:
        if kind in ("kill", "term"):
            os.kill(os.getpid(), signal.SIGKILL if kind == "kill" else signal.SIGTERM)
            return
        if name in ("connect", "sql", "select", "commit", "committed"):
            raise sqlite3.OperationalError(SQLITE[kind])
        raise OSError(ERRORS[kind], os.strerror(ERRORS[kind]), path)


_write = os.write  # the real one


def install(text: str) -> None:
    """Put the fail points into the modules by which Python reaches the system."""
    if text.startswith("trace:"):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        points = FailPoints(None, os.open(text.removeprefix("trace:"), flags, 0o666))
    else:
        points = FailPoints(Fault.parse(text))
    _paths(points)
    _descriptors(points)
    _files(points)
    _databases(points)


def _paths(points: FailPoints) -> None:
    """Calls that take a path."""
    for call, name in (
        ("rename", "rename"),
        ("replace", "rename"),
        ("unlink", "unlink"),
        ("remove", "unlink"),
        ("rmdir", "rmdir"),
        ("mkdir", "mkdir"),
        ("link", "link"),
        ("truncate", "truncate"),
        ("listdir", "look"),
        ("scandir", "look"),
    ):
        setattr(os, call, _counted(points, getattr(os, call), name))
    opened = os.open

    @wraps(opened)
    def counted_open(path: Any, flags: int, *args: Any, **more: Any) -> int:
        points.reached("open" if flags & _WRITING else "look", path)
        return opened(path, flags, *args, **more)

    os.open = counted_open


def _counted(points: FailPoints, call: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(call)
    def counted(path: Any = ".", *args: Any, **more: Any) -> Any:
        points.reached(name, path)
        return call(path, *args, **more)

    return counted


def _descriptors(points: FailPoints) -> None:
    """Calls that take a file's number; pipes and terminals do not count."""
    for call in ("fsync", "fdatasync", "ftruncate"):
        name = "truncate" if call == "ftruncate" else "fsync"
        setattr(os, call, _counted(points, getattr(os, call), name))
    writev, write, pread, pwrite = os.writev, os.write, os.pread, os.pwrite
    sendfile = os.sendfile

    def counted_writev(fd: int, pieces: Any, /) -> int:
        if is_file(fd):
            half = _half(b"".join(pieces))
            if points.reached("write", fd, lambda: write(fd, half)):
                return write(fd, half)
        return writev(fd, pieces)

    def counted_write(fd: int, data: Any, /) -> int:
        if is_file(fd) and points.reached("write", fd, lambda: write(fd, _half(data))):
            return write(fd, _half(data))
        return write(fd, data)

    def counted_pwrite(fd: int, data: Any, offset: int, /) -> int:
        if points.reached("write", fd, lambda: pwrite(fd, _half(data), offset)):
            return pwrite(fd, _half(data), offset)
        return pwrite(fd, data, offset)

    def counted_pread(fd: int, size: int, offset: int, /) -> bytes:
        return pread(fd, (size + 1) // 2 if points.reached("read", fd) else size, offset)

    def counted_sendfile(out: int, source: int, offset: int, count: int, /) -> int:
        # A whole block is asked for, whatever there is of it.
        some = max(1, (min(os.fstat(source).st_size, offset + count) - offset) // 2)
        if points.reached("write", out, lambda: sendfile(out, source, offset, some)):
            return sendfile(out, source, offset, some)
        return sendfile(out, source, offset, count)

    os.writev, os.write, os.pwrite = counted_writev, counted_write, counted_pwrite
    os.pread, os.sendfile = counted_pread, counted_sendfile  # type: ignore[assignment]


def _half(data: Any) -> memoryview:
    """The first half of some bytes, one at least: none would be an end."""
    view = memoryview(data).cast("B")
    return view[: (len(view) + 1) // 2]


def is_file(fd: int) -> bool:
    """Whether a descriptor is that of a file on a disk."""
    return stat.S_ISREG(os.fstat(fd).st_mode)


def _files(points: FailPoints) -> None:
    """Python's files, and Arrow's."""
    opened = io.open

    class CountedFile(io.FileIO):
        """A file whose reads and writes are steps."""

        def write(self, data: Any, /) -> int:
            if is_file(self.fileno()):
                half = _half(data)
                write = super().write
                if points.reached("write", self.name, lambda: write(half)):
                    return write(half)
            return super().write(data)

        def truncate(self, size: int | None = None, /) -> int:
            points.reached("truncate", self.name)
            return super().truncate(size)

        def readinto(self, buffer: Any, /) -> int:
            view = memoryview(buffer).cast("B")
            return super().readinto(_half(view) if self._reads() else view)

        def readall(self) -> bytes:
            self._reads()
            return super().readall()

        def _reads(self) -> bool:
            return is_file(self.fileno()) and points.reached("read", self.name)

    @wraps(opened)
    def counted_open(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        kind = mode.replace("b", "").replace("t", "")
        writes = kind != "r"
        if not isinstance(file, int):
            points.reached("open" if writes else "look", file)
        raw = CountedFile(file, kind, closefd, opener)
        if buffering == 0:
            return raw
        if "+" in mode:
            buffered: Any = io.BufferedRandom(raw)
        else:
            buffered = io.BufferedWriter(raw) if writes else io.BufferedReader(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding, errors, newline, buffering == 1)

    def arrow_file(path: Any, mode: str = "r") -> Any:
        return pa.PythonFile(counted_open(path, "rb" if mode in ("r", "rb") else "wb"))

    io.open = builtins.open = counted_open
    pa.OSFile = arrow_file


def _databases(points: FailPoints) -> None:
    """SQLite's statements."""
    connect = sqlite3.connect

    class CountedConnection(sqlite3.Connection):
        """A connection whose statements are steps."""

        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            first = statement.lstrip().upper()
            if first.startswith("COMMIT"):
                points.reached("commit", "")
                done = super().execute(statement, *values)
                points.reached("committed", "")
                return done
            points.reached("sql" if first.startswith(CHANGES) else "select", statement)
            return super().execute(statement, *values)

    @wraps(connect)
    def counted_connect(database: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        points.reached("connect", database)
        return connect(database, *args, factory=CountedConnection, **more)

    sqlite3.connect = counted_connect
