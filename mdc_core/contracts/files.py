"""A file format of others, read as events."""

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


class Importer(Plugin):
    """A file format of others, read as events."""

    def __init__(self, request: ImportRequest, options: Any) -> None:
        self.wanted = request
        self.options = options

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """The events in the files; raises DataError for a file of a kind it cannot read."""
        raise NotImplementedError
