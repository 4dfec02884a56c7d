"""Parquet files: zstd, exact decimals, nanosecond times.

Decimals are narrowed to decimal(18, 9), so that `price * size` works in SQL engines, unless the
archive says (`mdc.decimals`) that its parts of this type stay decimal(36, 18), for a value of one
of them needs it. Where nothing is said, the columns of each file are narrowed that can be.

Columns that the folders of the layout `hive` say already (`mdc.constant`) are not in the files:
pyarrow and Polars refuse to read a column from both.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

from msgspec import Meta

from mdc_core.plugin import DataError, Options, Part, PartFormat
from mdc_sinks.levels import check_level

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# Columns that hardly repeat: a dictionary would only be thrown away again.
_DELTA = ("ts_event", "ts_recv", "ts_close", "seq", "start", "end")
PAGE = 128 << 10  # many parts are read at once, a page of each column of each
BUFFER = 64 << 10
ROWS, BATCH = 16_384, 128 << 10  # decoded at once, which takes ten times the bytes
MOST = 4 << 20  # where a sixteenth of the rows would be more
_PLAIN = ("trade_id", "order_id", "extra")
FEW = 64  # rows for which dictionaries cost more than they spare, in time and bytes


class ParquetOptions(Options, frozen=True, kw_only=True):
    """How the files are compressed and divided."""

    compression: Annotated[
        Literal["zstd", "lz4", "snappy", "gzip", "none"], Meta(description="codec")
    ] = "zstd"
    level: Annotated[int | None, Meta(description="level of the codec")] = None
    row_group: Annotated[int, Meta(description="most rows of a row group")] = 131_072

    def __post_init__(self) -> None:
        check_level(self.compression, self.level)


class Parquet(PartFormat):
    """Parts as Parquet files."""

    Options = ParquetOptions
    suffix = ".parquet"

    def write(self, part: Part, metadata: Mapping[bytes, bytes], file: BinaryIO) -> None:
        """Write a whole part, table by table."""
        from mdc_core.columns import narrowed

        said = metadata.get(b"mdc.decimals")
        wide = set(part.schema.names) if said == b"wide" else set()
        if said is None:
            # Which columns stay wide has to be known before anything is written.
            wide = _wide_columns(part.tables())
        strict = said == b"narrow"
        in_folders = list(json.loads(metadata.get(b"mdc.constant", b"{}")))
        tables = (narrowed(table, wide, strict=strict) for table in part.tables())
        tables = (table.drop_columns(in_folders) for table in tables)
        first = next(tables)
        schema = first.schema.with_metadata({**(part.schema.metadata or {}), **metadata})
        with self._writer(schema, file, few=part.rows <= FEW) as writer:
            writer.write_table(first, self.options.row_group)
            del first
            for table in tables:
                writer.write_table(table, self.options.row_group)

    def read(self, file: BinaryIO) -> "Iterator[pa.RecordBatch]":
        """The rows as they lie in the file, its checksums looked at."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(
                file,
                pre_buffer=False,
                buffer_size=BUFFER,
                page_checksum_verification=True,
            ) as table:
                yield from table.iter_batches(_rows_at_once(table.metadata))
        # What pyarrow says of a flipped bit, wherever it is.
        except (pa.ArrowException, OSError, ValueError) as error:
            if getattr(error, "errno", None):
                raise  # the system refuses, whatever is in the file
            raise DataError(f"not a whole Parquet file: {error}") from None

    def _writer(self, schema: "pa.Schema", file: BinaryIO, *, few: bool) -> "pq.ParquetWriter":
        import pyarrow.parquet as pq

        repeating = [_leaf(f) for f in schema if f.name not in (*_DELTA, *_PLAIN)]
        return pq.ParquetWriter(
            file,
            schema,
            compression=self.options.compression,
            compression_level=self.options.level,
            use_dictionary=False if few else repeating,  # type: ignore[arg-type]  # bool only
            column_encoding={n: "DELTA_BINARY_PACKED" for n in _DELTA if n in schema.names},
            store_decimal_as_integer=True,
            data_page_size=PAGE,
            write_page_checksum=True,
        )


def _rows_at_once(meta: "pq.FileMetaData") -> int:
    """How many rows are about `BATCH` bytes: many files are read at once."""
    size = sum(meta.row_group(number).total_byte_size for number in range(meta.num_row_groups))
    rows = max(ROWS // 16, BATCH * meta.num_rows // max(size, 1))
    return max(1, min(ROWS, rows, MOST * meta.num_rows // max(size, 1)))


def _wide_columns(tables: "Iterator[pa.Table]") -> set[str]:
    """The columns that cannot be narrowed in every one of the tables."""
    from mdc_core.columns import narrowed

    return {
        field.name
        for table in tables
        for field in narrowed(table).schema
        if field.type == table.schema.field(field.name).type
    }


def _leaf(field: "pa.Field[Any]") -> str:
    """The name of a column as Parquet says it: lists have their items below."""
    import pyarrow as pa

    return f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
