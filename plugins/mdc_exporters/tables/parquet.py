"""Parquet, Arrow and Feather files of others: pandas, polars, DuckDB, Spark.

A column of floats is read by naming its digits: `--digits price=2`. A value that has more is set
aside.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from mdc_core.columns import (
    MappingOptions,
    Settled,
    TableImporter,
    TableSample,
    opened_table,
    row_texts,
    table_head,
)
from mdc_core.plugin import BadRow, DataError

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
        return table_head(path)

    def rows(self, path: Path, settled: Settled) -> Iterator[pa.RecordBatch | BadRow]:
        """The events of a file, and the rows that are none."""
        row = 0
        try:
            with opened_table(path) as (schema, batches):
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
