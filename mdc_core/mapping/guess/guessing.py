"""A guess at what the columns of a table are, of their names and first values."""

from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from msgspec.structs import replace

from mdc_core.errors import MdcError
from mdc_core.mapping.guess.lacking import Lack, no_columns, no_symbol, no_type
from mdc_core.mapping.guess.looks import Looks, fits, interval_of, looks_of
from mdc_core.mapping.guess.places import names_by_place
from mdc_core.mapping.guess.words import (
    LETTERS,
    NAMES,
    NEEDED,
    candidates,
    plain,
)
from mdc_core.mapping.options import MappingOptions
from mdc_core.mapping.plan import TablePlan, TableSample, floats_of, is_likely, planned, symbol_of
from mdc_core.schema import kind_of

_OF_DELTAS = {"is_snapshot", "update_type"}  # columns that only changes of a book have


class Guess(NamedTuple):
    """Options that would read a table, as far as anybody can tell."""

    options: Any  # of the importer
    symbol: str | None
    lacks: list[Lack]
    notes: list[str]  # what was not certain


def guessed(
    options: MappingOptions, sample: TableSample, path: Path | None, symbol: str | None = None
) -> Guess:
    """What the options leave open, filled in; what they say stays."""
    notes, lacks = list[str](), list[Lack]()
    looks = {name: looks_of(column) for name, column in sample.columns.items()}
    if not sample.has_header and not getattr(options, "columns", ()):
        options, sample, looks = _named(options, sample, looks, notes)
    options = _mapped(options, sample, looks)
    plan = planned(options, sample, symbol)
    if plan.type is None and "type" not in plan.fields:
        return Guess(options, symbol, [no_type(sample)], notes)
    options = _timed(options, plan, sample, looks, lacks)
    options = _numbered(options, plan, sample, looks, notes)
    if "interval" in plan.missing():
        options = _with_interval(options, plan, sample, path, lacks, notes)
    if "symbol" in plan.missing():
        symbol, options = _with_symbol(options, path, lacks, notes)
    lacks += no_columns(plan, sample, looks)
    return Guess(options, symbol, lacks, notes)


def _named(
    options: MappingOptions, sample: TableSample, looks: dict[str, Looks], notes: list[str]
) -> tuple[MappingOptions, TableSample, dict[str, Looks]]:
    """A table without a header, with names for its columns."""
    names = names_by_place(sample, list(looks.values()))
    if names is None:
        return options, sample, looks
    notes.append("no header: the columns are named by their places and values")
    columns = dict(zip(names, sample.columns.values(), strict=True))
    looks = dict(zip(names, looks.values(), strict=True))
    return replace(options, columns=tuple(names)), TableSample(columns), looks


def symbol_column(sample: TableSample) -> str | None:
    """The column that has a symbol in each row, by its name."""
    known = {plain(name): name for name in sample.columns}
    return next((known[word] for word in candidates("trade", "symbol") if word in known), None)


def _mapped(
    options: MappingOptions, sample: TableSample, looks: dict[str, Looks]
) -> MappingOptions:
    """The columns that have a well-known name, for the event type of which most are there."""
    said = planned(options, sample, None)
    if "type" in said.fields:
        found = _names_of("trade", said, sample, looks)
        sure = [pair for pair in found if pair.endswith(("=ts_event", "=symbol"))]
        return replace(options, map=(*options.map, *sure))
    if not said.missing():
        return options
    for name in [options.type] if options.type else ["bar", "quote", "delta", "trade"]:
        own = planned(replace(options, type=name), sample, None)
        found = _names_of(str(name), own, sample, looks)
        fields = {pair.rpartition("=")[2] for pair in found} | own.fields.keys()
        is_one = name != "delta" or not _OF_DELTAS.isdisjoint(sample.columns)
        if is_one and all(field in fields for field in NEEDED.get(str(name), ())):
            lacks_action = name == "delta" and "action" not in own.fields
            more = ("action=modify",) if lacks_action else ()
            return replace(
                options, type=name, map=(*options.map, *found), set=(*options.set, *more)
            )
    found = _names_of(options.type or "trade", said, sample, looks)
    sure = [pair for pair in found if pair.endswith(("=ts_event", "=symbol"))]
    return replace(options, map=(*options.map, *(found if options.type else sure)))


