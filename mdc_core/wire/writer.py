"""Writing events: JSONL or Arrow, to a file descriptor, at once."""

import os
from typing import TYPE_CHECKING, Any, Literal

from mdc_core.errors import ReaderGone, WriteError
from mdc_core.events import Begin
from mdc_core.wire import stdout
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.sniff import widen_pipe

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from mdc_core.wire.streams.encoder import StreamEncoder

Wire = Literal["jsonl", "arrow"]


class PackedOutput:
    """Bytes to a file descriptor, compressed where that is asked for."""

    def __init__(self, fd: int, codec: str | None = None) -> None:
        self._fd = fd
        self._packer = packer(codec) if codec else None

    def write(self, *pieces: "Buffer") -> None:
        """Write bytes, all of them, at once; raises ReaderGone or WriteError."""
        for data in pieces:
            self._send(data if self._packer is None else self._packer.compress(data))

    def close(self) -> None:
        """Write what ends the compression; the descriptor stays open."""
        if self._packer is not None:
            self._send(self._packer.flush())

    def _send(self, data: "Buffer") -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BrokenPipeError:
                raise ReaderGone from None
            except OSError as error:
                raise WriteError(f"cannot write to the output: {error.strerror}") from None


class Writer:
    """Events to a file descriptor; each call is written before it returns."""

    def __init__(
        self, fd: int = 1, wire: Wire = "jsonl", codec: str | None = None, *, plain: bool = False
    ) -> None:
        fd = stdout.descriptor() if fd == 1 else fd
        self._file = PackedOutput(fd, codec)
        self._arrow = _arrow_encoder() if wire == "arrow" else None
        self.plain = plain or os.isatty(fd)  # on a terminal as well
        widen_pipe(fd)

    def make(self, chunk: Chunk) -> None:
        """Make what `write` writes, which a chunk then has."""
        _ = chunk.text if self._arrow is None else chunk.batch

    def write(self, chunk: Chunk) -> None:
        """Write some events: their columns, or their text."""
        if self._arrow is not None:
            self._file.write(*self._arrow.encode(chunk.batch))
        else:
            self._file.write(chunk.text)

    def close(self, origin: Begin | None = None) -> None:
        """Write what ends the encoding; the descriptor stays open."""
        if self._arrow is not None:
            self._file.write(*self._arrow.end())
        self._file.close()


def _arrow_encoder() -> "StreamEncoder":
    from mdc_core.wire.streams.encoder import StreamEncoder

    return StreamEncoder()


class _Lz4:
    """An lz4 frame with the methods of the other compressors."""

    def __init__(self, level: int) -> None:
        import lz4.frame

        self._frame = lz4.frame.LZ4FrameCompressor(compression_level=level, content_checksum=True)
        self._head: bytes = self._frame.begin()

    def compress(self, data: bytes) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._frame.flush())


def packer(codec: str, level: int | None = None) -> Any:
    """A compressor with `compress(data)` and, at the end, `flush()`."""
    if codec == "gzip":
        import zlib

        return zlib.compressobj(level or 6, zlib.DEFLATED, 31)
    if codec == "zstd":
        import zstandard

        return zstandard.ZstdCompressor(level or 3, write_checksum=True).compressobj()
    return _Lz4(level or 0)
