"""Columns of a table as events: each row is one, or is told with the reason why it is none."""

from datetime import tzinfo
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from mdc_core.batch import int64_array, make, unify
from mdc_core.mapping.columns.converting import Array, Converter, Reasons, compute
from mdc_core.mapping.columns.values import converter_of
from mdc_core.mapping.options import FLAGS, TYPES, MappingOptions
from mdc_core.mapping.plan import TablePlan
from mdc_core.schema import field_names, version_of
from mdc_core.suggest import unknown
from mdc_core.wire.lines.json_values import json_values
from mdc_core.wire.lines.text import decimal_text
from mdc_core.wire.lines.values import encode_json

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_EXPORTED = {"ts_recv", "provider", "venue", "channel", "seq", "extra"}  # in each table of mdc's
_SPECIAL = r'[\x00-\x1f"\\]'


class Assembler:
    """Makes events of the columns of one table."""

    def __init__(self, plan: TablePlan, options: MappingOptions, zone: tzinfo | None) -> None:
        self._plan, self._options, self._zone = plan, options, zone
        self._ours = "type" in plan.fields
        self._constants = constant_columns(plan.constants)
        self._converters: dict[tuple[str, pa.DataType], Converter] = {}

    def events(
        self,
        columns: dict[str, Array],
        known: Reasons | None = None,
        rest: Array | None = None,
    ) -> tuple[pa.RecordBatch | None, Reasons]:
        """The events in order, and the rows that are none, some of which are known.

        The columns that are no fields may come as JSON objects already.
        """
        rows = len(next(iter(columns.values())))
        reasons: Reasons = dict(known or {})
        fields = {f: self._field(f, columns, reasons) for f in self._plan.fields}
        rest = self._rest(columns) if rest is None else rest
        extra = _together(fields.pop("extra", None), rest, reasons)
        kinds = fields.pop("type", None)
        kinds = self._kinds(kinds, rows, reasons)
        if self._ours and "v" in columns:
            _refuse_versions(kinds, columns["v"], reasons)
        if not self._is_exported(columns):
            self._refuse_missing(kinds, fields, reasons)
        keep = None
        if reasons:
            bad = np.zeros(rows, np.bool_)
            bad[list(reasons)] = True
            keep = int64_array(np.flatnonzero(~bad))
            fields = {name: column.take(keep) for name, column in fields.items()}
            extra = None if extra is None else extra.take(keep)
            kinds = kinds.take(keep)
        if not len(kinds):
            return None, reasons
        return _assembled(kinds, fields, self._constants, extra), reasons

    def _field(self, field: str, columns: dict[str, Array], reasons: Reasons) -> Array:
        names = self._plan.fields[field]
        column = columns[names[0]]
        if pa.types.is_dictionary(column.type) and pa.types.is_floating(column.type.value_type):
            column = column.dictionary_decode()
        if len(names) > 1:
            column = compute.binary_join_element_wise(
                *(columns[name].cast(pa.string()) for name in names), " "
            )
        key = field, column.type
        if key not in self._converters:
            said = self._options.fields.get(names[0], names[0])
            flag = said if said in FLAGS else field
            self._converters[key] = converter_of(
                flag, column.type, self._options, self._zone, ours=self._ours
            )
        found, bad = self._converters[key].read(column)
        for row, reason in bad.items():
            reasons.setdefault(row, f"{field}: {reason}")
        return found

    def _kinds(self, kinds: Array | None, rows: int, reasons: Reasons) -> Array:
        """The event type of each row."""
        plain = self._plan.type
        if kinds is None:
            return pa.repeat(pa.scalar(plain, pa.string()), rows)
        if plain is not None:
            kinds = kinds.fill_null(plain)
        for name in kinds.unique().to_pylist():
            if name in TYPES:
                continue
            why = "no event type" if name is None else unknown("event type", name, TYPES)
            mask = kinds.is_null() if name is None else compute.equal(kinds, name)
            for row in compute.indices_nonzero(mask).to_pylist():
                reasons[row] = why
        return kinds

    def _is_exported(self, columns: dict[str, Array]) -> bool:
        """Whether mdc wrote the table: its events come back as they were, complete or not."""
        return self._ours and ("v" in columns or columns.keys() >= _EXPORTED)

    def _refuse_missing(self, kinds: Array, fields: dict[str, Array], reasons: Reasons) -> None:
        """Reject the rows without a value that events of their type must have."""
        for name in set(kinds.unique().to_pylist()) & TYPES.keys():
            for field in TYPES[name].required:
                if field in self._constants:
                    continue
                missing = compute.equal(kinds, name)
                if field in fields:
                    missing = compute.and_(missing, _is_missing(fields[field]))
                for row in compute.indices_nonzero(missing).to_pylist():
                    reasons.setdefault(row, f"{field} is missing")

    def _rest(self, columns: dict[str, Array]) -> Array | None:
        """The columns that are no fields, as JSON objects."""
        names = (name for name in self._plan.extras if not (self._ours and name == "v"))
        there = {name: columns[name] for name in names}
        there = {name: one for name, one in there.items() if one.null_count < len(one)}
        return objects_of(there) if there else None


