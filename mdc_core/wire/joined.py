"""Many small batches of one schema as columns at once.

A batch of one event costs pyarrow some 30 microseconds, ten times what is done with the event
behind. But the metadata of such batches differ in lengths and offsets alone, so numpy takes each
column out of all of their bodies together.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mdc_core.batch import Int64s
from mdc_core.wire.patterns import Pattern

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
Bytes = npt.NDArray[np.uint8]

_SHORT = 64  # texts that are cut out of as many bytes each


class UnusualError(Exception):
    """Batches that are not read together: pyarrow has to read them."""


class Joined:
    """Batches with the same schema in one block of bytes, read as one."""

    def __init__(
        self, block: bytes | bytearray, pattern: Pattern, starts: Int64s, ends: Int64s
    ) -> None:
        layout = pattern.layout
        self._bytes: Bytes = np.frombuffer(block, np.uint8)
        words: Int64s = np.frombuffer(block, np.int64, len(block) // 8)
        metadata = (starts >> 3) + 1
        self._bodies = (metadata + pattern.size) * 8
        self.lengths: Int64s = words[metadata + layout.length // 8]
        self._nodes = _rows(words, metadata + layout.nodes // 8, 2 * layout.node_count)
        self._buffers = _rows(words, metadata + layout.buffers // 8, 2 * layout.buffer_count)
        room = (ends - self._bodies).view(np.uint64)[:, None]
        offsets, sizes = (
            self._buffers.view(np.uint64)[:, 0::2],
            self._buffers.view(np.uint64)[:, 1::2],
        )
        if not ((sizes <= room) & (offsets <= room - sizes)).all():  # as they are when negative
            raise UnusualError
        if not (self._nodes.view(np.uint64) <= room.max() * 8 + 8).all():
            raise UnusualError
        self._node = self._buffer = 0

    def batch(self, schema: pa.Schema) -> pa.RecordBatch:
        """All rows in order; raises UnusualError for columns that are not read so."""
        arrays = []
        for field in schema:
            if not (self._nodes[:, 2 * self._node] == self.lengths).all():
                raise UnusualError
            arrays.append(self._array(field.type))
        if self._node * 2 != self._nodes.shape[1] or self._buffer * 2 != self._buffers.shape[1]:
            raise UnusualError
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _array(self, kind: pa.DataType) -> Array:
        if self._node * 2 >= self._nodes.shape[1]:
            raise UnusualError
        lengths = self._nodes[:, 2 * self._node]
        nulls = self._nodes[:, 2 * self._node + 1]
        self._node += 1
        rows = int(lengths.sum())
        if pa.types.is_null(kind):
            return pa.nulls(rows)
        validity = self._validity(lengths, nulls)
        if pa.types.is_struct(kind):
            inner = [self._array(field.type) for field in kind]
            if any(len(array) != rows for array in inner):
                raise UnusualError
            return _made(kind, rows, [validity], inner)
        if pa.types.is_list(kind):
            places, _ = self._offsets(lengths, self._nodes[:, 2 * self._node])
            return _made(kind, rows, [validity, places], [self._array(kind.value_type)])
        if pa.types.is_string(kind) or pa.types.is_binary(kind):
            places, (first, size) = self._offsets(lengths)
            data = _ragged(self._bytes, self._next()[0] + first, size)
            return _made(kind, rows, [validity, places, _buffer(data)])
        if pa.types.is_boolean(kind):
            start, size = self._next()
            if (size * 8 < lengths).any():
                raise UnusualError
            return _made(kind, rows, [validity, _packed(_bits(self._bytes, start, lengths))])
        return self._fixed(kind, rows, validity, lengths)

    def _fixed(self, kind: pa.DataType, rows: int, validity: Any, lengths: Int64s) -> Array:
        if not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
            raise UnusualError
        start, size = self._next()
        needed = lengths * (kind.bit_width // 8)
        if (size < needed).any():
            raise UnusualError
        return _made(kind, rows, [validity, _buffer(_ragged(self._bytes, start, needed))])

    def _next(self) -> tuple[Int64s, Int64s]:
        """Where the next buffer of each batch is in the block, and its size."""
        at = 2 * self._buffer
        if at >= self._buffers.shape[1]:
            raise UnusualError
        self._buffer += 1
        return self._bodies + self._buffers[:, at], self._buffers[:, at + 1]

    def _validity(self, lengths: Int64s, nulls: Int64s) -> Any:
        start, size = self._next()
        if not nulls.any():
            return None
        there = nulls > 0
        if (size[there] * 8 < lengths[there]).any():
            raise UnusualError
        bits = _bits(self._bytes, np.where(there, start, 0), lengths)
        if not there.all():
            bits |= np.repeat(~there, lengths)
        return _packed(bits)

    def _offsets(
        self, lengths: Int64s, inner: Int64s | None = None
    ) -> tuple[Any, tuple[Int64s, Int64s]]:
        """Offsets into what the values of all batches are together; where each batch's begin.

        `inner` is how many values each batch has, where they are known to be counted.
        """
        start, size = self._next()
        count = np.where(lengths > 0, lengths + 1, 0)
        if (size < 4 * count).any():
            raise UnusualError
        places = _ragged(self._bytes, start, 4 * count).view(np.int32).astype(np.int64)
        first_of, last_of, steps = _ends_and_steps(places, count)
        if (first_of < 0).any() or (steps < 0).any():
            raise UnusualError
        if inner is None:
            limits = self._buffers[:, 2 * self._buffer + 1]
        else:
            limits = inner
            if first_of.any() or (last_of != inner).any():
                raise UnusualError
        if (last_of > limits).any():
            raise UnusualError
        whole = np.zeros(len(steps) + 1, np.int32)
        np.cumsum(steps, out=whole[1:])
        return _buffer(whole), (first_of, last_of - first_of)


def _made(
    kind: pa.DataType, rows: int, buffers: list[Any], inner: list[Array] | None = None
) -> Array:
    return pa.Array.from_buffers(kind, rows, buffers, children=inner)


def _buffer(values: npt.NDArray[Any]) -> Any:
    return pa.py_buffer(values.data)


def _ends_and_steps(places: Int64s, count: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """The first and the last offset of each batch, and the steps between them in all."""
    each = int(count[0])
    if each and (count == each).all():
        rows = places.reshape(-1, each)
        return rows[:, 0], rows[:, -1], np.diff(rows, axis=1).reshape(-1)
    there = count > 0
    last = np.cumsum(count)
    first_of, last_of = np.zeros(len(count), np.int64), np.zeros(len(count), np.int64)
    first_of[there] = places[(last - count)[there]]
    last_of[there] = places[last[there] - 1]
    keep = np.ones(max(len(places) - 1, 0), np.bool_)
    keep[last[there][:-1] - 1] = False  # from one batch to the next
    return first_of, last_of, np.diff(places)[keep]


def _rows(data: npt.NDArray[Any], starts: Int64s, size: int) -> npt.NDArray[Any]:
    """So many items from each place, a row each."""
    step = data.itemsize
    windows: npt.NDArray[Any] = np.ndarray(
        (max(len(data) - size + 1, 0), size), data.dtype, data, 0, (step, step)
    )
    return windows[starts]


def _ragged(data: Bytes, starts: Int64s, sizes: Int64s) -> Bytes:
    """The bytes from each place on, of any size, one behind the other."""
    size, most = int(sizes[0]), int(sizes.max())
    if (sizes == size).all():
        return _rows(data, starts, size).reshape(-1) if size else np.zeros(0, np.uint8)
    if most <= _SHORT and int(starts.max()) + most <= len(data):
        short: Bytes = _rows(data, starts, most)[np.arange(most) < sizes[:, None]]
        return short
    before = np.cumsum(sizes) - sizes
    places = np.repeat(starts - before, sizes)
    places += np.arange(len(places))
    found: Bytes = data[places]
    return found


def _bits(data: Bytes, starts: Int64s, lengths: Int64s) -> npt.NDArray[np.bool_]:
    """The bits from each place on, so many of each."""
    if (lengths == 1).all():
        return (data[starts] & 1) > 0
    before = np.cumsum(lengths) - lengths
    places = np.repeat(starts * 8 - before, lengths)
    places += np.arange(len(places))
    bits: npt.NDArray[np.bool_] = ((data[places >> 3] >> (places & 7).astype(np.uint8)) & 1) > 0
    return bits


def _packed(bits: npt.NDArray[np.bool_]) -> Any:
    return _buffer(np.packbits(bits, bitorder="little"))
