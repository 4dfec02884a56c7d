"""What bytes are: compressed or plain, Arrow or lines. Files say it by their first bytes."""

import io
import select
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from typing import Any, BinaryIO, Literal, Protocol, runtime_checkable

from mdc_core.errors import TruncatedError

Encoding = Literal["jsonl", "arrow", "arrow-file", "parquet", "empty"]

COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
SNIFF = 8
CHUNK = 1 << 20
UNPACKED = 2 * CHUNK
# What is decompressed at once. A byte may become 32 KiB (zstd), so this bounds the memory.
_PIECE = 1_024
_SMALL = 64 << 10


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


class _Unpacked:
    """Decompressed bytes as an unbuffered file.

    Raises TruncatedError where the data is damaged or breaks off, after all that can be
    decompressed before: to the byte in a member or frame that is small, elsewhere to within
    `_PIECE` compressed bytes.
    """

    def __init__(self, peeked: Peeked, codec: str, name: str) -> None:
        self._peeked, self._codec, self._name = peeked, codec, name
        self._new, self._damage = _decompressor(codec)
        self._one: Any = None  # the decompressor of the current member or frame
        self._member = b""  # the current one from its beginning, as long as it is small
        self._given = 0  # bytes that came of it
        self._packed = memoryview(b"")
        self._parts: list[bytes] = []  # unpacked, and still to be read
        self._length = 0
        self._ended = False
        self._broken: str | None = None

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, some MB at most, whatever they unpack to; nothing at the end."""
        while self._length < UNPACKED and not self._ended and (self._packed or not self._length):
            self._unpack()
        if self._broken and not self._length:
            raise TruncatedError(f"{self._name}: {self._broken}")
        data = b"".join(self._parts)
        self._parts, self._length = [], 0
        return data

    def waiting(self, seconds: float) -> bool:
        """Whether plain bytes, or the end, can be read within some seconds."""
        until = monotonic() + seconds
        while not self._length and not self._ended:
            if not self._packed and not self._peeked.waiting(max(until - monotonic(), 0)):
                return False
            self._unpack()
        return True

    def _unpack(self) -> None:
        """Unpack a little more of what is there; reads more where there is nothing."""
        if not self._packed:
            self._packed = memoryview(self._peeked.read(CHUNK))
            if not self._packed:
                self._ended = True
                if self._one is not None and not self._one.eof:
                    self._broken = f"the {self._codec} data breaks off"
                return
        piece, self._packed = bytes(self._packed[:_PIECE]), self._packed[_PIECE:]
        for part in self._feed(piece):
            self._parts.append(part)
            self._length += len(part)
        self._ended = self._broken is not None

    def _feed(self, packed: bytes) -> Iterator[bytes]:
        """What the next bytes unpack to; a file may hold several members or frames."""
        while packed:
            if self._one is None or self._one.eof:
                # What pads a tape to whole blocks is no member.
                packed = packed.lstrip(b"\0") if self._one and self._codec == "gzip" else packed
                if not packed:
                    return
                self._one, self._member, self._given = self._new(), b"", 0
            if len(self._member) < _SMALL:
                self._member += packed
            try:
                part = self._one.decompress(packed)
            except self._damage as error:
                self._broken = f"damaged {self._codec} data: {error}"
                yield from self._before_damage()
                return
            self._given += len(part)
            yield part
            packed = (self._one.unused_data or b"") if self._one.eof else b""

    def _before_damage(self) -> Iterator[bytes]:
        """The bytes before the damage of a small member: it is unpacked again byte by byte."""
        if len(self._member) >= _SMALL:
            return
        again, length = self._new(), 0
        for byte in self._member:
            try:
                part = again.decompress(bytes([byte]))
            except self._damage:
                return
            yield part[max(self._given - length, 0) :]
            length += len(part)

    def fileno(self) -> int:
        """None: compressed bytes that are there do not say that plain ones are."""
        raise io.UnsupportedOperation("fileno")


def _decompressor(codec: str) -> tuple[Callable[[], Any], type[Exception]]:
    """What makes a decompressor of one member or frame, and what it raises for damage."""
    if codec == "gzip":
        import zlib

        return partial(zlib.decompressobj, wbits=31), zlib.error
    if codec == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj, zstandard.ZstdError
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor, RuntimeError


def unpacked(file: Unbuffered, name: str) -> Peeked:
    """The plain bytes of a file, decompressed if its first bytes say so."""
    peeked = Peeked(file)
    head = peeked.peek(4)
    for magic, codec in COMPRESSED.items():
        if head.startswith(magic):
            return Peeked(_Unpacked(peeked, codec, name))
    return peeked


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
