"""The last events in time order, while only so many are held."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from mdc_core.accounting import count_types
from mdc_core.archive.find import Query, chosen, period
from mdc_core.archive.merge import Source, merge
from mdc_core.archive.moments import UNKNOWN, moment_of
from mdc_core.archive.summary import footer_group
from mdc_core.batch import Bools, Int64s, is_type
from mdc_core.events import CONTROL_TYPES
from mdc_core.times import MAX_NS
from mdc_core.wire.files import read_events

SPARE_ROWS = 65_536  # held beyond what is wanted, so that cutting is rare


class LastRows:
    """The last data events of what is added; of equal times those that were added last."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.least = UNKNOWN  # what is before this is not among the last
        self._held: list[tuple[pa.RecordBatch, Int64s]] = []
        self._count = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the rows that may be among the last."""
        moments = moment_of(batch)
        control = is_type(batch, *CONTROL_TYPES)
        self._keep(batch, moments, (moments >= self.least) & ~control)
        if self._count > self.rows + SPARE_ROWS:
            self._cut()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The last rows in time order."""
        self._cut()
        return merge(Source(partial(_sorted, *held)) for held in self._held)

    def _keep(self, batch: pa.RecordBatch, moments: Int64s, mask: Bools) -> None:
        if mask.any():
            # A copy, so that the rest of the batch is not held as well.
            rows = np.flatnonzero(mask)
            self._held.append((batch.take(rows), moments[rows]))
            self._count += len(rows)

    def _cut(self) -> None:
        """Let go of what is not among the last."""
        if self._count < self.rows or not self._count:
            return
        held, self._held, self._count = self._held, [], 0
        moments = np.concatenate([moments for _, moments in held])
        last = np.argsort(moments, kind="stable")[len(moments) - self.rows :]
        wanted = np.zeros(len(moments), np.bool_)
        wanted[last] = True
        self.least = int(moments[last[0]]) if len(last) else MAX_NS
        start = 0
        for batch, own in held:
            self._keep(batch, own, wanted[start : start + len(own)])
            start += len(own)


def _sorted(batch: pa.RecordBatch, moments: Int64s, rows: int) -> Iterator[pa.RecordBatch]:
    yield batch.take(np.argsort(moments, kind="stable"))


def archive_last(
    root: Path, query: Query, rows: int, counts: Counter[str]
) -> list[pa.RecordBatch]:
    """The last rows of an archive in time order; what is read is counted by type."""
    found: list[pa.RecordBatch] = []
    for group in latest_first(root, query):
        missing = rows - sum(batch.num_rows for batch in found)
        if missing <= 0:
            break
        last = LastRows(missing)
        for path in group:
            if bounds(path)[1] <= last.least:
                continue
            for batch in map(query.of, read_events(path)):
                counts.update(count_types(batch))
                last.add(batch)
        found = [*last.batches(), *found]
    return found


def latest_first(root: Path, query: Query) -> Iterator[list[Path]]:
    """The parts that can hold what is asked for: groups apart in time, the latest first.

    Within a group they have the order of their paths.
    """
    spans = [(*_span(root, path), path) for path in chosen(root, query)]
    group: list[Path] = []
    reach = MAX_NS
    for start, stop, path in sorted(spans, key=lambda span: span[1], reverse=True):
        if group and stop <= reach:
            yield sorted(group)
            group, reach = [], MAX_NS
        group.append(path)
        reach = min(reach, start)
    if group:
        yield sorted(group)


def _span(root: Path, path: Path) -> tuple[int, int]:
    """Where the events of a part are in time, [start, stop), as far as its path tells."""
    first, stop = period(PurePosixPath(path.relative_to(root)))
    if first is not None and stop is not None:
        return first, stop
    return bounds(path)


def bounds(path: Path) -> tuple[int, int]:
    """Where the events of a file are in time, [start, stop), as far as its footer tells."""
    group = footer_group(path)
    if group is None or group.untimed or group.first is None or group.last is None:
        return UNKNOWN, MAX_NS
    return group.first, group.last + 1
