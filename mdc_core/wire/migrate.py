"""Events of older versions made current: the fields of a line, or the columns of a table.

Both ways carry out the same changes (see `versions`) and give the same events.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.errors import DataError
from mdc_core.schema import arrow_types
from mdc_core.versions import (
    Change,
    Default,
    Levels,
    Remove,
    Rename,
    SplitField,
    ValueList,
    Values,
)
from mdc_core.wire.lines.text import text_of

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
Fields = dict[str, Any]
Columns = dict[str, Array]
_join: Any = pc.binary_join_element_wise  # the stubs know arrays or scalars, not both
_PAIR = 2


def migrate_line(fields: Fields, changes: Sequence[Change]) -> None:
    """Make the fields of a line those of the current version; raises DataError."""
    for change in changes:
        match change:
            case Default():
                if fields.get(change.field) is None:
                    fields[change.field] = change.value
            case Rename():
                value = fields.pop(change.old, None)
                if value is not None:
                    if fields.get(change.new) is not None:
                        raise _both(change)
                    fields[change.new] = value
            case _:
                value = fields.pop(change.field, None)
                if value is not None:
                    _change(fields, change, value)


def _change(
    fields: Fields, change: Remove | Values | ValueList | SplitField | Levels, old: Any
) -> None:
    """Put in the place of an old value what stands for it now."""
    name = change.field
    match change:
        case Remove():
            fields[name] = old
            move_to_extra(fields, {name})
        case Values():
            fields[name] = _meaning(change, old)
        case ValueList():
            if not isinstance(old, str):
                raise DataError(f"{name}: not a text: {str(old)[:40]}")
            fields[name] = old.split(",") if old else None
        case SplitField():
            if not isinstance(old, list) or len(old) != len(change.into):
                raise _no_list(change)
            if any(fields.get(new) is not None for new in change.into):
                raise _both_forms(change)
            fields.update(zip(change.into, old, strict=True))
        case Levels():
            if not isinstance(old, list) or not all(map(_is_pair, old)):
                raise DataError(f"{name}: a level is [price, size]")
            fields[name] = [{"price": price, "size": size} for price, size in old]


def _is_pair(level: object) -> bool:
    return isinstance(level, list) and len(level) == _PAIR and None not in level


def _meaning(change: Values, value: Any) -> str:
    """What a value is called now; raises DataError for one that had no meaning then."""
    known = not isinstance(value, bool | list | dict)
    meaning = change.meanings.get(value) if known else None
    if meaning is None:
        among = ", ".join(map(str, change.meanings))
        raise DataError(f"{change.field}: {str(value)[:40]!r} is none of {among}")
    return meaning


def _both(change: Rename) -> DataError:
    return DataError(f"both {change.old} and {change.new}, which are the same field")


def _both_forms(change: SplitField) -> DataError:
    return DataError(f"{change.field} beside {' or '.join(change.into)}, which it holds")


def _no_list(change: SplitField) -> DataError:
    return DataError(f"{change.field}: not a list of {len(change.into)} values")


def move_to_extra(fields: Fields, names: set[str]) -> None:
    """Keep fields that the type does not have where strangers' fields are kept."""
    add_to_extra(fields, {key: fields.pop(key) for key in sorted(names)})


def add_to_extra(fields: Fields, members: Fields) -> None:
    """Add members to `extra`; raises DataError for one that stands there already."""
    extra = fields.get("extra")
    if extra is not None and not isinstance(extra, dict):
        raise DataError("extra: not a JSON object")
    extra = dict(extra or {})
    for key, value in members.items():
        if key in extra:
            raise _twice(key)
        extra[key] = value
    fields["extra"] = extra


def _twice(key: str) -> DataError:
    return DataError(f"{key!r} stands both in the event and under `extra`")


