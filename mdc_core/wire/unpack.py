"""Compressed bytes become plain ones: gzip, zstd and lz4, one member or frame behind another.

Before, between and behind them may stand zeros, which pad a tape to whole blocks, and frames
that are to be skipped, in which tools keep what is their own.
"""

import io
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from typing import Any

from mdc_core.errors import TruncatedError
from mdc_core.wire.sniff import CHUNK, Peeked, Unbuffered

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_MAGIC_SIZE = 4
_SKIPPED = b"\x2a\x4d\x18"  # behind a byte from 50 to 5F; the length of the frame follows
_SKIPPED_SIZE = 8
_PADDING = 64 << 10  # so many zeros may stand before the first member
_UNPACKED = 2 * CHUNK
# What is decompressed at once. A byte may become 32 KiB (zstd), so this bounds the memory.
_PIECE = 1_024
_SMALL = 64 << 10


def unpacked(file: Unbuffered, name: str) -> Peeked:
    """The plain bytes of a file, decompressed if its first bytes say so."""
    peeked = Peeked(file)
    head = peeked.peek(_MAGIC_SIZE)
    if head.startswith(b"\0"):
        head = peeked.peek(_PADDING).lstrip(b"\0")
    packed = _codec_of(head) is not None or _is_skipped(head)
    return Peeked(_Unpacked(peeked, name)) if packed else peeked


def _codec_of(head: bytes) -> str | None:
    return next((codec for magic, codec in _MAGIC.items() if head.startswith(magic)), None)


def _is_skipped(head: bytes) -> bool:
    return head[1:_MAGIC_SIZE] == _SKIPPED and head[0] >> 4 == 5


class _Unpacked:
    """Decompressed bytes as an unbuffered file.

    Raises TruncatedError where the data is damaged or breaks off, after all that can be
    decompressed before: to the byte in gzip and in what is small, elsewhere to within
    `_PIECE` compressed bytes.
    """

    def __init__(self, peeked: Peeked, name: str) -> None:
        self.compression = "compressed"
        self._peeked, self._name = peeked, name
        self._between = b""  # what stands behind a member, and is too short to say what it is
        self._skip = 0  # bytes that are still to be skipped
        self._one: Any = None  # the decompressor of the current member or frame
        self._damage: type[Exception] = ValueError  # what it raises
        self._again: Callable[[], Any] = bytes  # makes one that is where it was before `_last`
        self._last = bytearray()  # what it has got since, as long as it is small
        self._given = 0  # bytes that came of it
        self._packed = memoryview(b"")
        self._parts: list[bytes] = []  # unpacked, and still to be read
        self._length = 0
        self._ended = False
        self._broken: str | None = None

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, some MB at most, whatever they unpack to; nothing at the end."""
        while self._length < _UNPACKED and not self._ended and (self._packed or not self._length):
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
                if self._one is not None or self._between or self._skip:
                    self._broken = f"the {self.compression} data breaks off"
                return
        piece, self._packed = bytes(self._packed[:_PIECE]), self._packed[_PIECE:]
        for part in self._feed(piece):
            self._parts.append(part)
            self._length += len(part)
        self._ended = self._broken is not None

    def _feed(self, packed: bytes) -> Iterator[bytes]:
        """What the next bytes unpack to."""
        while packed:
            if self._one is None:
                packed = self._begin(packed)
                continue
            self._remember(packed)
            try:
                part = self._one.decompress(packed)
            except self._damage as error:
                self._broken = f"damaged {self.compression} data: {error}"
                yield from self._before_damage()
                return
            self._given += len(part)
            yield part
            packed = b""
            if self._one.eof:
                packed, self._one = self._one.unused_data or b"", None

    def _begin(self, packed: bytes) -> bytes:
        """Find where the next member begins; what of the bytes is not used up by that."""
        skipped = min(self._skip, len(packed))
        self._skip -= skipped
        head, self._between = (self._between + packed[skipped:]).lstrip(b"\0"), b""
        codec, skips = _codec_of(head), _is_skipped(head)
        if len(head) < (_SKIPPED_SIZE if skips else _MAGIC_SIZE):
            self._between = head
            return b""
        if skips:
            self._skip = int.from_bytes(head[_MAGIC_SIZE:_SKIPPED_SIZE], "little")
            return head[_SKIPPED_SIZE:]
        if codec is None:
            self._broken = f"damaged {self.compression} data: something else follows"
            return b""
        self.compression = codec
        self._again, self._damage = _decompressor(codec)
        self._one, self._last, self._given = self._again(), bytearray(), 0
        return head

    def _remember(self, packed: bytes) -> None:
        """Keep what it takes to unpack these bytes again."""
        if len(self._last) >= _SMALL and hasattr(self._one, "copy"):
            self._again, self._last, self._given = self._one.copy().copy, bytearray(), 0
        if len(self._last) < _SMALL:
            self._last += packed

    def _before_damage(self) -> Iterator[bytes]:
        """The bytes before the damage, unpacked again byte by byte."""
        if len(self._last) >= _SMALL + _PIECE:
            return
        again, length = self._again(), 0
        for byte in self._last:
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
