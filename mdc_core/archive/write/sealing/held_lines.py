"""Which events of a source are there already: line by line among those of one moment."""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from mdc_core.archive.catalog.part_row import PartRow
from mdc_core.archive.row_time import row_time
from mdc_core.archive.write.sealing.spill import TABLE_BYTES, TABLE_ROWS
from mdc_core.batch import in_groups, unify


class HeldLines:
    """The lines of events in time order, up to one moment after the other."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        from mdc_core.archive.upkeep.content import lines_of

        self.taken = 0  # rows that were found here
        self._batches, self._lines_of = batches, lines_of
        self._rest: pa.RecordBatch | None = None

    def new(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a batch that are not here; none of its moments may be in the next one."""
        known = self.until(int(row_time(batch)[-1]))
        new = np.array([not _taken(known, line) for line in self._lines_of(batch)], np.bool_)
        self.taken += len(new) - int(new.sum())
        return batch.filter(pa.array(new))

    def until(self, moment: int) -> Counter[bytes]:
        """Those since the last call that are not later, and how often each is there."""
        found: Counter[bytes] = Counter()
        while (batch := self._next()) is not None:
            stop = int(np.searchsorted(row_time(batch), moment, "right"))
            found.update(self._lines_of(batch.slice(0, stop)))
            if stop < batch.num_rows:
                self._rest = batch.slice(stop)
                break
        return found

    def _next(self) -> pa.RecordBatch | None:
        batch, self._rest = self._rest, None
        return next(self._batches, None) if batch is None else batch


def rows_not_held(batches: Iterable[pa.RecordBatch], held: HeldLines) -> Iterator[pa.RecordBatch]:
    """The rows of batches in time order that are not held; of equal ones, those that are more."""
    for batch in _of_whole_moments(batches):
        new = held.new(batch)
        if new.num_rows:
            yield new


def run_of(run_id: str) -> str:
    """The run whose events a run of `store` has stored: what its name begins with."""
    return run_id.rpartition("-")[0] or run_id


def made_by(run_id: str, part: PartRow) -> bool:
    """Whether all of a part comes from one run of `store`, also by way of `compact`."""
    if part.run_id or not part.inputs:
        return part.run_id == run_id
    return all(run_id in path for path, _ in part.inputs)


def _taken(known: Counter[bytes], line: bytes) -> bool:
    """Whether a line is among those known, each of which is there once."""
    count = known.get(line, 0)
    if count:
        known[line] = count - 1
    return count > 0


def _of_whole_moments(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows in time order in groups, none of which ends within a moment."""
    rest: list[pa.RecordBatch] = []
    for group in in_groups(batches, TABLE_ROWS, TABLE_BYTES):
        batch = unify([*rest, *group])
        moments = row_time(batch)
        stop = int(np.searchsorted(moments, moments[-1]))
        rest = [batch.slice(stop)]
        if stop:
            yield batch.slice(0, stop)
    yield from rest
