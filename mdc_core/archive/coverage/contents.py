"""The contents of an archive at one moment: each part in numbers and to read, and journals."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.catalog.totals import DayTotals
from mdc_core.archive.part_formats import read_part_file
from mdc_core.archive.read.snapshot import pieces, snapshot
from mdc_core.archive.read.summary import StoredPart, summaries, wanted_of
from mdc_core.archive.write.archive import Archive
from mdc_core.disk import unreadable
from mdc_core.schema import VERSIONS_KEY
from mdc_core.wire.tables.arrow import Incoming


class PartContent(NamedTuple):
    """A part; `row` is what the catalog knows of it, if there is a catalog."""

    archive: Archive
    part: StoredPart
    row: PartRow | None

    @property
    def name(self) -> str:
        """The path, for messages."""
        return self.archive.path_of(self.row) if self.row else str(self._path)

    @property
    def _path(self) -> Path:
        return Path(self.archive.root) / self.part.path

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The events; raises DataError if they cannot be read."""
        if self.row is None:
            yield from read_part_file(self._path)
            return
        for piece in pieces(self.archive, self.row):
            yield from piece.batches()

    def columns(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The same, and no more columns than these where only they can be read."""
        if self.part.path.suffix != ".parquet":
            yield from self.batches()
            return
        source = self.archive.open_part(self.row) if self.row else self._path
        try:
            with pq.ParquetFile(source, pre_buffer=False) as file:
                schema = file.schema_arrow
                ours = VERSIONS_KEY in (schema.metadata or {})
                if ours and Incoming(schema, self.name).is_ours:
                    there = [name for name in schema.names if name in names]
                    yield from file.iter_batches(columns=there)
                    return
        except (pa.ArrowInvalid, OSError) as error:
            raise unreadable(self.name, error, "not a whole Parquet file") from None
        yield from self.batches()


class Contents:
    """What is asked for of an archive: parts, and events that are only in journals yet."""

    def __init__(
        self, root: Path | str, query: Query, days: Callable[[DayTotals], None] | None = None
    ) -> None:
        """With `days`, that is told of the parts of one day, which are left out of `parts`."""
        self._query, self._days = query, days
        self._now = snapshot(root, query, self._asked)

    def _asked(self, catalog: Catalog, query: Query) -> Iterator[PartRow]:
        if self._days is None:
            return catalog.parts(query)
        for one in catalog.days(query):
            self._days(one)
        return catalog.of_several_days(query)

    def parts(self) -> Iterator[PartContent]:
        """The parts that hold, or may hold, what is asked for; whole parts."""
        archive = self._now.archive
        if archive.has_catalog:
            for row in self._now.parts:
                yield PartContent(archive, wanted_of(row, self._query), row)
        else:
            for part in summaries(archive.root, self._query):
                yield PartContent(archive, part, None)

    def unsealed(self) -> Iterator[pa.RecordBatch]:
        """The events that are only in journals yet."""
        return self._now.unsealed_batches()
