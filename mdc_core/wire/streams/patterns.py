"""Messages like those before, found all at once in a block of bytes.

Messages of one writer and one schema differ in a few words alone: how many rows they have, how
long their bodies are, and where the parts of a body begin and end. What else their metadata say
is compared with one that was read with care. Places here are counted in words of 8 bytes: a
message that begins elsewhere is read with care as well.
"""

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mdc_core.batch import Int64s
from mdc_core.wire.limits import ROWS
from mdc_core.wire.streams.ipc import BATCH, END_OF_STREAM, SCHEMA, SMALL_BODY, Layout, layout_of

Item = TypeVar("Item", bound=np.generic)

END = 0  # the pattern of what ends a stream
_UNKNOWN = -1
_MARK = -1
_MOST = 512  # patterns that are remembered
_CACHED = 64 << 10  # words that stay in the processor's cache
_LARGEST = 64 << 10  # metadata of a message that is worth it


class Pattern(NamedTuple):
    """What the metadata of some messages have in common: their size, and words that are alike."""

    layout: Layout
    size: int
    fixed: Int64s
    words: Int64s


class Patterns:
    """The patterns that are known, by number."""

    def __init__(self) -> None:
        none = np.zeros(0, np.int64)
        self._numbers: dict[bytes, int] = {END_OF_STREAM: END}
        self.all = [Pattern(Layout(0, 0), 0, none, none)]

    @property
    def is_full(self) -> bool:
        """Whether there are too many of them."""
        return len(self.all) >= _MOST

    def number_of(self, metadata: bytes) -> int | None:
        """The number of the pattern of some metadata; None for what has to be read with care."""
        if len(metadata) % 8 or len(metadata) > _LARGEST:
            return None
        layout = layout_of(metadata)
        words = np.frombuffer(metadata, np.int64).copy()
        fixed = np.ones(len(words), np.bool_)
        if layout.kind == BATCH:
            if not _is_regular(layout):
                return None
            fixed[_varying(layout)] = False
            words[~fixed] = 0
            if not _says(words.tobytes(), layout):
                return None  # what may vary says where things are
        elif layout.kind != SCHEMA:
            return None
        key = words.tobytes()
        number = self._numbers.get(key)
        if number is None:
            if self.is_full:
                return None
            number = self._numbers[key] = len(self.all)
            places = np.flatnonzero(fixed)
            self.all.append(Pattern(layout, len(words), places, words[places]))
        return number


def _is_regular(layout: Layout) -> bool:
    """Whether the varying parts of a batch are words of their own."""
    places = (layout.length, layout.nodes, layout.buffers, layout.body)
    return layout.is_whole and not any(place % 8 for place in places)


def _says(metadata: bytes, layout: Layout) -> bool:
    try:
        return layout_of(metadata) == layout
    except pa.ArrowInvalid:
        return False


