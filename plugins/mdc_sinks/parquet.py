"""Parquet files: zstd, exact decimals, nanosecond times.

Decimals are narrowed to decimal(18, 9) where every value of a part fits exactly, so that
`price * size` works in SQL engines, and stay decimal(36, 18) where one does not.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

from msgspec import Meta

from mdc_core.plugin import Options, PartFormat

if TYPE_CHECKING:
    import pyarrow as pa

# Columns that hardly repeat: a dictionary would only be thrown away again.
_DELTA = ("ts_event", "ts_recv", "ts_close", "seq", "start", "end")
_PLAIN = ("trade_id", "order_id", "extra")
ROWS_READ = 16_384


class ParquetOptions(Options, frozen=True, kw_only=True):
    """How the files are compressed and divided."""

    compression: Annotated[
        Literal["zstd", "lz4", "snappy", "gzip", "none"], Meta(description="codec")
    ] = "zstd"
    level: Annotated[int | None, Meta(description="level of the codec")] = None
    row_group: Annotated[int, Meta(description="most rows of a row group")] = 131_072


class Parquet(PartFormat):
    """Parts as Parquet files."""

    Options = ParquetOptions
    suffix = ".parquet"

    def write(self, table: "pa.Table", file: BinaryIO) -> None:
        """Write a whole part."""
        import pyarrow.parquet as pq

        from mdc_core.plugin import narrowed

        table = narrowed(table)
        names = set(table.schema.names)
        repeating = [_leaf(f) for f in table.schema if f.name not in (*_DELTA, *_PLAIN)]
        pq.write_table(
            table,
            file,
            compression=self.options.compression,
            compression_level=self.options.level,
            row_group_size=self.options.row_group,
            use_dictionary=repeating,  # type: ignore[arg-type]  # the stubs know bool only
            column_encoding={n: "DELTA_BINARY_PACKED" for n in _DELTA if n in names},
            store_decimal_as_integer=True,
            write_page_index=False,
        )

    def read(self, path: Path) -> "Iterator[pa.RecordBatch]":
        """The rows of a part."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(path, pre_buffer=False) as part:
            yield from part.iter_batches(ROWS_READ)


def _leaf(field: "pa.Field[Any]") -> str:
    """The name of a column as Parquet says it: lists have their items below."""
    import pyarrow as pa

    return f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
