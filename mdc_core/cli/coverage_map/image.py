"""The map of a coverage as a picture: one drawing, as SVG and as PNG."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, BinaryIO, NamedTuple

from mdc_core.archive.coverage.survey import PARTIAL, STATES, CoverageRow
from mdc_core.cli.coverage_map.cells import (
    GRADES,
    LEGEND,
    Axis,
    cells,
    hours_of,
    kind_of,
    name_of,
    percent,
    rows_of,
)
from mdc_core.errors import ConfigError, UsageError
from mdc_core.texts import counted

# Told apart with any colour vision: by lightness as well as by hue.
COLOURS = ("#c93a56", "#f3b53f", "#1f7a63", "#8fbce6", "#e7eaee", "#a9cfc3")
PARTLY = ("#fbe7bd", "#f3b53f", "#c9830f")  # the grades of what is partial
INK, FAINT, PAPER = "#1c2530", "#66717e", "#ffffff"
HEIGHT = 14  # of a cell
_PITCH = 18  # from line to line
_EDGE = 24
_FINE_PIXELS, _MOST_PIXELS = 64_000_000, 160_000_000


class Box(NamedTuple):
    """A cell: where it is, its state, and what is said of it."""

    x: float
    y: float
    width: float
    height: float
    state: int
    title: str
    grade: int = 0

    @property
    def name(self) -> str:
        """The class of its state, with the grade of what is partial."""
        return f"partial p{self.grade}" if self.state == PARTIAL else STATES[self.state]

    @property
    def colour(self) -> str:
        """What it is filled with."""
        return PARTLY[self.grade] if self.state == PARTIAL else COLOURS[self.state]


class PictureText(NamedTuple):
    """A text on its base line; `end` if it ends at x."""

    x: float
    y: float
    text: str
    size: int = 12
    end: bool = False
    faint: bool = False
    bold: bool = False


def pitch(over: Axis) -> int:
    """The room of a cell, which is wider where there are few."""
    return next((size for size, most in ((14, 70), (10, 140), (7, 280)) if len(over) <= most), 5)


def margin(over: Axis) -> int:
    """The room between two cells."""
    return 2 if pitch(over) > 7 else 1


def boxes(line: CoverageRow, over: Axis, x: float, y: float) -> Iterator[Box]:
    """The cells of a line."""
    wide = pitch(over)
    name = f"{name_of(line, 60)} {kind_of(line)}"
    found, rows = cells(line, over), rows_of(line, over)
    for at, ((state, grade), number) in enumerate(zip(found.graded(), rows, strict=True)):
        said = [STATES[state]]
        said += [percent(float(found.shares[at]), 1)] if state == PARTIAL else []
        hours = hours_of(line, at) if over.unit == "day" else ""
        said += [f"{hours} UTC"] if hours else []
        said += [counted(number, "event")] if number else []
        title = f"{name}, {over.span(at)}: {', '.join(said)}"
        yield Box(x + at * wide, y, wide - margin(over), HEIGHT, state, title, grade)


def month_words(over: Axis, x: float, y: float) -> Iterator[PictureText]:
    """Years, and below them months, where there is room for them."""
    for level, labels in enumerate(over.labels()):
        free = x
        for cell, label in labels:
            at = x + cell * pitch(over)
            if at >= free:
                yield PictureText(at, y + 15 * level, label, 11, faint=bool(level))
                free = at + 7 * len(label) + 6


class Picture:
    """A heat map with title, axis, lines and legend."""

    def __init__(self, title: str, subtitle: str, over: Axis, lines: Sequence[CoverageRow]) -> None:
        self.title, self.subtitle, self._over, self._lines = title, subtitle, over, lines
        names = max((len(name_of(line)) for line in lines), default=4)
        self._types = _EDGE + 8 * names + 12
        self._left = self._types + 8 * max((len(kind_of(ln)) for ln in lines), default=4) + 8
        self._right = self._left + max(len(over) * pitch(over), 430 - self._left) + 72
        self.width = max(self._right + _EDGE, 640)
        self._top = 124
        self.height = self._top + _PITCH * len(lines) + 60

    def marks(self) -> Iterator[Box | PictureText]:
        """Everything that is drawn, from the top to the bottom."""
        yield PictureText(_EDGE, 40, self.title, 20, bold=True)
        yield PictureText(_EDGE, 62, self.subtitle, 12, faint=True)
        yield from month_words(self._over, self._left, self._top - 26)
        yield PictureText(self._right, self._top - 11, "covered", 11, end=True, faint=True)
        for at, line in enumerate(self._lines):
            y = self._top + _PITCH * at
            yield PictureText(_EDGE, y + 11, name_of(line), bold=True)
            yield PictureText(self._types, y + 11, kind_of(line), faint=True)
            yield from boxes(line, self._over, self._left, y)
            share = percent(line.covered(), line.complete()[1])
            yield PictureText(self._right, y + 11, share, end=True)
        x = float(_EDGE)
        for state in LEGEND:
            grades = range(GRADES) if state == PARTIAL else [0]
            for grade in grades:
                yield Box(x, self.height - 36, 12, 12, state, STATES[state], grade)
                x += 14
            yield PictureText(x + 4, self.height - 26, STATES[state], 12)
            x += 4 + 7 * len(STATES[state]) + 22

    def svg(self) -> Iterator[str]:
        """The picture as an SVG document."""
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" '
            f'height="{self.height}" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'font-family="system-ui, sans-serif"><title>{escape(self.title)}</title>'
        )
        yield f"<desc>{escape(self.subtitle)}</desc>"
        yield f'<rect width="{self.width}" height="{self.height}" fill="{PAPER}"/>'
        for mark in self.marks():
            yield box_svg(mark) if isinstance(mark, Box) else words_svg(mark)
        yield "</svg>"

    def png(self, file: BinaryIO) -> None:
        """Write the picture as a PNG, with two pixels for each of ours where it can be."""
        pillow, fonts = _pillow()
        area = self.width * self.height
        if area > _MOST_PIXELS:
            raise UsageError(
                f"{self.width:,} x {self.height:,} pixels are too many for a PNG",
                hint="--symbol, --type, --from, --to or --cell month make it smaller",
            )
        scale = 2 if area * 4 <= _FINE_PIXELS else 1
        image = pillow.Image.new("RGB", (self.width * scale, self.height * scale), PAPER)
        draw = pillow.ImageDraw.Draw(image)
        for mark in self.marks():
            if isinstance(mark, Box):
                x, y = int(mark.x * scale), int(mark.y * scale)
                far = int((mark.x + mark.width) * scale) - 1, y + int(mark.height * scale) - 1
                draw.rectangle((x, y, *far), fill=mark.colour)
                continue
            anchor = "rs" if mark.end else "ls"
            draw.text(
                (mark.x * scale, mark.y * scale),
                mark.text,
                FAINT if mark.faint else INK,
                fonts(mark.size * scale),
                anchor=anchor,
                stroke_width=0.25 * scale if mark.bold else 0,
            )
        image.save(file, "PNG", optimize=True)


def _pillow() -> Any:
    """The drawing library, and its fonts by size."""
    from functools import cache

    try:
        import PIL.Image
        import PIL.ImageDraw
        import PIL.ImageFont
    except ImportError:
        raise ConfigError(
            "a PNG needs the Python module 'PIL', which is not installed",
            hint="pip install 'market-data-collector[png]'",
        ) from None
    return PIL, cache(PIL.ImageFont.load_default)


def box_svg(box: Box) -> str:
    """A cell that says what it is where a pointer rests on it."""
    return (
        f'<rect class="{box.name}" x="{box.x:g}" y="{box.y:g}" '
        f'width="{box.width:g}" height="{box.height:g}" fill="{box.colour}">'
        f"<title>{escape(box.title)}</title></rect>"
    )


def words_svg(words: PictureText) -> str:
    """A text."""
    more = ' text-anchor="end"' if words.end else ""
    more += ' font-weight="600"' if words.bold else ""
    return (
        f'<text x="{words.x:g}" y="{words.y:g}" font-size="{words.size}" '
        f'fill="{FAINT if words.faint else INK}"{more}>{escape(words.text)}</text>'
    )
