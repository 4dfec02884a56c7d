"""CSV files with a header: columns named as mdc names its fields, or mapped to them."""

from bisect import bisect_right
from collections.abc import Collection, Iterator
from io import BytesIO
from math import inf
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.csv as csv
from msgspec import Meta
from msgspec.structs import replace

from mdc_core.columns import LinesParser, field_names
from mdc_core.plugin import (
    EVENT_TYPES,
    BadRow,
    DataError,
    Importer,
    Options,
    UsageError,
    files_below,
    integers,
    known,
    unknown,
)
from mdc_exporters.csv.lines import lines_of
from mdc_exporters.csv.source import HOLE, SUFFIXES, CsvSource, opened

_BLOCK = 1 << 20  # bytes read at once
_ZEROS = rb"\u0000" * len(HOLE)  # in a line that was made of a row
_LF = rb"\u000a"  # in such a line
_HOLE = "zero bytes: something is missing here"
_HINT = "say --type TYPE, and --map NAME=FIELD for what has another name"

EXAMPLES = (
    "mdc import --profile csv ticks.csv --type trade --map time=ts_event --map px=price"
    " | mdc store",
)


class CsvOptions(Options, frozen=True, kw_only=True):
    """What the columns are."""

    map: Annotated[
        tuple[str, ...], Meta(description="a column of the files and the field it is: NAME=FIELD")
    ] = ()
    type: Annotated[str | None, Meta(description="the event type of rows that do not say it")] = (
        None
    )

    def __post_init__(self) -> None:
        fields = {"type", *(name for kind in EVENT_TYPES for name in field_names(kind))}
        for text in self.map:
            name, _, field = text.rpartition("=")
            if not name:
                raise UsageError(f"--map {text}: no name of a column", hint="--map NAME=FIELD")
            if field not in fields:
                raise UsageError(unknown("field to map to", field, fields))
        if self.type is not None and self.type not in EVENT_TYPES:
            raise UsageError(unknown("event type", self.type, EVENT_TYPES), hint=known(EVENT_TYPES))

    @property
    def names(self) -> dict[str, str]:
        """Which field a column of another name is."""
        pairs = (text.rpartition("=") for text in self.map)
        return {name: field for name, _, field in pairs}


