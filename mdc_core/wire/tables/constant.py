"""Columns that a file has in its metadata, one value for all rows.

In folders of the hive layout the path says them, and other readers take two for a conflict.
"""

import json
from typing import Any

import pyarrow as pa

from mdc_core.errors import DataError
from mdc_core.schema import arrow_types, columns, kind_of

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
KEY = b"mdc.constant"
Constants = dict[str, str | None]


def encoded(values: Constants) -> bytes:
    """The values as the metadata of a file have them."""
    return json.dumps(values).encode()


def constants_of(schema: pa.Schema, name: str) -> Constants:
    """The values of the columns that a table lacks, by name; raises DataError if they are none."""
    text = (schema.metadata or {}).get(KEY)
    if text is None:
        return {}
    try:
        values = {key: value for key, value in json.loads(text).items() if _is_text(key, value)}
    except (ValueError, AttributeError):
        values = {}
    if not values:
        raise DataError(f"{name}: mdc.constant in its metadata is no list of values: {text!r:.80}")
    return {key: value for key, value in values.items() if key not in schema.names}


def _is_text(name: object, value: object) -> bool:
    known = name == "type" or (name in columns() and kind_of(str(name)) == "text")
    return known and (value is None or isinstance(value, str))


def completed_schema(schema: pa.Schema, values: Constants) -> pa.Schema:
    """The schema with these columns before its own."""
    if not values:
        return schema
    fields = [pa.field(name, arrow_types()["text"]) for name in values]
    return pa.schema([*fields, *schema]).with_metadata(schema.metadata or {})


def completed(batch: pa.RecordBatch, values: Constants) -> pa.RecordBatch:
    """The batch with these columns before its own."""
    if not values:
        return batch
    kind = arrow_types()["text"]
    made: list[Array] = [pa.array([value] * batch.num_rows, kind) for value in values.values()]
    schema = completed_schema(batch.schema, values)
    return pa.RecordBatch.from_arrays([*made, *batch.columns], schema=schema)
