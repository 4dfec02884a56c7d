"""Texts in columns that fit a width: what does not is cut, and told."""

import os
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO

from mdc_core.texts import one_line

if TYPE_CHECKING:
    from datetime import tzinfo

NARROW = 8  # characters that are left of a text at least
_GAP = 2  # between two columns
_ENDLESS = 10_000  # the width of what is no terminal
_EXACT = 99
_DETAILS = (19, 16, 10)  # characters of a time: to the second, the minute, the day


class Screen(NamedTuple):
    """Where a table goes: how wide that is, and whether it shows more than ASCII."""

    width: int = _ENDLESS
    is_terminal: bool = False
    has_unicode: bool = True

    @property
    def ellipsis(self) -> str:
        """What stands where something is cut off."""
        return "…" if self.has_unicode else "~"


def screen_of(descriptor: int = 1, text: TextIO | None = None) -> Screen:
    """The terminal behind a descriptor; what is none has no width."""
    try:
        watched = os.isatty(descriptor)
        own = os.get_terminal_size(descriptor).columns if watched else 0
    except OSError:
        watched, own = False, 0
    said = os.environ.get("COLUMNS", "")
    width = int(said) if said.isascii() and said.isdigit() and int(said) else own
    encoding = getattr(text or sys.stdout or sys.__stdout__, "encoding", None) or "utf-8"
    has_unicode = encoding.lower().replace("-", "").startswith("utf")
    return Screen((width or 80) if watched else _ENDLESS, watched, has_unicode)


def wide(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def shortened(text: str, width: int, ellipsis: str = "…") -> str:
    """A text in so many cells, with an ellipsis where it is cut."""
    if len(text) <= width and wide(text) <= width:
        return text
    room, kept = max(width - len(ellipsis), 0), 0
    for char in text:
        room -= wide(char)
        if room < 0:
            break
        kept += 1
    return text[:kept] + ellipsis


def padded(text: str, width: int, *, right: bool = False) -> str:
    """A text in so many cells, filled up with spaces."""
    space = " " * (width - wide(text))
    return space + text if right else text + space


def showable(text: str, screen: Screen) -> str:
    """A text that a terminal can only show: no character of it is obeyed, or unknown."""
    text = one_line(text)
    if screen.has_unicode or text.isascii():
        return text
    return text.encode("ascii", "backslashreplace").decode()


class Grid(NamedTuple):
    """Lines of a table, and the names of the columns that found no room."""

    lines: list[str]
    left_out: list[str]

    def told(self, screen: Screen, how: str) -> list[str]:
        """The lines, and one that names what is left out, and how that is shown."""
        if not self.left_out:
            return self.lines
        text = f"not shown ({how}): {', '.join(self.left_out)}"
        return [*self.lines, shortened(text, screen.width, screen.ellipsis)]


def grid(
    lines: Sequence[Sequence[str]],
    screen: Screen,
    *,
    right: Collection[int] = (),
    times: Collection[int] = (),
    exact: bool = False,
    zone: "tzinfo | None" = None,
) -> Grid:
    """Lines in columns, the first with their names; `right` are numbers, `times` times.

    On a terminal times lose what they can (with `exact` only what does not fit), then the widest
    texts are cut, then the last columns are left out. Those of a `zone` are by its clock, and
    a line above the names says which.
    """
    if not lines:
        return Grid([], [])
    columns = [[showable(cell, screen) for cell in column] for column in zip(*lines, strict=True)]
    above = _zoned(columns, times, zone)
    if screen.is_terminal:
        details = (_EXACT, *_DETAILS) if exact else _DETAILS
        columns = _shorter_times(columns, times, screen.width, details)
    widths = [max(map(wide, column)) for column in columns]
    names = [column[0] for column in columns]
    fixed = {*right, *times}
    _narrow(
        widths,
        [min(w, max(NARROW, wide(n))) for w, n in zip(widths, names, strict=True)],
        fixed,
        screen.width,
    )
    count = len(widths)
    while count > 1 and _total(widths[:count]) > screen.width:
        count -= 1
    widths[0] = min(widths[0], max(screen.width, 1))
    shown = [
        [
            padded(shortened(cell, width, screen.ellipsis), width, right=index in right)
            for cell in column
        ]
        for index, (column, width) in enumerate(zip(columns[:count], widths, strict=False))
    ]
    gap = " " * _GAP
    above = above if any(index < count for index in times) else []
    return Grid(
        [*above, *(gap.join(row).rstrip() for row in zip(*shown, strict=True))], names[count:]
    )


def _zoned(columns: list[list[str]], times: Collection[int], zone: "tzinfo | None") -> list[str]:
    """Bring times to a zone; the line that says so, if there are any."""
    if zone is None:
        return []
    from mdc_core.moments import in_zone

    for index in times:
        columns[index] = [in_zone(cell, zone) for cell in columns[index]]
    return [zone_line(zone)]


def zone_line(zone: "tzinfo") -> str:
    """What stands above a table whose times are by the clock of a zone."""
    return f"times in {zone}"


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _shorter_times(
    columns: list[list[str]], times: Collection[int], width: int, details: Collection[int]
) -> list[list[str]]:
    """The columns with times of as many characters as the width has room for."""
    made = columns
    for detail in details:
        made = [
            [column[0], *(cell[:detail].replace("T", " ") for cell in column[1:])]
            if index in times
            else column
            for index, column in enumerate(columns)
        ]
        if _total([max(map(wide, column)) for column in made]) <= width:
            break
    return made


def _narrow(widths: list[int], least: list[int], fixed: Collection[int], width: int) -> None:
    """Take cells from the widest columns, until all fit or none can give any more."""
    while (over := _total(widths) - width) > 0:
        free = [i for i in range(len(widths)) if i not in fixed and widths[i] > least[i]]
        if not free:
            return
        widest = max(free, key=lambda i: widths[i])
        others = [widths[i] for i in free if widths[i] < widths[widest]]
        floor = max([least[widest], *others])
        widths[widest] -= max(min(over, widths[widest] - floor), 1)
