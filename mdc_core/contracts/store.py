"""A file format of the archive."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol

from mdc_core.contracts.options import Plugin

if TYPE_CHECKING:
    import pyarrow as pa


class Part(Protocol):
    """The rows of one part of the archive, all of one event type, in time order."""

    rows: int
    schema: "pa.Schema"

    def tables(self) -> "Iterator[pa.Table]":
        """The rows in tables of bounded size, from the beginning each time it is called."""


class PartFormat(Plugin):
    """A file format of the archive: how one part is written, and read again."""

    suffix: str = ""  # of its files; options may decide it
    suffixes: ClassVar[tuple[str, ...]] = ()  # of all that it reads, where there are several
    grows: ClassVar[bool] = False  # whether files one behind another are a file again

    def __init__(self, options: Any) -> None:
        self.options = options

    def write(self, part: Part, metadata: Mapping[bytes, bytes], file: BinaryIO) -> None:
        """Write a whole part; the driver names, syncs and renames the file.

        The metadata says where the rows come from, for formats that have room for it.
        """
        raise NotImplementedError

    def read(self, file: BinaryIO) -> "Iterator[pa.RecordBatch]":
        """The rows of a whole part in their order, some megabytes at a time, with any options.

        Columns may be fewer, or narrower, than those that were written, if all values are
        there. Of a format that grows the file is one piece, which cannot be gone back in.
        A file at which this raises anything is told to be damaged.
        """
        raise NotImplementedError
