"""File formats of others: read as events, and made of events."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec import Struct

from mdc_core.contracts.options import Plugin
from mdc_core.contracts.store import Part

if TYPE_CHECKING:
    import pyarrow as pa


class ImportRequest(Struct, frozen=True):
    """What a user asks of an importer; [start, end) in nanoseconds since 1970, UTC."""

    path: Path
    symbols: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    zone: tzinfo | None = None  # of times that name none; None: UTC, or as the format has it
    name: str | None = None  # what people call the path where it is a copy: of a pipe, `-`


class BadRow(Struct, frozen=True):
    """What cannot be read: a line, or a whole file (no text); it is set aside and counted."""

    raw: bytes
    where: str  # the file and the line
    reason: str
    breaks_off: bool = False  # more is missing than this: the file is damaged here, or ends


class Importer(Plugin):
    """A file format of others, read as events."""

    def __init__(self, request: ImportRequest, options: Any) -> None:
        self.wanted = request
        self.options = options

    def files(self) -> Sequence[Path]:
        """The files that it reads, whose hashes tell a repeated import; may be none.

        Raises DataError where nothing of what was asked for is there.
        """
        return [self.wanted.path] if self.wanted.path.is_file() else []

    def batches(self) -> "Iterator[pa.RecordBatch | BadRow]":
        """The events in the files, and in their place what cannot be read as one.

        Raises DataError where nothing of what was asked for is there.
        """
        raise NotImplementedError


class Exporter(Plugin):
    """A file format of others, made of events."""

    suffix: str = ""  # of its files; options may decide it

    def __init__(self, options: Any) -> None:
        self.options = options

    def write(self, part: Part, file: BinaryIO) -> None:
        """Write a whole file, opened for writing alone; the driver names, syncs and renames it.

        The part holds events of one symbol, type and day, or whatever was to go into one
        file; its schema has the columns of all their types.
        """
        raise NotImplementedError
