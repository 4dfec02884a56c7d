"""CSV files: columns named as mdc names its fields, mapped to them, or guessed."""

from collections.abc import Iterator
from io import BytesIO
from math import inf
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from mdc_core.columns import (
    CsvHead,
    NamedColumns,
    Settled,
    TableImporter,
    TableSample,
    csv_head,
    head_of,
    row_texts,
)
from mdc_core.plugin import BadRow, DataError, UsageError
from mdc_exporters.csv.aside import HOLE_REASON, RowsAside
from mdc_exporters.csv.batches import batches_of
from mdc_exporters.csv.quotes import loose_rows
from mdc_exporters.csv.source import HOLE, SUFFIXES, CsvSource, opened, refuse_packed

EXAMPLES = (
    "mdc import --profile csv ticks.csv --guess",
    "mdc import --profile csv ticks.csv --type trade --map time=ts_event,px=price | mdc store",
)


class CsvOptions(NamedColumns, frozen=True, kw_only=True):
    """What the columns are."""

    delimiter: Annotated[
        str | None, Meta(description="the sign between columns, `tab` for that  [default: guessed]")
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delimiter is not None and (len(self.sign or "") != 1 or self.sign == '"'):
            raise UsageError(f"--delimiter takes one sign, or `tab`: {self.delimiter!r}")

    @property
    def sign(self) -> str | None:
        """The sign between columns."""
        return "\t" if self.delimiter in ("tab", "\\t") else self.delimiter


class Csv(TableImporter):
    """A CSV file, or a folder of them; other columns go to `extra`."""

    Options = CsvOptions
    profile = "csv"
    suffixes = SUFFIXES

    def sample(self, path: Path, options: Any) -> TableSample:
        """The first rows of a file."""
        return _head(path, options).sample

    def rows(self, path: Path, settled: Settled) -> Iterator[pa.RecordBatch | BadRow]:
        """The events of a file, and the rows that are none, in the order of the file."""
        head = _head(path, settled.options)
        aside = RowsAside(path, head)
        try:
            with opened(path, head.delimiter) as source:
                aside.source = source
                yield from self._rows(source, aside, settled)
        except (pa.ArrowInvalid, DataError, OSError) as error:
            yield from aside.up_to(inf)
            text = str(error).partition("\n")[0]
            yield BadRow(b"", str(path), f"cannot be read beyond row {aside.rows}: {text}")
        yield from aside.up_to(inf)
        yield from aside.end()

    def _rows(
        self, source: CsvSource, aside: RowsAside, settled: Settled
    ) -> Iterator[pa.RecordBatch | BadRow]:
        for batch in batches_of(source, aside.head, aside.skipped):
            columns, damaged = _texts(batch)
            if source.has_hole:
                damaged |= _holes(columns)
            events, reasons = self.events(settled, columns, dict(damaged))
            if reasons:
                texts = row_texts(columns, sorted(reasons))
                for row, text in texts.items():
                    aside.add(row, text, reasons[row])
            if events is not None and events.num_rows:
                yield events
            aside.rows += batch.num_rows
            yield from aside.up_to(aside.number(-1))


def _head(path: Path, options: Any) -> CsvHead:
    refuse_packed(path)
    data = head_of(path)
    if not data:
        raise DataError("it is empty")
    try:
        data.split(b"\n", 1)[0].decode()
    except UnicodeDecodeError as error:
        raise DataError(f"its header is not UTF-8: {error}") from None
    head = csv_head(data, options.sign, options.columns) or csv_head(data, ",", options.columns)
    if head is None:
        raise DataError("it is empty")
    loose = (
        next(loose_rows(BytesIO(data), 0, head.delimiter.encode()), None)
        if head.has_header
        else None
    )
    if loose is not None and loose.start == 0:
        raise DataError(f"its header: {loose.reason}")
    return head


def _texts(batch: pa.RecordBatch) -> tuple[dict[str, Any], dict[int, str]]:
    """The columns as text, and the rows in which one is none."""
    columns: dict[str, Any] = {}
    damaged: dict[int, str] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            columns[name] = column.cast(pa.string())
        except pa.ArrowInvalid:
            texts = list[str | None]()
            values: list[Any] = column.to_pylist()
            for row, value in enumerate(values):
                try:
                    texts.append(None if value is None else value.decode())
                except UnicodeDecodeError:
                    texts.append(value.decode("utf-8", "backslashreplace"))
                    damaged[row] = "not UTF-8"
            columns[name] = pa.array(texts, pa.string())
    return columns, damaged


def _holes(columns: dict[str, Any]) -> dict[int, str]:
    """The rows with a hole in them, and what is said of them."""
    zeros = HOLE.decode()
    found = (pc.match_substring(column, zeros) for column in columns.values())
    rows = (row for mask in found for row in pc.indices_nonzero(mask).to_pylist())
    return dict.fromkeys(rows, HOLE_REASON)
