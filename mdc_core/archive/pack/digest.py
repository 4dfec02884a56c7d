"""The seal of a container: a hash of everything else in it, where its readers look for none.

What a container says of itself (dates, modes, padding) is in no hash of its members. The
seal covers it, so that a flipped bit is found wherever it is.
"""

import hashlib
import os
from typing import BinaryIO, NamedTuple

MARK = b"mdc pack sha256 "
_HEX = 64


class Seal(NamedTuple):
    """The bytes around the hash, as a container's format needs them."""

    before: bytes
    after: bytes = b""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.before) + _HEX + len(self.after)

    @property
    def blank(self) -> bytes:
        """A seal with no hash in it yet."""
        return self.before + b"0" * _HEX + self.after

    def place(self, file: BinaryIO) -> int:
        """Where it begins: at the end of a file."""
        return max(file.seek(0, os.SEEK_END) - self.size, 0)

    def make_room(self, file: BinaryIO) -> int:
        """Change a file that has none so that there is room for it; where that is."""
        return file.seek(0, os.SEEK_END)


ZIP = Seal(MARK)  # the comment of the archive
# An empty member more, with the hash in its extra field.
GZIP = Seal(
    b"\x1f\x8b\x08\x04\0\0\0\0\0\xff"
    + (4 + len(MARK) + _HEX).to_bytes(2, "little")
    + b"md"
    + (len(MARK) + _HEX).to_bytes(2, "little")
    + MARK,
    b"\x03\0" + bytes(8),
)
ZSTD = Seal(  # a frame to be skipped
    b"\x5e\x2a\x4d\x18" + (len(MARK) + _HEX).to_bytes(4, "little") + MARK
)


def seal(file: BinaryIO, mark: Seal) -> None:
    """Put the hash of a file into it."""
    at = mark.make_room(file)
    digest = _hash_beside(file, at, at + mark.size)
    file.seek(at)
    file.write(mark.before + digest + mark.after)


def sealed(file: BinaryIO, mark: Seal) -> bytes | None:
    """The hash that a file says of itself, None if it has no seal."""
    file.seek(mark.place(file))
    said = file.read(mark.size)
    digest = said[len(mark.before) : len(mark.before) + _HEX]
    return digest if mark.before + digest + mark.after == said else None


def problem(file: BinaryIO, mark: Seal) -> str | None:
    """What is wrong with the seal of a file, or with what it seals."""
    digest = sealed(file, mark)
    if digest is None:
        return "it does not end as a pack does: cut off, changed, or packed by another program"
    at = mark.place(file)
    if _hash_beside(file, at, at + mark.size) != digest:
        return "its bytes are not those that were written"
    return None


def _hash_beside(file: BinaryIO, start: int, stop: int) -> bytes:
    """The hash of a file without a piece of it."""
    found = hashlib.sha256()
    for at, end in ((0, start), (stop, file.seek(0, os.SEEK_END))):
        file.seek(at)
        left = end - at
        while left > 0 and (data := file.read(min(left, 1 << 20))):
            found.update(data)
            left -= len(data)
    return found.hexdigest().encode()
