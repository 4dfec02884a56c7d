"""What people read: aligned columns, sizes, times, and texts that cannot play with a terminal."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from mdc_core.grid import Screen, grid, screen_of

if TYPE_CHECKING:
    from datetime import tzinfo


def shown(text: object) -> str:
    """A text for the terminal: nothing in it can move the cursor, or end the line."""
    said = str(text)
    return said if said.isprintable() else ascii(said)


def columns(lines: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Lines with their cells in columns; those in `right` are numbers."""
    return grid(lines, Screen(), right=right).lines


def table(
    lines: Sequence[Sequence[str]],
    right: Collection[int] = (),
    times: Collection[int] = (),
    *,
    header: bool = True,
) -> None:
    """Write lines in columns that fit a terminal; those in `right` are numbers, in `times` times.

    On a terminal a column in which nothing stands, below the header, is left out.
    """
    screen = screen_of()
    if screen.is_terminal and len(lines) > 1 and header:
        kept = [i for i, c in enumerate(zip(*lines, strict=True)) if {*c[1:]} - {"", "-"} or not i]
        lines = [[line[i] for i in kept] for line in lines]
        right = [place for place, i in enumerate(kept) if i in right]
        times = [place for place, i in enumerate(kept) if i in times]
    made = grid(lines, screen, right=right, times=times, zone=zone_shown())
    for line in made.told(screen, "a wider terminal"):
        click.echo(line)


def answer(value: Any, *, exact: bool = False) -> None:
    """Write an answer as JSON in the one style of all commands; `exact` keeps decimals' digits."""
    if exact:
        from msgspec.json import format as indented

        from mdc_core.wire.lines.values import encode_json

        click.echo(escaped(indented(encode_json(value), indent=2).decode()))
        return
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    """A value as JSON, indented; what could play with a terminal is escaped."""
    import json

    return escaped(json.dumps(value, indent=2, ensure_ascii=False))


def escaped(said: str) -> str:
    """JSON with all escaped that does not print; this stands within its texts alone."""
    if said.replace("\n", "").isprintable():
        return said
    import json

    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in said)


def facts(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """A line for each name and value; what is not known is left out."""
    return [f"{name:12} {shown(value)}" for name, value in pairs if value not in (None, "")]


def section(title: str, rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows in columns below a title; nothing without rows."""
    lines = columns([[shown(cell) for cell in row] for row in rows])
    return [title, *(f"  {line}" for line in lines)] if rows else []


def by_symbol(symbol: str | None, type_name: str) -> tuple[bool, str, str]:
    """What lines are sorted by: no symbol comes before all others, also before an empty one."""
    return symbol is not None, symbol or "", type_name


def human(size: int) -> str:
    """A number of bytes for people: three digits or so, and a unit."""
    if size < 1024:
        return f"{size} B"
    units = ("KiB", "MiB", "GiB", "TiB", "PiB")
    power = min((size.bit_length() - 1) // 10, len(units))
    return f"{size / 1024**power:.1f} {units[power - 1]}"


def zone_shown() -> "tzinfo | None":
    """The zone of times that people read: that of --tz, or else UTC."""
    from mdc_core.session import Session

    ctx = click.get_current_context(silent=True)
    session = None if ctx is None else ctx.find_object(Session)
    return None if session is None else session.zone


def local(text: str | None) -> str | None:
    """A time as people read it: by the clock of --tz, with its offset."""
    zone = zone_shown()
    if text is None or zone is None:
        return text
    from mdc_core.moments import in_zone

    return in_zone(text, zone)


def time_text(ns: int | None) -> str | None:
    """A time as the wire writes it."""
    from mdc_core import times

    return None if ns is None else times.from_ns(ns)
