"""Numbers of bytes as people write them."""

import re

from mdc_core.errors import DataError

_UNITS = {
    "": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "KI": 2**10,
    "MI": 2**20,
    "GI": 2**30,
    "TI": 2**40,
}
# Without re.IGNORECASE, which takes six times as long to compile, with each command.
_SIZE = re.compile(r"(\d+)(?:\.(\d+))?\s*([KMGTkmgt]?[Ii]?)([Bb]?)", re.ASCII)


def parse_size(text: str) -> int:
    """A number of bytes as people write it, with its unit: 500MB, 1.5 GiB, 4096B, and 0."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[3].upper() not in _UNITS:
        raise DataError(f"{text!r} is no size (say 500MB, 1.5GiB or 4096B)")
    if not match[3] and not match[4] and int(match[1] + (match[2] or "")):
        raise DataError(f"{text!r} has no unit (say {match[0]}B or {match[0]}MB)")
    whole, fraction, unit = match[1], match[2] or "", _UNITS[match[3].upper()]
    scale: int = 10 ** len(fraction)
    return int(whole + fraction) * unit // scale


def size_text(size: int) -> str:
    """The text of a number of bytes that is read as exactly this number again."""
    fitting = [unit for unit, scale in _UNITS.items() if size and size % scale == 0]
    unit = max(fitting, key=_UNITS.__getitem__, default="")
    return f"{size // _UNITS[unit]}{unit.replace('I', 'i')}{'B' if size else ''}"