class Csv(Importer):
    """A CSV file, or a folder of them; other columns go to `extra`."""

    Options = CsvOptions

    def batches(self) -> Iterator[pa.RecordBatch | BadRow]:
        """The events of the files, file by file, as they stand in them."""
        path = self.wanted.path
        if not path.exists():
            raise DataError(f"{path}: no such file or folder")
        files = [path]
        if path.is_dir():
            files = sorted(file for file in files_below(path) if file.name.endswith(SUFFIXES))
        if not files:
            raise DataError(f"{path}: no .csv file in it")
        there: set[str] = set()  # the fields that any file has
        for file in files:
            yield from self._read(file, there)
        if there:
            self._refuse_without(self._asked(), there)

    def _read(self, path: Path, there: set[str]) -> Iterator[pa.RecordBatch | BadRow]:
        aside = _RowsAside(path)
        try:
            with opened(path) as source:
                aside.source = source
                yield from self._rows(source, aside, there)
        except (pa.ArrowInvalid, DataError, OSError) as error:
            yield from aside.up_to(inf)
            text = str(error).partition("\n")[0]
            yield BadRow(b"", str(path), f"cannot be read beyond row {aside.rows}: {text}")
        yield from aside.up_to(inf)
        yield from aside.end()

    def _rows(
        self, source: CsvSource, aside: "_RowsAside", there: set[str]
    ) -> Iterator[pa.RecordBatch | BadRow]:
        parser = LinesParser(aside.add)
        for batch in _batches(source, aside.skipped):
            columns = self._named(batch, self.options.names)
            there.update(columns)
            if not self.wanted.path.is_dir():
                self._refuse_without(self._asked(), columns)
            lines = lines_of(columns, self.options.type)
            lines = aside.without(aside.holes(lines), lines)
            for piece in parser.parse(lines):
                yield self._chosen(piece[0])
            aside.rows += batch.num_rows
            yield from aside.up_to(aside.number(-1))

    def _named(self, batch: pa.RecordBatch, names: dict[str, str]) -> dict[str, Any]:
        """The columns by the names of their fields; raises DataError where one is missing."""
        there = batch.schema.names
        missing = [name for name in names if name not in there]
        if missing:
            raise DataError(f"no column {missing[0]!r} (there are: {', '.join(there)})")
        fields = [names.get(name, name) for name in there]
        twice = {field for field in fields if fields.count(field) > 1}
        if twice:
            raise DataError(f"more than one column is {min(twice)!r}")
        if "type" not in fields and self.options.type is None:
            raise DataError(f"no column 'type' (there are: {', '.join(there)}); {_HINT}")
        if "type" not in fields and self.options.type is not None:
            needed = EVENT_TYPES[self.options.type].required
            self._refuse_without(dict.fromkeys(needed, self.options.type), fields)
        return dict(zip(fields, batch.columns, strict=True))

    def _asked(self) -> dict[str, str]:
        """The fields that the rows are chosen by, and who asks for them."""
        wanted = self.wanted
        asked = {"symbol": "--symbol"} if wanted.symbols else {}
        if wanted.start is not None or wanted.end is not None:
            asked["ts_event"] = "--to" if wanted.start is None else "--from"
        return asked

    def _refuse_without(self, needed: dict[str, str], there: Collection[str]) -> None:
        """Refuse files without the column of a needed field; one among others is set aside."""
        missing = [field for field in needed if field not in there]
        if not missing:
            return
        who, columns = needed[missing[0]], ", ".join(there)
        text = f"{who} needs {' and '.join(missing)}: no such column (there are: {columns})"
        hint = " ".join(f"--map NAME={field}" for field in missing)
        if self.wanted.path.is_dir() and who == self.options.type:
            raise DataError(f"{text}; {hint}")
        raise UsageError(text, hint=f"{hint} says which column it is")

    def _chosen(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of the symbols and the times that were asked for."""
        wanted = self.wanted
        if wanted.symbols:
            symbols = set(wanted.symbols)
            column: Any = batch.column("symbol").to_pylist()
            batch = batch.filter(pa.array([symbol in symbols for symbol in column]))
        if wanted.start is not None or wanted.end is not None:
            times, known = integers(batch, "ts_event")
            if wanted.start is not None:
                known &= times >= wanted.start
            if wanted.end is not None:
                known &= times < wanted.end
            batch = batch.filter(pa.array(known))
        return batch


class _RowsAside:
    """The rows of a file that are no events, in the order of the file."""

    def __init__(self, path: Path) -> None:
        self.rows = 0  # that have been read before the batch in hand
        self.skipped: list[csv.InvalidRow] = []  # of another width, as far as Arrow has read
        self.source: CsvSource | None = None
        self._path = path
        self._taken = 0  # of those that were skipped
        self._waiting: list[tuple[int, BadRow]] = []

    def number(self, row: int) -> int:
        """The place in the file of a row of the batch in hand; the header is its first row."""
        number = self.rows + row + 2
        for one in self.skipped:
            number += (one.number or number + 1) <= number
        return number

    def add(self, row: int, text: bytes, reason: str) -> None:
        """Set a row of the batch in hand aside."""
        try:
            text.decode()
        except UnicodeDecodeError:
            reason = "not UTF-8"
        self._add(self.number(row), text, reason)

    def holes(self, lines: bytes) -> dict[int, str]:
        """The rows of the batch in hand with a hole in them, and what is said of them."""
        if self.source is None or not self.source.has_hole or _ZEROS not in lines:
            return {}
        return {row: _HOLE for row, line in enumerate(lines.split(b"\n")) if _ZEROS in line}

    def without(self, bad: dict[int, str], lines: bytes) -> bytes:
        """Lines of the batch in hand; the bad ones set aside."""
        if not bad:
            return lines
        kept = lines.split(b"\n")
        for row, reason in bad.items():
            if kept[row]:
                self.add(row, kept[row], reason)
                kept[row] = b""
        return b"\n".join(kept)

    def up_to(self, last: float) -> Iterator[BadRow]:
        """Those up to a row of the file."""
        for row in self.skipped[self._taken :]:
            self._add(row.number or 0, *self._skipped(row))
        self._taken = len(self.skipped)
        self._waiting.sort(key=itemgetter(0))
        count = bisect_right(self._waiting, last, key=itemgetter(0))
        yield from [self._judged(*one) for one in self._waiting[:count]]
        del self._waiting[:count]

    def end(self) -> Iterator[BadRow]:
        """What is said behind the rows of a file that is not whole."""
        if self.source is None or self.source.damage is None:
            return
        row = f" row {self.rows + len(self.skipped) + 2}" if self.source.rest else ""
        where = f"{self._path}{row}"
        yield BadRow(self.source.rest, where, self.source.damage, breaks_off=True)

    def _skipped(self, row: csv.InvalidRow) -> tuple[bytes, str]:
        """The text of a row that Arrow has skipped, and why."""
        source = self.source
        if source is not None and (loose := source.loose_row(row.text)) is not None:
            return source.text(loose), loose.reason
        text = row.text.encode(source.encoding if source else "utf-8")
        return text, f"{row.actual_columns} fields, not {row.expected_columns}"

    def _judged(self, number: int, bad: BadRow) -> BadRow:
        """What is set aside; the last row of a file whose last line does not end is cut off."""
        last = number == self.rows + len(self.skipped) + 1
        cut = last and self.source is not None and not self.source.ends
        return (
            replace(bad, breaks_off=True) if cut or b"\0" in bad.raw or bad.reason == _HOLE else bad
        )

    def _add(self, number: int, text: bytes, reason: str) -> None:
        lines = 1 + max(text.count(b"\n"), text.count(_LF))
        reason += f" (a row of {lines} lines)" if lines > 1 else ""
        self._waiting.append((number, BadRow(text, f"{self._path} row {number}", reason)))


def _batches(source: CsvSource, bad: list[csv.InvalidRow]) -> Iterator[pa.RecordBatch]:
    """The rows of a file as the bytes in it; lines of another width are put to `bad`."""

    def keep(row: csv.InvalidRow) -> Literal["skip"]:
        bad.append(row)
        return "skip"

    encoding = source.encoding
    with source.path.open("rb") as head:
        header = head.readline(_BLOCK)
    if not header.strip():
        if header or source.damage is not None:
            return
        raise DataError("it is empty")
    try:
        header.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"its header is not UTF-8: {error}") from None
    if source.loose and source.loose[0].start == 0:
        raise DataError(f"its header: {source.loose[0].reason}")
    names = csv.read_csv(BytesIO(header), csv.ReadOptions(encoding=encoding)).schema.names
    with csv.open_csv(
        source.rows(len(names)),
        csv.ReadOptions(use_threads=False, block_size=_BLOCK, encoding=encoding),
        csv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
        csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(names, pa.binary()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ) as reader:
        for batch in reader:
            yield batch if encoding == "utf-8" else _as_in_file(batch, encoding)


def _as_in_file(batch: pa.RecordBatch, encoding: str) -> pa.RecordBatch:
    """The values, and the names, as the bytes that they were before Arrow made UTF-8 of them."""
    columns = [
        pa.array(
            [None if v is None else v.decode().encode(encoding) for v in column.to_pylist()],
            pa.binary(),
        )
        for column in batch.columns
    ]
    names = [name.encode(encoding).decode() for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(columns, names)
