"""The map of a coverage: cells of days, weeks or longer; as text."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mdc_core import times
from mdc_core.archive.coverage.sessions import date_of
from mdc_core.archive.coverage.shares import Shares
from mdc_core.archive.coverage.survey import (
    CLOSED,
    COMPLETE,
    EMPTY,
    MISSING,
    OUTSIDE,
    PARTIAL,
    STATES,
    CoverageRow,
)
from mdc_core.archive.coverage.survey import States as StateArray
from mdc_core.archive.coverage.views import CoverageKey
from mdc_core.cli.show import shown
from mdc_core.grid import zone_line
from mdc_core.moments import in_zone

if TYPE_CHECKING:
    from datetime import tzinfo

UNITS = ("day", "week", "month", "quarter", "year")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LEGEND = (COMPLETE, PARTIAL, MISSING, EMPTY, OUTSIDE, CLOSED)
MEANING = (
    "nothing held",
    "some missing",
    "nothing known to be missing",
    "asked for: there is none",
    "market closed",
    "held, market closed",
)
_BLOCKS = dict(zip(LEGEND, "█▓×○▪·", strict=True))  # noqa: RUF001
_ASCII = dict(zip(LEGEND, "#+x0*.", strict=True))
_COLOURS = dict(zip(LEGEND, ("32", "33", "31", "36", "32", "90"), strict=True))
GRADES = 3  # of what is partial: up to a third, up to two, and more
_PARTLY = {True: "░▒▓", False: "-=+"}
_LONGEST_NAME = 24
_WIDE = 60  # columns, in which there is room for what is said beside the numbers


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


class Cells(NamedTuple):
    """The cells of a line: the state of each, and which share of it is covered."""

    states: StateArray
    shares: Shares

    def graded(self) -> list[tuple[int, int]]:
        """State and grade of each; the grade of what is not partial is that of all."""
        grades = np.minimum((self.shares * GRADES).astype(np.int64), GRADES - 1)
        grades = np.where(self.states == PARTIAL, grades, GRADES - 1)
        return list(zip(self.states.tolist(), grades.tolist(), strict=True))


def cells(line: CoverageRow, over: Axis) -> Cells:
    """The state of each cell, which is that of its open days if they are of one kind.

    Complete days (or empty ones) beside others make a cell partial, by the share of all.
    """
    if over.unit == "day":
        return Cells(line.states, line.shares)
    starts = np.array(over.edges[:-1]) - over.edges[0]

    def number(mask: Any) -> Any:
        return np.add.reduceat(mask.astype(np.int64), starts)

    is_open, held = number(line.open), number(line.states == COMPLETE)
    complete = held + number(line.states == EMPTY)
    touched = complete + number(line.states == PARTIAL)
    mixed = np.where(complete == is_open, np.where(held > 0, COMPLETE, EMPTY), PARTIAL)
    open_cells = np.where(touched == 0, MISSING, mixed)
    closed_cells = np.where(number(line.states == OUTSIDE) > 0, OUTSIDE, CLOSED)
    states = np.where(is_open > 0, open_cells, closed_cells).astype(np.uint8)
    shares = np.add.reduceat(np.where(line.open, line.shares, 0), starts)
    return Cells(states, shares / np.maximum(is_open, 1))


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


def percent(part: float, of: int) -> str:
    """A share in percent; 100 only if it is all, and 0 only if it is nothing."""
    if not of:
        return "-"
    tenths = int(part * 1000 / of + 1e-9)
    return "<0.1 %" if part and not tenths else f"{tenths // 10}.{tenths % 10} %"


def hours_of(line: CoverageRow, day: int, zone: "tzinfo | None" = None) -> str:
    """From when to when events are held on a day, in words; nothing where none count."""
    first, last = int(line.first[day]), int(line.last[day])
    if first > last:
        return ""
    begin, end = (in_zone(times.from_ns(moment), zone)[11:19] for moment in (first, last))
    return f"{begin} to {end}"


class Style(NamedTuple):
    """How a text map is drawn."""

    width: int
    unicode: bool
    colour: bool
    zone: "tzinfo | None" = None  # of the hours of a day

    @property
    def is_wide(self) -> bool:
        """Whether there is room for words."""
        return self.width >= _WIDE

    def mark(self, state: int, grade: int) -> str:
        """One character."""
        if state == PARTIAL:
            return _PARTLY[self.unicode][grade]
        return (_BLOCKS if self.unicode else _ASCII)[state]

    def painted(self, graded: Sequence[tuple[int, int]]) -> str:
        """A character for each state and grade, coloured where they are to be."""
        if not self.colour:
            return "".join(self.mark(*one) for one in graded)
        return "".join(
            f"\x1b[{_COLOURS[state]}m{''.join(self.mark(*one) for one in some)}\x1b[0m"
            for state, some in groupby(graded, lambda one: one[0])
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
    head = f"{date_of(first)} to {date_of(first + count - 1)}"
    if count == 1 and style.zone is not None:
        yield zone_line(style.zone)
    yield f"{head}, a character is a {over.unit}" if style.is_wide else f"{head}, by {over.unit}"
    for labels in (*over.labels(), _month_days(over)):
        if labels:
            yield " " * margin + _placed(labels)
    total: dict[int, int] = dict.fromkeys(range(len(STATES)), 0)
    complete = of = 0
    covered = 0.0
    for line in lines:
        good, opened = line.complete()
        complete, of, covered = complete + good, of + opened, covered + line.covered()
        for state, number in enumerate(line.counts().values()):
            total[state] += number
        name, kind = name_of(line), kind_of(line)
        if not style.unicode:
            name, kind = ascii_only(name), ascii_only(kind)
        marks = style.painted(cells(line, over).graded())
        share = percent(line.covered(), opened)
        hours = hours_of(line, 0, style.zone) if count == 1 and style.width >= margin + 34 else ""
        yield f"{name:{names}}  {kind:{types}}  {marks}  {share:>7}  {hours}".rstrip()
    yield ""
    yield from _legend(total, of, style)
    days = "open days" if style.is_wide else "days"
    yield f"complete: {complete:,} of {of:,} {days}, {percent(complete, of)}"
    yield f"covered: {percent(covered, of)} of their time"


def _legend(total: dict[int, int], of: int, style: Style) -> Iterator[str]:
    """What the characters mean, and how many days are so; open ones with their share."""
    for state in LEGEND:
        if state == OUTSIDE and not total[state]:
            continue
        grades = range(GRADES) if state == PARTIAL else [0]
        mark = style.painted([(state, grade) for grade in grades]) + " " * (GRADES - len(grades))
        share = "" if state in (CLOSED, OUTSIDE) else percent(total[state], of)
        numbers = f"{total[state]:>9,}  {share:>7}"
        meaning = f"  {MEANING[state]}" if style.is_wide else ""
        yield f"{mark} {STATES[state]:8}{numbers}{meaning}".rstrip()


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
