"""What a part of a pack holds, found out by reading all of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core import times
from mdc_core.archive.catalog.origins import WHOLE
from mdc_core.archive.catalog.part_stats import Ranges
from mdc_core.archive.pack.limits import ALLOWANCE, RATIO
from mdc_core.archive.pack.manifest import PackedFile
from mdc_core.archive.pack.names import shown
from mdc_core.archive.part_formats import format_of, part_format, read_part
from mdc_core.disk import is_refusal, reading, reason, unreadable
from mdc_core.errors import DataError
from mdc_core.texts import counted


class Facts(NamedTuple):
    """The rows of a part: how many, and from when to when."""

    rows: int
    untimed: int
    begins: int
    ends: int
    first: str | None
    last: str | None
    first_seq: int | None
    last_seq: int | None
    in_order: bool

    @property
    def timed(self) -> tuple[str | None, str | None]:
        """The first and the last event time."""
        return self.first, self.last

    def said(self) -> tuple[object, ...]:
        """The facts as a manifest says them."""
        return (
            self.rows,
            self.first,
            self.last,
            self.untimed,
            self.first_seq,
            self.last_seq,
            self.in_order,
        )


def facts_of(file: PackedFile, path: Path) -> Facts:
    """Read a part; raises DataError where it is not what the manifest says."""
    counting = _Counting(file)
    if not file.frames:
        for batch in _batches(file, path, 0, file.bytes):
            counting.add(batch)
    offset = 0
    for size, rows, begins, ends in file.frames:
        before = counting.rows
        counting.restart()
        for batch in _batches(file, path, offset, size):
            counting.add(batch)
        if (counting.rows - before, counting.since) != (rows, (begins, ends)):
            raise DataError("a frame of it is not what the manifest says")
        offset += size
    if file.frames and offset != file.bytes:
        raise DataError("its frames are not all of it")
    found = counting.found()
    said = (
        file.rows,
        file.first,
        file.last,
        file.untimed,
        file.first_seq,
        file.last_seq,
        file.in_order,
    )
    if found.said() != said:
        raise DataError(f"{_text(found.said())}; the manifest says {_text(said)}")
    return found


def _batches(file: PackedFile, path: Path, offset: int, size: int) -> Iterator[pa.RecordBatch]:
    if file.suffix == ".parquet":
        with reading(path), pa.OSFile(str(path), "rb") as source:
            _check_footer(file, source)
    form = part_format(format_of(file.suffix))
    with reading(path), path.open("rb") as data:
        yield from read_part(form, data, file.path, (offset, size))


def _check_footer(file: PackedFile, source: pa.NativeFile) -> None:
    """Refuse a file that would decode to very much more than it is."""
    try:
        meta = pq.read_metadata(source)
    except (pa.ArrowException, OSError, ValueError) as error:
        if is_refusal(error):
            raise unreadable(file.path, error) from None
        raise DataError(f"not a whole Parquet file: {reason(error)}") from None
    plain = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    if meta.num_rows != file.rows:
        raise DataError(f"{counted(meta.num_rows, 'event')}; the manifest says {file.rows:,}")
    if max(plain, file.rows) > file.bytes * RATIO + ALLOWANCE:
        raise DataError(f"a bomb: {counted(plain, 'byte')} come out of {file.bytes:,}")


def carries_origin(file: PackedFile, path: Path) -> bool:
    """Whether a Parquet file has all that is known of where its rows come from in itself."""
    return file.suffix == ".parquet" and WHOLE in (pq.read_metadata(path).metadata or {})


def _text(said: tuple[object, ...]) -> str:
    rows, first, last, *_ = said
    return f"{counted(int(str(rows)), 'event')} from {first} to {last}"


class _Counting(Ranges):
    """The rows of a part as they pass: of the symbol and type of the manifest."""

    def __init__(self, file: PackedFile) -> None:
        super().__init__()
        self._file = file

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        for name, value in (("type", self._file.type), ("symbol", self._file.symbol)):
            column = batch.column(batch.schema.get_field_index(name))
            odd = [found for found in column.unique().to_pylist() if found != value]
            if odd:
                raise DataError(f"an event with the {name} {shown(str(odd[0]))}")
        super().add(batch)
        if self.rows > self._file.rows:
            raise DataError(f"more events than the {self._file.rows:,} of the manifest")

    def found(self) -> Facts:
        """What is known when all have passed."""
        if not self.rows:
            raise DataError("there is no event in it")
        facts = self.facts()
        for name in ("first", "last"):
            facts[name] = None if facts[name] is None else times.from_ns(facts[name])
        return Facts(**facts)
