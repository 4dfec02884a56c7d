"""Parquet parts of one event type as a dataset of Arrow, opened when they are read."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.write.archive import Archive
from mdc_core.decimals import WideError, narrowed
from mdc_core.disk import unreadable
from mdc_core.schema import arrow_types

Wanted = ds.Expression
BATCH_ROWS = 65_536
PARTS_AT_ONCE = 4
GROUPS_TOGETHER = 256
ROWS_TOGETHER = 4 * BATCH_ROWS
_PLAIN = [kind for name, kind in arrow_types().items() if name not in ("number", "levels")]
_LOSSES = ("would cause data loss", "does not fit in precision")


class TooFine(Exception):  # noqa: N818 - an instruction: measure, and begin again
    """A part holds decimals that decimal(18, 9) cannot."""


def is_loss(error: Exception) -> bool:
    """Whether Arrow would have had to round."""
    return any(loss in str(error) for loss in _LOSSES)


class ParquetParts:
    """Parts that have the columns of today, read with the types of a schema.

    Those of the columns that are `measured` hold all decimals that there are.
    """

    def __init__(
        self,
        archive: Archive,
        rows: list[PartRow],
        schema: pa.Schema,
        measured: Collection[str],
    ) -> None:
        self._archive = archive
        self._rows = {_name(row): row for row in rows}
        self._schema = schema
        self._measured = measured
        self._form = ds.ParquetFileFormat()
        files = _Files(archive, self._rows)  # type: ignore[abstract]  # says the stub
        self._place = pafs.PyFileSystem(files)

    def rows(self, left: Iterable[str]) -> int:
        """How many rows some of the parts have."""
        return sum(self._rows[name].rows for name in left)

    def left(self, needed: list[str], wanted: Wanted) -> list[str]:
        """The parts that can hold wanted rows.

        Raises TooFine if one of them has decimals that the columns `needed` cannot hold.
        """
        if not self._rows:
            return []
        every = self._dataset([self._part(name) for name in self._rows])
        left = [part.path for part in every.get_fragments(wanted)]
        self._check_decimals(left, needed)
        return left

    def batches(
        self, left: list[str], names: list[str], wanted: Wanted, tell: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]:
        """Columns of the wanted rows of some parts; `tell` gets how many rows were looked at."""
        for groups in self._heaps(left, wanted):
            scanner = self._dataset(groups).scanner(
                columns=names, filter=wanted, batch_size=BATCH_ROWS
            )
            try:
                yield from scanner.to_batches()
            except (pa.ArrowException, OSError) as error:
                if not is_loss(error):
                    self._name_the_damaged(dict.fromkeys(group.path for group in groups))
                raise
            tell(sum(group.row_groups[0].num_rows for group in groups))

    def _part(self, name: str) -> Any:
        row = self._rows[name]
        return self._form.make_fragment(name, self._place, _said(row))

    def _dataset(self, parts: list[Any]) -> ds.FileSystemDataset:
        return ds.FileSystemDataset(parts, self._schema, self._form, self._place)

    def _heaps(self, names: list[str], wanted: Wanted) -> Iterator[list[Any]]:
        """The row groups that can hold wanted rows, some at a time: Arrow reads far ahead."""
        heap: list[Any] = []
        size = 0
        for name in names:
            with self._named(name):
                groups = self._part(name).split_by_row_group(wanted, self._schema)
            for group in groups:
                heap.append(group)
                size += group.row_groups[0].num_rows
                if size >= ROWS_TOGETHER or len(heap) == GROUPS_TOGETHER:
                    yield heap
                    heap, size = [], 0
        if heap:
            yield heap

    def _check_decimals(self, parts: list[str], names: list[str]) -> None:
        unsure = [name for name in names if name not in self._measured]
        fields = [f for f in map(self._schema.field, unsure) if f.type not in _PLAIN]
        if not fields:
            return

        def finer(part: str) -> bool:
            with self._archive.open_part(self._rows[part]) as file, self._named(part):
                there = pq.ParquetFile(file)
                schema = there.schema_arrow
                found = [(schema.get_field_index(field.name), field) for field in fields]
                wide = [
                    field.name
                    for at, field in found
                    if at >= 0 and _finer(schema.field(at).type, field.type)
                ]
                # All parts of a type are wide when one value of them needs it: is it here?
                return bool(wide) and not _fits(there, wide)

        with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
            if any(pool.map(finer, parts)):
                raise TooFine

    def _name_the_damaged(self, parts: Iterable[str]) -> None:
        """Raise DataError for the first part that cannot be read."""
        for part in parts:
            with self._archive.open_part(self._rows[part]) as file, self._named(part):
                for _ in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
                    pass

    @contextmanager
    def _named(self, part: str) -> Iterator[None]:
        """What Arrow says of a part, with its name."""
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            name = self._archive.path_of(self._rows[part])
            raise unreadable(name, error, "not a whole Parquet file") from None


class _Files(pafs.FSSpecHandler):
    """The parts as a file system of Arrow."""

    def __init__(self, archive: Archive, rows: dict[str, PartRow]) -> None:
        super().__init__(None)
        self._archive = archive
        self._rows = rows

    def get_type_name(self) -> str:
        """What Arrow calls it."""
        return "mdc"

    def open_input_file(self, path: str) -> pa.NativeFile:
        """A part to read anywhere in."""
        return self._archive.open_part(self._rows[path])


def _name(row: PartRow) -> str:
    return f"{row.place}/{row.path}" if row.place else row.path


def _said(row: PartRow) -> Wanted:
    """What the catalog says of each event in a part."""
    of_type = ds.field("type") == row.type_name
    if row.shares:
        return of_type
    symbol = ds.field("symbol")
    of_symbol = symbol.is_null() if row.symbol is None else symbol == row.symbol
    return of_symbol & of_type


def _fits(file: pq.ParquetFile, names: list[str]) -> bool:
    """Whether all decimals of some columns fit the width that they have in most archives."""
    try:
        for batch in file.iter_batches(BATCH_ROWS, columns=names):
            narrowed(pa.Table.from_batches([batch]), strict=True)
    except WideError:
        return False
    return True


def _finer(there: Any, here: Any) -> bool:
    """Whether a column of a file may hold decimals that the column of the schema cannot."""
    if pa.types.is_list(there) and pa.types.is_list(here):
        return _finer(there.value_type, here.value_type)
    if pa.types.is_struct(there) and pa.types.is_struct(here):
        return any(_finer(field.type, here.field(field.name).type) for field in there)
    return bool(pa.types.is_decimal(there) and there.precision > here.precision)
