"""The formats that come with mdc keep to the contract as anybody's do."""

from typing import ClassVar

from mdc_core.testing import PartFormatSuite
from mdc_sinks.jsonl import JsonLines
from mdc_sinks.parquet import Parquet


class TestJsonLines(PartFormatSuite):
    part_format = JsonLines


class TestJsonLinesZstd(PartFormatSuite):
    part_format = JsonLines
    options: ClassVar = {"compression": "zstd", "level": 19}


class TestJsonLinesGzip(PartFormatSuite):
    part_format = JsonLines
    options: ClassVar = {"compression": "gzip"}


class TestJsonLinesLz4(PartFormatSuite):
    part_format = JsonLines
    options: ClassVar = {"compression": "lz4"}


class TestParquet(PartFormatSuite):
    part_format = Parquet


class TestParquetInSmallRowGroups(PartFormatSuite):
    part_format = Parquet
    options: ClassVar = {"compression": "gzip", "row_group": 3}
