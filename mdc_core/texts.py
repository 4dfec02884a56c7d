"""Texts of others: fit for a line on a terminal, and for an event."""

import re
from typing import Any

# What moves the cursor, rings, colours, turns the direction of reading or begins a line, and
# halves of characters; compiled where there is something.
_ODD = "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
_ODD_IN_LINES = _ODD.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f")


def one_line(text: str) -> str:
    """The text on one line, with the escapes of what a terminal would obey instead of showing."""
    return text if text.isprintable() else re.sub(_ODD, _escape, text)


def lines(text: str) -> str:
    """A text of several lines, with such escapes shown in each."""
    return text if text.isprintable() else re.sub(_ODD_IN_LINES, _escape, text)


def _escape(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def encodable(value: Any) -> Any:
    """A text, or the texts within lists and dicts, with escapes for halves of characters."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(item) for item in value]
    return value


def said(error: BaseException) -> str:
    """What an error says; a stranger's may fail at that as well."""
    try:
        return one_line(str(error))
    except Exception as other:
        return f"what it says cannot be told: {type(other).__name__}"
