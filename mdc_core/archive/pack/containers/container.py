"""What every kind of container of a pack is: files in one file, written and read as a stream.

Written, the same members always give the same bytes: no times, owners or modes but fixed
ones. Read, a member's name, kind and bytes go to a `Taker`, which knows what it wants; no
size that a container declares is believed, and nothing but a regular file is taken.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from mdc_core.archive.pack.digest import Seal

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
