"""The identities of the last rows: a hash table whose chains run through ring buffers.

Memory is fixed from the start, an identity costs a few vectorised steps to add, and a
match is exact: hashes only say where to look. What is found does not depend on how the
rows were cut into batches.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mdc_core.columns import remembered

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

CHUNK = 16_384  # rows added at once
BLOCK = 8_192  # texts kept together, so that single rows do not cost an array each
SHORT = 64  # bytes up to which texts are hashed all together
ODD = np.uint64(0x9E3779B97F4A7C15)
ODD2 = np.uint64(0xC2B2AE3D27D4EB4F)
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(9)], np.uint64)
LOOKS = 64  # at so many earlier rows of one identity, for one that says the same


class Recent:
    """The identities (three integers, maybe a text) of the last `window` rows, with content."""

    def __init__(self, window: int) -> None:
        self._window = window
        bits = (window + CHUNK - 1).bit_length()
        size = 1 << bits
        self._at = np.int64(size - 1)
        self._keys = np.zeros(size, np.int64)
        self._firsts = np.zeros(size, np.int64)
        self._seconds = np.zeros(size, np.int64)
        self._hashes = np.zeros(size, np.uint64)  # of the identities
        self._contents = np.zeros(size, np.uint64)
        self._streams = np.zeros(size, np.int64)
        self._numbers = np.zeros(size, np.int64)  # within a stream
        self._links = np.zeros(size, np.int64)  # the row before in the same slot; 0: none
        self._heads = np.zeros(2 * size, np.int64)  # the last row of each slot
        self._shift = np.uint64(63 - bits)
        self._next = 1
        self._texts = _Texts()

    def add(
        self,
        keys: Int64s,
        firsts: Int64s,
        seconds: Int64s,
        contents: UInt64s,
        texts: "pa.Array[Any] | None",
        streams: Int64s,
        numbers: Int64s,
    ) -> Iterator[tuple[int, bool]]:
        """Add rows; the places of those whose identity is among the `window` rows before.

        With each: whether one of these had the same content, and no other number if it is of
        the same stream.
        """
        for start in range(0, len(keys), CHUNK):
            part = slice(start, start + CHUNK)
            block: pa.Array[Any] = pa.nulls(len(keys[part]), pa.string())
            if texts is not None:
                block = remembered(texts.slice(start, CHUNK))
            self._texts.add(self._next, block)
            self._put(self._streams, streams[part])
            self._put(self._numbers, numbers[part])
            self._take(keys[part], firsts[part], seconds[part], contents[part])
            for place, earlier, is_equal in self._look_back(len(block)):
                here = block[place].as_py()
                if here is None or here == self._texts.at(earlier):
                    yield start + place, is_equal
            self._texts.forget(self._next - self._window)

    def _take(self, keys: Int64s, firsts: Int64s, seconds: Int64s, contents: UInt64s) -> None:
        hashes = _mixed(keys, firsts, seconds)
        slots = (hashes >> self._shift).view(np.int64)
        self._put(self._keys, keys)
        self._put(self._firsts, firsts)
        self._put(self._seconds, seconds)
        self._put(self._hashes, hashes)
        self._put(self._contents, contents)
        self._put(self._links, self._enter(slots, np.arange(self._next, self._next + len(keys))))
        self._next += len(keys)

    def _put(self, ring: npt.NDArray[Any], values: npt.NDArray[Any]) -> None:
        """Write into a ring from the next row on."""
        start = self._next & int(self._at)
        room = len(ring) - start
        ring[start : start + len(values)] = values[:room]
        ring[: max(len(values) - room, 0)] = values[room:]

    def _enter(self, slots: Int64s, rows: Int64s) -> Int64s:
        """Enter rows into their slots; the row before each in its slot."""
        before = self._heads[slots]
        self._heads[slots] = rows
        lost = self._heads[slots] != rows
        if lost.any():
            # Several rows of one slot: entered one behind the other.
            self._heads[slots[lost]] = -1
            clash = np.flatnonzero(self._heads[slots] == -1)
            clash = clash[np.argsort(slots[clash], kind="stable")]
            same = slots[clash[1:]] == slots[clash[:-1]]
            before[clash[1:][same]] = rows[clash[:-1][same]]
            last = np.append(~same, True)
            self._heads[slots[clash[last]]] = rows[clash[last]]
        return before

    def _look_back(self, count: int) -> list[tuple[int, int, bool]]:
        """Those of the last `count` rows that have been seen, each with where, and if all alike."""
        first = self._next - count
        rows = np.arange(first, self._next)
        found: dict[int, tuple[int, int, bool]] = {}
        earlier, looks = self._links[rows & self._at], np.zeros(count, np.int64)
        while True:
            near = (earlier >= np.maximum(rows - self._window, 1)) & (looks < LOOKS)
            rows, earlier, looks = rows[near], earlier[near], looks[near]
            if not len(rows):
                return [found[place] for place in sorted(found)]
            here, there = rows & self._at, earlier & self._at
            same = self._hashes[here] == self._hashes[there]
            if same.any():
                for part in (self._keys, self._firsts, self._seconds):
                    same &= part[here] == part[there]
                equal = same & (self._contents[here] == self._contents[there])
                other = self._numbers[here] != self._numbers[there]
                equal &= ~(other & (self._streams[here] == self._streams[there]))
                for at in np.flatnonzero(same).tolist():
                    place = int(rows[at]) - first
                    if equal[at] or place not in found:
                        found[place] = (place, int(earlier[at]), bool(equal[at]))
                rows, looks, there = rows[~equal], (looks + same)[~equal], there[~equal]
            earlier = self._links[there]


def _mixed(keys: Int64s, firsts: Int64s, seconds: Int64s) -> UInt64s:
    mixed = keys.view(np.uint64) * ODD
    for values in (firsts, seconds):
        mixed ^= values.view(np.uint64)
        mixed *= ODD
        mixed ^= mixed >> np.uint64(29)
        mixed *= ODD2
    return mixed


def text_hashes(column: "pa.Array[Any]") -> tuple[UInt64s, Int64s]:
    """A hash of each text, the same in every batch, and the texts' lengths in bytes."""
    buffers: Any = column.buffers()
    _, offsets, data = buffers
    ends = np.frombuffer(offsets, np.int32, len(column) + 1, 4 * column.offset)
    first, last = int(ends[0]), int(ends[-1])
    octets = np.zeros(last - first + 8, np.uint8)
    octets[:-8] = np.frombuffer(data or b"", np.uint8)[first:last]
    # Every position read as a 64-bit word.
    words: Any = np.ndarray((len(octets) - 7,), "<u8", octets, strides=(1,))
    starts = ends[:-1].astype(np.int64) - first
    lengths = np.diff(ends).astype(np.int64)
    hashes = lengths.view(np.uint64) * ODD2
    rows: Any = slice(None)
    for done in range(0, min(int(lengths.max(initial=0)), SHORT), 8):
        left = lengths - done
        if (left <= 0).any():
            rows = np.flatnonzero(left > 0)
        word = words[starts[rows] + done] & _MASKS[np.minimum(left[rows], 8)]
        mixed = (hashes[rows] ^ word) * ODD
        hashes[rows] = mixed ^ (mixed >> np.uint64(32))
    for row in np.flatnonzero(lengths > SHORT).tolist():
        from hashlib import blake2b

        text = octets[starts[row] : starts[row] + lengths[row]].tobytes()
        hashes[row] = int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
    return hashes, lengths


class _Texts:
    """Texts by row number, in blocks."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[int, pa.Array[Any]]] = deque()

    def add(self, start: int, texts: "pa.Array[Any]") -> None:
        self._blocks.append((start, texts))
        # Blocks of like size are put together, as a binary counter carries.
        while len(self._blocks) > 1 and len(self._blocks[-2][1]) <= len(self._blocks[-1][1]):
            if len(self._blocks[-1][1]) > BLOCK:
                break
            _, later = self._blocks.pop()
            start, earlier = self._blocks.pop()
            self._blocks.append((start, pa.concat_arrays([earlier, later])))

    def at(self, row: int) -> str | None:
        index = bisect_right(self._blocks, row, key=lambda block: block[0]) - 1
        start, texts = self._blocks[index]
        text: str | None = texts[row - start].as_py()
        return text

    def forget(self, before: int) -> None:
        while len(self._blocks) > 1 and self._blocks[1][0] <= before:
            self._blocks.popleft()
