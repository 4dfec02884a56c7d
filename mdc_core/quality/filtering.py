"""Running a filter on a stream, with true accounts of what became of its input.

    in = out + used + dropped (+ derived)

A row that a filter leaves out is dropped, one of which a deriving filter makes something
else is used, and what it makes is derived.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from mdc_core import registry
from mdc_core.contracts import Filter, Keep
from mdc_core.errors import PluginError
from mdc_core.quality.engine import ABOUT_DATA
from mdc_core.wire.chunk import Chunk

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.batch import Int64s

    Made = pa.RecordBatch | Iterable[pa.RecordBatch] | None

TICK = 1_000_000_000  # nanoseconds between two ticks


class FilterRun:
    """One filter on one stream, chunk after chunk."""

    def __init__(self, name: str, work: Filter) -> None:
        self.dropped = 0
        self.used = 0
        self.derived = 0
        self.ticks = type(work).tick is not Filter.tick
        self._hears = type(work).about_data is not Filter.about_data
        self._name = name
        self._work = work
        self._last_tick = 0

    def __call__(self, chunk: Chunk) -> Iterator[Chunk]:
        """What goes out for a chunk; events about the data go past the filter."""
        import numpy as np

        passing: list[Int64s] = []  # rows of the chunk that pass as they are
        for start, stop, about in _stretches(chunk):
            if about and not self._hears:
                passing.append(np.arange(start, stop))
                continue
            batch = chunk.batch.slice(start, stop - start)
            if about:
                told = list(self._made(self._work.about_data(batch)))
                if told and passing:
                    yield chunk.select(np.concatenate(passing))
                    passing.clear()
                yield from told
                passing.append(np.arange(start, stop))
                continue
            made = self._work(batch)
            if made is batch or isinstance(made, Keep):
                passing.append(start + self._kept(made, stop - start))
                continue
            if passing:
                yield chunk.select(np.concatenate(passing))
                passing.clear()
            yield from map(Chunk, self._instead(made, stop - start))
        if passing:
            yield chunk.select(np.concatenate(passing))

    def tick(self, now: int) -> Iterator[Chunk]:
        """What goes out because a second or more has gone by."""
        if self.ticks and now - self._last_tick >= TICK:
            self._last_tick = now
            yield from self._made(self._work.tick(now))

    def close(self) -> Iterator[Chunk]:
        """What goes out at the end."""
        yield from self._made(self._work.close())

    def _instead(self, made: "Made", rows: int) -> "list[pa.RecordBatch]":
        """The batches that the filter has made of so many rows."""
        batches = self._batches(made)
        out = sum(batch.num_rows for batch in batches)
        if self._work.derives:
            self.used += rows
            self.derived += out
        else:
            self.dropped += max(rows - out, 0)
            self.derived += max(out - rows, 0)
        return batches

    def _made(self, made: "Made") -> Iterator[Chunk]:
        for batch in self._batches(made):
            self.derived += batch.num_rows
            yield Chunk(batch, None)

    def _batches(self, made: "Made") -> "list[pa.RecordBatch]":
        import pyarrow as pa

        from mdc_core.wire.tables.arrow import ours

        if made is None:
            return []
        found = [made] if isinstance(made, pa.RecordBatch) else made
        batches = list(found) if isinstance(found, Iterable) else [found]
        return [ours(batch, self._wrong) for batch in batches]

    def _kept(self, made: "Keep | pa.RecordBatch", size: int) -> "Int64s":
        """Which of so many rows pass."""
        import numpy as np

        if not isinstance(made, Keep):
            return np.arange(size)
        try:
            rows = np.fromiter(map(int, made.rows), np.int64)
        except (TypeError, ValueError, OverflowError):
            raise self._wrong(f"it keeps {made.rows!r:.80}, which are no rows") from None
        if len(rows) and (rows[0] < 0 or rows[-1] >= size or (np.diff(rows) <= 0).any()):
            raise self._wrong(f"it keeps rows that are not in order, or not among {size}")
        self.dropped += size - len(rows)
        return rows

    def _wrong(self, text: str) -> PluginError:
        return registry.misused("filter", self._name, text)


def _stretches(chunk: Chunk) -> Iterator[tuple[int, int, bool]]:
    """Rows [start, stop) that are all about the data, or all not."""
    import numpy as np

    from mdc_core.batch import is_type

    if not ABOUT_DATA.intersection(chunk.counts):
        yield 0, chunk.size, False
        return
    marks = is_type(chunk.batch, *ABOUT_DATA)
    cuts = [0, *(np.flatnonzero(marks[1:] != marks[:-1]) + 1).tolist(), len(marks)]
    for start, stop in pairwise(cuts):
        yield start, stop, bool(marks[start])
