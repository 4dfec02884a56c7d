"""Parquet, Arrow and Feather files of others: pandas, polars, DuckDB, Spark.

A column of floats is read by naming its digits: `--digits price=2`. A value that has more is set
aside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core.columns import MappingOptions, Settled, TableImporter, TableSample, head_of, row_texts
from mdc_core.plugin import BadRow, DataError

_ROWS = 65_536  # read at once

EXAMPLES = (
    "mdc import --profile parquet trades.parquet --guess",
    "mdc import --profile parquet trades.parquet --type trade --map ts=ts_event"
    " --digits price=2,size=0 | mdc store",
)


class ParquetOptions(MappingOptions, frozen=True, kw_only=True):
    """What the columns are."""


class Parquet(TableImporter):
    """A Parquet, Arrow or Feather file, or a folder of them; other columns go to `extra`."""

    Options = ParquetOptions
    profile = "parquet"
    suffixes = (".parquet", ".pq", ".arrow", ".arrows", ".feather", ".ipc")

    def sample(self, path: Path, options: Any) -> TableSample:
        """The first rows of a file."""
        with _opened(path) as (schema, batches):
            first = list(islice((batch for batch in batches if batch.num_rows), 1))
        names = schema.names
        if len(set(names)) < len(names):
            raise DataError("two columns have the same name")
        rows = first or [pa.RecordBatch.from_pylist([], schema=schema)]
        return TableSample(dict(zip(names, rows[0].columns, strict=True)))

    def rows(self, path: Path, settled: Settled) -> Iterator[pa.RecordBatch | BadRow]:
        """The events of a file, and the rows that are none."""
        row = 0
        try:
            with _opened(path) as (schema, batches):
                for batch in batches:
                    columns = dict(zip(schema.names, batch.columns, strict=True))
                    if batch.num_rows:
                        yield from self._of_batch(path, settled, columns, row)
                    row += batch.num_rows
        except DataError as error:
            yield BadRow(b"", f"{path} row {row + 1}", str(error), breaks_off=True)

    def _of_batch(
        self, path: Path, settled: Settled, columns: dict[str, Any], before: int
    ) -> Iterator[pa.RecordBatch | BadRow]:
        events, reasons = self.events(settled, columns)
        texts = row_texts(columns, sorted(reasons)) if reasons else {}
        for row, text in texts.items():
            yield BadRow(text, f"{path} row {before + row + 1}", reasons[row])
        if events is not None and events.num_rows:
            yield events


@contextmanager
def _opened(path: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The columns and the rows of a file; raises DataError where it is damaged."""
    head = head_of(path)[:6]
    try:
        with path.open("rb") as file:
            if head.startswith(b"PAR1"):
                parquet = pq.ParquetFile(file, pre_buffer=False)
                yield parquet.schema_arrow, parquet.iter_batches(_ROWS)
            elif head == b"ARROW1":
                whole = pa.ipc.open_file(file)
                numbers = range(whole.num_record_batches)
                yield whole.schema, _cut(whole.get_batch(number) for number in numbers)
            elif head.startswith(b"\xff\xff\xff\xff"):
                stream = pa.ipc.open_stream(file)
                yield stream.schema, _cut(stream)
            else:
                raise DataError("it is neither Parquet nor Arrow")
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"it cannot be read: {error}".partition("\n")[0]) from None


def _cut(batches: Any) -> Iterator[pa.RecordBatch]:
    """Batches of bounded size."""
    pieces = (
        (batch.slice(at, _ROWS) for at in range(0, batch.num_rows, _ROWS)) for batch in batches
    )
    return chain.from_iterable(pieces)
