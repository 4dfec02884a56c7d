"""What rewriting would save, measured on a sample."""

from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.part_formats import write_with
from mdc_core.archive.upkeep.merged import MergedEvents
from mdc_core.archive.write.archive import Archive
from mdc_core.contracts import PartFormat
from mdc_core.disk import writing

SAMPLES = 4
SAMPLE_ROWS = 2_000_000


class Measurement(NamedTuple):
    """The bytes of a sample as it is, and as it would be."""

    before: int
    after: int
    paths: list[str]

    def of(self, size: int) -> int:
        """What so many bytes would become."""
        return size * self.after // self.before if self.before else size


def sample(groups: Sequence[Sequence[PartRow]]) -> list[Sequence[PartRow]]:
    """Some of the groups, from small ones to large ones, that are quickly read."""
    by_size = sorted(groups, key=lambda group: sum(part.rows for part in group))
    step = max(1, len(by_size) // SAMPLES)
    chosen: list[Sequence[PartRow]] = []
    rows = 0
    for group in by_size[step - 1 :: step][:SAMPLES] or by_size[:1]:
        rows += sum(part.rows for part in group)
        if chosen and rows > SAMPLE_ROWS:
            break
        chosen.append(group)
    return chosen


def size_of(archive: Archive, group: Sequence[PartRow], form: PartFormat) -> int:
    """The bytes of some parts as one file of a format."""
    with _written(archive, group, form) as file:
        return file.tell()


def rewritten_schema(archive: Archive, group: Sequence[PartRow], form: PartFormat) -> pa.Schema:
    """The columns of some parts as one Parquet file."""
    with _written(archive, group, form) as file:
        return pq.read_schema(file)


def _written(archive: Archive, group: Sequence[PartRow], form: PartFormat) -> IO[bytes]:
    events = MergedEvents(archive, group, rows=sum(part.rows for part in group))
    with writing("a temporary file", "TMPDIR names another directory"):
        file = TemporaryFile()  # noqa: SIM115 - it lives as long as it is looked at
        write_with(form, events, {}, file)
    return file
