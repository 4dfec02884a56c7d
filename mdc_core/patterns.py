"""Patterns of symbols, as of file names: `*`, `?` and `[...]`, exactly as they are written.

One pattern is a regular expression for Python and Arrow alike, and a GLOB for SQLite.
"""

import re
from functools import cache

_SPECIAL = re.compile(r"[*?[]")
_SET = re.compile(r"\[([!^]?+)(\][^\]]*|[^\]]+)\]")
_PIECE = re.compile(rf"{_SET.pattern}|.", re.DOTALL)


def is_pattern(word: str) -> bool:
    """Whether a word stands for several symbols."""
    return _SPECIAL.search(word) is not None


def prefix(pattern: str) -> str:
    """What everything that a pattern matches begins with."""
    return _SPECIAL.split(pattern, maxsplit=1)[0]


def glob(pattern: str) -> str:
    """The pattern as SQLite's GLOB has it."""
    pieces = []
    for match in _PIECE.finditer(pattern):
        inverted, within = match.groups()
        if within is not None:
            pieces.append(f"[{'^' if inverted else ''}{within}]")
        else:
            pieces.append("[[]" if match[0] == "[" else match[0])
    return "".join(pieces)


@cache
def expression(pattern: str) -> str:
    """The regular expression of a pattern, to be matched with all of a symbol."""
    pieces = []
    for match in _PIECE.finditer(pattern):
        inverted, within = match.groups()
        if within is not None:
            pieces.append(_set(within, bool(inverted)))
        else:
            pieces.append({"*": ".*", "?": "."}.get(match[0]) or re.escape(match[0]))
    return f"(?s:{''.join(pieces)})"


def matches(pattern: str, symbol: str) -> bool:
    """Whether a symbol is one of those that a pattern stands for."""
    return re.fullmatch(expression(pattern), symbol) is not None


def _set(within: str, inverted: bool) -> str:
    """The characters of a set; a range that runs backwards has none."""
    found, at = [], 0
    while at < len(within):
        first, last = within[at], within[at + 2 : at + 3]
        if within[at + 1 : at + 2] == "-" and last and (at or first != "]"):
            found += [f"{re.escape(first)}-{re.escape(last)}"] if first <= last else []
            at += 3
        else:
            found.append(re.escape(first))
            at += 1
    if not found:
        return "." if inverted else r"[^\s\S]"
    return f"[{'^' if inverted else ''}{''.join(found)}]"
