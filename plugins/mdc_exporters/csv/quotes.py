"""Rows of a CSV file whose quotes do not hold: RFC 4180 has nothing behind a closing quote."""

import re
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO, NamedTuple

from msgspec import Struct

_MOST = 1 << 19  # bytes of a row over several lines; Arrow reads none longer than its block
_BOM = b"\xef\xbb\xbf"
_INSIDE = rb'(?:[^"]++|"")*+'
_STAYS_OPEN = re.compile(_INSIDE + rb"\Z")
_OPENS = re.compile(b'"' + _INSIDE + rb"\Z")
_UNCLOSED = "a quote that is not closed"


class _Patterns(NamedTuple):
    """How the fields of a row are written, apart by a sign."""

    fields: re.Pattern[bytes]
    closes: re.Pattern[bytes]


@cache
def _patterns(delimiter: bytes) -> _Patterns:
    sign = re.escape(delimiter)
    closing = rb'"(?=[' + sign + rb"\r\n]|\Z)"
    field = rb'(?:"' + _INSIDE + closing + rb'|[^"' + sign + rb"\r\n][^" + sign + rb"\r\n]*+)?+"
    fields = re.compile(rb"(?:" + field + rb"[" + sign + rb"\r\n])*+" + field)
    return _Patterns(fields, re.compile(_INSIDE + closing))


class LooseRow(Struct):
    """A row that is none, up to the end of the line in which its quote opened."""

    start: int
    end: int
    reason: str
    ends_file: bool = False  # nothing behind it looks like a row: the file ends within quotes


def loose_rows(file: BinaryIO, signs: int, delimiter: bytes = b",") -> Iterator[LooseRow]:
    """Such rows in the order of the file; a line with so many delimiters looks like a row."""
    at = 0
    while line := file.readline():
        row, at = at, at + len(line)
        if b'"' not in line:
            continue
        at, reason, ended = _end_of_row(file, row, line, _patterns(delimiter))
        if reason is None:
            continue
        file.seek(at)
        if ended and not any(text.count(delimiter) == signs for text in file):
            yield LooseRow(row, at, reason, ends_file=True)
            return
        yield LooseRow(row, at, reason)
        file.seek(at)


def _end_of_row(
    file: BinaryIO, row: int, line: bytes, patterns: _Patterns
) -> tuple[int, str | None, bool]:
    """Where the row ends that begins with a line, what is wrong with it, whether the file ended."""
    place = len(_BOM) if row == 0 and line.startswith(_BOM) else 0
    end = row + len(line)
    while True:
        found = patterns.fields.match(line, place)
        place = found.end() if found else 0
        if place == len(line):
            return end, None, False
        if not _OPENS.match(line, place):
            return end, "text behind a closing quote", False
        opened, closed = end, None
        while closed is None:
            line = file.readline()
            end += len(line)
            closed = patterns.closes.match(line)
            longer = end - row < _MOST and _STAYS_OPEN.match(line)
            if closed is None and not (line and longer):
                return opened, _UNCLOSED, not line
        place = closed.end()
