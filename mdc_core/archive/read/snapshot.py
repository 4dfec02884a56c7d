"""What an archive holds at one moment: its parts, and what is still in journals.

Journals are opened while nobody can commit a seal, so an event is seen in a journal, in a
part, or in the journal that carries it on, and never in two of them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from itertools import accumulate, pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.paths import chosen, period
from mdc_core.archive.catalog.query import EVERYTHING, Query
from mdc_core.archive.merge import MergeSource, merge, sorted_sources
from mdc_core.archive.part_formats import part_format, read_part, read_part_file
from mdc_core.archive.row_time import NO_TIME
from mdc_core.archive.ties import Rank, ranked
from mdc_core.archive.write import journal
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.sealing.unsealed import Unsealed
from mdc_core.archive.write.segment import Segment
from mdc_core.batch import count_types
from mdc_core.disk import reading
from mdc_core.errors import DataError
from mdc_core.times import MAX_NS
from mdc_core.wire.limits import ROWS

Ask = Callable[[Catalog, Query], Iterable[PartRow]]


def no_parts(catalog: Catalog, query: Query) -> Iterable[PartRow]:
    """None of the parts: only what is in journals is wanted."""
    return ()


class Stored(NamedTuple):
    """Rows in time order that can be read: a part, a frame of one, or a file of any kind.

    All their moments are in [start, stop). `row` is what the catalog knows of the part.
    """

    archive: Archive
    path: Path | None
    row: PartRow | None
    start: int
    stop: int
    offset: int = 0
    size: int = 0

    @property
    def name(self) -> str:
        """The path, for messages."""
        return str(self.path) if self.row is None else self.archive.path_of(self.row)

    def batches(self, rows: int = ROWS, query: Query = EVERYTHING) -> Iterator[pa.RecordBatch]:
        """The events; raises DataError if the file is not whole.

        Those of other symbols in a part that the wanted ones share may be left out.
        """
        if self.row is None:
            assert self.path is not None
            return _rechunked(read_part_file(self.path), rows)
        return _rechunked(self._of_part(self.row, query), rows)

    def _of_part(self, row: PartRow, query: Query) -> Iterator[pa.RecordBatch]:
        form = part_format(row.format)
        only = query.held(row.symbols, row.type_name) if row.shares else ()
        with self.archive.open_part(row) as file:
            yield from read_part(form, file, self.name, (self.offset, self.size), only=only)

    def source(self, query: Query, counts: Counter[str]) -> MergeSource:
        """The wanted rows as a source for a merge; what it gives is counted by type."""

        def read(rows: int) -> Iterator[pa.RecordBatch]:
            for batch in map(query.of, self.batches(rows, query)):
                counts.update(count_types(batch))
                yield batch

        return MergeSource(read, self.start, self.stop)


class Snapshot:
    """What an archive holds of what is asked for; `ask` asks the catalog for the parts."""

    def __init__(
        self, archive: Archive, query: Query | None = None, ask: Ask = Catalog.parts
    ) -> None:
        self.archive = archive
        self.query = query or Query()
        self._rows: list[PartRow] | None = None
        self._unsealed: Unsealed | None = None
        if archive.has_catalog:
            archive.reading()
            with archive.catalog(read_only=True) as catalog, catalog.at_once():
                segments = _unsealed(archive, catalog)
                if segments:
                    self._unsealed = Unsealed(segments, catalog, self.query, self._in_order)
                self._rows = list(ask(catalog, self.query))

    def close(self) -> None:
        """Let go of the journals, and of what is kept for us."""
        if self._unsealed is not None:
            self._unsealed.close()
        self.archive.close()

    @property
    def parts(self) -> list[PartRow]:
        """What the catalog knows of the parts; without a catalog, what the files say."""
        if self._rows is None:
            from mdc_core.archive.health.rebuild import rows_of

            found, problems = rows_of(self.archive, chosen(Path(self.archive.root), self.query))
            if problems:
                raise DataError(problems[0])
            self._rows = found
        return self._rows

    def stored(self) -> list[Stored]:
        """What can be read, sealed, in the order of the paths."""
        if self._rows is None:
            return [
                _plain(self.archive, path) for path in chosen(Path(self.archive.root), self.query)
            ]
        return [piece for row in self._rows for piece in pieces(self.archive, row)]

    def unsealed_batches(self) -> Iterator[pa.RecordBatch]:
        """The wanted rows that are only in journals yet, as they came; not in time order.

        What came again is left out, as it will be when it is sealed.
        Raises DataError behind those of a journal that is damaged.
        """
        if self._unsealed is not None:
            yield from self._unsealed.batches()

    @property
    def unsealed(self) -> int:
        """How many of the wanted events are only in journals yet."""
        return sum(batch.num_rows for batch in self.unsealed_batches())

    def sources(self, counts: Counter[str]) -> Iterator[MergeSource]:
        """Everything as sources for a merge; what they give is counted by type."""
        stored = self.stored()
        rank = tie_order(stored, self.query)
        yield from one_source(self._parts_in_order(stored, counts, rank), rank)
        if self._unsealed is not None:
            yield from sorted_sources(_counted(self.unsealed_batches(), counts))

    def _in_order(self, part: PartRow) -> Iterator[MergeSource]:
        """The wanted rows of a part in time order, without regard to which come first of equal."""
        for piece in pieces(self.archive, part):
            if part.in_order:
                yield piece.source(self.query, Counter())
            else:
                yield from sorted_sources(map(self.query.of, piece.batches(query=self.query)))

    def _parts_in_order(
        self, stored: list[Stored], counts: Counter[str], rank: Rank | None
    ) -> Iterator[MergeSource]:
        for piece in stored:
            if piece.row is None or piece.row.in_order:
                yield piece.source(self.query, counts)
            else:
                wanted = map(self.query.of, piece.batches(query=self.query))
                yield from sorted_sources(_counted(wanted, counts), rank)


def _unsealed(archive: Archive, catalog: Catalog) -> list[Segment]:
    """The journals whose events are in no part; from the first question on nobody commits."""
    sealed = catalog.sealed()
    opened = {}
    for path in journal.segments(archive.state / "journal"):
        with suppress(FileNotFoundError), reading(path, absent=True):
            opened[path.stem] = Segment(path.open("rb", buffering=0), str(path))
    found = []
    for name, segment in opened.items():
        if journal.counts(name, sealed, opened):
            found.append(segment)
        else:
            segment.close()
    return found


def snapshot(root: str | Path, query: Query | None = None, ask: Ask = Catalog.parts) -> Snapshot:
    """What an archive holds now; raises DataError if there is none."""
    return Snapshot(Archive.open(root), query, ask)


def pieces(archive: Archive, row: PartRow, skip: int = 0) -> list[Stored]:
    """A part as what can be read in time order: frame by frame where they overlap.

    `skip` leaves out the first frames.
    """
    frames = row.frames
    if not skip and all(a.ends <= b.begins for a, b in pairwise(frames)):
        return [Stored(archive, None, row, row.begins, row.ends + 1, 0, row.bytes)]
    starts = accumulate((frame.bytes for frame in frames), initial=0)
    return [
        Stored(archive, None, row, frame.begins, frame.ends + 1, start, frame.bytes)
        for frame, start in list(zip(frames, starts, strict=False))[skip:]
    ]


def tie_order(stored: list[Stored], query: Query = EVERYTHING) -> Rank | None:
    """How rows of equal time are ordered among these; None: by the order of the pieces.

    Where a part is shared, the pieces are put in the order that those of one symbol have.
    """
    rank = tie_rank({row.key: row for piece in stored if (row := piece.row)}.values(), query)
    if rank is not None:
        stored.sort(key=lambda piece: piece.row.file_name if piece.row else "")
    return rank


def tie_rank(rows: Collection[PartRow], query: Query = EVERYTHING) -> Rank | None:
    """How rows of equal time are ordered in these parts; None if each is of one symbol."""
    if not any(row.shares for row in rows):
        return None
    return ranked(
        (row.layout, symbol, row.type_name)
        for row in rows
        for symbol in query.held(row.symbols, row.type_name) or row.symbols
    )


def one_source(sources: Iterator[MergeSource], rank: Rank | None) -> Iterator[MergeSource]:
    """The sources as they are, or those that have a rank as one, which is in its order."""
    if rank is None:
        yield from sources
        return
    listed = list(sources)
    start = min(source.start for source in listed)
    stop = max(source.stop for source in listed)
    yield MergeSource(lambda rows: merge(listed, rank), start, stop)


def _plain(archive: Archive, path: Path) -> Stored:
    """A file that no catalog knows; where it is in time, its path may tell."""
    start, stop = period(PurePosixPath(path.relative_to(archive.root)))
    if start is None or stop is None:
        return Stored(archive, path, None, NO_TIME, MAX_NS)
    return Stored(archive, path, None, start, stop)


def _counted(batches: Iterator[pa.RecordBatch], counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        counts.update(count_types(batch))
        yield batch


def _rechunked(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, max(rows, ROWS // 4)):
            yield batch.slice(start, max(rows, ROWS // 4))
