"""The map of a coverage: cells of days, weeks or longer; as text, and as JSON."""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from textwrap import indent
from typing import Any, NamedTuple

import numpy as np

from mdc_core.archive.catalog.part_stats import WITH_INTERVAL
from mdc_core.archive.coverage.sessions import date_of
from mdc_core.archive.coverage.survey import (
    CLOSED,
    EMPTY,
    HAVE,
    MISSING,
    PARTIAL,
    STATES,
    CoverageRow,
)
from mdc_core.archive.coverage.survey import States as StateArray
from mdc_core.archive.coverage.views import CoverageKey
from mdc_core.cli.show import shown

UNITS = ("day", "week", "month", "quarter", "year")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LEGEND = (HAVE, PARTIAL, MISSING, EMPTY, CLOSED)
MEANING = ("nothing held", "some missing", "whole", "asked: there is none", "not a session")
_BLOCKS = dict(zip((HAVE, PARTIAL, MISSING, EMPTY, CLOSED), "█▄×○·", strict=True))  # noqa: RUF001
_ASCII = dict(zip((HAVE, PARTIAL, MISSING, EMPTY, CLOSED), "#+x0.", strict=True))
_COLOURS = {HAVE: "32", PARTIAL: "33", MISSING: "31", EMPTY: "36", CLOSED: "90"}
_LONGEST_NAME = 24


class Axis(NamedTuple):
    """The cells of a map: their unit, and the days (since 1970) where they begin and end."""

    unit: str
    edges: list[int]

    def __len__(self) -> int:
        return len(self.edges) - 1

    def span(self, cell: int) -> str:
        """The days of a cell, in words."""
        first, last = date_of(self.edges[cell]), date_of(self.edges[cell + 1] - 1)
        return f"{first:%a} {first}" if first == last else f"{first} to {last}"

    def labels(self) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
        """Where years begin, and where months do."""
        years, months = [], []
        before: date | None = None
        for cell, day in enumerate(self.edges[:-1]):
            here = date_of(day)
            if before is None or here.year != before.year:
                years.append((cell, str(here.year)))
            if before is None or (here.year, here.month) != (before.year, before.month):
                months.append((cell, MONTHS[here.month - 1]))
            before = here
        return years, months if self.unit in ("day", "week") else []


def axis(first: int, count: int, unit: str) -> Axis:
    """The cells of so many days; weeks begin on Monday."""
    starts = [first] if count else []
    for day in range(first + 1, first + count):
        here = date_of(day)
        begins = {
            "day": True,
            "week": here.weekday() == 0,
            "month": here.day == 1,
            "quarter": here.day == 1 and here.month % 3 == 1,
            "year": here.day == 1 and here.month == 1,
        }
        if begins[unit]:
            starts.append(day)
    return Axis(unit, [*starts, first + count])


def fitting(first: int, count: int, unit: str | None, most: int) -> Axis:
    """The cells of this unit, else of the finest of which there are no more than `most`."""
    tried = [axis(first, count, name) for name in ([unit] if unit else UNITS)]
    return next((a for a in tried if len(a) <= most), tried[-1])


def cells(line: CoverageRow, over: Axis) -> StateArray:
    """The state of each cell, which is that of its open days if they are of one kind.

    Whole days (have, empty) beside others make a cell partial.
    """
    if over.unit == "day":
        return line.states
    starts = np.array(over.edges[:-1]) - over.edges[0]

    def number(mask: Any) -> Any:
        return np.add.reduceat(mask.astype(np.int64), starts)

    have, empty = line.states == HAVE, line.states == EMPTY
    is_open, held = number(line.open), number(have)
    whole = number((have | empty) & line.open)
    touched = held + number(line.states == PARTIAL) + number(empty)
    mixed = np.where(whole == is_open, np.where(held > 0, HAVE, EMPTY), PARTIAL)
    open_cells = np.where(touched == 0, MISSING, mixed)
    closed_cells = np.where(held > 0, HAVE, CLOSED)
    return np.where(is_open > 0, open_cells, closed_cells).astype(np.uint8)


def rows_of(line: CoverageRow, over: Axis) -> list[int]:
    """The number of events in each cell."""
    starts = np.array(over.edges[:-1]) - over.edges[0]
    found: list[int] = np.add.reduceat(line.rows, starts).tolist()
    return found


def name_of(line: CoverageRow, longest: int = _LONGEST_NAME) -> str:
    """A symbol for people: printable, and not longer than a column can be."""
    return _short("-" if line.symbol is None else shown(line.symbol), longest)


def kind_of(line: CoverageRow | CoverageKey) -> str:
    """An event type, and the interval of bars, for people as well."""
    return _short(shown(line.kind), _LONGEST_NAME)


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def percent(part: int, whole: int) -> str:
    """A share in percent; 100 only if it is all."""
    if not whole:
        return "-"
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10} %"


