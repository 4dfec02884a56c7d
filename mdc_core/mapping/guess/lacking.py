"""What only the owner of a table knows, and the words of a command that say it."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from mdc_core.mapping.guess.looks import Looks, fits
from mdc_core.mapping.guess.words import NAMES, NEEDED, plain
from mdc_core.mapping.plan import TablePlan, TableSample


class Lack(NamedTuple):
    """What only the owner of a table knows."""

    text: str
    words: str  # of a command that can be run as it stands
    field: str = ""


def no_type(sample: TableSample) -> Lack:
    """Nothing says the event type; the command shows what is open for the likeliest."""
    names = {plain(name) for name in sample.columns}

    def share(kind: str) -> float:
        found = [f for f in NEEDED[kind] if not names.isdisjoint(NAMES[kind][f].split())]
        return len(found) / len(NEEDED[kind])

    likeliest = max(("trade", "quote", "bar"), key=share)
    return Lack("which event type is a row?", f"--type {likeliest} --guess")


def no_symbol(name: str | None) -> Lack:
    """No column is the symbol, and the file's name is not likely to be one."""
    if name is None:
        return Lack("which symbol is it?", "--symbol SYMBOL")
    text = f"which symbol is it? --symbol-from name takes {name!r} from the name of the file"
    return Lack(text, "--symbol-from name")


def no_columns(plan: TablePlan, sample: TableSample, looks: Mapping[str, Looks]) -> list[Lack]:
    """The fields that no column is, each with the free column that it is most likely to be."""
    taken = {name for names in plan.fields.values() for name in names}
    free = [name for name in sample.columns if name not in taken]
    lacks = []
    for field in plan.missing():
        if field in ("symbol", "interval", "type"):
            continue
        column = likeliest_column(str(plan.type), field, free, looks)
        if column is None:
            there = ", ".join(sample.columns)
            lacks.append(Lack(f"no column is left for {field} (there are: {there})", "", field))
            continue
        free.remove(column)
        lacks.append(Lack(f"which column is {field}?", mapped_words(column, field)))
    return lacks


def completed(command: str, lacks: Sequence[Lack]) -> str:
    """A command with the words that it lacks; where no words would help, what does."""
    without = [lack.field for lack in lacks if not lack.words]
    if without:
        return (
            f"add a column to the file, or --set {without[0]}=VALUE if it is the same in all rows"
        )
    return " ".join([command, *(lack.words for lack in lacks)])


def mapped_words(column: str, field: str) -> str:
    """The option that says which field a column is."""
    return shlex.join(["--map", f"{column}={field}"])


def likeliest_column(
    type_name: str, field: str, free: Iterable[str], looks: Mapping[str, Looks]
) -> str | None:
    """The column that its name, then its values, then its place makes likeliest."""
    free = list(free)
    words = NAMES.get(type_name, NAMES["trade"]).get(field, field).split()
    named = (name for word in words for name in free if plain(name) == word)
    fitting = (name for name in free if not looks[name].is_empty and fits(field, looks[name]))
    return next(chain(named, fitting, free), None)
