"""What comes again: events of a run, or of files, of which an archive has some already.

A run may come a second time as a whole, from where it broke off, or in slices. So what is sealed
is compared with what there is of the same source, line by line among those of one moment: of each
event the archive then has as many as the one of both that has more. Where a source comes for the
first time, nothing is read.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.catalog.layout import Partition
from mdc_core.archive.catalog.origins import sources_of
from mdc_core.archive.merge import MergeSource, merge
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.sealing.held_lines import HeldLines, made_by, rows_not_held, run_of
from mdc_core.archive.write.sealing.load import Sealed
from mdc_core.archive.write.sealing.sorter import Sorter
from mdc_core.archive.write.sealing.spill import Key, Slices


class Repeats:
    """Finds what a run of `store` brings that the archive has of the same source."""

    def __init__(self, run_id: str, origin: bytes, partition: Partition, *, again: bool) -> None:
        self.rows = 0  # events that were there
        self._run_id, self._partition, self._again = run_id, partition, again
        self._run = run_of(run_id)
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
        return [part for part in parts if not made_by(self._run_id, part)]

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
        from mdc_core.archive.upkeep.merged import MergedEvents

        begins = min(rows.begins for _, rows in coming)
        ends = max(rows.ends for _, rows in coming)
        there = HeldLines(MergedEvents(archive, parts, begins, ends + 1).batches())
        rows = merge(
            MergeSource(partial(_batches, rows), rows.begins, rows.ends + 1) for _, rows in coming
        )
        for new in rows_not_held(rows, there):
            sorter.add(new)
        self._found += there.taken


def _overlaps(part: PartRow, rows: Slices) -> bool:
    return part.begins <= rows.ends and part.ends >= rows.begins


def _batches(rows: Slices, _: int) -> Iterator[pa.RecordBatch]:
    for table in rows.tables():
        yield from table.to_batches()
