"""The end of a container: a hash of everything before it, where its readers look for none.

What a container says of itself (dates, modes, padding) is in no hash of its members. The
seal covers it, so that a flipped bit is found wherever it is.
"""

import hashlib
import os
from typing import BinaryIO, NamedTuple

_MARK = b"mdc pack sha256 "
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


ZIP = Seal(_MARK)  # the comment of the archive
# An empty member more, with the hash in its extra field.
GZIP = Seal(
    b"\x1f\x8b\x08\x04\0\0\0\0\0\xff"
    + (4 + len(_MARK) + _HEX).to_bytes(2, "little")
    + b"md"
    + (len(_MARK) + _HEX).to_bytes(2, "little")
    + _MARK,
    b"\x03\0" + bytes(8),
)
ZSTD = Seal(  # a frame to be skipped
    b"\x5e\x2a\x4d\x18" + (len(_MARK) + _HEX).to_bytes(4, "little") + _MARK
)


def seal(file: BinaryIO, mark: Seal) -> None:
    """Put the hash of a file at its end."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0, os.SEEK_END)
    file.write(mark.before + digest.encode() + mark.after)


def sealed(file: BinaryIO, mark: Seal) -> bytes | None:
    """The hash at the end of a file, None if it does not end with a seal."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - mark.size, 0))
    end = file.read(mark.size)
    digest = end[len(mark.before) : len(mark.before) + _HEX]
    return digest if mark.before + digest + mark.after == end else None


def problem(file: BinaryIO, mark: Seal) -> str | None:
    """What is wrong with the seal of a file, or with what it seals."""
    digest = sealed(file, mark)
    if digest is None:
        return "it does not end as a pack does: cut off, changed, or packed by another program"
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    found = hashlib.sha256()
    left = size - mark.size
    while left and (data := file.read(min(left, 1 << 20))):
        found.update(data)
        left -= len(data)
    if found.hexdigest().encode() != digest:
        return "its bytes are not those that were written"
    return None
