"""Events in one file of any encoding, which has its name once it is complete and synced."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from mdc_core.disk import writing
from mdc_core.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FORMATS = ("jsonl", "arrow", "parquet")
ROW_GROUP, ROW_GROUP_BYTES = 65_536, 32 << 20
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".arrows": "arrow",
    ".arrow": "arrow",
    ".parquet": "parquet",
}
_CODECS = {".gz": "gzip", ".zst": "zstd", ".lz4": "lz4"}


def form_of(path: Path) -> tuple[str | None, str | None]:
    """The encoding and the compression that a file's name asks for."""
    codec = _CODECS.get(path.suffix)
    name = path.with_suffix("") if codec else path
    return _SUFFIXES.get(name.suffix), codec


def check_form(path: Path, form: str | None) -> tuple[str, str | None]:
    """The encoding and compression to write; raises UsageError where they are not known."""
    named, codec = form_of(path)
    form = form or named
    if form is None:
        raise UsageError(
            f"cannot tell the encoding of {path} by its name",
            hint=f"say --format, or end it in one of {', '.join(_SUFFIXES)}",
        )
    if form == "parquet" and codec:
        raise UsageError("Parquet is compressed inside", hint=f"leave out {path.suffix}")
    return form, codec


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that replaces `path` at the end, and is gone if anything fails."""
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


def write_table(
    batches: "Iterator[pa.RecordBatch]",
    file: BinaryIO,
    origin: Callable[[], bytes],
    shape: Shape,
    writer_of: "Callable[[BinaryIO, pa.Schema], pq.ParquetWriter | pa.RecordBatchFileWriter]",
) -> None:
    """Events of any types as one table, with the origin that is known at the end.

    Which columns it has, and which decimals are narrow, is known when all have been seen:
    until then they wait in a temporary file.
    """
    import pyarrow as pa

    from mdc_core.archive.merge import stored
    from mdc_core.batch import unify
    from mdc_core.decimals import narrowed
    from mdc_core.schema import arrow_schema

    types: set[str] = set()
    wide: set[str] = set()

    def noted() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            names: list[Any] = batch.column(0).unique().to_pylist()
            types.update(names)
            small = narrowed(pa.Table.from_batches([batch])).schema
            wide.update(f.name for f in small if f.type == batch.schema.field(f.name).type)
            yield batch

    kept = stored(noted())
    schema = arrow_schema(frozenset(types))
    table = shape.of(narrowed(schema.empty_table(), keep=wide))
    told = {**(table.schema.metadata or {}), b"mdc.origin": origin()}
    kept.open(ROW_GROUP)
    with writer_of(file, table.schema.with_metadata(told)) as writer:
        while kept.fill(ROW_GROUP, ROW_GROUP_BYTES):
            rows = unify(kept.take_all(), schema)
            writer.write_table(shape.of(narrowed(pa.Table.from_batches([rows]), keep=wide)))


def parquet_writer(file: BinaryIO, schema: "pa.Schema") -> "pq.ParquetWriter":
    """What writes a table as Parquet."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(file, schema, compression="zstd", store_decimal_as_integer=True)


def arrow_file_writer(file: BinaryIO, schema: "pa.Schema") -> "pa.RecordBatchFileWriter":
    """What writes a table as an Arrow file, which others call Feather."""
    import pyarrow as pa

    sink: Any = file  # which the stubs know by another name
    return pa.ipc.new_file(sink, schema)
