"""Rows of a result as JSONL; NaN and infinities are null, for JSON has none."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import field_names
from mdc_core.wire.lines.json_values import json_values
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.lines.values import encode_json
from mdc_core.wire.tables.arrow import Incoming


def json_lines(batch: pa.RecordBatch, names: Sequence[str]) -> bytes:
    """Rows as lines: events in canonical form, others with all of their columns."""
    events = _events(batch)
    if events is not None:
        return encode_batch(events)
    columns = [json_values(column) for column in batch.columns]
    rows = zip(*columns, strict=True)
    return b"".join(encode_json(dict(zip(names, row, strict=True))) + b"\n" for row in rows)


def _events(batch: pa.RecordBatch) -> pa.RecordBatch | None:
    """The rows as events, if they are whole ones: nothing would be lost, nothing made up."""
    names = batch.schema.names
    if not {"type", "symbol", "ts_event"}.issubset(names) or len(set(names)) < len(names):
        return None
    if any(pa.types.is_timestamp(field.type) and not field.type.tz for field in batch.schema):
        return None  # the time of some place: as one of an event, it would be taken for UTC
    types = batch.column(names.index("type"))
    kinds: list[Any] = types.unique().to_pylist()
    if not all(kind in EVENT_TYPES for kind in kinds):
        return None
    for kind in kinds:
        rows = batch.filter(pc.equal(types, pa.scalar(kind))) if len(kinds) > 1 else batch
        fields = ("type", *field_names(kind))
        if any(
            n not in fields and c.null_count < len(c)
            for n, c in zip(names, rows.columns, strict=True)
        ):
            return None
    try:
        return Incoming(batch.schema, "the result").events(batch)
    except DataError:
        return None
