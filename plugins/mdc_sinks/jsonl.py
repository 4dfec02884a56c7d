"""JSONL files: one event a line, plain or compressed."""

from collections.abc import Mapping
from typing import Annotated, BinaryIO, Literal

from msgspec import Meta

from mdc_core.plugin import Options, Part, PartFormat, encode_batch, packer

ROWS = 16_384  # written at once
_SUFFIX = {"none": "", "gzip": ".gz", "zstd": ".zst", "lz4": ".lz4"}


class JsonLinesOptions(Options, frozen=True, kw_only=True):
    """How the files are compressed."""

    compression: Annotated[
        Literal["none", "gzip", "zstd", "lz4"], Meta(description="codec")
    ] = "none"


class JsonLines(PartFormat):
    """Parts as JSONL files, in canonical form."""

    Options = JsonLinesOptions
    suffix = ".jsonl"

    def __init__(self, options: JsonLinesOptions) -> None:
        super().__init__(options)
        self.suffix = ".jsonl" + _SUFFIX[options.compression]

    def write(self, part: Part, metadata: Mapping[bytes, bytes], file: BinaryIO) -> None:
        """Write a whole part; JSONL has no room for metadata."""
        codec = self.options.compression
        packed = None if codec == "none" else packer(codec)
        for table in part.tables():
            for batch in table.to_batches(max_chunksize=ROWS):
                data = encode_batch(batch)
                file.write(data if packed is None else packed.compress(data))
        if packed is not None:
            file.write(packed.flush())
