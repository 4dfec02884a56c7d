"""Running a filter on a stream, with true accounts of what became of its input.

    in = out + used + dropped (+ derived)

A row that a filter leaves out is dropped, one of which a deriving filter makes something
else is used, and what it makes is derived.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from mdc_core import registry
from mdc_core.accounting import line_starts, piece_of
from mdc_core.contracts import Filter, Keep
from mdc_core.errors import PluginError
from mdc_core.quality.engine import ABOUT_DATA
from mdc_core.wire.reader import Chunk

if TYPE_CHECKING:
    import pyarrow as pa

TICK = 1_000_000_000  # nanoseconds between two ticks


class FilterRun:
    """One filter on one stream, chunk after chunk."""

    def __init__(self, name: str, work: Filter) -> None:
        self.dropped = 0
        self.used = 0
        self.derived = 0
        self.ticks = type(work).tick is not Filter.tick
        self._name = name
        self._work = work
        self._last_tick = 0

    def __call__(self, chunk: Chunk) -> Iterator[Chunk]:
        """What goes out for a chunk; events about the data go past the filter."""
        for start, stop, about in _stretches(chunk.batch):
            whole = start == 0 and stop == chunk.batch.num_rows
            piece = chunk if whole else piece_of(chunk, start, stop)
            if about:
                yield piece
            else:
                yield from self._filtered(piece)

    def tick(self, now: int) -> Iterator[Chunk]:
        """What goes out because a second or more has gone by."""
        if self.ticks and now - self._last_tick >= TICK:
            self._last_tick = now
            yield from self._made(self._work.tick(now))

    def close(self) -> Iterator[Chunk]:
        """What goes out at the end."""
        yield from self._made(self._work.close())

    def _filtered(self, piece: Chunk) -> Iterator[Chunk]:
        made = self._work(piece.batch)
        if made is piece.batch:
            yield piece
            return
        rows = piece.batch.num_rows
        if isinstance(made, Keep):
            kept = self._kept(piece, made)
            self.dropped += rows - kept.batch.num_rows
            yield kept
            return
        batches = self._batches(made)
        out = sum(batch.num_rows for batch in batches)
        if self._work.derives:
            self.used += rows
            self.derived += out
        else:
            self.dropped += max(rows - out, 0)
            self.derived += max(out - rows, 0)
        for batch in batches:
            yield Chunk(batch, None)

    def _made(self, made: "pa.RecordBatch | Iterable[pa.RecordBatch] | None") -> Iterator[Chunk]:
        for batch in self._batches(made):
            self.derived += batch.num_rows
            yield Chunk(batch, None)

    def _batches(
        self, made: "pa.RecordBatch | Iterable[pa.RecordBatch] | None"
    ) -> "list[pa.RecordBatch]":
        import pyarrow as pa

        if made is None:
            return []
        found = [made] if isinstance(made, pa.RecordBatch) else made
        batches = list(found) if isinstance(found, Iterable) else [found]
        for batch in batches:
            if not isinstance(batch, pa.RecordBatch):
                raise self._wrong(f"a filter returns batches, not {batch!r}")
        return batches

    def _kept(self, piece: Chunk, keep: Keep) -> Chunk:
        """The rows to keep, each with the very text that it came with."""
        rows = list(map(int, keep.rows))
        size = piece.batch.num_rows
        if rows != sorted(set(rows)) or (rows and not 0 <= rows[0] <= rows[-1] < size):
            raise self._wrong(f"it keeps rows that are not in order, or not among {size}")
        raw = piece.raw
        if raw is not None:
            cuts = line_starts(raw)
            raw = b"".join(raw[cuts[row] : cuts[row + 1]] for row in rows)
        import pyarrow as pa

        return Chunk(piece.batch.take(pa.array(rows, pa.int64())), raw)

    def _wrong(self, text: str) -> PluginError:
        ref = registry.get("filter", self._name)
        who = registry.describe(ref) if ref else f"filter {self._name}"
        where = (registry.address(ref) if ref else "") or "its authors"
        return PluginError(f"{who} failed: {text}", hint=f"report it to {where}")


def _stretches(batch: "pa.RecordBatch") -> Iterator[tuple[int, int, bool]]:
    """Rows [start, stop) that are all about the data, or all not."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not batch.num_rows:
        return
    about = pc.is_in(batch.column("type"), pa.array(sorted(ABOUT_DATA)))
    marks = about.to_numpy(zero_copy_only=False)
    cuts = [0, *(np.flatnonzero(marks[1:] != marks[:-1]) + 1).tolist(), len(marks)]
    for start, stop in pairwise(cuts):
        yield start, stop, bool(marks[start])
