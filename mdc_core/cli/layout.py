"""Help as click lays it out, without what it imports to break lines where that is no need."""

from collections.abc import Iterable

import click
from click.formatting import wrap_text


class HelpLayout(click.HelpFormatter):
    """Help, line for line as click's own class writes it."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how a command is called."""
        line = f"{'Usage: ' if prefix is None else prefix}{prog} {args}"
        if args and len(line) + 20 <= self.width and not self.current_indent:
            self.write(f"{line}\n")
        else:
            super().write_usage(prog, args, prefix)

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        if any(mark in text for mark in ("\b", "\n ", "\n\n\n")):
            super().write_text(text)
            return
        indent = " " * self.current_indent
        parts = [
            filled(part.replace("\n", " "), self.width - len(indent)) for part in text.split("\n\n")
        ]
        self.write("\n\n".join("\n".join(indent + line for line in part) for part in parts) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write terms, and what they mean."""
        rows = list(rows)
        width = min(max(len(term) for term, _ in rows), col_max)
        indent = " " * self.current_indent
        below = f"\n{indent}{' ' * (width + col_spacing)}"
        for term, text in rows:
            between = " " * (width - len(term) + col_spacing) if len(term) <= width else below
            lines = filled(text, max(self.width - width - col_spacing - 2, 10))
            self.write(f"{indent}{term}{between if text else ''}{below.join(lines)}\n")


def filled(text: str, width: int) -> list[str]:
    """A paragraph as lines; click breaks those in which it may break a word."""
    if len(text) <= width and "\n" not in text:
        return [text] if text else []
    words = text.split(" ")
    if not text.isascii() or not text.isprintable() or "-" in text or max(map(len, words)) > width:
        return wrap_text(text, width, preserve_paragraphs=True).splitlines()
    lines = [""]
    for word in words:
        if not lines[-1]:
            lines[-1] = word
        elif len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines[-1] = lines[-1].rstrip()
            lines.append(word)
    return lines
