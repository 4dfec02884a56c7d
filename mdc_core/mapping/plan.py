"""Which column of a table is which field, and what is still to be said."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from mdc_core.errors import DataError
from mdc_core.mapping.columns.converting import Array
from mdc_core.mapping.options import FIELDS, FLAGS, TYPES, MappingOptions
from mdc_core.schema import field_names, kind_of

_WORDS = re.compile(
    r"(?:[-_. ]+(?:\d[\d.-]*|\d+(?:s|m|h|d|min|t)|[mhd]\d{1,2}|trades?|aggtrades?|quotes?|ticks?"
    r"|bars?|candles?|klines?|ohlcv?|bid|ask|daily|hourly|minutes?|min|intraday|message|orderbook"
    r"|data|day|history|historical|us))+$",
    re.IGNORECASE,
)
_NO_SYMBOL = re.compile(
    r"\d*|(?:quote|trade|tick|bar|candle|kline|ohlcv?|data|prices?|table|file|out|output|export"
    r"|sample|test|input|my|stdin|history|market|book|depth|x|t)[-_. ]?s?[-_. ]?\d*",
    re.IGNORECASE,
)
_SUFFIX = re.compile(
    r"(?:\.(?:csv|tsv|txt|tab|dat|psv|json|jsonl|ndjson|parquet|pq|arrow|arrows|feather|ipc"
    r"|gz|zst|lz4|bz2|xz|zip))+$",
    re.IGNORECASE,
)


class TableSample(NamedTuple):
    """The first rows of a table."""

    columns: dict[str, Array]
    has_header: bool = True

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.columns.values()))) if self.columns else 0


class TablePlan(NamedTuple):
    """Which column is which field."""

    type: str | None  # None: a column says it
    fields: dict[str, tuple[str, ...]]  # by field, a column or two
    constants: dict[str, str]
    extras: tuple[str, ...]  # columns that go to `extra`

    def missing(self) -> list[str]:
        """The fields that events of the type need and that nothing gives."""
        if "type" in self.fields:
            return []
        if self.type is None:
            return ["type"]
        return [
            name
            for name in TYPES[self.type].required
            if name not in self.fields and name not in self.constants
        ]


def planned(options: MappingOptions, sample: TableSample, symbol: str | None) -> TablePlan:
    """What the options say of a table: columns by --map, then by the names of fields.

    Raises DataError for a column that is not there, or a field that two columns are.
    """
    there = sample.columns
    fields: dict[str, tuple[str, ...]] = {}
    taken = set[str]()
    for text, field in options.fields.items():
        names = (text,) if text in there else tuple(text.split("+"))
        for name in names:
            if name not in there:
                raise DataError(f"no column {name!r} (there are: {', '.join(there)})")
        field = "aggressor_side" if field in FLAGS else field
        if field in fields:
            raise DataError(f"more than one column is {field!r}")
        fields[field] = names
        taken.update(names)
    constants = dict(options.constants)
    for name, column in there.items():
        if name in taken or name in options.drop_column or not _is_field(name, column, options):
            continue
        field = "aggressor_side" if name in FLAGS else name
        if field in fields:
            raise DataError(f"more than one column is {field!r}")
        fields[field] = (name,)
        taken.add(name)
    if symbol is not None and "symbol" not in fields:
        constants.setdefault("symbol", symbol)
    rest = (n for n in there if n not in taken and n not in options.drop_column)
    type_name = constants.pop("type", options.type)
    return TablePlan(type_name, fields, constants, () if options.only_mapped else tuple(rest))


def _is_field(name: str, column: Array, options: MappingOptions) -> bool:
    """Whether a column that nobody maps is the field whose name it has."""
    if name not in FIELDS:
        return False
    if name == "type":
        return is_types(column)
    field = "aggressor_side" if name in FLAGS else name
    if options.type is not None and field not in field_names(options.type):
        return False
    if name in FLAGS:
        return True
    kind = kind_of(name)
    plain = pa.types.is_string(column.type) or pa.types.is_null(column.type)
    if kind in ("json", "levels") and plain:
        texts = [text for text in column.to_pylist() if text]
        return all(text.lstrip()[:1] in "{[" for text in texts)
    return True


def is_types(column: Array) -> bool:
    """Whether the values of a column are types of events, or one of them is."""
    values = {str(value) for value in column.to_pylist() if value is not None}
    return bool(values & set(TYPES)) or not values


def symbol_of(path: Path, how: str) -> str:
    """The symbol in the name of a file; raises DataError where there is none."""
    if how == "folder":
        return path.resolve().parent.name
    name = _SUFFIX.sub("", path.name)
    if how == "name":
        return _WORDS.sub("", name) or name
    try:
        found = re.search(how, str(path))
    except re.error as error:
        raise DataError(f"--symbol-from {how}: {error}") from None
    if found is None or not found.group(found.re.groups and 1):
        raise DataError(f"--symbol-from {how}: nothing like it in {path}")
    return found.group(found.re.groups and 1)


def is_likely(symbol: str) -> bool:
    """Whether the name of a file can be a symbol, and is no word for what is in it."""
    return len(symbol) <= 16 and _NO_SYMBOL.fullmatch(symbol) is None


def floats_of(plan: TablePlan, sample: TableSample) -> Iterable[str]:
    """The fields of exact numbers whose columns are floats."""
    for field, names in plan.fields.items():
        kind: Any = sample.columns[names[0]].type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if field != "type" and kind_of(field) == "number" and pa.types.is_floating(kind):
            yield field
