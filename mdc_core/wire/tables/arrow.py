"""Events as tables: those of others in our schema."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.batch import concatenated, count_types
from mdc_core.errors import DataError, MdcError
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import (
    SCALE,
    VERSIONS_KEY,
    arrow_schema,
    columns,
    kind_of,
    types_with,
    version_of,
)
from mdc_core.texts import plainly
from mdc_core.versions import Change, changes, is_version, major
from mdc_core.wire.lines.too_fine import TOO_FINE
from mdc_core.wire.migrate import migrate_columns
from mdc_core.wire.tables.bounded import bounded
from mdc_core.wire.tables.constant import completed, completed_schema, constants_of
from mdc_core.wire.tables.floats import refuse_floats
from mdc_core.wire.tables.kinds import check_kinds, levels_beyond
from mdc_core.wire.tables.portable import is_portable, restored, restored_schema

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
_ALL_DIGITS = 38
_ZERO = re.compile(r"[+-]?(?:0+\.?0*|\.0+)[eE][+-]?[0-9]+", re.ASCII)
_decode = msgspec.json.Decoder(float_hook=Decimal).decode  # no number is too large for that


class Incoming:
    """A table of events from outside: its batches in our schema and in current versions.

    Columns that we do not have move under `extra`; versions that cannot be read raise DataError.
    Every value is looked at, but in a file that mdc wrote. Columns that are `checked` were
    looked at by whoever hands them in; what their values say is looked at here.
    """

    def __init__(self, schema: pa.Schema, name: str, *, checked: bool = False) -> None:
        refuse_floats(schema, name)
        self._name = name
        self._checked = checked
        self._portable = is_portable(schema)
        self._constants = constants_of(schema, name)
        schema = completed_schema(schema, self._constants)
        self._there = schema = restored_schema(schema)
        self._fully = checked or VERSIONS_KEY not in (schema.metadata or {})
        self.schema = target_schema(schema, name)
        self.versions = _versions(schema, name)
        self.older = _older(self.versions, name)
        # Before any row: the columns of a type that is not ours may be of any length.
        wanted = [self.schema.field("type")] if self.older else self.schema
        check_kinds(schema, wanted, name, more=True)
        known = all(n in columns() or n == "type" for n in schema.names)
        known = known and not levels_beyond(schema)
        same = all(version == version_of(kind) for kind, version in self.versions.items())
        self._strays = not (known and same and self.versions)
        self._rows = 0

    @property
    def is_ours(self) -> bool:
        """Whether the columns are what the current version calls so, and may be read alone."""
        return not self.older and not self._portable and not self._constants

    def pieces(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The events of one of its batches, few enough at once."""
        yield from map(self.events, bounded(batch, self._name))

    def events(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The events of one of its batches as one."""
        batch = completed(batch, self._constants)
        if not self._checked:
            check_columns(batch, self._name, fully=self._fully)
        if self._portable:
            with _named(self._name):
                batch = restored(batch, self._there, self._rows + 1)
        if self._fully:
            _check_values(batch, self._name)
        events = self._events(batch)
        self._rows += batch.num_rows
        return events

    def _events(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not self.older:
            if self._strays:
                batch = self._tidied(batch)
            return conform(batch, self.schema, self._name, self._rows + 1, checked=True)
        kinds = batch.column("type").cast(pa.string())
        pieces, places = [], []
        for type_name in map(str, kinds.unique().drop_null().to_pylist()):
            own = pc.indices_nonzero(pc.equal(kinds, pa.scalar(type_name)))
            rows = batch if len(own) == batch.num_rows else batch.take(own)
            pieces.append(self._current(rows, self.older.get(type_name, ())))
            places.append(own)
        if kinds.null_count:
            raise DataError(f"{self._name}: no event type")
        if len(pieces) < 2:
            return pieces[0] if pieces else self._current(batch, ())
        return concatenated(pieces).take(pc.sort_indices(pa.concat_arrays(places)))

    def _current(self, rows: pa.RecordBatch, changes_of_type: tuple[Change, ...]) -> pa.RecordBatch:
        """Rows of one event type as its current version has them."""
        there = zip(rows.schema.names, rows.columns, strict=True)
        found = {name: column for name, column in there if column.null_count < len(column)}
        try:
            migrate_columns(found, changes_of_type, rows.num_rows)
        except (DataError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(f"{self._name}: {error}") from None
        if not found:
            return pa.RecordBatch.from_pylist([], schema=self.schema)
        current = pa.RecordBatch.from_arrays(list(found.values()), list(found))
        return conform(self._tidied(current), self.schema, self._name)

    def _tidied(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """What the types of the rows do not have, under `extra`."""
        from mdc_core.wire.tables.strays import under_extra

        with _named(self._name):
            return under_extra(batch)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Name the table in what is wrong with it."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{name}: {error}", hint=error.hint) from None


def _older(versions: dict[str, str], name: str) -> dict[str, tuple[Change, ...]]:
    """The types of which a table has an older version, and what makes it current."""
    try:
        found = {kind: changes(kind, version) for kind, version in versions.items()}
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    return {kind: changed for kind, changed in found.items() if changed}


def _check_values(batch: pa.RecordBatch, name: str) -> None:
    """Raise DataError for types that are none, and for texts that should be JSON objects."""
    for kind in batch.column("type").unique().to_pylist():
        if kind not in EVENT_TYPES:
            raise DataError(
                f"{name}: " + ("no event type" if kind is None else f"unknown event type {kind!r}")
            )
    for column in batch.schema.names:
        if column in columns() and kind_of(column) == "json":
            for text in batch.column(column).unique().drop_null().to_pylist():
                _check_object(f"{name}: {column}", str(text))


def check_columns(batch: pa.RecordBatch, name: str, *, fully: bool = True) -> None:
    """Raise DataError for damaged columns; `fully` looks at every offset, text and decimal."""
    try:
        batch.validate(full=fully)
    except pa.ArrowInvalid as error:
        raise DataError(f"{name}: damaged columns: {error}") from None


def _check_object(where: str, text: str) -> None:
    try:
        value = _decode(text)
    except (msgspec.DecodeError, DecimalException, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {plainly(error)}") from None
    if not isinstance(value, dict):
        raise DataError(f"{where}: not a JSON object: {text[:60]}")


def nothing() -> pa.RecordBatch:
    """No events."""
    schema = arrow_schema(frozenset())
    return pa.RecordBatch.from_arrays([pa.nulls(0, f.type) for f in schema], schema=schema)


def target_schema(schema: pa.Schema, name: str) -> pa.Schema:
    """Our schema for a table from outside; raises DataError for one that has no `type`."""
    if len(set(schema.names)) < len(schema.names):
        raise DataError(f"{name}: two columns have the same name")
    versions = _versions(schema, name)
    if _older(versions, name) and "type" in schema.names:
        return arrow_schema(frozenset(versions))  # its columns have other names as yet
    if "type" not in schema.names:
        raise DataError(f"{name}: a table of events has a column `type`")
    types = frozenset(versions) or types_with(frozenset(schema.names))
    wanted = arrow_schema(types)
    missing = [n for n in schema.names if n in columns() and n not in wanted.names]
    return arrow_schema(types | types_with(frozenset(missing))) if missing else wanted


def ours(made: object, wrong: Callable[[str], MdcError]) -> pa.RecordBatch:
    """A batch that a plugin made, in our schema; for anything else, what is `wrong` is raised."""
    if not isinstance(made, pa.RecordBatch):
        raise wrong(f"it gives a {type(made).__name__}, not a batch of events")
    batch = made
    if not _is_as_here(made.schema):
        try:
            batch = conform(made, target_schema(made.schema, "its batch"), "its batch")
        except DataError as error:
            raise wrong(str(error)) from None
    unknown = next((name for name in count_types(batch) if name not in EVENT_TYPES), "")
    if unknown != "":
        raise wrong(f"its batch has an event of no known type: {unknown!r:.80}")
    return batch


@lru_cache(64)
def _is_as_here(schema: pa.Schema) -> bool:
    """Whether columns are those of events, `type` first, and of the types that they have here."""
    known = {field.name: field.type for field in arrow_schema(frozenset(EVENT_TYPES))}
    same = all(known.get(field.name) == field.type for field in schema)
    return same and schema.names[:1] == ["type"] and len(set(schema.names)) == len(schema.names)


def _versions(schema: pa.Schema, name: str) -> dict[str, str]:
    """The schema versions that a table says it has; raises DataError if they are none."""
    text = (schema.metadata or {}).get(VERSIONS_KEY, b"{}")
    try:
        versions = json.loads(text)
        sound = all(is_version(str(version)) for version in versions.values())
    except (ValueError, AttributeError):
        sound = False
    if not sound:
        raise DataError(
            f"{name}: mdc.versions in its metadata is no list of versions: {text!r:.80}"
        )
    for kind, version in versions.items():
        known = version_of(kind) if kind in EVENT_TYPES else "0"
        if kind not in EVENT_TYPES or major(str(version)) > major(known):
            said = f"{kind} {version} is newer than this mdc knows"
            raise DataError(f"{name}: {said}; update mdc to read it")
    return {kind: str(version) for kind, version in versions.items()}


def conform(
    batch: pa.RecordBatch,
    schema: pa.Schema,
    name: str,
    first_row: int = 1,
    *,
    checked: bool = False,
) -> pa.RecordBatch:
    """A batch in our schema; raises DataError where a value would have to change.

    The error names the row, counted from `first_row`, and the value. With `checked`, the types
    of its columns were looked at by `check_kinds`.
    """
    if batch.schema.equals(schema):
        return batch.replace_schema_metadata(schema.metadata)
    if not checked:
        check_kinds(batch.schema, schema, name)
    arrays = []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        if index < 0:
            arrays.append(pa.nulls(batch.num_rows, field.type))
            continue
        column = batch.column(index)
        try:
            arrays.append(_cast(column, field.type, f"{name}: {field.name}", first_row))
        except pa.ArrowNotImplementedError:
            kinds = f"{column.type} where {field.type} belongs"
            raise DataError(f"{name}: {field.name} is {kinds}") from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _cast(column: Array, kind: pa.DataType, where: str, first_row: int) -> Array:
    """A column of another type; raises DataError with the first row that it cannot hold."""
    if column.type == kind:
        return column
    try:
        _check_texts(column, kind)
        if pa.types.is_decimal(column.type):
            return column.cast(kind)
        # Integers go by way of all the digits there are: pyarrow judges them by their type.
        return column.cast(_with_all_digits(kind)).cast(kind)
    except pa.ArrowInvalid as error:
        if len(column) <= 1:
            if pa.types.is_decimal(kind) and _ZERO.fullmatch(str(column[0])):
                return pa.array([Decimal(0)], kind)  # whatever its exponent
            text = str(error).partition("\n")[0]
            shown: Array = column.cast(pa.string()) if _is_plain(column.type) else column
            raise DataError(f"{where}: row {first_row}: {shown[0]!s:.60}: {text}") from None
    # Taken, not sliced: values that no row refers to are no reason to refuse.
    rows, half = pa.array(range(len(column))), len(column) // 2
    first = _cast(column.take(rows[:half]), kind, where, first_row)
    second = _cast(column.take(rows[half:]), kind, where, first_row + half)
    return pa.concat_arrays([first, second])


def _is_plain(kind: pa.DataType) -> bool:
    return pa.types.is_primitive(kind) and not pa.types.is_nested(kind)


def _check_texts(column: Array, kind: pa.DataType) -> None:
    """Raise ArrowInvalid for texts of numbers that pyarrow is not to see; see `TOO_FINE`."""
    if pa.types.is_list(kind) and pa.types.is_list(column.type):
        _check_texts(column.values, kind.value_type)
    elif pa.types.is_struct(kind) and pa.types.is_struct(column.type):
        own = zip(column.type, column.flatten(), strict=True)
        for field, values in own:
            if kind.get_field_index(field.name) >= 0:
                _check_texts(values, kind.field(field.name).type)
    elif pa.types.is_dictionary(column.type):
        _check_texts(column.dictionary.take(column.indices.unique().drop_null()), kind)
    elif pa.types.is_decimal(column.type) and column.type.scale <= SCALE:
        return  # no text of it could be as fine
    elif pa.types.is_decimal(kind) and _is_text(column.type):
        found = pc.match_substring_regex(column.cast(pa.large_string()), TOO_FINE)
        if pc.any(found).as_py():
            raise pa.ArrowInvalid(f"finer than {SCALE} decimal places")


def _is_text(kind: pa.DataType) -> bool:
    return not (pa.types.is_primitive(kind) or pa.types.is_nested(kind))


def _with_all_digits(kind: pa.DataType) -> pa.DataType:
    """The type with decimals of as many digits as 128 bits have."""
    if pa.types.is_decimal(kind):
        return pa.decimal128(_ALL_DIGITS, kind.scale)
    if pa.types.is_list(kind):
        return pa.list_(_with_all_digits(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_with_all_digits(field.type)) for field in kind])
    return kind
