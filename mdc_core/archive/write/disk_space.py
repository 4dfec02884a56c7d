"""Room on the disk: how much is to be left free."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from mdc_core.errors import UsageError

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
_SIZE = re.compile(r"(\d+)(?:\.(\d+))?\s*([KMGT]?I?)B?", re.ASCII | re.IGNORECASE)
DEFAULT_FREE = "1GB,5%"


def parse_size(text: str) -> int:
    """A number of bytes as people write it: 500MB, 1.5 GiB, 4096."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[3].upper() not in _UNITS:
        raise UsageError(f"{text!r} is no size", hint="500MB, 1.5GiB, 4096")
    whole, fraction, unit = match[1], match[2] or "", _UNITS[match[3].upper()]
    scale: int = 10 ** len(fraction)
    return int(whole + fraction) * unit // scale


class Reserve(NamedTuple):
    """What is to be left free: the least of some sizes, and of shares of the disk."""

    sizes: tuple[int, ...]
    percents: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> "Reserve":
        """Read `1GB,5%`: sizes and percents, the least of which counts."""
        words = [word.strip() for word in text.split(",") if word.strip()]
        shares = [word[:-1].strip() for word in words if word.endswith("%")]
        if not words or not all(s.isdecimal() and s.isascii() and int(s) < 100 for s in shares):
            raise UsageError(f"{text!r} is no amount of room", hint="1GB, 5%, 1GB,5%")
        sizes = tuple(parse_size(word) for word in words if not word.endswith("%"))
        return cls(sizes, tuple(map(int, shares)))

    def missing(self, folder: Path) -> int:
        """How many bytes the disk of a directory lacks; 0 if there is enough room."""
        disk = os.statvfs(folder)
        size = disk.f_blocks * disk.f_frsize
        free = disk.f_bavail * disk.f_frsize
        wanted = min([*self.sizes, *(size * percent // 100 for percent in self.percents)])
        return max(wanted - free, 0)
