"""Help in lines that fit a terminal of any width, without what click imports to break them."""

from collections.abc import Iterable

import click

_LEAST = 20  # cells of an explanation beside its term; where fewer are left it stands below
_BELOW = 4  # how far it is moved in there


class HelpLayout(click.HelpFormatter):
    """Help as click lays it out, but that no word is ever cut."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how a command is called."""
        head = f"{'':{self.current_indent}}{'Usage: ' if prefix is None else prefix}{prog} "
        beside = self.width - len(head) >= _LEAST
        indent = " " * (len(head) if beside else self.current_indent + 2 * _BELOW)
        lines = filled(args, self.width - len(indent))
        first = [] if beside else [head.rstrip()]
        shown = [*first, *(f"{indent}{line}" for line in lines)] or [head.rstrip()]
        if beside and lines:
            shown[0] = f"{head}{lines[0]}"
        self.write("".join(f"{line}\n" for line in shown))

    def write_text(self, text: str) -> None:
        """Write paragraphs; one that begins with a backspace keeps its lines."""
        indent = " " * self.current_indent
        parts = (_paragraph(part, self.width - len(indent)) for part in text.split("\n\n"))
        told = ("\n".join(indent + line for line in part) for part in parts if part)
        self.write("\n\n".join(told) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write terms, and what they mean: beside them, or below where that would be narrow."""
        rows = list(rows)
        width = min(max(len(term) for term, _ in rows), col_max)
        margin = self.current_indent
        if (room := self.width - margin - width - col_spacing) < _LEAST:
            width, room = 0, self.width - margin - _BELOW
        below = " " * (margin + (width + col_spacing if width else _BELOW))
        for term, text in rows:
            terms = filled(term, self.width - margin, _BELOW)
            lines = filled(text, room)
            if lines and len(term) <= width:
                terms = [f"{term:{width + col_spacing}}{lines.pop(0)}"]
            self.write("".join(f"{'':{margin}}{line}\n" for line in terms))
            self.write("".join(f"{below}{line}\n" for line in lines))


def filled(text: str, width: int, hanging: int = 0) -> list[str]:
    """A paragraph as lines, all but the first moved in; it breaks at spaces, and long at `|`."""
    lines: list[str] = []
    gap = " "
    for word in text.replace("\n", " ").split(" "):
        if not word:
            gap += " " * bool(lines)
            continue
        for piece in [word] if len(word) <= width else _alternatives(word):
            if lines and len(lines[-1]) + len(gap) + len(piece) <= width:
                lines[-1] += f"{gap}{piece}"
            else:
                lines.append(f"{'':{hanging if lines else 0}}{piece}")
            gap = ""
        gap = " "
    return lines


def _alternatives(word: str) -> list[str]:
    """The pieces of a|b|c."""
    *pieces, last = word.split("|")
    return [*(f"{piece}|" for piece in pieces), last]


def _paragraph(text: str, width: int) -> list[str]:
    lines = text.strip("\n").splitlines()
    if not lines:
        return []
    if lines[0].strip() == "\b":
        return [part for line in lines[1:] for part in _kept(line, width)]
    indent = len(lines[0]) - len(lines[0].lstrip())
    return [f"{'':{indent}}{line}" for line in filled(" ".join(lines), width - indent)]


def _kept(line: str, width: int) -> list[str]:
    """A line as it stands, if it fits."""
    if len(line) <= width:
        return [line]
    indent = len(line) - len(line.lstrip())
    return [f"{'':{indent}}{part}" for part in filled(line, width - indent, _BELOW)]