def _is_missing(column: Array) -> Array:
    """Where a column has no value, or an empty text."""
    if not pa.types.is_string(column.type):
        return column.is_null()
    return compute.or_kleene(column.is_null(), compute.equal(column, ""))


def _assembled(
    kinds: Array, fields: dict[str, Array], constants: dict[str, Any], extra: Array | None
) -> pa.RecordBatch:
    """The events of rows that are good, in order."""
    types = [str(name) for name in kinds.unique().to_pylist()]
    if len(types) == 1:
        return _of_type(types[0], len(kinds), fields, constants, extra)
    batches, places = [], []
    for name in types:
        where = compute.indices_nonzero(compute.equal(kinds, name))
        own = {field: column.take(where) for field, column in fields.items()}
        more = None if extra is None else extra.take(where)
        batches.append(_of_type(name, len(where), own, constants, more))
        places.append(where)
    order = compute.sort_indices(pa.concat_arrays(places))
    return unify(batches).take(order)


def _of_type(
    name: str, rows: int, fields: dict[str, Array], constants: dict[str, Any], extra: Array | None
) -> pa.RecordBatch:
    """Events of one type; a value of a field that it has not goes to `extra`."""
    own = field_names(name)
    strange = {f: c for f, c in fields.items() if f not in own and c.null_count < len(c)}
    if strange:
        extra = _together(extra, objects_of(strange), {})
    values = {field: column for field, column in fields.items() if field in own}
    for field, value in constants.items():
        if field in own:
            column = values.get(field)
            values[field] = pa.repeat(value, rows) if column is None else column.fill_null(value)
    return make(name, rows, {**values, "extra": extra})


def constant_columns(constants: dict[str, str]) -> dict[str, Any]:
    """Values that are the same in all rows; raises DataError for one that is none."""
    made: dict[str, Any] = {}
    for field, text in constants.items():
        converter = converter_of(field, pa.string(), MappingOptions())
        made[field] = pa.scalar(converter.one(text), converter.kind)
    return made


def objects_of(columns: dict[str, Array]) -> Array:
    """A JSON object for each row, without what is null; null where nothing is."""
    pieces = []
    for name, column in columns.items():
        key = f",{encode_json(name).decode()}:"
        pieces.append(compute.binary_join_element_wise(key, json_texts(column), "").fill_null(""))
    joined = compute.binary_join_element_wise(*pieces, "")
    empty = compute.equal(joined, "")
    whole = compute.binary_join_element_wise("{", compute.utf8_slice_codeunits(joined, 1), "}", "")
    return compute.if_else(empty, pa.scalar(None, pa.string()), whole)


def json_texts(column: Array) -> Array:
    """The values of a column as JSON."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return json_texts(column.dictionary_decode())
    if pa.types.is_string(kind):
        if compute.any(compute.match_substring_regex(column, _SPECIAL)).as_py():
            encoded = column.dictionary_encode()
            texts = [encode_json(text).decode() for text in encoded.dictionary.to_pylist()]
            return pa.array(texts, pa.string()).take(encoded.indices)
        return compute.binary_join_element_wise('"', column, '"', "")
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.string())
    if pa.types.is_decimal(kind):
        return decimal_text(column)
    values = json_values(column, worded=True)
    return pa.array([None if v is None else encode_json(v).decode() for v in values], pa.string())


def _together(first: Array | None, second: Array | None, reasons: Reasons) -> Array | None:
    """Two columns of objects as one; a row in which both have a member of one name is none."""
    if first is None or second is None or first.null_count == len(first):
        return first if second is None else second
    texts = list[str | None]()
    for row, (one, other) in enumerate(zip(first.to_pylist(), second.to_pylist(), strict=True)):
        if one is None or other is None:
            texts.append(one if other is None else other)
            continue
        there, more = _members(one), _members(other)
        if twice := there.keys() & more.keys():
            reasons.setdefault(row, f"{min(twice)!r} stands both in the event and under `extra`")
        texts.append(encode_json(there | more).decode())
    return pa.array(texts, pa.string())


def _refuse_versions(kinds: Array, versions: Array, reasons: Reasons) -> None:
    """Set rows of another version of the vocabulary aside; their columns mean something else."""
    pairs = zip(kinds.to_pylist(), versions.cast(pa.string()).to_pylist(), strict=True)
    for row, (kind, version) in enumerate(pairs):
        if version and kind in TYPES and version != version_of(kind):
            reasons.setdefault(row, f"{kind} {version} is not the version of this mdc")
