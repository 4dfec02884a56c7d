"""The contents of an archive at one moment: each part in numbers and to read, and journals."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.part_stats import WITH_INTERVAL
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.catalog.totals import PartSpan
from mdc_core.archive.part_formats import read_part_file
from mdc_core.archive.read.snapshot import pieces, snapshot
from mdc_core.archive.read.summary import PartGroup, summaries
from mdc_core.archive.row_time import NO_TIME
from mdc_core.archive.write.archive import Archive
from mdc_core.disk import unreadable
from mdc_core.schema import VERSIONS_KEY
from mdc_core.times import MAX_NS
from mdc_core.wire.tables.arrow import Incoming


class Choice(Protocol):
    """Which parts have to be read, by the spans of all."""

    def span(self, span: PartSpan) -> None:
        """Take in what a part holds of a symbol; a span that is not known is all of time."""

    def chosen(self) -> Iterable[int]:
        """The numbers of the parts to read, when all have been told."""


class PartContent(NamedTuple):
    """A part to read; `row` is what the catalog knows of it, if there is a catalog."""

    archive: Archive
    number: int
    row: PartRow | None
    path: Path  # without a catalog

    @property
    def name(self) -> str:
        """The path, for messages."""
        return self.archive.path_of(self.row) if self.row else str(self.path)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The events; raises DataError if they cannot be read."""
        if self.row is None:
            yield from read_part_file(self.path)
            return
        for piece in pieces(self.archive, self.row):
            yield from piece.batches()

    @property
    def own(self) -> tuple[str | None, str] | None:
        """The symbol and type of all rows, where the catalog knows that they have but one."""
        if self.row is None or self.row.shares:
            return None
        return self.row.symbol, self.row.type_name

    def columns(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The events, and no more columns than these where only they can be read."""
        if not self.name.endswith(".parquet"):
            yield from self.batches()
            return
        source = self.archive.open_part(self.row) if self.row else self.path
        try:
            with pq.ParquetFile(source, pre_buffer=False) as file:
                schema = file.schema_arrow
                ours = VERSIONS_KEY in (schema.metadata or {})
                if ours and Incoming(schema, self.name).is_ours:
                    there = [name for name in schema.names if name in names]
                    # One thread: of several, most of the time would go into waking them.
                    yield from map(_plain, file.iter_batches(columns=there, use_threads=False))
                    return
        except (pa.ArrowInvalid, OSError) as error:
            raise unreadable(self.name, error, "not a whole Parquet file") from None
        yield from self.batches()


class Contents:
    """What is asked for of an archive: parts, and events in journals yet; use it in a `with`."""

    def __init__(self, root: Path | str, query: Query, choice: Choice) -> None:
        self.problems: list[str] = []
        self._query, self._choice = query, choice
        self._numbers: list[int] = []
        self._now = snapshot(root, query, self._asked)

    def _asked(self, catalog: Catalog, query: Query) -> Iterator[PartRow]:
        for span in catalog.spans(query):
            self._choice.span(span)
        self._numbers = list(self._choice.chosen())
        return catalog.numbered(self._numbers)

    def __enter__(self) -> "Contents":
        return self

    def __exit__(self, *_: object) -> None:
        self._now.close()

    def parts(self) -> Iterator[PartContent]:
        """The parts that have to be read."""
        archive = self._now.archive
        if archive.has_catalog:
            for number, row in zip(self._numbers, self._now.parts, strict=True):
                yield PartContent(archive, number, row, Path())
            return
        found = list(summaries(archive.root, self._query))
        for number, part in enumerate(found):
            self.problems += [part.problem] if part.problem else []
            for group in part.groups:
                self._choice.span(_span(number, group))
        for number in self._choice.chosen():
            path = Path(archive.root) / found[number].path
            yield PartContent(archive, number, None, path)

    def unsealed(self) -> Iterator[pa.RecordBatch]:
        """The events that are only in journals yet."""
        return self._now.unsealed_batches()


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose texts are texts: hive files have some as dictionaries."""
    if not any(map(pa.types.is_dictionary, batch.schema.types)):
        return batch
    kinds = [pa.string() if pa.types.is_dictionary(k) else k for k in batch.schema.types]
    return batch.cast(pa.schema(zip(batch.schema.names, kinds, strict=True)))


def _span(number: int, group: PartGroup) -> PartSpan:
    """What a file has of a symbol; of rows without event time only reading tells when."""
    begins, ends = group.first, group.last
    if begins is None or ends is None or group.untimed:
        begins, ends = NO_TIME, MAX_NS
    told = group.type_name not in WITH_INTERVAL
    return PartSpan(number, group.symbol, group.type_name, group.rows, begins, ends, told=told)
