"""The report of a coverage, in the form that is asked for, to where it is wanted."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mdc_core import times
from mdc_core.archive.coverage.sessions import date_of
from mdc_core.archive.coverage.survey import CoverageRow
from mdc_core.archive.coverage.views import CoverageKey
from mdc_core.archive.read.one_file import whole_file
from mdc_core.cli.coverage_map.cells import Axis, Style, fitting, kind_of, text
from mdc_core.cli.coverage_map.html import page
from mdc_core.cli.coverage_map.image import Picture
from mdc_core.cli.coverage_map.json_lines import as_json
from mdc_core.cli.show import shown, zone_shown
from mdc_core.errors import UsageError

_MOST_COLUMNS = 371  # of a picture: a year of days
_MOST_CELLS = 60_000  # of a picture, unless its cells are months already


@dataclass(frozen=True)
class Report:
    """What a coverage is of: archive, calendar, days, symbols and types."""

    root: Path | str
    calendar: str
    tolerance: int
    unit: str | None
    first: int
    count: int
    keys: list[CoverageKey]

    def write(
        self,
        form: str,
        output: Path | None,
        lines: Iterable[CoverageRow],
        environ: Mapping[str, str],
    ) -> None:
        """Write the report."""
        if form == "png" and output is None and sys.stdout.isatty():
            raise UsageError("a PNG is not for a terminal", hint="--output coverage.png")
        with _target(output) as file:
            if form == "png":
                self._picture(list(lines)).png(file)
                return
            encoding = "utf-8"
            if form == "text" and output is None:
                encoding = sys.stdout.encoding or encoding
            for piece in self._pieces(form, lines, _style(output, encoding, environ)):
                file.write(piece.encode(encoding, "backslashreplace") + b"\n")

    def _pieces(self, form: str, lines: Iterable[CoverageRow], style: Style) -> Iterator[str]:
        if form == "json":
            return as_json(self._facts(), self.first, lines)
        if form == "svg":
            return self._picture(list(lines)).svg()
        if form == "html":
            listed = list(lines)
            over = self._axis(len(listed))
            return page(self._title(), self._about(over), self.first, over, listed)
        if not self.count:
            return iter(())
        names = max(len("-" if symbol is None else shown(symbol)) for symbol, *_ in self.keys)
        types = max(len(kind_of(key)) for key in self.keys)
        return text(self.first, self.count, self.unit, names, types, style, lines)

    def _picture(self, lines: list[CoverageRow]) -> Picture:
        over = self._axis(len(lines))
        return Picture(self._title(), self._about(over), over, lines)

    def _axis(self, lines: int) -> Axis:
        most = min(_MOST_COLUMNS, max(_MOST_CELLS // max(lines, 1), 1))
        over = fitting(self.first, self.count, self.unit, most)
        coarse = self.unit is None and over.unit in ("quarter", "year")
        return fitting(self.first, self.count, "month", most) if coarse else over

    def _title(self) -> str:
        return f"Coverage of {shown(str(self.root))}"

    def _about(self, over: Axis) -> str:
        if not self.count:
            return "nothing is held"
        days = f"{date_of(self.first)} to {date_of(self.first + self.count - 1)}"
        calendar = f"calendar {shown(self.calendar)}" if self.calendar else "no calendar"
        return f"{days}, UTC · a cell is a {over.unit} · {calendar}"

    def _facts(self) -> dict[str, object]:
        ends = (self.first, self.first + self.count - 1) if self.count else ()
        said: list[str | None] = [date_of(d).isoformat() for d in ends]
        said = said or [None, None]
        return {
            "root": str(self.root),
            "from": said[0],
            "to": said[1],
            "calendar": self.calendar or None,
            "tolerance_s": self.tolerance // times.SECOND,
        }


@contextmanager
def _target(output: Path | None) -> Iterator[BinaryIO]:
    """A file that is there when it is whole, or standard output."""
    if output is None:
        yield sys.stdout.buffer
        return
    with whole_file(output) as file:
        yield file


def _style(output: Path | None, encoding: str, environ: Mapping[str, str]) -> Style:
    """How a text map is drawn here; with colours for people who want them."""
    watched = output is None and sys.stdout.isatty()
    colour = watched and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    try:
        width = int(environ.get("COLUMNS") or os.get_terminal_size().columns)
    except (OSError, ValueError):
        width = 80
    return Style(width, encoding.lower().replace("-", "").startswith("utf"), colour, zone_shown())