def _names_of(
    type_name: str, own: TablePlan, sample: TableSample, looks: dict[str, Looks]
) -> list[str]:
    """COLUMN=FIELD for the columns with well-known names that are nothing yet."""
    taken = {name for names in own.fields.values() for name in names}
    free = [name for name in sample.columns if name not in taken]
    letters = next((one for one in LETTERS if set(one) <= set(sample.columns)), {})
    found: dict[str, str] = {}
    for name, field in letters.items():
        if field in NAMES.get(type_name, ()) and name in free:
            found[field] = name
    single = {name for name in free if len(plain(name)) == 1}
    for field in NAMES.get(type_name, {}):
        if field in found or field in own.fields or field in own.constants:
            continue
        if field == "seller_took" and "aggressor_side" in found:
            continue
        known = {plain(name): name for name in free if name not in found.values()}
        for word in candidates(type_name, field):
            there = known.get(word)
            if there is None or (letters and there in single):
                continue
            if fits(field, looks[there]):
                found[field] = there
                break
    _join_day_and_clock(found, free, looks)
    return [f"{name}={field}" for field, name in found.items() if name != field]


def _join_day_and_clock(found: dict[str, str], free: list[str], looks: dict[str, Looks]) -> None:
    """Where the time is a day alone, and a clock stands in another column, both."""
    name = found.get("ts_event")
    clocks = [n for n in free if looks[n].is_clock]
    if name is not None and looks[name].is_day and len(clocks) == 1:
        found["ts_event"] = f"{name}+{clocks[0]}"


def _timed(
    options: MappingOptions,
    plan: TablePlan,
    sample: TableSample,
    looks: dict[str, Looks],
    lacks: list[Lack],
) -> MappingOptions:
    """How the times are written."""
    names = plan.fields.get("ts_event", ())
    if not names or options.time_unit or options.time_format:
        return options
    look = looks[names[0]]
    clock = f" {looks[names[1]].clock}" if len(names) > 1 else ""
    if look.unit is not None and not clock:
        return replace(options, time_unit=look.unit)
    if look.form is not None:
        return replace(options, time_format=look.form + clock)
    if look.forms:
        text = f"{look.example!r} is one day or another: {' or '.join(look.forms)}?"
        lacks.append(Lack(text, f"--time-format '{look.forms[0]}{clock}'"))
    return options


def _numbered(
    options: MappingOptions,
    plan: TablePlan,
    sample: TableSample,
    looks: dict[str, Looks],
    notes: list[str],
) -> MappingOptions:
    """How the numbers are written."""
    numbers = {f: n[0] for f, n in plan.fields.items() if f != "type" and kind_of(f) == "number"}
    if any(looks[name].has_comma for name in numbers.values()) and not options.decimal_comma:
        options = replace(options, decimal_comma=True)
        notes.append("a comma is taken for the decimal point")
    said = options.digits_of
    for field in floats_of(plan, sample):
        if field in said:
            continue
        look = looks[numbers[field]]
        options = replace(options, digits=(*options.digits, f"{field}={look.digits}"))
        more = f", and {look.noisy} of the first {sample.rows} have more" if look.noisy else ""
        notes.append(f"{field} is a float of {look.digits} digits{more}")
    nanos = {"rtype", "publisher_id", "instrument_id"} <= sample.columns.keys()
    if nanos and options.scale is None and all(looks[n].is_whole for n in numbers.values()):
        options = replace(options, scale=9)
        notes.append("whole numbers: prices times 10^9, as Databento writes them")
    return options


def _with_interval(
    options: MappingOptions,
    plan: TablePlan,
    sample: TableSample,
    path: Path | None,
    lacks: list[Lack],
    notes: list[str],
) -> MappingOptions:
    from mdc_core.mapping.columns.values import converter_of

    names = plan.fields.get("ts_event")
    found = None
    if names is not None:
        columns = [sample.columns[name].cast(pa.string()) for name in names]
        text = (
            columns[0]
            if len(columns) == 1
            else pa.array(
                [
                    " ".join(map(str, row))
                    for row in zip(*(c.to_pylist() for c in columns), strict=True)
                ]
            )
        )
        times, _ = converter_of("ts_event", text.type, options).read(text)
        found = interval_of(times.cast(pa.int64()).drop_null().to_pylist())
    if found is None:
        lacks.append(Lack("how long is a bar?", "--set interval=1m"))
        return options
    notes.append("the length of a bar is the least time between two of them")
    return replace(options, set=(*options.set, f"interval={found}"))


def _with_symbol(
    options: MappingOptions, path: Path | None, lacks: list[Lack], notes: list[str]
) -> tuple[str | None, MappingOptions]:
    try:
        found = symbol_of(path, options.symbol_from or "name") if path is not None else None
    except MdcError:
        found = None
    if found is None or (options.symbol_from is None and not is_likely(found)):
        lacks.append(no_symbol(found))
        return None, options
    if options.symbol_from is None:
        notes.append(f"the symbol is the name of the file: {found}")
        options = replace(options, symbol_from="name")
    return None, options
