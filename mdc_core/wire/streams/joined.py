"""Many small batches of one schema as columns at once.

A batch of one event costs pyarrow some 30 microseconds, ten times what is done with the event
behind. But the metadata of such batches differ in lengths and offsets alone, so numpy takes each
column out of all of their bodies together. What is the same in all batches is one number.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mdc_core.batch import Int64s, concatenated
from mdc_core.wire.streams.bodies import Bodies, UnusualError, bodies_of
from mdc_core.wire.streams.patterns import Pattern, rows_at

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
Bytes = npt.NDArray[np.uint8]
Each = int | Int64s  # what each batch has: the same number, or one each

_AT_ONCE = 4_096  # batches whose metadata stay in the processor's cache
_SHORT = 64  # bytes of texts that are cut out of as many bytes each


def joined(
    block: memoryview, pattern: Pattern, starts: Int64s, ends: Int64s, schema: pa.Schema
) -> pa.RecordBatch:
    """The rows of batches of a pattern; raises UnusualError for columns that are not read so."""
    cuts = range(0, len(starts), _AT_ONCE)
    parts = [(starts[at : at + _AT_ONCE], ends[at : at + _AT_ONCE]) for at in cuts]
    bodies = (bodies_of(block, pattern, *part) for part in parts)
    return concatenated([_Joined(each).batch(schema) for each in bodies])


class _Joined:
    """Batches with the same schema in one block of bytes, read as one."""

    def __init__(self, bodies: Bodies) -> None:
        self._bytes: Bytes = np.frombuffer(bodies.data, np.uint8)
        self._bodies = bodies.starts
        self._lengths = _each(bodies.rows)
        self._nodes, self._buffers = bodies.nodes, bodies.buffers
        if int(self._nodes.view(np.uint64).max()) > int(bodies.sizes.max()) * 8 + 8:
            raise UnusualError
        self._same_nodes = _same(self._nodes)
        self._same_buffers = _same(self._buffers)
        self._node = self._buffer = 0

    def batch(self, schema: pa.Schema) -> pa.RecordBatch:
        """All rows in order; raises UnusualError for columns that are not read so."""
        arrays = []
        for field in schema:
            if self._node * 2 >= self._nodes.shape[1]:
                raise UnusualError
            if _any(self._of_node(0) != self._lengths):
                raise UnusualError
            arrays.append(self._array(field.type))
        if self._node * 2 != self._nodes.shape[1] or self._buffer * 2 != self._buffers.shape[1]:
            raise UnusualError
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _array(self, kind: pa.DataType) -> Array:
        if self._node * 2 >= self._nodes.shape[1]:
            raise UnusualError
        lengths, nulls = self._of_node(0), self._of_node(1)
        self._node += 1
        if _any(nulls > lengths):
            raise UnusualError
        rows = self._total(lengths)
        if pa.types.is_null(kind):
            return pa.nulls(rows)
        validity = self._validity(lengths, nulls)
        if pa.types.is_struct(kind):
            inner = [self._array(field.type) for field in kind]
            if any(len(array) != rows for array in inner):
                raise UnusualError
            return _made(kind, rows, [validity], inner)
        if pa.types.is_list(kind):
            if self._node * 2 >= self._nodes.shape[1]:
                raise UnusualError
            places, first, count = self._offsets(lengths)
            if _any(first) or _any(count != self._of_node(0)):
                raise UnusualError
            return _made(kind, rows, [validity, places], [self._array(kind.value_type)])
        if pa.types.is_string(kind) or pa.types.is_binary(kind):
            places, first, count = self._offsets(lengths)
            start, size = self._next()
            if _any(first + count > size):
                raise UnusualError
            return _made(kind, rows, [validity, places, _buffer(self._cut(start + first, count))])
        if pa.types.is_boolean(kind):
            start, size = self._next()
            if _any(size * 8 < lengths):
                raise UnusualError
            return _made(kind, rows, [validity, _packed(self._bits(start, lengths))])
        return self._fixed(kind, rows, validity, lengths)

    def _fixed(self, kind: pa.DataType, rows: int, validity: Any, lengths: Each) -> Array:
        if not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
            raise UnusualError
        start, size = self._next()
        needed = lengths * (kind.bit_width // 8)
        if _any(size < needed):
            raise UnusualError
        return _made(kind, rows, [validity, _buffer(self._cut(start, needed))])

    def _of_node(self, which: int) -> Each:
        """The length (0) or the nulls (1) of the next node of each batch."""
        at = 2 * self._node + which
        return _column(self._nodes, self._same_nodes, at)

    def _next(self) -> tuple[Int64s, Each]:
        """Where the next buffer of each batch is in the block, and its size."""
        at = 2 * self._buffer
        if at >= self._buffers.shape[1]:
            raise UnusualError
        self._buffer += 1
        start = self._bodies + _column(self._buffers, self._same_buffers, at)
        return start, _column(self._buffers, self._same_buffers, at + 1)

    def _total(self, each: Each) -> int:
        return each * len(self._bodies) if isinstance(each, int) else int(each.sum())

    def _validity(self, lengths: Each, nulls: Each) -> Any:
        start, size = self._next()
        if isinstance(nulls, int):
            if not nulls:
                return None
            if _any(size * 8 < lengths):
                raise UnusualError
            return _packed(self._bits(start, lengths))
        there = nulls > 0
        if _any((size * 8 < lengths) & there):
            raise UnusualError
        bits = self._bits(np.where(there, start, 0), lengths)
        bits |= ~there if isinstance(lengths, int) and lengths == 1 else np.repeat(~there, lengths)
        return _packed(bits)

    def _offsets(self, lengths: Each) -> tuple[Any, Each, Each]:
        """Offsets into what the values of all batches are together.

        And where the values of each batch begin, and how many there are.
        """
        start, size = self._next()
        if isinstance(lengths, int):
            count: Each = lengths + 1 if lengths else 0
        else:
            count = np.where(lengths > 0, lengths + 1, 0)
        if _any((size < 4 * (lengths + 1)) & ((size > 0) | (lengths > 0))):
            raise UnusualError  # there may be none for no rows
        places = self._cut(start, 4 * count).view(np.int32).astype(np.int64)
        first, last, steps = _ends_and_steps(places, count, len(self._bodies))
        if first.min() < 0 or (len(steps) and steps.min() < 0):
            raise UnusualError
        whole = np.zeros(len(steps) + 1, np.int32)
        np.cumsum(steps, out=whole[1:])
        return _buffer(whole), first, _each(last - first)

    def _cut(self, starts: Int64s, sizes: Each) -> Bytes:
        """The bytes from each place on, of any size, one behind the other."""
        data = self._bytes
        if isinstance(sizes, int):
            return rows_at(data, starts, sizes).reshape(-1) if sizes else np.zeros(0, np.uint8)
        most = int(sizes.max())
        if most <= _SHORT and int(starts.max()) + most <= len(data):
            short: Bytes = rows_at(data, starts, most)[np.arange(most) < sizes[:, None]]
            return short
        before = np.cumsum(sizes) - sizes
        places = np.repeat(starts - before, sizes)
        places += np.arange(len(places))
        found: Bytes = data[places]
        return found

    def _bits(self, starts: Int64s, lengths: Each) -> npt.NDArray[np.bool_]:
        """The bits from each place on, so many of each."""
        data = self._bytes
        if isinstance(lengths, int):
            if lengths == 1:
                return (data[starts] & 1) > 0
            lengths = np.full(len(starts), lengths)
        before = np.cumsum(lengths) - lengths
        places = np.repeat(starts * 8 - before, lengths)
        places += np.arange(len(places))
        bits: npt.NDArray[np.bool_] = ((data[places >> 3] >> (places & 7).astype(np.uint8)) & 1) > 0
        return bits


def _same(rows: Int64s) -> list[int | None]:
    """The value of each column that has the same in all rows."""
    least, most = rows.min(0).tolist(), rows.max(0).tolist()
    return [a if a == b else None for a, b in zip(least, most, strict=True)]


def _column(rows: Int64s, same: list[int | None], at: int) -> Each:
    value = same[at]
    return rows[:, at] if value is None else value


def _each(values: Int64s) -> Each:
    first = int(values[0])
    return first if (values == first).all() else values


def _any(found: Any) -> bool:
    """Whether something is so: of one number, or of any."""
    return found if isinstance(found, bool) else bool(found.any())


def _made(
    kind: pa.DataType, rows: int, buffers: list[Any], inner: list[Array] | None = None
) -> Array:
    return pa.Array.from_buffers(kind, rows, buffers, children=inner)


def _buffer(values: npt.NDArray[Any]) -> Any:
    return pa.py_buffer(values.data)


def _packed(bits: npt.NDArray[np.bool_]) -> Any:
    return _buffer(np.packbits(bits, bitorder="little"))


def _ends_and_steps(places: Int64s, count: Each, batches: int) -> tuple[Int64s, Int64s, Int64s]:
    """The first and the last offset of each batch, and the steps between them in all."""
    if isinstance(count, int):
        if not count:
            none = np.zeros(batches, np.int64)
            return none, none, none[:0]
        rows = places.reshape(-1, count)
        return rows[:, 0], rows[:, -1], np.diff(rows, axis=1).reshape(-1)
    there = count > 0
    last = np.cumsum(count)
    first_of, last_of = np.zeros(batches, np.int64), np.zeros(batches, np.int64)
    first_of[there] = places[(last - count)[there]]
    last_of[there] = places[last[there] - 1]
    keep = np.ones(max(len(places) - 1, 0), np.bool_)
    keep[last[there][:-1] - 1] = False  # from one batch to the next
    return first_of, last_of, np.diff(places)[keep]
