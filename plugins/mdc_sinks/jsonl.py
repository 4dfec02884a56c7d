"""JSONL files: one event a line, plain or compressed."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

from msgspec import Meta

from mdc_core.columns import packer
from mdc_core.plugin import Options, Part, PartFormat, decode_batches, encode_batch
from mdc_sinks.levels import check_level

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 16_384  # written at once
_SUFFIX = {"none": "", "gzip": ".gz", "zstd": ".zst", "lz4": ".lz4"}


class JsonLinesOptions(Options, frozen=True, kw_only=True):
    """How the files are compressed."""

    compression: Annotated[Literal["none", "gzip", "zstd", "lz4"], Meta(description="codec")] = (
        "none"
    )
    level: Annotated[int | None, Meta(description="level of the codec")] = None

    def __post_init__(self) -> None:
        check_level(self.compression, self.level)


class JsonLines(PartFormat):
    """Parts as JSONL files, in canonical form."""

    Options = JsonLinesOptions
    suffix = ".jsonl"
    suffixes = tuple(".jsonl" + codec for codec in _SUFFIX.values())
    grows = True

    def __init__(self, options: JsonLinesOptions) -> None:
        super().__init__(options)
        self.suffix = ".jsonl" + _SUFFIX[options.compression]

    def write(self, part: Part, metadata: Mapping[bytes, bytes], file: BinaryIO) -> None:
        """Write a whole part; JSONL has no room for metadata."""
        codec = self.options.compression
        packed = None if codec == "none" else packer(codec, self.options.level)
        for table in part.tables():
            for batch in table.to_batches(max_chunksize=ROWS):
                data = encode_batch(batch)
                file.write(data if packed is None else packed.compress(data))
        if packed is not None:
            file.write(packed.flush())

    def read(self, file: BinaryIO) -> "Iterator[pa.RecordBatch]":
        """The events of the lines, whatever they are compressed by."""
        return decode_batches(file)
