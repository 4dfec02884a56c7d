"""Many sorted sources as one stream in time order, with bounded memory.

Equal times keep the order of the sources, and within a source that of its rows; with a rank,
they come by that first, and each source has to be in the order of time and rank.
"""

import heapq
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from io import BufferedRandom
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.archive.ties import Rank
from mdc_core.batch import Int64s, cut, in_groups, int64_array, let_go, size_of, unify
from mdc_core.disk import writing
from mdc_core.times import MAX_NS
from mdc_core.wire.streams.encoder import StreamEncoder
from mdc_core.wire.tables.arrow import Incoming

FAN_IN = 32
RUN_ROWS, RUN_BYTES = 131_072, 32 << 20
RUN_BATCH, RUN_BATCH_BYTES = 1_024, 1 << 20
OUT_ROWS, OUT_BYTES = 16_384, 4 << 20
ROWS_IN_MEMORY, BYTES_IN_MEMORY = 65_536, 16 << 20

Moments = npt.NDArray[np.int64]
Place = tuple[int, int]  # of a row: its moment, and its rank
Placed = tuple[pa.RecordBatch, Moments, Int64s | None]


class MergeSource:
    """Batches in time order, opened when they are first needed.

    All its rows are in [start, stop); by default they may be anywhere.
    """

    def __init__(
        self,
        open_batches: Callable[[int], Iterator[pa.RecordBatch]],
        start: int = NO_TIME,
        stop: int = MAX_NS,
    ) -> None:
        self.start = start
        self.stop = stop
        self._open = open_batches
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._rank: Rank | None = None
        self._held: deque[Placed] = deque()
        self._rows = self._size = 0
        self.ended = False

    def open(self, rows: int, rank: Rank | None = None) -> None:
        """Begin to read, about this many rows at a time."""
        self._batches, self._rank = self._open(rows), rank

    def fill(self, rows: int, size: int) -> bool:
        """Hold this many rows or bytes, or all that is left; whether there is any."""
        while self._rows < rows and (self._size < size or not self._rows) and not self.ended:
            batch = next(self._batches, None)
            if batch is None:
                self.ended = True
            elif batch.num_rows:
                self._hold(batch)
                self._rows += batch.num_rows
                self._size += size_of(batch)
        return self._rows > 0

    def _hold(self, batch: pa.RecordBatch) -> None:
        """Hold a batch behind the others, in order: older versions ranked some names otherwise."""
        placed = _placed(batch, self._rank)
        while self._rank and self._held and _first(placed) < self.last:
            before, *_ = self._held.pop()
            placed = _placed(unify([before, placed[0]]), self._rank)
        self._held.append(placed)

    @property
    def last(self) -> Place:
        """The place of the last row held."""
        _, moments, ranks = self._held[-1]
        return int(moments[-1]), 0 if ranks is None else int(ranks[-1])

    def take_all(self) -> list[pa.RecordBatch]:
        """All rows held."""
        rows = [batch for batch, *_ in self._held]
        self._held.clear()
        self._rows = self._size = 0
        return rows

    def take(self, limit: Place, *, inclusive: bool) -> Iterator[pa.RecordBatch]:
        """The rows held up to a place."""
        side: Literal["left", "right"] = "right" if inclusive else "left"
        while self._held:
            batch, moments, ranks = self._held[0]
            if ranks is None:
                stop = int(np.searchsorted(moments, limit[0], side))
            else:
                low, high = np.searchsorted(moments, [limit[0], limit[0] + 1])
                stop = int(low + np.searchsorted(ranks[low:high], limit[1], side))
            if stop == 0:
                return
            self._held.popleft()
            self._size -= self._size * stop // self._rows  # about
            self._rows -= stop
            if stop < len(moments):
                rest = None if ranks is None else ranks[stop:]
                self._held.appendleft((batch.slice(stop), moments[stop:], rest))
                yield batch.slice(0, stop)
                return
            yield batch


