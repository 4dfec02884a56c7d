"""Batches as the pieces of Arrow IPC streams."""

from typing import TYPE_CHECKING

import pyarrow as pa

from mdc_core.batch import joint_schema, occurring, widen
from mdc_core.events import CONTROL_TYPES
from mdc_core.schema import arrow_schema
from mdc_core.wire.streams.ipc import END_OF_STREAM

if TYPE_CHECKING:
    from typing_extensions import Buffer

_IDLE = 2 << 10  # bytes without a value for which a column might as well start another stream
_IN_BATCH, _IN_ROW = 64, 16  # bytes of a column without a value, at most


class StreamEncoder:
    """Batches to the pieces of Arrow IPC streams, with the columns that occur.

    A column or an event type that is new starts the next stream, and so does one that has had no
    value for as much room as another stream takes. Control events, which share few columns with
    the others, have streams of their own.
    """

    def __init__(self) -> None:
        self._open: pa.Schema | None = None
        self._schema = arrow_schema(frozenset())  # of all but control events
        self._seen: pa.Schema | None = None  # the columns that came last, all of them known
        self._last: dict[str, tuple[int, int]] = {}  # when other columns came last, as in `_count`
        self._count = self._looked = (0, 0)  # batches and rows so far; when idle columns were left

    def encode(self, batch: pa.RecordBatch) -> "list[Buffer]":
        """What brings the stream up to this batch."""
        if not batch.num_rows:
            return []
        there = occurring(batch)
        if batch.column(0)[0].as_py() not in CONTROL_TYPES:
            self._add(there.schema)
            self._count = self._count[0] + 1, self._count[1] + batch.num_rows
            self._leave_idle(there.schema)
            there = widen(there, self._schema)
        pieces: list[Buffer] = []
        if self._open is None or not there.schema.equals(self._open, check_metadata=True):
            pieces = [*self.end(), there.schema.serialize()]
            self._open = there.schema
        return [*pieces, there.serialize()]

    def _add(self, schema: pa.Schema) -> None:
        """Add the columns and types of a schema to those so far."""
        if self._seen is None or not schema.equals(self._seen, check_metadata=True):
            self._last.update(dict.fromkeys(self._seen.names if self._seen else (), self._count))
            self._seen = schema
            whole = joint_schema([self._schema, schema])
            self._select(whole, {*self._schema.names, *schema.names})

    def _leave_idle(self, schema: pa.Schema) -> None:
        """Leave out the columns that have had no value for long, and have none in this schema."""
        if _room(self._looked, self._count, _IN_ROW) < _IDLE // 2:
            return
        self._looked = self._count
        own = set(schema.names)
        kept = {
            field.name
            for field in self._schema
            if field.name in own
            or _room(self._last[field.name], self._count, _width(field.type)) < _IDLE
        }
        if len(kept) < len(self._schema):
            self._select(self._schema, kept)

    def _select(self, whole: pa.Schema, names: set[str]) -> None:
        fields = [field for field in whole if field.name in names]
        self._schema = pa.schema(fields, whole.metadata)  # type: ignore[arg-type]

    def end(self) -> "list[Buffer]":
        """What closes the stream."""
        if self._open is None:
            return []
        self._open = None
        return [END_OF_STREAM]


def _room(since: tuple[int, int], until: tuple[int, int], width: int) -> int:
    """The bytes that a column without a value takes in between."""
    return (until[0] - since[0]) * _IN_BATCH + (until[1] - since[1]) * width


def _width(kind: pa.DataType) -> int:
    """The bytes of a row without a value, about."""
    return kind.bit_width // 8 if pa.types.is_primitive(kind) or pa.types.is_decimal(kind) else 4
