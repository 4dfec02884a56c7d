"""The containers that a pack can be: files in one file, written and read as a stream.

Written, the same members always give the same bytes: no times, owners or modes but fixed
ones. Read, a member's name, kind and bytes go to a `Taker`, which knows what it wants; no
size that a container declares is believed, and nothing but a regular file is taken.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from mdc_core.archive.pack.digest import Seal
from mdc_core.errors import UsageError

COPY_BYTES = 1 << 20


class Member(NamedTuple):
    """A file to be written: its name, its exact size, how to open it."""

    name: str
    size: int
    open: Callable[[], BinaryIO]
    packed: bool = False  # whether it is compressed already


class Taker(Protocol):
    """Who gets the members of a container; what it raises ends the reading."""

    def begin(self, name: str) -> None:
        """A member begins."""

    def write(self, data: bytes) -> None:
        """The next bytes of the member."""

    def end(self, damage: str | None = None) -> None:
        """The member has ended, or cannot be read further for this reason."""


class Container(Protocol):
    """One kind of container."""

    suffix: str

    @property
    def seal(self) -> Seal | None:
        """What it ends with; None if its own checksums cover all of it."""

    def write(self, file: BinaryIO, members: Iterable[Member]) -> None:
        """Write the members, without the seal."""

    def read(self, path: Path, taker: Taker) -> None:
        """Hand the members over, in order; raises DataError where that is not possible."""


FORMATS = ("zip", "tar.gz", "tar.zst", "7z")


def container(name: str) -> Container:
    """The container of a format's name."""
    if name == "zip":
        from mdc_core.archive.pack.zips import Zip

        return Zip()
    if name == "7z":
        from mdc_core.archive.pack.sevenzip import SevenZip

        return SevenZip()
    from mdc_core.archive.pack.tars import TarGz, TarZst

    return TarGz() if name == "tar.gz" else TarZst()


def format_of(path: Path) -> str | None:
    """The format that a file's name says, None if it says none."""
    return next((f for f in FORMATS if path.name.endswith(f".{f}")), None)


def asked_format(path: Path, named: str | None) -> str:
    """The format to write: what is named, else what the suffix says."""
    found = named or format_of(path)
    if found is None:
        raise UsageError(
            f"{path}: its name does not say which container it is",
            hint=f"end it in .{', .'.join(FORMATS)}, or say --format",
        )
    return found


def sniffed(path: Path) -> str | None:
    """The format of a file by its first bytes."""
    with path.open("rb") as file:
        head = file.read(6)
    marks = {
        b"PK\x03\x04": "zip",
        b"PK\x05\x06": "zip",
        b"\x1f\x8b": "tar.gz",
        b"\x28\xb5\x2f\xfd": "tar.zst",
        b"7z\xbc\xaf\x27\x1c": "7z",
    }
    return next((name for mark, name in marks.items() if head.startswith(mark)), None)
