"""Tables for tools that reckon in floats: each decimal as the nearest float64.

They say so in their metadata (`mdc.floats`), and mdc reads none of them back as events.
"""

from typing import Any

import pyarrow as pa

from mdc_core.errors import DataError

KEY = b"mdc.floats"
Array = Any  # of pyarrow: the stubs give each kind of array methods of its own


def to_floats(table: pa.Table) -> pa.Table:
    """The table with floats for decimals, those of levels as well."""
    made = [_floats(column.combine_chunks()) for column in table.columns]
    metadata = {**(table.schema.metadata or {}), KEY: b"nearest"}
    return pa.table(made, table.schema.names, metadata=metadata)


def refuse_floats(schema: pa.Schema, name: str) -> None:
    """Raise DataError for a table whose numbers were made floats."""
    if KEY in (schema.metadata or {}):
        raise DataError(
            f"{name}: its numbers are floats, which are not exact: mdc convert --floats wrote it",
            hint="read what it was written from",
        )


def _floats(column: Array) -> Array:
    kind = column.type
    if pa.types.is_decimal(kind):
        # By way of the digits: Arrow's own cast of a decimal is now and then not the nearest.
        return column.cast(pa.string()).cast(pa.float64())
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        levels = column.values
        fields = [_floats(field) for field in levels.flatten()]
        names = [field.name for field in kind.value_type]
        made: Array = pa.StructArray.from_arrays(fields, names, mask=levels.is_null())
        return pa.ListArray.from_arrays(column.offsets, made, mask=column.is_null())
    return column
