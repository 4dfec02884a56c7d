"""The rows of a CSV file as columns of bytes."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv as csv

from mdc_core.columns import CsvHead
from mdc_core.plugin import DataError
from mdc_exporters.csv.source import CsvSource

_BLOCK = 1 << 20  # bytes read at once


def batches_of(
    source: CsvSource, head: CsvHead, bad: list[csv.InvalidRow]
) -> Iterator[pa.RecordBatch]:
    """The rows of a file as the bytes in it; lines of another width are put to `bad`."""

    def keep(row: csv.InvalidRow) -> Literal["skip"]:
        bad.append(row)
        return "skip"

    encoding, names = source.encoding, list(head.sample.columns)
    parsing = csv.ParseOptions(
        delimiter=head.delimiter, newlines_in_values=True, invalid_row_handler=keep
    )
    there = _header(source, parsing) if head.has_header else names
    if not there:
        return
    with csv.open_csv(
        source.rows(len(there)),
        csv.ReadOptions(
            use_threads=False,
            block_size=_BLOCK,
            encoding=encoding,
            column_names=None if head.has_header else names,
        ),
        parsing,
        csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(there, pa.binary()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ) as reader:
        for batch in reader:
            columns = batch.columns
            if encoding != "utf-8":
                columns = [_as_in_file(column, encoding) for column in columns]
            yield pa.RecordBatch.from_arrays(columns, names)


def _header(source: CsvSource, parsing: csv.ParseOptions) -> list[str]:
    """The names of the columns as Arrow reads them; none where the file breaks off before."""
    with source.path.open("rb") as file:
        header = file.readline(_BLOCK)
    if not header.strip():
        if header or source.damage is not None:
            return []
        raise DataError("it is empty")
    reading = csv.ReadOptions(encoding=source.encoding)
    return list(csv.read_csv(BytesIO(header), reading, parsing).schema.names)


def _as_in_file(column: Any, encoding: str) -> Any:
    """The values as the bytes that they were before Arrow made UTF-8 of them."""
    values = [None if v is None else v.decode().encode(encoding) for v in column.to_pylist()]
    return pa.array(values, pa.binary())
