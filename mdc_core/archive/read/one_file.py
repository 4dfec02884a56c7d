"""Events in one file of any encoding, which has its name once it is complete and synced."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from mdc_core.disk import is_no_file, writing

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP, ROW_GROUP_BYTES = 65_536, 32 << 20


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that replaces `path` at the end, and is gone if anything fails.

    What is no file, such as a device or a FIFO, is never replaced: it is written to.
    """
    if is_no_file(path):
        with writing(path), path.open("wb") as file:
            yield file
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()


class Shape(NamedTuple):
    """How a table is changed for tools that cannot do with it as it is."""

    portable: bool = False  # times in microseconds, and their nanoseconds beside them
    floats: bool = False  # decimals as the nearest float64

    def of(self, table: "pa.Table") -> "pa.Table":
        """The table as the tools want it."""
        from mdc_core.wire.tables.floats import to_floats
        from mdc_core.wire.tables.portable import to_portable

        table = to_portable(table) if self.portable else table
        return to_floats(table) if self.floats else table


class TableFile:
    """Events of any types as one table in a file, with the origin that is known at the end.

    Which columns it has, and which decimals are narrow, is known when all have been seen:
    until then they wait in a temporary file.
    """

    def __init__(
        self,
        file: BinaryIO,
        shape: Shape,
        writer_of: "Callable[[BinaryIO, pa.Schema], pq.ParquetWriter | pa.RecordBatchFileWriter]",
    ) -> None:
        from mdc_core.archive.merge import KeptBatches

        self._file, self._shape, self._writer_of = file, shape, writer_of
        self._types: set[str] = set()
        self._wide: set[str] = set()
        self._kept = KeptBatches()

    def add(self, batch: "pa.RecordBatch") -> None:
        """Take the events of a batch."""
        import pyarrow as pa

        from mdc_core.decimals import narrowed

        names: list[Any] = batch.column(0).unique().to_pylist()
        self._types.update(names)
        small = narrowed(pa.Table.from_batches([batch])).schema
        self._wide.update(f.name for f in small if f.type == batch.schema.field(f.name).type)
        self._kept.add(batch)

    def close(self, origin: bytes) -> None:
        """Write the table."""
        import pyarrow as pa

        from mdc_core.batch import unify
        from mdc_core.decimals import narrowed
        from mdc_core.schema import arrow_schema

        kept, schema, shape = self._kept.source(), arrow_schema(frozenset(self._types)), self._shape
        table = shape.of(narrowed(schema.empty_table(), keep=self._wide))
        told = {**(table.schema.metadata or {}), b"mdc.origin": origin}
        kept.open(ROW_GROUP)
        with self._writer_of(self._file, table.schema.with_metadata(told)) as writer:
            while kept.fill(ROW_GROUP, ROW_GROUP_BYTES):
                rows = pa.Table.from_batches([unify(kept.take_all(), schema)])
                writer.write_table(shape.of(narrowed(rows, keep=self._wide)))


def parquet_writer(file: BinaryIO, schema: "pa.Schema") -> "pq.ParquetWriter":
    """What writes a table as Parquet."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(file, schema, compression="zstd", store_decimal_as_integer=True)


def arrow_file_writer(file: BinaryIO, schema: "pa.Schema") -> "pa.RecordBatchFileWriter":
    """What writes a table as an Arrow file, which others call Feather."""
    import pyarrow as pa

    sink: Any = file  # which the stubs know by another name
    return pa.ipc.new_file(sink, schema)