def _varying(layout: Layout) -> Int64s:
    """The words of a batch's metadata that vary."""
    nodes, buffers = layout.nodes // 8, layout.buffers // 8
    return np.concatenate(
        [
            np.array([layout.length // 8, layout.body // 8]),
            np.arange(nodes, nodes + 2 * layout.node_count),
            np.arange(buffers, buffers + 2 * layout.buffer_count),
        ]
    )


class Matches:
    """Where in a block of bytes messages of known patterns are."""

    def __init__(self, block: memoryview, patterns: Patterns, *, ends: bool) -> None:
        """With `ends`, what ends a stream is one of them."""
        self._patterns = patterns
        self._words: Int64s = np.frombuffer(block, np.int64, len(block) // 8)
        marks = np.flatnonzero(self._words.view(np.int32)[::2] == _MARK)
        sizes = self._words[marks] >> 32
        there = (sizes >= 0) & (sizes <= _LARGEST) & (sizes & 7 == 0)
        there &= marks + 1 + (sizes >> 3) <= len(self._words)
        self.starts: Int64s = marks[there]
        self._sizes: Int64s = sizes[there] >> 3
        at_end = (self._sizes == 0) & ends
        self.numbers: Int64s = np.where(at_end, END, _UNKNOWN)
        self.ends: Int64s = np.where(at_end, self.starts + 1, 0)
        self.rows: Int64s = np.zeros(len(self.starts), np.int64)
        self._matched = 1
        self._stops: Int64s | None = None
        self.match()

    def match(self) -> None:
        """Look for the patterns that became known since."""
        new: dict[int, list[int]] = {}
        for number, pattern in enumerate(self._patterns.all[self._matched :], self._matched):
            new.setdefault(pattern.size, []).append(number)
        self._matched = len(self._patterns.all)
        for size, numbers in new.items():
            there = np.flatnonzero((self._sizes == size) & (self.numbers < 0))
            if len(there) * size > len(self._words):
                continue  # more than can stand side by side
            step = max(_CACHED // size, 1)
            for at in range(0, len(there), step):
                self._compare(there[at : at + step], size, numbers)
        if new or self._stops is None:
            self._forget_inner()
            self._stops = np.flatnonzero(self.ends[:-1] != self.starts[1:])

    def _compare(self, there: Int64s, size: int, numbers: list[int]) -> None:
        """Note the messages of these patterns, as far as they are whole and small."""
        starts = self.starts[there] + 1
        metadata = rows_at(self._words, starts, size)
        sums: Int64s | None = None  # which tell most schemas apart
        for number in numbers:
            pattern = self._patterns.all[number]
            if pattern.layout.kind == SCHEMA:
                sums = metadata.sum(1) if sums is None else sums
                alike = np.flatnonzero(sums == pattern.words.sum())
                found = there[alike[(metadata[alike] == pattern.words).all(1)]]
                self.numbers[found], self.ends[found] = number, self.starts[found] + 1 + size
            else:
                alike = np.flatnonzero((metadata[:, pattern.fixed] == pattern.words).all(1))
                self._note(there[alike], metadata[alike], number)

    def _note(self, there: Int64s, metadata: Int64s, number: int) -> None:
        layout = self._patterns.all[number].layout
        bodies = self.starts[there] + 1 + metadata.shape[1]
        sizes, rows = metadata[:, layout.body // 8], metadata[:, layout.length // 8]
        ends = bodies + (sizes >> 3)
        fits = (sizes >= 0) & (sizes <= SMALL_BODY) & (sizes & 7 == 0)
        fits &= (rows >= 0) & (rows <= ROWS // 2) & (ends <= len(self._words))
        found = there[fits]
        self.numbers[found], self.ends[found], self.rows[found] = number, ends[fits], rows[fits]

    def _forget_inner(self) -> None:
        """Leave out what looks like a message inside of another."""
        if not (self.ends[:-1] > self.starts[1:]).any():
            return
        outer = np.ones(len(self.starts), np.bool_)
        outer[1:] = self.starts[1:] >= np.maximum.accumulate(self.ends)[:-1]
        self.starts, self._sizes = self.starts[outer], self._sizes[outer]
        self.numbers, self.ends = self.numbers[outer], self.ends[outer]
        self.rows = self.rows[outer]

    def chain(self, at: int) -> slice:
        """The known messages from a byte on, each right behind the one before."""
        first = int(np.searchsorted(self.starts, at >> 3))
        if at & 7 or first == len(self.starts) or self.starts[first] != at >> 3:
            return slice(0, 0)
        assert self._stops is not None
        number = int(np.searchsorted(self._stops, first))
        last = int(self._stops[number]) if number < len(self._stops) else len(self.starts) - 1
        return slice(first, last + int(self.numbers[last] >= 0))


def rows_at(data: npt.NDArray[Item], starts: Int64s, size: int) -> npt.NDArray[Item]:
    """So many items from each place, a row each."""
    step = data.itemsize
    count = max(len(data) - size + 1, 0)
    # Each row is one item of that many bytes, which numpy copies twice as fast as a row.
    rows = np.ndarray((count,), f"V{size * step}", data, 0, (step,))
    return rows[starts].view(data.dtype).reshape(-1, size)
