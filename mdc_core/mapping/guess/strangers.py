"""What is said of a table of others in the place of events: the command that imports it."""

import re
from pathlib import Path

from mdc_core.errors import DataError, MdcError
from mdc_core.events import EVENT_TYPES
from mdc_core.mapping.guess.guessing import guessed
from mdc_core.mapping.guess.lacking import completed
from mdc_core.mapping.heads import csv_head, json_head
from mdc_core.mapping.options import NamedColumns, command_of
from mdc_core.mapping.plan import TableSample
from mdc_core.mapping.tables import opened_table, table_head
from mdc_core.schema import VERSIONS_KEY

_WORD = rb'\s*+(?:"[^"{}]*+"|[^"{},;|\t]*+)'
_CSV = re.compile(_WORD + rb"(?:[,;|\t]" + _WORD + rb"){2,}+")  # the first line of a table


def refuse_lines(head: bytes, name: str, path: Path | None) -> None:
    """Raise DataError, with the command that imports them, for lines that are no events."""
    first = head.split(b"\n", 1)[0].rstrip(b"\r")
    if first[:1] == b"{":
        sample = json_head(head)
        if sample is not None and _is_strange(sample):
            _refuse("jsonl", "lines of JSON", sample, name, path, certain=False)
    elif _CSV.fullmatch(first) and b"\n{" not in head:
        found = csv_head(head)
        if found is not None:
            _refuse("csv", "CSV", found.sample, name, path)


def _is_strange(sample: TableSample) -> bool:
    """Whether no line says a type of event."""
    kinds = sample.columns.get("type")
    return kinds is None or not set(kinds.to_pylist()) & set(EVENT_TYPES)


def _refuse(
    profile: str,
    what: str,
    sample: TableSample,
    name: str,
    path: Path | None,
    *,
    certain: bool = True,
    why: str = "",
) -> None:
    """Raise DataError; where it is not certain what it is, only if somebody could import it."""
    own = path if name != "<stdin>" else None
    guess = guessed(NamedColumns(), sample, own)
    is_known = guess.options.type is not None or bool(guess.options.digits)
    if not certain and (not is_known or len(guess.lacks) > 1):
        return
    words = command_of(profile, guess.options, "-" if own is None else str(own))
    hint = completed(words, guess.lacks)
    raise DataError(f"{name}: {what}, not events of mdc{why}", hint=hint)


def refuse_table(path: Path, name: str, error: MdcError) -> None:
    """Raise DataError, with the command that imports it, for a table that mdc did not write.

    Where nobody could import it, what is wrong with it is said by whoever asks.
    """
    try:
        with opened_table(path) as (schema, _):
            if VERSIONS_KEY in (schema.metadata or {}):
                return
        sample = table_head(path)
    except DataError:
        return
    why = str(error).removeprefix(f"{name}: ")
    why = "" if "column `type`" in why else f": {why}"
    _refuse("parquet", "a table", sample, name, path, certain=False, why=why)
