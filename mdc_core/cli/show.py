"""What people read: aligned columns, sizes, times, and texts that cannot play with a terminal."""

from collections.abc import Collection, Iterable, Sequence

import click


def shown(text: object) -> str:
    """A text for the terminal: nothing in it can move the cursor, or end the line."""
    said = str(text)
    return said if said.isprintable() else ascii(said)


def columns(lines: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Lines with their cells in columns; those in `right` are numbers."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def table(lines: Sequence[Sequence[str]], right: Collection[int] = ()) -> None:
    """Write lines in columns; those in `right` are numbers."""
    for line in columns(lines, right):
        click.echo(line)


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


def time_text(ns: int | None) -> str | None:
    """A time as the wire writes it."""
    from mdc_core import times

    return None if ns is None else times.from_ns(ns)