def migrate_columns(columns: Columns, changes: Sequence[Change], rows: int) -> None:
    """Make the columns of one event type those of its current version; raises DataError.

    A column without values is to be left out.
    """
    for change in changes:
        match change:
            case Default():
                column = columns.get(change.field)
                if column is None:
                    columns[change.field] = pa.repeat(pa.scalar(change.value), rows)
                else:
                    columns[change.field] = column.fill_null(change.value)
            case Rename():
                _rename(columns, change)
            case _:
                column = columns.pop(change.field, None)
                if column is not None:
                    _replace(columns, change, column)


def _rename(columns: Columns, change: Rename) -> None:
    column = columns.pop(change.old, None)
    if column is None:
        return
    there = columns.get(change.new)
    if there is not None:
        if pc.any(pc.and_(pc.is_valid(column), pc.is_valid(there))).as_py():
            raise _both(change)
        column = pc.coalesce(column, there.cast(column.type))
    columns[change.new] = column


def _replace(
    columns: Columns, change: Remove | Values | ValueList | SplitField | Levels, column: Array
) -> None:
    """Put in the place of an old column what stands for it now."""
    name = change.field
    match change:
        case Remove():
            columns["extra"] = _with_member(columns.get("extra"), change, column)
        case Values():
            encoded = column.dictionary_encode()
            found = [
                None if value is None else _meaning(change, value)
                for value in encoded.dictionary.to_pylist()
            ]
            columns[name] = pa.array(found, pa.string()).take(encoded.indices)
        case ValueList():
            column = column.cast(pa.string())
            words: Array = pc.split_pattern(column, ",")
            nothing = pa.scalar(None, words.type)
            columns[name] = pc.if_else(pc.equal(column, pa.scalar("")), nothing, words)
        case SplitField():
            lengths = pc.list_value_length(column).unique().drop_null().to_pylist()
            if lengths != [len(change.into)]:
                raise _no_list(change)
            if any(new in columns and columns[new].drop_null() for new in change.into):
                raise _both_forms(change)
            for index, new in enumerate(change.into):
                columns[new] = pc.list_element(column, index)
        case Levels():
            columns[name] = _levels(name, column)


def _levels(name: str, column: Array) -> Array:
    """Lists of [price, size] as lists of levels."""
    pairs = column.flatten()
    lengths = pc.list_value_length(pairs)
    values = pairs.flatten()
    if set(lengths.unique().to_pylist()) - {_PAIR} or values.null_count:
        raise DataError(f"{name}: a level is [price, size]")
    price, size = (values.take(pa.array(np.arange(at, len(values), _PAIR))) for at in (0, 1))
    level = pa.StructArray.from_arrays(
        [price, size, pa.nulls(len(price), pa.int64())], ["price", "size", "count"]
    )
    ends: Array = pc.cumulative_sum(pc.list_value_length(column).fill_null(0))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    return pa.ListArray.from_arrays(offsets, level, mask=column.is_null())


def _with_member(extra: Array | None, change: Remove, column: Array) -> Array:
    """The `extra` column with the values of another as members of its objects."""
    text, quoted = text_of(column.cast(arrow_types()[change.kind]), change.kind)
    quote = '"' if quoted else ""
    own = _join(f'{{"{change.field}":{quote}', text, f"{quote}}}", "")
    if extra is None or extra.null_count == len(extra):
        return own
    both = pc.and_(pc.is_valid(extra), pc.is_valid(own))
    merged = pc.coalesce(extra, own)
    joined = [
        _merged(one, other, change.field)
        for one, other in zip(
            extra.filter(both).to_pylist(), own.filter(both).to_pylist(), strict=True
        )
    ]
    return pc.replace_with_mask(merged, both, pa.array(joined, pa.string()))


def _merged(extra: str, own: str, name: str) -> str:
    """Two JSON objects as one, each value as it is written."""
    there = msgspec.json.decode(extra, type=dict[str, msgspec.Raw])
    if name in there:
        raise _twice(name)
    both = there | msgspec.json.decode(own, type=dict[str, msgspec.Raw])
    return msgspec.json.encode(both).decode()
