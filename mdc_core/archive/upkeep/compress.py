"""What compression profiles make of somebody's own events: measured, and read back.

The events are divided as an archive divides them, by type, symbol and day. Every part is
written to a temporary file, read back, compared and removed, in CPU time.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from mdc_core import times
from mdc_core.archive.part_formats import read_part_file, write_with
from mdc_core.archive.profiles import Profile
from mdc_core.archive.row_time import row_time
from mdc_core.batch import unify, widen
from mdc_core.contracts import PartFormat
from mdc_core.disk import reading, writing
from mdc_core.errors import DataError
from mdc_core.events import CONTROL_TYPES
from mdc_core.schema import arrow_schema
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader

TABLE_ROWS = 131_072  # handed to a format at a time
WARM_UP_ROWS = 1_000


class Rows:
    """The rows of one part: a type, a symbol, a day."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.rows = table.num_rows
        self.schema = table.schema

    def tables(self) -> Iterator[pa.Table]:
        """The rows in tables of bounded size."""
        for at in range(0, self.rows, TABLE_ROWS):
            yield self.table.slice(at, TABLE_ROWS)


class Sample(NamedTuple):
    """The events that are measured, and their size as plain JSONL."""

    parts: list[Rows]
    rows: int
    plain: int
    cut: bool  # whether the file has more


class CompressionRow(Struct, frozen=True):
    """What one profile makes of a sample in one format."""

    format: str
    profile: str
    codec: str
    level: int | None
    bytes: int
    ratio: float  # to plain JSONL
    written_per_second: int
    read_per_second: int


def sample_of(path: Path, rows: int) -> Sample:
    """The first events of a file; raises DataError where they cannot be read, or are none."""
    kept: list[pa.RecordBatch] = []
    count = plain = 0
    cut = False
    for batch in _events(path):
        cut = count + batch.num_rows > rows
        batch = batch.slice(0, rows - count)
        kept.append(batch)
        plain += len(encode_batch(batch)) if batch.num_rows else 0
        count += batch.num_rows
        if cut:
            break
    if not count:
        raise DataError(f"no events in {path}")
    return Sample(_parts(kept), count, plain, cut)


def _events(path: Path) -> Iterator[pa.RecordBatch]:
    """What an archive would keep of a file; raises DataError for what cannot be read."""
    control = pa.array(CONTROL_TYPES)
    with reading(path):
        file = path.open("rb", buffering=0)
    with file, closing(Quarantine(keeps=False)) as aside:
        reader = Reader(file, str(path), aside, path)
        for chunk in reader:
            _check_whole(reader)
            batch = chunk.batch
            batch = batch.filter(pc.invert(pc.is_in(batch.column(0), control)))
            if batch.num_rows:
                yield batch
        _check_whole(reader)


def _check_whole(reader: Reader) -> None:
    if reader.damage:
        raise DataError(reader.damage)
    if reader.rejected:
        hint = "leave out the lines that cannot be read: mdc convert FILE"
        raise DataError(str(reader.first_rejection), hint=hint)


def _parts(batches: list[pa.RecordBatch]) -> list[Rows]:
    """The events by type, symbol and day, in time order."""
    by_type: dict[str, list[pa.RecordBatch]] = defaultdict(list)
    for batch in batches:
        names: list[str] = batch.column(0).unique().to_pylist()  # type: ignore[assignment]
        for name in names:
            rows = batch.filter(pc.equal(batch.column(0), pa.scalar(name)))
            by_type[name].append(rows)
    return [
        part
        for name, same in by_type.items()
        for part in _divided(unify(same, arrow_schema(frozenset([name]))))
    ]


def _divided(batch: pa.RecordBatch) -> Iterator[Rows]:
    """Events of one type by symbol and day."""
    column = batch.column(batch.schema.get_field_index("symbol"))
    symbols = column.dictionary_encode(null_encoding="encode").indices.to_numpy()
    moments = row_time(batch)
    order = np.lexsort((moments, symbols))
    symbols, days = symbols[order], moments[order] // times.DAY
    new = (symbols[1:] != symbols[:-1]) | (days[1:] != days[:-1])
    starts = np.flatnonzero(np.r_[True, new]).tolist()
    table = pa.Table.from_batches([batch.take(order)])
    for start, stop in zip(starts, [*starts[1:], batch.num_rows], strict=True):
        yield Rows(table.slice(start, stop - start))


def measured(
    sample: Sample, name: str, form: PartFormat, profile: Profile, folder: Path
) -> CompressionRow:
    """What a profile makes of a sample; raises DataError if it reads back as anything else."""
    path = folder / f"part{form.suffix}"
    # What is imported at the first use must not count.
    _there_and_back(Rows(sample.parts[0].table.slice(0, WARM_UP_ROWS)), form, path)
    size, writing, reading = 0, 0.0, 0.0
    for part in sample.parts:
        taken = _there_and_back(part, form, path)
        if taken is None:
            text = f"{name} with profile {profile.name} does not read back what was written"
            raise DataError(text, hint=f"do not use it, and report this (format {name})")
        size, writing, reading = size + taken[0], writing + taken[1], reading + taken[2]
    return CompressionRow(
        format=name,
        profile=profile.name,
        codec=profile.codec,
        level=profile.level,
        bytes=size,
        ratio=round(sample.plain / size, 2),
        written_per_second=round(sample.rows / max(writing, 1e-6)),
        read_per_second=round(sample.rows / max(reading, 1e-6)),
    )


def _there_and_back(part: Rows, form: PartFormat, path: Path) -> tuple[int, float, float] | None:
    """Bytes, and seconds of writing and of reading; None if other events came back."""
    with writing(f"a temporary file in {path.parent}", "TMPDIR names another directory"):
        started = process_time()
        with path.open("wb") as file:
            write_with(form, part, {}, file)
        written = process_time()
        size = path.stat().st_size
        opened = process_time()
        back = list(read_part_file(path, form))
        read = process_time()
        path.unlink()
    return (size, written - started, read - opened) if _same(back, part) else None


def _same(back: list[pa.RecordBatch], part: Rows) -> bool:
    """Whether these are the rows of a part; columns of other types have to be empty."""
    names = set(part.schema.names)
    for batch in back:
        for field, column in zip(batch.schema, batch.columns, strict=True):
            if field.name not in names and column.null_count < len(column):
                return False
    rows = [widen(batch, part.schema) for batch in back]
    return bool(pa.Table.from_batches(rows, part.schema).equals(part.table))
