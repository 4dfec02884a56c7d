"""File formats of others: read as events."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mdc_core.contracts.options import Plugin

if TYPE_CHECKING:
    import pyarrow as pa


class ImportRequest(Struct, frozen=True):
    """What a user asks of an importer; [start, end) in nanoseconds since 1970, UTC."""

    path: Path
    symbols: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None


class BadRow(Struct, frozen=True):
    """What cannot be read: a line, or a whole file (no text); it is set aside and counted."""

    raw: bytes
    where: str  # the file and the line
    reason: str


class Importer(Plugin):
    """A file format of others, read as events."""

    def __init__(self, request: ImportRequest, options: Any) -> None:
        self.wanted = request
        self.options = options

    def batches(self) -> "Iterator[pa.RecordBatch | BadRow]":
        """The events in the files, and in their place what cannot be read as one.

        Raises DataError where nothing of what was asked for is there.
        """
        raise NotImplementedError
