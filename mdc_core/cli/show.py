"""Facts about a file as aligned lines for people."""

import json
from collections.abc import Iterable, Sequence


def shown(text: object) -> str:
    """A text from a file, so that it cannot play with the terminal."""
    said = str(text)
    return said if said.isprintable() else json.dumps(said)


def facts(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """A line for each name and value; what is not known is left out."""
    return [f"{name:12} {shown(value)}" for name, value in pairs if value not in (None, "")]


def table(title: str, rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows with aligned columns below a title; nothing without rows."""
    if not rows:
        return []
    cells = [[shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return [title, *(f"  {line}" for line in lines)]
