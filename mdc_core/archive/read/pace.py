"""Stored events once more: in the order of one of their times, at the pace of a clock."""

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core import times
from mdc_core.archive.merge import FAN_IN, RUN_ROWS, MergeSource, merge, sorted_sources, stored
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.batch import Int64s

# Nanoseconds from any point in time on; never goes back.
Clock = Callable[[], int]
# Waits up to so many seconds; whether the replay is to stop.
Wait = Callable[[float], bool]

# A replay at 0.000001x may have to wait for longer than the system can in one go.
LONGEST_WAIT = times.DAY
ALL_TIME = 2.0**64
SPOOL_ROWS = FAN_IN * RUN_ROWS


class Piece(NamedTuple):
    """The rows [start, stop) of a batch, due together."""

    batch: pa.RecordBatch
    start: int
    stop: int


class ReplayPace:
    """When events are due: as they happened, `speed` times as fast; None is at once.

    The first event that has a time is due at once, and so are those without one. What is
    late, because the reader was busy, is due as well: the replay keeps up with the clock.
    """

    def __init__(
        self,
        speed: float | None,
        wait: Wait,
        clock: Clock = time.monotonic_ns,
        *,
        tick: float | None = None,
    ) -> None:
        self._speed = speed
        self._longest = min(tick or LONGEST_WAIT, LONGEST_WAIT)
        self._wait = wait
        self._clock = clock
        self._first: int | None = None
        self._began = 0

    def pieces(self, batches: Iterator[pa.RecordBatch]) -> Iterator[Piece]:
        """Batches in time order, in pieces, each when all of it is due; ends when stopped.

        With a `tick` an empty piece comes after each so many seconds without another.
        """
        for batch in batches:
            moments = row_time(batch)
            start = 0
            while start < batch.num_rows:
                stop = self._due(moments, start)
                if self._wait(0.0 if stop > start else self._seconds_to(int(moments[start]))):
                    return
                if stop > start or self._longest < LONGEST_WAIT:
                    yield Piece(batch, start, stop)
                start = stop

    def _due(self, moments: Int64s, start: int) -> int:
        """Up to which row the events are due, from `start` on."""
        if self._speed is None:
            return len(moments)
        timeless = int(np.searchsorted(moments, NO_TIME, "right"))
        if self._first is None:
            if timeless == len(moments):
                return timeless
            self._first, self._began = int(moments[timeless]), self._clock()
        return max(start, int(np.searchsorted(moments, self._now(), "right")))

    def _now(self) -> int:
        """The moment that the replay has come to."""
        assert self._speed is not None and self._first is not None
        passed = min((self._clock() - self._began) * self._speed, ALL_TIME)
        return min(self._first + int(passed), times.MAX_NS)

    def _seconds_to(self, moment: int) -> float:
        """How long to wait for a moment: whole nanoseconds, so that each wait gets nearer."""
        assert self._speed is not None
        left = min((moment - self._now()) / self._speed, float(LONGEST_WAIT))
        return min(max(math.ceil(left), 1) / times.SECOND, self._longest)


def stepped(
    batches: Iterator[pa.RecordBatch], may_go: Callable[[], bool | None]
) -> Iterator[Piece]:
    """Batches one event at a time, each when it may go, until one may not.

    Where that is not known yet (None), an empty piece says that nothing has come.
    """
    for batch in batches:
        for row in range(batch.num_rows):
            while (goes := may_go()) is None:
                yield Piece(batch, row, row)
            if not goes:
                return
            yield Piece(batch, row, row + 1)


def by_receipt(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch with event and receive time in each other's place; twice gives it back.

    The moment of a row is then its receive time, else its event time, for all who sort,
    select and wait by it.
    """
    event, received = map(batch.schema.get_field_index, ("ts_event", "ts_recv"))
    arrays = batch.columns
    arrays[event], arrays[received] = arrays[received], arrays[event]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def spooled(
    batches: Iterator[pa.RecordBatch], *, rows: int = SPOOL_ROWS
) -> Iterator[pa.RecordBatch]:
    """All batches in time order, by way of temporary files, few of them open at once."""
    sources: list[MergeSource] = []
    while runs := sorted_sources(_some(batches, rows)):
        sources.append(stored(merge(runs)) if len(runs) > 1 else runs[0])
    return merge(sources)


def _some(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The next batches, until they hold so many rows."""
    while rows > 0 and (batch := next(batches, None)) is not None:
        rows -= batch.num_rows
        yield batch
