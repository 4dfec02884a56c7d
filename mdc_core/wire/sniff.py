"""What bytes are: Arrow, Parquet, lines. Files say it by their first bytes."""

import io
import select
from collections.abc import Callable
from typing import Any, BinaryIO, Literal, Protocol, runtime_checkable

Encoding = Literal["jsonl", "arrow", "arrow-file", "parquet", "empty"]

SNIFF = 8
CHUNK = 1 << 20


class Unbuffered(Protocol):
    """A file that gives what is there, and nothing at its end."""

    def read(self, size: int = -1, /) -> bytes | None:
        """The next bytes, at most `size`."""

    def fileno(self) -> int:
        """Its descriptor; raises OSError where waiting on one would tell nothing."""


@runtime_checkable
class Waiting(Protocol):
    """A file that knows by itself whether there is more to come."""

    def waiting(self, seconds: float) -> bool:
        """Whether something, or the end, can be read at once, or within some seconds."""


class Peeked:
    """Unbuffered bytes of which the first ones may be looked at before they are read."""

    def __init__(self, file: Unbuffered) -> None:
        self._file = file
        self._head = b""  # read from the file, and given out up to _at
        self._at = 0
        self._ended = False

    @property
    def compression(self) -> str | None:
        """How they were compressed, as far as they have been looked at."""
        return getattr(self._file, "compression", None)

    def peek(self, size: int) -> bytes:
        """The first bytes, as many as there are up to `size`, still to be read."""
        while len(self._head) - self._at < size and not self._ended:
            more = self._file.read(size - (len(self._head) - self._at))
            self._ended = not more
            self._head = self._head[self._at :] + (more or b"")
            self._at = 0
        return self._head[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """What is there, up to `size` bytes; nothing at the end."""
        if self._at == len(self._head):
            data = self._file.read(size) or b""
            if len(data) <= size:
                return data
            self._head, self._at = data, 0  # a decompressor gives what it has
        start, self._at = self._at, min(self._at + size, len(self._head))
        return self._head[start : self._at]

    def read_into(self, view: memoryview) -> int:
        """Read what is there into a place, as far as it goes; how many bytes, 0 at the end."""
        if isinstance(self._file, io.FileIO) and self._at == len(self._head):
            return self._file.readinto(view) or 0
        data = self.read(min(len(view), 2 * CHUNK))
        view[: len(data)] = data
        return len(data)

    def read_all(self, size: int) -> bytes | bytearray:
        """Exactly `size` bytes, or all up to the end; what a reader of Arrow needs."""
        data = bytearray(size)
        view = memoryview(data)
        readinto = getattr(self._file, "readinto", None)
        at = 0
        while at < size:
            if readinto is not None and self._at == len(self._head):
                got = readinto(view[at:]) or 0
            else:
                more = self.read(size - at)
                got = len(more)
                view[at : at + got] = more
            if not got:
                return bytes(view[:at])
            at += got
        return data

    def waiting(self, seconds: float = 0) -> bool:
        """Whether something, or the end, can be read at once, or within some seconds.

        Where the file cannot tell: not at once, but within any time.
        """
        if self._at < len(self._head) or self._ended:
            return True
        if isinstance(self._file, Waiting):
            return self._file.waiting(seconds)
        try:
            ready, _, _ = select.select([self._file.fileno()], [], [], seconds)
        except (OSError, ValueError):
            return seconds > 0
        return bool(ready)


class Exactly(io.RawIOBase):
    """A file for pyarrow of what a function gives: so many bytes, unless the end comes first."""

    def __init__(self, take: Callable[[int], Any]) -> None:
        self._take = take
        self._at = 0

    def read(self, size: int = -1) -> Any:
        """The next bytes; pyarrow always says how many."""
        data = self._take(size)
        self._at += len(data)
        return data

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._at

    def readable(self) -> bool:
        """It is for reading, and it cannot go back."""
        return True


def encoding_of(peeked: Peeked) -> Encoding:
    """What the plain bytes hold."""
    head = peeked.peek(SNIFF)
    if not head:
        return "empty"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"ARROW1"):
        return "arrow-file"
    if head.startswith(b"\xff\xff\xff\xff"):
        return "arrow"
    return "jsonl"


class FileSlice(io.RawIOBase):
    """So many bytes of a file from where it is, as the bytes of a file."""

    def __init__(self, file: Any, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        size = self._left if size < 0 else min(size, self._left)
        data = self._file.read(size) if size else b""
        self._left -= len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        """The next bytes, into a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def fileno(self) -> int:
        """None: there is nothing to wait for."""
        raise io.UnsupportedOperation("fileno")


def widen_pipe(fd: int) -> None:
    """Ask for a pipe of 1 MiB: fewer, larger batches between two busy commands."""
    try:
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, CHUNK)
    except (ImportError, AttributeError, OSError):
        pass  # not Linux, not a pipe, or more than the system allows


def open_stdin() -> BinaryIO:
    """Standard input, unbuffered: of the number 0, which SIGTERM puts at its end."""
    widen_pipe(0)
    return open(0, "rb", buffering=0, closefd=False)
