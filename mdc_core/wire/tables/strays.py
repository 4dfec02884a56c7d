"""Columns that an event type does not have, moved under `extra` as such fields of lines are."""

from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.errors import DataError
from mdc_core.schema import columns
from mdc_core.versions import changes
from mdc_core.wire.lines.json_values import json_values
from mdc_core.wire.lines.values import encode_json
from mdc_core.wire.tables.kinds import LEVEL, levels_beyond

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
_VERSION = "v"  # of each line: some tools make a column of it
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def under_extra(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch without values in columns that the types of their rows do not have.

    They are members of `extra`; null is nothing. Raises DataError for values that have no form
    in JSON, that stand there already, or that are of an older version.
    """
    kinds = batch.column("type").cast(pa.string())
    present = {str(name) for name in kinds.unique().drop_null().to_pylist()}
    kept: dict[str, Array] = {}
    moved: dict[int, dict[str, Any]] = {}
    beyond = levels_beyond(batch.schema)
    for name in sorted(batch.schema.names):
        column = batch.column(name)
        if name in beyond:
            _move_beyond(name, column, moved)
            column = _levels_alone(column)
        if name == _VERSION:
            _check_versions(kinds, column)
            continue
        rows = _strange_rows(name, column, kinds, present)
        if rows:
            _move(name, column.take(rows), rows, moved)
        if name in columns() or name == "type":
            kept[name] = _without(column, rows)
    if moved:
        kept["extra"] = _with_members(kept.get("extra"), moved, batch.num_rows)
    there = [name for name in batch.schema.names if name in kept]
    there += ["extra"] if "extra" in kept and "extra" not in there else []
    return pa.RecordBatch.from_arrays([kept[name] for name in there], there)


def _check_versions(kinds: Array, column: Array) -> None:
    """Raise DataError for rows of an older version: their columns would have other names."""
    pairs = zip(kinds.to_pylist(), column.cast(pa.string()).to_pylist(), strict=True)
    for kind, version in set(pairs):
        if kind and version and changes(kind, version):
            said = f"{kind} {version} in a column `v` is older than this mdc"
            raise DataError(said, hint="convert the JSONL that it was made of")


def _strange_rows(name: str, column: Array, kinds: Array, present: set[str]) -> Array:
    """The rows with a value whose type does not have the column."""
    owners = columns()[name].types if name in columns() else ()
    strangers = sorted(present.difference(owners))
    if name == "type" or not strangers or column.null_count == len(column):
        return pa.array([], pa.uint64())
    strange = pc.is_in(kinds, value_set=pa.array(strangers, pa.string()))
    return pc.indices_nonzero(pc.and_(strange, column.is_valid()))


def _move(name: str, values: Array, rows: Array, moved: dict[int, dict[str, Any]]) -> None:
    try:
        found = json_values(values, worded=True)
        for row, value in zip(rows.to_pylist(), found, strict=True):
            moved.setdefault(row, {})[name] = msgspec.Raw(encode_json(value))
    except (pa.ArrowException, TypeError, ValueError, AttributeError) as error:
        said = f"{name}: {values.type} cannot be kept under `extra`: {error}"
        raise DataError(said, hint="leave the column out, or make it text") from None


def _move_beyond(name: str, column: Array, moved: dict[int, dict[str, Any]]) -> None:
    """What levels have beside their fields: for each row a list, an object a level."""
    flat = column.flatten()
    children = zip([field.name for field in flat.type], flat.flatten(), strict=True)
    found: list[dict[str, Any]] = [{} for _ in range(len(flat))]
    for child, values in children:
        if child not in LEVEL:
            for level, value in zip(found, json_values(values, worded=True), strict=True):
                if value is not None:
                    level[child] = value
    at = 0
    for row, length in enumerate(pc.list_value_length(column).to_pylist()):
        levels, at = found[at : at + (length or 0)], at + (length or 0)
        if any(levels):
            moved.setdefault(row, {})[name] = msgspec.Raw(encode_json(levels))


def _levels_alone(column: Array) -> Array:
    """The same levels with their own fields."""
    flat = column.flatten()
    children = zip([field.name for field in flat.type], flat.flatten(), strict=True)
    own = {name: values for name, values in children if name in LEVEL}
    levels: Array = pa.StructArray.from_arrays(list(own.values()), list(own), mask=flat.is_null())
    lengths = pc.list_value_length(column).fill_null(0).cast(pa.int32())
    ends = pc.cumulative_sum(lengths)
    offsets: Array = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pa.ListArray.from_arrays(offsets, levels, mask=column.is_null())


def _without(column: Array, rows: Array) -> Array:
    """The column with null in some rows; taken, for not every type can be replaced in."""
    if not rows:
        return column
    places = list[int | None](range(len(column)))
    for row in rows.to_pylist():
        places[row] = None
    return column.take(pa.array(places, pa.int64()))


def _with_members(extra: Array | None, moved: dict[int, dict[str, Any]], rows: int) -> Array:
    """The column `extra`, members added to some of its objects."""
    texts = [None] * rows if extra is None else extra.cast(pa.string()).to_pylist()
    for row, members in moved.items():
        try:
            there = _members(texts[row] or "{}")
        except msgspec.DecodeError as error:
            raise DataError(f"extra: not a JSON object: {error}") from None
        for name in members:
            if name in there:
                raise DataError(f"{name!r} stands both in the event and under `extra`")
        texts[row] = encode_json(there | members).decode()
    return pa.array(texts, pa.string())
