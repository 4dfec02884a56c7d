"""Room on the disk: how much is to be left free."""

import os
from pathlib import Path
from typing import NamedTuple

from mdc_core.errors import DataError, UsageError
from mdc_core.sizes import parse_size

DEFAULT_FREE = "1GB,5%"


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
        try:
            sizes = tuple(parse_size(word) for word in words if not word.endswith("%"))
        except DataError as error:
            raise UsageError(str(error)) from None
        return cls(sizes, tuple(map(int, shares)))

    def missing(self, folder: Path) -> int:
        """How many bytes the disk of a directory lacks; 0 if there is enough room."""
        disk = os.statvfs(folder)
        size = disk.f_blocks * disk.f_frsize
        free = disk.f_bavail * disk.f_frsize
        wanted = min([*self.sizes, *(size * percent // 100 for percent in self.percents)])
        return max(wanted - free, 0)
