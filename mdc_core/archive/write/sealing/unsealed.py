"""What is only in journals, seen once: without what an archive has of the same source already.

What comes again goes into the journal like anything else, so that it can be acknowledged, and is
left out when it is sealed (`repeats.py`). Until then, or where a command was killed before it,
readers leave it out by the same rule.
"""

from collections.abc import Callable, Iterator

import pyarrow as pa

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.origins import sources_of
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.merge import MergeSource, merge, sorted_sources
from mdc_core.archive.write.journal import Header
from mdc_core.archive.write.sealing.held_lines import HeldLines, made_by, rows_not_held, run_of
from mdc_core.archive.write.segment import Segment
from mdc_core.errors import DataError

Read = Callable[[PartRow], Iterator[MergeSource]]


class UnsealedRun:
    """The journals of one run of `store`, and what there is of the same source besides."""

    def __init__(self, segment: Segment, header: Header | None) -> None:
        self.segments = [segment]
        self.run_id = "" if header is None else header.run_id
        self.again = header is None or header.again
        self.sources = [] if header is None else sources_of(bytes(header.origin))
        self.parts: list[PartRow] = []
        self.earlier: list[UnsealedRun] = []

    def look(self, catalog: Catalog, query: Query) -> None:
        """Find the parts of the same source that this run has not made."""
        if not self.again:
            keys = catalog.related(self.sources)
            found = catalog.of_origins(keys, run_of(self.run_id), query=query)
            self.parts = [part for part in found if not made_by(self.run_id, part)]

    def is_related(self, other: "UnsealedRun") -> bool:
        """Whether both are of one source."""
        named = run_of(self.run_id) == run_of(other.run_id) != ""
        return named or not {*self.sources}.isdisjoint(other.sources)


class Unsealed:
    """The events of an archive that are in no part; `read` gives those of a part by time.

    Made while nobody can commit, so that what is in a part is not looked for in a journal.
    """

    def __init__(self, segments: list[Segment], catalog: Catalog, query: Query, read: Read) -> None:
        self._query, self._read = query, read
        self._runs: list[UnsealedRun] = []
        self._segments = segments
        known: dict[str, UnsealedRun] = {}
        for segment in segments:
            header = segment.header()
            if header is not None and header.run_id in known:
                known[header.run_id].segments.append(segment)
                continue
            run = UnsealedRun(segment, header)
            if not run.again:
                run.look(catalog, query)
                run.earlier = [other for other in self._runs if other.is_related(run)]
            self._runs.append(run)
            known[run.run_id] = run

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The wanted rows, as they came where nothing came again.

        Raises DataError behind those of a journal that is damaged.
        """
        for run in self._runs:
            yield from self._of(run)

    def _of(self, run: UnsealedRun) -> Iterator[pa.RecordBatch]:
        rows = (batch for segment in run.segments for batch in self._wanted(segment))
        if not run.parts and not run.earlier:
            yield from rows
            return
        there = [source for part in run.parts for source in self._read(part)]
        for other in run.earlier:
            there += sorted_sources(self._of(other))
        held = HeldLines(merge(there))
        yield from rows_not_held(merge(sorted_sources(rows)), held)

    def _wanted(self, segment: Segment) -> Iterator[pa.RecordBatch]:
        for batch in segment.batches():
            wanted = self._query.of(batch)
            if wanted.num_rows:
                yield wanted
        for damage in segment.damages:
            if not damage.torn:  # torn: it is being written, or was never acknowledged
                raise DataError(
                    f"{segment.name}: {damage.reason}",
                    hint="keep what can be read: mdc recover --root ARCHIVE",
                )

    def close(self) -> None:
        """Let go of the journals."""
        for segment in self._segments:
            segment.close()
