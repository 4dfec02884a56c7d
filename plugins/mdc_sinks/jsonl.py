"""JSONL files: one event a line, plain or compressed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import pyarrow as pa
from msgspec import Meta

from mdc_core.plugin import Options, PartFormat, encode_batch, packer, read_events

_SUFFIX = {"none": "", "gzip": ".gz", "zstd": ".zst", "lz4": ".lz4"}


class JsonLines(PartFormat):
    """Parts as JSONL files, in canonical form."""

    suffix = ".jsonl"

    class Options(Options):
        compression: Annotated[
            Literal["none", "gzip", "zstd", "lz4"], Meta(description="codec")
        ] = "none"

    def __init__(self, options: "JsonLines.Options") -> None:
        super().__init__(options)
        self.suffix = ".jsonl" + _SUFFIX[options.compression]

    def write(self, table: pa.Table, file: BinaryIO) -> None:
        """Write a whole part."""
        codec = self.options.compression
        packed = None if codec == "none" else packer(codec)
        for batch in table.to_batches(max_chunksize=16_384):
            data = encode_batch(batch)
            file.write(data if packed is None else packed.compress(data))
        if packed is not None:
            file.write(packed.flush())

    def read(self, path: Path) -> Iterator[pa.RecordBatch]:
        """The rows of a part."""
        return read_events(path)
