"""Events as columns for other tools: CSV, Parquet, and a choice of fields in any form."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from mdc_core.archive.read.one_file import Shape, TableFile, arrow_file_writer, parquet_writer
from mdc_core.events import Begin
from mdc_core.export.spool import FileKey, PartsSpool
from mdc_core.schema import arrow_schema, arrow_types, kind_of
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.lines.csv_text import csv_header, csv_lines
from mdc_core.wire.lines.json_values import json_values
from mdc_core.wire.lines.jsonl import as_dict
from mdc_core.wire.lines.values import encode_json
from mdc_core.wire.writer import PackedOutput

ROWS = 16_384  # of CSV, written at once
_WHOLE = FileKey(None, None, None)


class PlainWriter:
    """Takes columns; control events are never among them."""

    plain = True

    def make(self, chunk: Chunk) -> None:
        """Make columns of some events; raises where none can hold one."""
        _ = chunk.batch

    def write(self, chunk: Chunk) -> None:
        """Write some events."""
        if chunk.size:
            self.add(chunk.batch)

    def add(self, batch: pa.RecordBatch) -> None:
        """Write columns."""
        raise NotImplementedError

    def close(self, origin: Begin | None = None) -> None:
        """Write what ends the encoding."""


class CsvWriter(PlainWriter):
    """CSV with a header.

    Which columns it has is known from the start where fields or types are named; else they are
    those of the types that occur, and the events wait in a temporary file for the last one.
    """

    def __init__(self, file: PackedOutput, fields: Sequence[str], types: Sequence[str]) -> None:
        self._file = file
        self._names = list(fields or (arrow_schema(frozenset(types)).names if types else ()))
        self._types = set(types)
        self._spool = None if self._names else PartsSpool(apart=False)
        if self._names:
            file.write(csv_header(self._names))

    def add(self, batch: pa.RecordBatch) -> None:
        """Write columns, or let them wait."""
        if self._spool is not None:
            self._spool.add(batch)
            return
        for start in range(0, batch.num_rows, ROWS):
            self._file.write(csv_lines(batch.slice(start, ROWS), self._names))

    def close(self, origin: Begin | None = None) -> None:
        """Write all that waits."""
        spool, self._spool = self._spool, None
        if spool is not None:
            if spool.rows:
                part = spool.part(_WHOLE)
                self._names = part.schema.names
                self._file.write(csv_header(self._names))
                for table in part.tables():
                    for batch in table.to_batches():
                        self.add(batch)
            spool.close()
        self._file.close()


class TableFileWriter(PlainWriter):
    """All events as one Parquet table or Arrow file, written at the end."""

    def __init__(self, file: PackedOutput, form: str, shape: Shape) -> None:
        writer_of = parquet_writer if form == "parquet" else arrow_file_writer
        sink: Any = _Sequential(file)
        self._table = TableFile(sink, shape, writer_of)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take columns."""
        self._table.add(batch)

    def close(self, origin: Begin | None = None) -> None:
        """Write the table."""
        self._table.close(b"{}" if origin is None else encode_json(as_dict(origin)))


class FieldsWriter(PlainWriter):
    """Some fields in their order: as JSON objects, an Arrow stream or a Parquet table."""

    def __init__(self, file: PackedOutput, fields: Sequence[str], form: str) -> None:
        self._file, self._fields = file, fields
        types = arrow_types()
        self._schema = pa.schema(
            [(n, types["text" if n in ("type", "v") else kind_of(n)]) for n in fields]
        )
        self._table: Any = None
        sink: Any = _Sequential(file)
        if form == "arrow":
            self._table = pa.ipc.new_stream(sink, self._schema)
        elif form == "parquet":
            self._table = parquet_writer(sink, self._schema)

    def add(self, batch: pa.RecordBatch) -> None:
        """Write these columns of a batch."""
        columns = [self._column(batch, field) for field in self._schema]
        if self._table is not None:
            self._table.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
            return
        rows = zip(*map(json_values, columns), strict=True)
        lines = [encode_json(dict(zip(self._fields, row, strict=True))) for row in rows]
        self._file.write(b"\n".join([*lines, b""]))

    def _column(self, batch: pa.RecordBatch, field: "pa.Field[Any]") -> Any:
        place = batch.schema.get_field_index(field.name)
        if place < 0:
            return pa.nulls(batch.num_rows, field.type)
        column = batch.column(place)
        return column if column.type == field.type else column.cast(field.type)

    def close(self, origin: Begin | None = None) -> None:
        """Write what ends the encoding."""
        if self._table is not None:
            self._table.close()
        self._file.close()


class _Sequential:
    """A packed file as pyarrow writes to one, from the first byte to the last."""

    closed = False

    def __init__(self, file: PackedOutput) -> None:
        self._file, self._size = file, 0

    def write(self, data: Any) -> int:
        """Write some bytes."""
        size = memoryview(data).nbytes
        self._file.write(data)
        self._size += size
        return size

    def tell(self) -> int:
        """How many were written."""
        return self._size

    def flush(self) -> None:
        """Each piece is written at once."""

    def writable(self) -> bool:
        """Yes."""
        return True
