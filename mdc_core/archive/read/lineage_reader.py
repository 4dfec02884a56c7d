"""Reading a file with an eye on what is not kept in its batches: begin events, versions."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.errors import DataError
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.lines.jsonl import as_dict, rows_of
from mdc_core.wire.reader import Reader


class LineageRow(msgspec.Struct):
    """What a line says of its schema."""

    type: str = ""
    v: str | None = None


_lines = msgspec.json.Decoder(LineageRow)


class LineageReader(Reader):
    """A reader that keeps the begin events, and the versions that lines name."""

    def __iter__(self) -> Iterator[Chunk]:
        self.begins: list[dict[str, Any]] = []
        self.versions: set[tuple[str, str]] = set()
        for chunk in super().__iter__():
            if not chunk.has_text:
                check_sound(chunk.batch, self.name)
            elif chunk.versions is not None:
                self.versions |= chunk.versions
            elif b'"v"' in chunk.text:
                lines = _lines.decode_lines(chunk.text)
                self.versions |= {(line.type, line.v) for line in lines if line.v}
            self.begins += begins_in(chunk.batch)
            yield chunk


def begins_in(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The begin events of a batch, as JSON objects."""
    if "run_id" not in batch.schema.names:
        return []
    rows = batch.filter(pc.is_in(batch.column(0), pa.array(["begin"])))
    return [as_dict(row) for row in rows_of(rows)] if rows.num_rows else []


def check_sound(batch: pa.RecordBatch, name: str) -> None:
    """Raise DataError for columns from outside that are not what they claim to be."""
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid as error:
        raise DataError(f"{name}: a damaged column: {error}") from None
