"""The parts of the bodies of many small batches, as they come or unpacked.

pyarrow takes some 10 microseconds to set up for each buffer that it unpacks, and a batch of one
event has twenty; most of them say what many others said.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mdc_core.batch import Int64s
from mdc_core.wire.limits import BYTES
from mdc_core.wire.streams.ipc import LZ4, ZSTD
from mdc_core.wire.streams.patterns import Pattern, rows_at

_LENGTH = 8  # bytes before what is compressed: how long it is unpacked
_PLAIN = -1  # the length of what is not compressed
_MOST = BYTES // 4  # bytes that are unpacked at once


class UnusualError(Exception):
    """Batches that are not read together: pyarrow has to read them."""


class Bodies(NamedTuple):
    """Where in some bytes the buffers of batches are, which are all inside of their bodies."""

    data: Any  # bytes
    starts: Int64s
    sizes: Int64s
    rows: Int64s
    nodes: Int64s  # of each batch: the length of each node, and its nulls
    buffers: Int64s  # of each batch: where each buffer is in its body, and its size


def bodies_of(block: memoryview, pattern: Pattern, starts: Int64s, ends: Int64s) -> Bodies:
    """The bodies of messages of a pattern; raises UnusualError for buffers beyond them."""
    layout = pattern.layout
    words: Int64s = np.frombuffer(block, np.int64, len(block) // 8)
    metadata = (starts >> 3) + 1
    bodies = (metadata + pattern.size) * 8
    nodes = rows_at(words, metadata + layout.nodes // 8, 2 * layout.node_count)
    buffers = rows_at(words, metadata + layout.buffers // 8, 2 * layout.buffer_count)
    rows = words[metadata + layout.length // 8]
    found = Bodies(block, bodies, ends - bodies, rows, nodes, buffers)
    if not nodes.size or not buffers.size:
        raise UnusualError
    limit = found.sizes.view(np.uint64)[:, None]
    offsets, sizes = buffers.view(np.uint64)[:, 0::2], buffers.view(np.uint64)[:, 1::2]
    if not ((sizes <= limit) & (offsets <= limit - sizes)).all():  # negative ones are large here
        raise UnusualError
    return found if layout.codec is None else _unpacked(found, layout.codec)


def _unpacked(packed: Bodies, codec: int) -> Bodies:
    """Bodies with their buffers unpacked."""
    there = packed.buffers[:, 1::2] > 0
    starts = (packed.starts[:, None] + packed.buffers[:, 0::2])[there]
    lengths = packed.buffers[:, 1::2][there] - _LENGTH
    if (lengths < 0).any():
        raise UnusualError
    octets = np.frombuffer(packed.data, np.uint8)
    said = rows_at(octets, starts, _LENGTH).view(np.int64)[:, 0]
    wanted = np.where(said == _PLAIN, lengths, said)
    if wanted.min(initial=0) < 0 or wanted.max(initial=0) > _MOST or wanted.sum() > _MOST:
        raise UnusualError
    sizes: Int64s = np.zeros(there.shape, np.int64)
    sizes[there] = wanted
    room = (sizes + 7) & ~7
    ends = np.cumsum(room).reshape(room.shape)
    bodies = ends[:, 0] - room[:, 0]
    buffers = np.empty_like(packed.buffers)
    buffers[:, 0::2], buffers[:, 1::2] = ends - room - bodies[:, None], sizes
    data = b"".join(_parts(packed.data, starts + _LENGTH, lengths, said, codec))
    return Bodies(data, bodies, ends[:, -1] - bodies, packed.rows, packed.nodes, buffers)


def _parts(data: Any, starts: Int64s, lengths: Int64s, said: Int64s, codec: int) -> Iterator[bytes]:
    """Each buffer unpacked, and what fills its last word; many are the same as one before."""
    unpack = _unpacker(codec)
    seen: dict[bytes, bytes] = {}
    places = zip(starts.tolist(), (starts + lengths).tolist(), said.tolist(), strict=True)
    for start, end, size in places:
        packed = bytes(data[start:end])
        part = packed if size == _PLAIN else seen.get(packed)
        if part is None:
            part = seen[packed] = unpack(packed, size)
        if size != _PLAIN and len(part) != size:
            raise UnusualError
        yield part
        yield bytes(-len(part) % 8)


def _unpacker(codec: int) -> Callable[[bytes, int], bytes]:
    """What unpacks a buffer to at most so many bytes, or raises UnusualError."""
    if codec == ZSTD:
        import zstandard

        decompress = zstandard.ZstdDecompressor().decompress

        def from_zstd(data: bytes, size: int) -> bytes:
            try:
                if zstandard.frame_content_size(data) not in (-1, size):
                    raise UnusualError
                return decompress(data, max_output_size=size, allow_extra_data=False)
            except zstandard.ZstdError:
                raise UnusualError from None

        return from_zstd
    if codec != LZ4:
        raise UnusualError
    from lz4.frame import LZ4FrameDecompressor

    def from_lz4(data: bytes, size: int) -> bytes:
        frame = LZ4FrameDecompressor()
        try:
            part = bytes(frame.decompress(data, max_length=max(size, 1)))
        except RuntimeError:
            raise UnusualError from None
        if not frame.eof or frame.unused_data:
            raise UnusualError
        return part

    return from_lz4
