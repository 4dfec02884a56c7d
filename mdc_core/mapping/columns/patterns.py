"""How times are written, as patterns of which the same ISO 8601 text is made."""

import re
from functools import cache
from typing import Any

import pyarrow as pa

from mdc_core.errors import DataError, UsageError
from mdc_core.mapping.columns.converting import Array, compute

_OFFSET = r"(?P<z>Z|[+-]\d\d:?\d\d|[+-]\d\d| ?UTC| ?GMT)?"
# 2024.01.02 09:30:00.123, 2024/1/2; 20240102 093000, 20240102T093000123, 20240102, 20240102093000
AUTOMATIC = (
    r"^(?P<Y>\d{4})[-./](?P<m>\d{1,2})[-./](?P<d>\d{1,2})"
    r"(?:[ T]+(?P<H>\d{1,2}):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,:](?P<f>\d{1,9}))?)?"
    + _OFFSET
    + ")?$",
    r"^(?P<Y>\d{4})(?P<m>\d\d)(?P<d>\d\d)"
    r"(?:[ T_]+(?P<H>\d\d):?(?P<M>\d\d)(?::?(?P<S>\d\d)(?:[.,:]?(?P<f>\d{1,9}))?)?"
    + _OFFSET
    + ")?$",
    r"^(?P<Y>\d{4})(?P<m>\d\d)(?P<d>\d\d)"
    r"[ T]+(?P<H>\d):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?" + _OFFSET + "$",
    r"^(?P<Y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(?P<H>\d\d)(?P<M>\d\d)(?:(?P<S>\d\d)(?P<f>\d{3})?)?$",
)
_DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d\d)",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "e": r" ?(?P<d>\d{1,2})",
    "b": r"(?P<b>[A-Za-z]{3})",
    "B": r"(?P<b>[A-Za-z]{3})[a-z]*",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<H>\d{1,2})",
    "M": r"(?P<M>\d\d)",
    "S": r"(?P<S>\d\d)",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp])[Mm]",
    "z": r"(?P<z>Z|[+-]\d\d:?\d\d)",
    "a": r"[A-Za-z]{3}",
    "A": r"[A-Za-z]+",
    "%": "%",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_HINT = "such as '%m/%d/%Y %H:%M:%S.%f'"


@cache
def pattern_of(form: str) -> str:
    """The pattern of a time format; raises UsageError for one that names no day."""
    pieces = [r"^\s*"]
    letters = iter(form)
    seen = set[str]()
    for letter in letters:
        if letter != "%":
            pieces.append(re.escape(letter) if not letter.isspace() else r"\s+")
            continue
        directive = next(letters, "").replace("T", "H")
        if directive not in _DIRECTIVES or directive in seen:
            raise UsageError(f"--time-format {form}: no such directive: %{directive}", hint=_HINT)
        seen.add(directive)
        pieces.append(_DIRECTIVES[directive])
    if not (seen & {"Y", "y"} and seen & {"m", "b", "B"} and seen & {"d", "e"}):
        raise UsageError(f"--time-format {form}: it names no day", hint=_HINT)
    return "".join(pieces) + r"\s*$"


def iso_text(text: Array, pattern: str) -> Array:
    """Times that are written like a pattern as ISO 8601; raises DataError where one is not."""
    found = compute.extract_regex(text, pattern)
    if found.null_count > text.null_count:
        raise DataError("written in another way")
    parts = {field.name: compute.struct_field(found, field.name) for field in found.type}
    pieces: list[Any] = [_year(parts), "-", _month(parts), "-", _padded(parts["d"])]
    if "H" in parts:
        pieces += ["T", _hour(parts)]
        for sign, name in (":", "M"), (":", "S"):
            pieces += [sign, _or_zero(parts[name]) if name in parts else "00"]
        if "f" in parts:
            fraction = parts["f"]
            empty = compute.equal(compute.utf8_length(fraction), 0)
            pieces += [".", compute.if_else(empty, "0", fraction)]
    if "z" in parts:
        pieces.append(compute.replace_substring_regex(parts["z"], r"^ ?(UTC|GMT)$", "Z"))
    joined: Array = compute.binary_join_element_wise(*pieces, "")
    return joined


def _year(parts: dict[str, Array]) -> Array:
    if "Y" in parts:
        return parts["Y"]
    century = compute.if_else(compute.greater_equal(parts["y"], "69"), "19", "20")
    return compute.binary_join_element_wise(century, parts["y"], "")


def _month(parts: dict[str, Array]) -> Array:
    if "m" in parts:
        return _padded(parts["m"])
    encoded = parts["b"].dictionary_encode()
    names = [name.lower() for name in encoded.dictionary.to_pylist()]
    if not set(names) <= set(_MONTHS):
        raise DataError("no month")
    numbers = [f"{_MONTHS.index(name) + 1:02d}" for name in names]
    return pa.array(numbers, pa.string()).take(encoded.indices)


def _hour(parts: dict[str, Array]) -> Array:
    hour = _or_zero(parts["H"])
    if "p" not in parts:
        return _padded(hour)
    number = compute.cast(hour, pa.int32())
    number = compute.if_else(compute.equal(number, 12), 0, number)
    late = compute.equal(compute.utf8_lower(parts["p"]), "p")
    return _padded(
        compute.cast(compute.if_else(late, compute.add(number, 12), number), pa.string())
    )


def _padded(text: Array) -> Array:
    return compute.utf8_lpad(text, 2, "0")


def _or_zero(text: Array) -> Array:
    return compute.if_else(compute.equal(compute.utf8_length(text), 0), "00", text)