class Style(NamedTuple):
    """How a text map is drawn."""

    width: int
    unicode: bool
    colour: bool

    def mark(self, state: int) -> str:
        """One character."""
        return (_BLOCKS if self.unicode else _ASCII)[state]

    def painted(self, states: Iterable[int]) -> str:
        """A character for each state, coloured where they are to be."""
        codes = list(states)
        if not self.colour:
            return "".join(map(self.mark, codes))
        cuts = [0, *(i for i in range(1, len(codes)) if codes[i] != codes[i - 1]), len(codes)]
        return "".join(
            f"\x1b[{_COLOURS[codes[a]]}m{self.mark(codes[a]) * (b - a)}\x1b[0m"
            for a, b in pairwise(cuts)
            if b > a
        )


def text(
    first: int,
    count: int,
    unit: str | None,
    names: int,
    types: int,
    style: Style,
    lines: Iterable[CoverageRow],
) -> Iterator[str]:
    """The lines of a text map; `names` and `types` are the widths of these columns."""
    names = min(names, _LONGEST_NAME)
    margin = names + types + 4
    over = fitting(first, count, unit, max(style.width - margin - 9, 12))
    yield f"{date_of(first)} to {date_of(first + count - 1)}, a character is a {over.unit}"
    for labels in (*over.labels(), _month_days(over)):
        if labels:
            yield " " * margin + _placed(labels)
    total: dict[int, int] = dict.fromkeys(range(len(STATES)), 0)
    whole = of = 0
    for line in lines:
        good, days = line.whole()
        whole, of = whole + good, of + days
        for state, number in enumerate(line.counts().values()):
            total[state] += number
        name, kind = name_of(line), kind_of(line)
        if not style.unicode:
            name, kind = ascii_only(name), ascii_only(kind)
        marks = style.painted(cells(line, over).tolist())
        share = percent(good, days)
        yield f"{name:{names}}  {kind:{types}}  {marks}  {share:>7}"
    yield ""
    for state in LEGEND:
        counted = f"{total[state]:>9,}"
        # Whatever is held of days that are closed is no share of the open ones.
        part = whole - total[EMPTY] if state == HAVE else total[state]
        share = "" if state == CLOSED else f"  {percent(part, of):>7}"
        mark = style.painted([state])
        yield f"{mark} {STATES[state]:8}{counted}{share}  {MEANING[state]}".rstrip()
    yield f"whole: {whole:,} of {of:,} open days, {percent(whole, of)}"


def ascii_only(name: str) -> str:
    """A name without what a terminal of this encoding cannot show."""
    return name.replace("…", "~").encode("ascii", "backslashreplace").decode()


def _month_days(over: Axis) -> list[tuple[int, str]]:
    """The 1st, 8th, 15th and 22nd of each month, where a cell is a day."""
    if over.unit != "day":
        return []
    days = ((cell, date_of(day).day) for cell, day in enumerate(over.edges[:-1]))
    return [(cell, str(day)) for cell, day in days if day in (1, 8, 15, 22)]


def _placed(labels: list[tuple[int, str]]) -> str:
    """Labels at their columns; one for which there is no room is left out, the next is not."""
    line = ""
    for index, (at, label) in enumerate(labels):
        following = labels[index + 1][0] if index + 1 < len(labels) else None
        room = following is None or following - at > len(label)
        if at >= len(line) + bool(line) and (room or len(label) < 3):
            line = line.ljust(at) + label
    return line


def runs(line: CoverageRow, first: int) -> Iterator[tuple[str, date, date, int]]:
    """The open days that are missing or partial: state, first and last day, how many.

    Closed days between do not end a run.
    """
    begin: int | None = None
    end = number = before = 0
    for at in np.flatnonzero(line.states != CLOSED).tolist():
        state = int(line.states[at])
        if begin is not None and state != before:
            yield STATES[before], date_of(first + begin), date_of(first + end), number
            begin = None
        if state in (MISSING, PARTIAL):
            begin, number = (at, 1) if begin is None else (begin, number + 1)
            end, before = at, state
    if begin is not None:
        yield STATES[before], date_of(first + begin), date_of(first + end), number


def as_json(said: dict[str, Any], first: int, lines: Iterable[CoverageRow]) -> Iterator[str]:
    """One JSON object, as `show.answer` writes it, in pieces, so that it may be long."""
    head = json.dumps(said, indent=2, ensure_ascii=False)
    before = f'{head[:-2]},\n  "coverage": ['
    separator = ""
    days: list[str] = []
    for line in lines:
        days = days or [date_of(first + at).isoformat() for at in range(len(line.states))]
        good, of = line.whole()
        yield before + separator
        one = json.dumps(
            {
                "symbol": line.symbol,
                "type": line.type_name,
                **({"interval": line.interval} if line.type_name in WITH_INTERVAL else {}),
                "counts": line.counts(),
                "open_days": of,
                "whole_days": good,
                "undated": line.undated,
                "days": [
                    {"day": day, "state": STATES[state], "rows": rows}
                    for day, state, rows in zip(
                        days, line.states.tolist(), line.rows.tolist(), strict=True
                    )
                ],
            },
            indent=2,
            ensure_ascii=False,
        )
        before, separator = indent(one, "    "), ","
    yield before
    yield "  ]\n}"
