"""Which types of Arrow can become those of our columns without losing anything."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from mdc_core.errors import DataError
from mdc_core.events import Level
from mdc_core.schema import columns, kind_of

Kind = Any  # a type of pyarrow: the stubs give each one attributes of its own
LEVEL = Level.__struct_fields__
_EXACT = "which is not exact; write it as decimal"
_HINT = "CAST(... AS DECIMAL(18, 9)) in SQL, pa.decimal128(18, 9) in pyarrow, or as text"


def check_kinds(
    schema: pa.Schema, wanted: Iterable["pa.Field[Any]"], name: str, *, more: bool = False
) -> None:
    """Raise DataError for one of these columns whose type cannot become ours; no row is read.

    With `more`, levels may have fields beside their own.
    """
    beyond = levels_beyond(schema) if more else []
    for field in wanted:
        index = schema.get_field_index(field.name)
        if index < 0:
            continue
        there = schema.field(index).type
        if field.name in beyond:
            there = pa.list_(pa.struct([f for f in there.value_type if f.name in LEVEL]))
        if problem := _problem(there, field.type):
            hint = _HINT if _EXACT in problem else None
            raise DataError(f"{name}: {field.name} {problem}", hint=hint)


def levels_beyond(schema: pa.Schema) -> list[str]:
    """The columns of levels that have fields beside those of a level."""
    kinds = ((f.name, f.type) for f in schema if f.name in columns())
    return [
        name
        for name, kind in kinds
        if kind_of(name) == "levels" and _is_list(kind) and pa.types.is_struct(kind.value_type)
        if any(field.name not in LEVEL for field in kind.value_type)
    ]


def _problem(there: Kind, wanted: Kind) -> str | None:
    """What keeps a type from becoming another, at any depth."""
    if pa.types.is_dictionary(there):
        return _problem(there.value_type, wanted)
    if there == wanted or pa.types.is_null(there):
        return None
    if pa.types.is_floating(there) and not pa.types.is_floating(wanted):
        return f"is {there}, {_EXACT}"
    if _is_list(there) and pa.types.is_list(wanted):
        problem = _problem(there.value_type, wanted.value_type)
        return problem and f"has values of which one {problem}"
    if pa.types.is_struct(there) and pa.types.is_struct(wanted):
        return _problem_of_fields(there, wanted)
    if pa.types.is_nested(there) or pa.types.is_nested(wanted):
        return f"is {there} where {wanted} belongs"
    return None


def _is_list(kind: Kind) -> bool:
    """Lists that pyarrow can make ours: views of lists it makes too short."""
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _problem_of_fields(there: Kind, wanted: Kind) -> str | None:
    for field in there:
        index = wanted.get_field_index(field.name)
        if index < 0:
            return f"has a field {field.name} that is none of {', '.join(f.name for f in wanted)}"
        if problem := _problem(field.type, wanted.field(index).type):
            return f"{field.name} {problem}"
    return None
