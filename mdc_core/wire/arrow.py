"""Arrow IPC streams, one after another on the same pipe, as batches and back."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from mdc_core.errors import DataError, TruncatedError
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import (
    VERSIONS_KEY,
    arrow_schema,
    columns,
    kind_of,
    types_with,
    version_of,
)
from mdc_core.wire.sniff import Exactly, Peeked

if TYPE_CHECKING:
    from typing_extensions import Buffer


# The last message of a stream: a continuation mark and the length 0 (Arrow columnar format,
# "IPC Streaming Format").
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def read_streams(
    peeked: Peeked, name: str, tick: float | None = None
) -> Iterator[pa.RecordBatch]:
    """The batches of the streams in a file; raises TruncatedError where one breaks off.

    With a `tick`, an empty batch comes after each so many seconds without another.
    """
    source = pa.PythonFile(Exactly(peeked), "r")
    while True:
        yield from _ticks(peeked, tick)
        if not peeked.peek(1):
            return
        try:
            reader = pa.ipc.open_stream(source)
            schema = target_schema(reader.schema, name)
            ours = is_ours(reader.schema)
            while True:
                yield from _ticks(peeked, tick)
                batch = reader.read_next_batch()
                check_sound(batch, name, fully=not ours)
                yield conform(batch, schema, name)
        except StopIteration:
            continue
        except (pa.ArrowInvalid, OSError) as error:
            raise TruncatedError(f"{name}: the Arrow stream breaks off: {error}") from None


def check_sound(batch: pa.RecordBatch, name: str, *, fully: bool) -> None:
    """Raise DataError for columns that are not sound; `fully` looks at every value."""
    try:
        batch.validate(full=fully)
    except pa.ArrowInvalid as error:
        raise DataError(f"{name}: damaged columns: {error}") from None
    if not fully:
        return
    for kind in batch.column("type").unique().to_pylist():
        if kind not in EVENT_TYPES:
            raise DataError(
                f"{name}: "
                + ("no event type" if kind is None else f"unknown event type {kind!r}")
            )
    for column in batch.schema.names:
        if column in columns() and kind_of(column) == "json":
            for text in batch.column(column).unique().drop_null().to_pylist():
                _check_object(f"{name}: {column}", str(text))


def _check_object(where: str, text: str) -> None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise DataError(f"{where}: not a JSON object: {text[:60]}")


def _ticks(peeked: Peeked, tick: float | None) -> Iterator[pa.RecordBatch]:
    while tick and not peeked.waiting(tick):
        yield nothing()


def nothing() -> pa.RecordBatch:
    """No events."""
    schema = arrow_schema(frozenset())
    return pa.RecordBatch.from_arrays([pa.nulls(0, f.type) for f in schema], schema=schema)


def target_schema(schema: pa.Schema, name: str) -> pa.Schema:
    """Our schema for a table from outside; raises DataError for a column we do not have."""
    unknown = [n for n in schema.names if n not in columns() and n != "type"]
    if unknown:
        raise DataError(f"{name}: no such column in any event type: {', '.join(unknown)}")
    if "type" not in schema.names:
        raise DataError(f"{name}: a table of events has a column `type`")
    versions = _versions(schema, name)
    for type_name, version in versions.items():
        known = version_of(type_name) if type_name in EVENT_TYPES else "0"
        if int(version.partition(".")[0]) > int(known.partition(".")[0]):
            raise DataError(f"{name}: {type_name} {version} is newer than this mdc knows")
    types = frozenset(versions) or types_with(frozenset(schema.names))
    wanted = arrow_schema(types)
    missing = [n for n in schema.names if n not in wanted.names]
    return arrow_schema(types | types_with(frozenset(missing))) if missing else wanted


def _versions(schema: pa.Schema, name: str) -> dict[str, str]:
    """The schema versions that a table says it has; raises DataError if they are none."""
    text = (schema.metadata or {}).get(VERSIONS_KEY, b"{}")
    try:
        versions = json.loads(text)
        sound = all(str(v).partition(".")[0].isdecimal() for v in versions.values())
    except (ValueError, AttributeError):
        sound = False
    if not sound:
        raise DataError(
            f"{name}: mdc.versions in its metadata is no list of versions: {text!r:.80}"
        )
    return {kind: str(version) for kind, version in versions.items()}


def is_ours(schema: pa.Schema) -> bool:
    """Whether a table says that mdc has written it."""
    return VERSIONS_KEY in (schema.metadata or {})


def conform(batch: pa.RecordBatch, schema: pa.Schema, name: str) -> pa.RecordBatch:
    """A batch in our schema; raises DataError where a value would have to change."""
    if batch.schema.equals(schema):
        return batch.replace_schema_metadata(schema.metadata)
    arrays = []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        if index < 0:
            arrays.append(pa.nulls(batch.num_rows, field.type))
            continue
        column = batch.column(index)
        if pa.types.is_floating(column.type) and not pa.types.is_floating(field.type):
            text = f"is {column.type}, which is not exact; write it as decimal"
            raise DataError(f"{name}: {field.name} {text}")
        try:
            arrays.append(column if column.type == field.type else column.cast(field.type))
        except pa.ArrowInvalid as error:
            raise DataError(f"{name}: {field.name}: {error}") from None
        except pa.ArrowNotImplementedError:
            kinds = f"{column.type} where {field.type} belongs"
            raise DataError(f"{name}: {field.name} is {kinds}") from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class StreamEncoder:
    """Batches to the pieces of Arrow IPC streams: a change of columns starts the next one."""

    def __init__(self) -> None:
        self._schema: pa.Schema | None = None

    def encode(self, batch: pa.RecordBatch) -> "list[Buffer]":
        """What brings the stream up to this batch."""
        pieces: list[Buffer] = []
        if self._schema is None or not batch.schema.equals(self._schema):
            pieces = [*self.end(), batch.schema.serialize()]
            self._schema = batch.schema
        return [*pieces, batch.serialize()]

    def end(self) -> "list[Buffer]":
        """What closes the stream."""
        if self._schema is None:
            return []
        self._schema = None
        return [_END_OF_STREAM]
