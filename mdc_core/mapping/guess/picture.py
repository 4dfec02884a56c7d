"""What is guessed of a table, for people: each column, how it is read, the first events."""

from pathlib import Path
from typing import Any

from msgspec import Struct

from mdc_core.errors import DataError
from mdc_core.mapping.guess.guessing import Guess
from mdc_core.mapping.importer import Settled, TableImporter
from mdc_core.mapping.options import MappingOptions, toml_of
from mdc_core.mapping.plan import TablePlan, TableSample
from mdc_core.schema import kind_of
from mdc_core.wire.lines.jsonl import rows_of

_ROWS = 3


class TablePicture(Struct, frozen=True):
    """A guess and what comes of it."""

    file: str
    type: str  # of the events, or what says it
    columns: tuple[tuple[str, str, str, str], ...]  # name, field, how it is read, first value
    events: tuple[Any, ...]  # the first
    notes: tuple[str, ...]  # what was not certain
    lacks: tuple[str, ...]  # what only the owner of the file knows
    command: str
    toml: str


def picture_of(importer: TableImporter, path: Path) -> TablePicture:
    """What an importer guesses of a file, its options taken as they are."""
    _, zone = importer.said()
    events: list[Any] = []
    try:
        guess = importer.guess(path)
        notes, lacks = list(guess.notes), [lack.text for lack in guess.lacks]
        sample = importer.sample(path, guess.options)
        settled = importer.settled_as(path, guess.options, sample)
        plan = settled.plan
        if not lacks:
            events = _first(importer, settled, sample, notes)
    except DataError as error:
        raise DataError(f"{importer.name(path)}: {error}", hint=error.hint) from None
    return TablePicture(
        file=importer.name(path),
        type=plan.type or ("no type of event" if lacks else "as column `type` says"),
        columns=tuple(_columns(plan, guess, sample, str(zone or "UTC"))),
        events=tuple(events),
        notes=tuple(notes),
        lacks=tuple(lacks),
        command=importer.command(path, guess),
        toml=toml_of(importer.profile, _kept(importer, guess), str(zone) if zone else None),
    )


def _kept(importer: TableImporter, guess: Guess) -> MappingOptions:
    """The options as a file keeps them; a symbol that was named is one of them."""
    from msgspec.structs import replace

    options: MappingOptions = guess.options
    if guess.symbol is None:
        return options
    return replace(options, set=(*options.set, f"symbol={guess.symbol}"))


def _first(
    importer: TableImporter, settled: Settled, sample: TableSample, notes: list[str]
) -> list[Any]:
    batch, reasons = importer.events(settled, sample.columns)
    if reasons:
        reason = reasons[min(reasons)]
        notes.append(f"{len(reasons)} of the first {sample.rows} rows would be rejected: {reason}")
    return [] if batch is None else rows_of(batch.slice(0, _ROWS))


def _columns(
    plan: TablePlan, guess: Guess, sample: TableSample, zone: str
) -> "list[tuple[str, str, str, str]]":
    fields = {name: field for field, names in plan.fields.items() for name in names}
    found = []
    for name, column in sample.columns.items():
        field = fields.get(name, "extra" if name in plan.extras else "(left out)")
        how = _how(field, guess.options, zone) if name in fields else ""
        first = next((str(v) for v in column.to_pylist() if v not in (None, "")), "")
        found.append((name, field, how, first[:32]))
    found += [("", field, "in all rows", value) for field, value in plan.constants.items()]
    return found


def _how(field: str, options: MappingOptions, zone: str) -> str:
    """How the values of a field are read."""
    kind = "text" if field == "type" else kind_of(field)
    if kind == "time":
        if options.time_unit:
            return f"{options.time_unit} since 1970"
        return f"{options.time_format or 'date and time'}, {zone} where it names no zone"
    if kind != "number":
        return kind
    words = ["decimal comma" if options.decimal_comma else "decimal"]
    if field in options.digits_of:
        words.append(f"a float of {options.digits_of[field]} digits")
    if options.scale is not None:
        words.append(f"prices times 10^{options.scale}")
    return ", ".join(words)
