"""Texts of others: fit for a line on a terminal, and for an event."""

import re
from typing import Any

# What moves the cursor, rings, colours, turns the direction of reading or begins a line, and
# halves of characters; compiled where there is something.
_ODD = "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
_ODD_IN_LINES = _ODD.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f")


def typed(*words: object) -> str:
    """A command of mdc as it is typed: for a hint."""
    from shlex import join

    return join(("mdc", *map(str, words)))


def one_line(text: str) -> str:
    """The text on one line, with the escapes of what a terminal would obey instead of showing."""
    return text if text.isprintable() else re.sub(_ODD, _escape, text)


def lines(text: str) -> str:
    """A text of several lines, with such escapes shown in each."""
    return text if text.isprintable() else re.sub(_ODD_IN_LINES, _escape, text)


def _escape(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def counted(number: int, noun: str, several: str = "") -> str:
    """A number with its noun: 1 event, 2 events, 3 tries."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def waited(seconds: float) -> str:
    """How long is waited, in words: 2.5 s, 12 ms."""
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"


def encodable(value: Any) -> Any:
    """A text, or the texts within lists and dicts, with escapes for halves of characters."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(item) for item in value]
    return value


# What a decoder expects, in the words of msgspec and of json, and in plain ones.
_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
# What a number or a word of JSON may be at its end, where the rest is missing.
_BEGUN = "[-+.eE]*|t(ru?)?|f(a(ls?)?)?|n(ul?)?"
_FAULTS = {
    "Expecting value": "a value is missing",
    "Expecting ',' delimiter": "a comma is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting property name enclosed in double quotes": "a name in double quotes is missing",
    "Extra data": "there is more behind the object",
    "Unterminated string starting at": "a string without its closing quote",
    "Invalid control character at": "a control character in a string",
    "Invalid \\escape": "a backslash that escapes nothing",
}


def plainly(error: BaseException) -> str:
    """What a decoder says of a value, in plain words: `symbol: a whole number, not a text`."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 from byte {error.start + 1} on"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    fault = getattr(error, "msg", None)
    if isinstance(fault, str) and hasattr(error, "colno"):  # of json; line 1 is all there is
        text = str(getattr(error, "doc", "")).rstrip()
        if error.colno == 1:
            return f"it begins with {text[:20]!r}"
        if _is_truncated(text, fault, error.colno - 1):
            return f"the line is truncated, after character {len(text)}"
        return f"{_FAULTS.get(fault, fault)} at character {error.colno}"
    text, _, place = str(error).partition(" - at `")
    place = place.rstrip("`").removeprefix("$").removeprefix(".")
    found = re.fullmatch(r"Expected `(.*?)`(?:, got `(.*)`)?( .*)?", text)
    if found is not None:
        wanted, got, bound = found.groups()
        kinds = [_KINDS.get(kind, kind) for kind in wanted.split(" | ") if kind != "null"]
        wanted = f"{' or '.join(kinds) or 'null'}{bound or ''}"
        text = f"{_KINDS.get(got, got)}, not {wanted}" if got else f"must be {wanted}"
    text = re.sub(r"Object (contains|missing) (\w+) field `(.*)`", r"\2 field \3", text)
    text = text.replace("unknown field", "no such field:").replace("required field", "it lacks")
    return f"{place}: {text}" if place else text


def _is_truncated(text: str, fault: str, place: int) -> bool:
    """Whether nothing is wrong with a JSON object but that it ends too early."""
    if fault.startswith("Unterminated string"):
        return not text.endswith("}")
    rest = text[place:]
    if fault.startswith("Invalid \\u"):
        return len(rest) < len("uXXXX") and not rest.endswith("}")
    return re.fullmatch(_BEGUN, rest) is not None


def said(error: BaseException) -> str:
    """What an error says; a stranger's may fail at that as well."""
    try:
        return one_line(str(error))
    except Exception as other:
        return f"what it says cannot be told: {type(other).__name__}"
