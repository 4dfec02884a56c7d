"""What comes again: events of a run, or of files, of which an archive has some already.

A run may come a second time as a whole, from where it broke off, or in slices. So what is sealed
is compared with what there is of the same source, line by line among those of one moment: of each
event the archive then has as many as the one of both that has more. Where a source comes for the
first time, nothing is read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.catalog.layout import Partition
from mdc_core.archive.catalog.origins import sources_of
from mdc_core.archive.merge import MergeSource, merge
from mdc_core.archive.row_time import row_time
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.sealing.load import Sealed
from mdc_core.archive.write.sealing.sorter import Sorter
from mdc_core.archive.write.sealing.spill import TABLE_BYTES, TABLE_ROWS, Key, Slices
from mdc_core.batch import concatenated, in_groups


class Repeats:
    """Finds what a run of `store` brings that the archive has of the same source."""

    def __init__(self, run_id: str, origin: bytes, partition: Partition, *, again: bool) -> None:
        self.rows = 0  # events that were there
        self._run_id, self._partition, self._again = run_id, partition, again
        self._run = run_id.rpartition("-")[0] or run_id
        self._sources = sources_of(origin)
        self._since: int | None = None  # parts before this number are of other sources
        self._seen = 0  # the last part that was looked at
        self._found = 0
        self._sorter: Sorter | None = None

    def left(self, archive: Archive, catalog: Catalog, found: list[Sealed]) -> list[Sealed]:
        """Of these partitions what is not there yet; call `settle` behind the commit."""
        self.close()
        if self._again:
            return found
        self._seen = catalog.numbers()[1]
        if self._since is None:
            known = catalog.related(self._sources) or any(self._others(catalog, 0))
            self._since = 0 if known else self._seen
        others = self._others(catalog, self._since)
        if not others:
            return found
        archive.reading()  # what is rewritten meanwhile can still be read
        try:
            return self._without(archive, found, others)
        finally:
            archive.close()

    def check(self, catalog: Catalog) -> None:
        """Raise ChangedError if something of the same source was entered since `left`."""
        if not self._again:
            for part in self._others(catalog, self._seen):
                raise ChangedError(part.path)

    def settle(self) -> None:
        """What was found is done with: the rest is committed."""
        self.rows += self._found
        self.close()

    def close(self) -> None:
        """Let go of what was not committed."""
        self._found = 0
        if self._sorter is not None:
            self._sorter.close()
            self._sorter = None

    def _others(self, catalog: Catalog, since: int) -> list[PartRow]:
        """The parts of the same source that this run has not made."""
        keys = catalog.related(self._sources)
        parts = catalog.of_origins(keys, self._run, since=since)
        return [part for part in parts if not self._is_own(part)]

    def _is_own(self, part: PartRow) -> bool:
        """Whether all of a part comes from this run of `store`, also by way of `compact`."""
        if part.run_id or not part.inputs:
            return part.run_id == self._run_id
        return all(self._run_id in path for path, _ in part.inputs)

    def _without(
        self, archive: Archive, found: list[Sealed], others: list[PartRow]
    ) -> list[Sealed]:
        """The partitions, those that may have something again without what is there."""
        held: dict[tuple[str, str | None], list[PartRow]] = {}
        for part in others:
            for one in part.by_symbol():
                held.setdefault((one.type_name, one.symbol), []).append(part)
        segments = {key: segment for segment, key, _ in found}
        sorter = self._sorter = Sorter(archive.state, self._partition)
        kept = []
        together: dict[str, list[tuple[Key, Slices, list[PartRow]]]] = {}
        for segment, key, rows in found:
            near = [one for one in held.get(key[:2], ()) if _overlaps(one, rows)]
            if not near:
                kept.append((segment, key, rows))
            elif any(part.shares for part in near):  # each of which is read once for all in it
                together.setdefault(key.type_name, []).append((key, rows, near))
            else:
                self._take(archive, [(key, rows)], near, sorter)
        for some in together.values():
            parts = {part.key: part for _, _, near in some for part in near}
            self._take(archive, [one[:2] for one in some], list(parts.values()), sorter)
        kept += ((segments[key], key, rows) for key, rows in sorter.partitions())
        order = {key: place for place, (_, key, _) in enumerate(found)}
        return sorted(kept, key=lambda one: order[one[1]])

    def _take(
        self,
        archive: Archive,
        coming: Sequence[tuple[Key, Slices]],
        parts: list[PartRow],
        sorter: Sorter,
    ) -> None:
        """Bring to the sorter what is not in some parts, and count what is."""
        from mdc_core.archive.upkeep.content import lines_of
        from mdc_core.archive.upkeep.merged import MergedEvents

        begins = min(rows.begins for _, rows in coming)
        ends = max(rows.ends for _, rows in coming)
        there = HeldLines(MergedEvents(archive, parts, begins, ends + 1).batches(), lines_of)
        rows = merge(
            MergeSource(partial(_batches, rows), rows.begins, rows.ends + 1) for _, rows in coming
        )
        for batch in _of_whole_moments(rows):
            known = there.until(int(row_time(batch)[-1]))
            new = np.array([not _taken(known, line) for line in lines_of(batch)], np.bool_)
            self._found += len(new) - int(new.sum())
            if new.any():
                sorter.add(batch.filter(pa.array(new)))


class HeldLines:
    """The lines of events in time order, up to one moment after the other."""

    def __init__(
        self,
        batches: Iterator[pa.RecordBatch],
        lines_of: Callable[[pa.RecordBatch], list[bytes]],
    ) -> None:
        self._batches, self._lines_of = batches, lines_of
        self._rest: pa.RecordBatch | None = None

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


def _taken(known: Counter[bytes], line: bytes) -> bool:
    """Whether a line is among those known, each of which is there once."""
    count = known.get(line, 0)
    if count:
        known[line] = count - 1
    return count > 0


def _overlaps(part: PartRow, rows: Slices) -> bool:
    return part.begins <= rows.ends and part.ends >= rows.begins


def _batches(rows: Slices, _: int) -> Iterator[pa.RecordBatch]:
    for table in rows.tables():
        yield from table.to_batches()


def _of_whole_moments(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows in time order in groups, none of which ends within a moment."""
    rest: list[pa.RecordBatch] = []
    for group in in_groups(batches, TABLE_ROWS, TABLE_BYTES):
        batch = concatenated([*rest, *group])
        moments = row_time(batch)
        stop = int(np.searchsorted(moments, moments[-1]))
        rest = [batch.slice(stop)]
        if stop:
            yield batch.slice(0, stop)
    yield from rest
