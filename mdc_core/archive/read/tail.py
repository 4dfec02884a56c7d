"""The last events in time order, while only so many are held."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from mdc_core.archive.catalog.query import Query
from mdc_core.archive.merge import MergeSource, in_place, merge
from mdc_core.archive.read.snapshot import Snapshot, Stored, snapshot, tie_order
from mdc_core.archive.read.summary import footer_group
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.archive.ties import Rank
from mdc_core.batch import Bools, Int64s, count_types, int64_array, is_type
from mdc_core.events import CONTROL_TYPES
from mdc_core.times import MAX_NS

SPARE_ROWS = 65_536  # held beyond what is wanted, so that cutting is rare


class TailRows:
    """The last data events of what is added; of equal times those that were added last.

    With a rank, those of the last rank, and of that those that were added last.
    """

    def __init__(self, rows: int, rank: Rank | None = None) -> None:
        self.rows = rows
        self._rank = rank
        self.least = NO_TIME  # what is before this is not among the last
        self._held: list[tuple[pa.RecordBatch, Int64s]] = []
        self._count = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the rows that may be among the last."""
        moments = row_time(batch)
        control = is_type(batch, *CONTROL_TYPES)
        self._keep(batch, moments, (moments >= self.least) & ~control)
        if self._count > self.rows + SPARE_ROWS:
            self._cut()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The last rows in time order."""
        self._cut()
        found = [MergeSource(partial(_sorted, batch, self._rank)) for batch, _ in self._held]
        return merge(found, self._rank)

    def _keep(self, batch: pa.RecordBatch, moments: Int64s, mask: Bools) -> None:
        if mask.any():
            # A copy, so that the rest of the batch is not held as well.
            rows = np.flatnonzero(mask)
            self._held.append((batch.take(int64_array(rows)), moments[rows]))
            self._count += len(rows)

    def _cut(self) -> None:
        """Let go of what is not among the last."""
        if self._count < self.rows or not self._count:
            return
        held, self._held, self._count = self._held, [], 0
        moments = np.concatenate([moments for _, moments in held])
        order = np.argsort(moments, kind="stable")
        if self._rank is not None:
            order = np.lexsort((np.concatenate([self._rank(b) for b, _ in held]), moments))
        last = order[len(moments) - self.rows :]
        wanted = np.zeros(len(moments), np.bool_)
        wanted[last] = True
        self.least = int(moments[last[0]]) if len(last) else MAX_NS
        start = 0
        for batch, own in held:
            self._keep(batch, own, wanted[start : start + len(own)])
            start += len(own)


def _sorted(batch: pa.RecordBatch, rank: Rank | None, rows: int) -> Iterator[pa.RecordBatch]:
    yield in_place(batch, rank)


def archive_last(
    root: Path | str, query: Query, rows: int, counts: Counter[str]
) -> list[pa.RecordBatch]:
    """The last rows of an archive in time order; what is read is counted by type."""
    with closing(snapshot(root, query)) as held:
        return _last_of(held, query, rows, counts)


def _last_of(held: Snapshot, query: Query, rows: int, counts: Counter[str]) -> list[pa.RecordBatch]:
    unsealed = TailRows(rows)
    for batch in held.unsealed_batches():
        counts.update(count_types(batch))
        unsealed.add(batch)
    found: list[pa.RecordBatch] = []
    stored = held.stored()
    rank = tie_order(stored, query)
    for group in latest_first(stored):
        missing = rows - sum(batch.num_rows for batch in found)
        if missing <= 0:
            break
        last = TailRows(missing, rank)
        for piece in group:
            if bounds(piece)[1] <= last.least:
                continue
            for batch in map(query.of, piece.batches(query=query)):
                counts.update(count_types(batch))
                last.add(batch)
        found = [*last.batches(), *found]
    for batch in found:
        unsealed.add(batch)
    return list(unsealed.batches())


def latest_first(stored: list[Stored]) -> Iterator[list[Stored]]:
    """The pieces in groups that are apart in time, the latest first, each in its order."""
    spans = [(*_span(piece), number) for number, piece in enumerate(stored)]
    group: list[int] = []
    reach = MAX_NS
    for start, stop, number in sorted(spans, key=lambda span: span[1], reverse=True):
        if group and stop <= reach:
            yield [stored[at] for at in sorted(group)]
            group, reach = [], MAX_NS
        group.append(number)
        reach = min(reach, start)
    if group:
        yield [stored[at] for at in sorted(group)]


def _span(piece: Stored) -> tuple[int, int]:
    """Where the events are in time, [start, stop), as far as catalog or path tell."""
    known = (piece.start, piece.stop) != (NO_TIME, MAX_NS)
    return (piece.start, piece.stop) if known else bounds(piece)


def bounds(piece: Stored) -> tuple[int, int]:
    """Where the events are in time, [start, stop), as far as the footer of a file tells."""
    if piece.row is not None or piece.path is None:
        return piece.start, piece.stop
    group = footer_group(piece.path)
    if group is None or group.untimed or group.first is None or group.last is None:
        return NO_TIME, MAX_NS
    return group.first, group.last + 1