def merge(
    sources: Iterable[MergeSource | Iterable[pa.RecordBatch]],
    rank: Rank | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of all sources, each of which is in time order, in time order.

    Equal times come by their rank, then in the order of the sources. Batches are read as they
    are needed.
    """
    for group in _apart([_as_source(source) for source in sources]):
        while len(group) > FAN_IN:
            some = [group[at : at + FAN_IN] for at in range(0, len(group), FAN_IN)]
            group = [stored(_merge_some(sources, rank)) for sources in some]
        for batch in _merge_some(group, rank):
            yield from cut(batch, OUT_ROWS, OUT_BYTES)
            if size_of(batch) > OUT_BYTES:
                let_go()


def _as_source(source: MergeSource | Iterable[pa.RecordBatch]) -> MergeSource:
    return source if isinstance(source, MergeSource) else MergeSource(lambda rows: iter(source))


def _apart(sources: list[MergeSource]) -> Iterator[list[MergeSource]]:
    """The sources in groups that do not overlap in time, each in the order given."""
    by_start = sorted(enumerate(sources), key=lambda pair: pair[1].start)
    group: list[tuple[int, MergeSource]] = []
    stop = NO_TIME
    for number, source in by_start:
        if group and source.start >= stop:
            yield [s for _, s in sorted(group, key=lambda pair: pair[0])]
            group = []
        group.append((number, source))
        stop = max(stop, source.stop) if len(group) > 1 else source.stop
    if group:
        yield [s for _, s in sorted(group, key=lambda pair: pair[0])]


def _merge_some(listed: list[MergeSource], rank: Rank | None) -> Iterator[pa.RecordBatch]:
    """The rows of as many sources as can be open at once, in time order."""
    rows = max(64, min(16_384, ROWS_IN_MEMORY // max(len(listed), 1)))
    size = BYTES_IN_MEMORY // max(len(listed), 1)
    waiting = [(source.start, number) for number, source in enumerate(listed)]
    heapq.heapify(waiting)
    active: dict[int, MergeSource] = {}
    while waiting or active:
        for number in [n for n, s in active.items() if not s.fill(rows, size)]:
            del active[number]
        horizon = min((s.last for s in active.values() if not s.ended), default=None)
        if horizon is None and active:
            horizon = max(s.last for s in active.values())
        while waiting and (horizon is None or waiting[0][0] <= horizon[0]):
            _, number = heapq.heappop(waiting)
            source = listed[number]
            source.open(rows, rank)
            if source.fill(rows, size):
                active[number] = source
                horizon = source.last if horizon is None else min(horizon, source.last)
        if horizon is None:
            break
        pieces = _up_to(horizon, active)
        if pieces:
            yield _interleaved(pieces, rank)


def _up_to(horizon: Place, active: dict[int, MergeSource]) -> list[pa.RecordBatch]:
    """What is before the horizon, and at it as long as no source before may have more."""
    pieces: list[pa.RecordBatch] = []
    inclusive = True
    for number in sorted(active):
        source = active[number]
        may_have_more = source.last == horizon and not source.ended
        pieces += source.take(horizon, inclusive=inclusive)
        inclusive = inclusive and not may_have_more
    return pieces


def _interleaved(pieces: list[pa.RecordBatch], rank: Rank | None) -> pa.RecordBatch:
    return pieces[0] if len(pieces) == 1 else in_place(unify(pieces), rank)


def _placed(batch: pa.RecordBatch, rank: Rank | None) -> Placed:
    """Rows in their order, and the places of each."""
    moments = row_time(batch)
    if rank is None:
        return batch, moments, None
    ranks = rank(batch)
    if np.any((np.diff(moments) == 0) & (np.diff(ranks) < 0)):
        order = np.lexsort((ranks, moments))
        return batch.take(int64_array(order)), moments, ranks[order]
    return batch, moments, ranks


def _first(placed: Placed) -> Place:
    _, moments, ranks = placed
    return int(moments[0]), 0 if ranks is None else int(ranks[0])


def in_place(batch: pa.RecordBatch, rank: Rank | None = None) -> pa.RecordBatch:
    """The rows in the order of time and rank."""
    moments = row_time(batch)
    if rank is not None:
        return batch.take(int64_array(np.lexsort((rank(batch), moments))))
    if (moments[1:] >= moments[:-1]).all():
        return batch
    return batch.take(int64_array(np.argsort(moments, kind="stable")))


def sorted_sources(
    batches: Iterator[pa.RecordBatch], rank: Rank | None = None
) -> list[MergeSource]:
    """Batches in any order as sources in time order: sorted runs, in temporary files."""
    return [
        stored(iter([in_place(unify(run), rank)]))
        for run in in_groups(batches, RUN_ROWS, RUN_BYTES)
    ]


class KeptBatches:
    """Batches in time order in a temporary file, until they are read as a source of their own."""

    def __init__(self) -> None:
        from tempfile import TemporaryFile

        self._encoder = StreamEncoder()
        with writing("a temporary file", "TMPDIR names another directory"):
            self._file = TemporaryFile()  # noqa: SIM115 - it lives as long as the source

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep a batch."""
        with writing("a temporary file", "TMPDIR names another directory"):
            for piece in cut(batch, RUN_BATCH, RUN_BATCH_BYTES):
                self._file.writelines(self._encoder.encode(piece))

    def source(self) -> MergeSource:
        """All that was kept."""
        with writing("a temporary file", "TMPDIR names another directory"):
            self._file.writelines(self._encoder.end())
            self._file.seek(0)
        return MergeSource(lambda rows: _read_back(self._file))


def stored(batches: Iterable[pa.RecordBatch]) -> MergeSource:
    """Batches in time order as a source of its own, in a temporary file."""
    kept = KeptBatches()
    for batch in batches:
        kept.add(batch)
    return kept.source()


def _read_back(file: BufferedRandom) -> Iterator[pa.RecordBatch]:
    """The batches that were written to it: our own, so no value has to be looked at."""
    with file:
        size = os.fstat(file.fileno()).st_size
        while file.tell() < size:
            reader = pa.ipc.open_stream(file)
            yield from map(Incoming(reader.schema, "a temporary file").events, reader)


def in_order(batches: Iterable[pa.RecordBatch]) -> bool:
    """Whether the rows are in time order already."""
    last = NO_TIME
    for batch in batches:
        moments = row_time(batch)
        if len(moments) and (moments[0] < last or (moments[1:] < moments[:-1]).any()):
            return False
        last = int(moments[-1]) if len(moments) else last
    return True
