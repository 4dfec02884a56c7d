"""The text of Lean's zips: blocks of whole lines, and their fields as exact columns."""

import zlib
from collections.abc import Iterator
from decimal import Context, Decimal, InvalidOperation
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias
from zipfile import BadZipFile, ZipFile

import pyarrow as pa
import pyarrow.csv as csv
from msgspec import Struct

from mdc_core.plugin import DataError

Column: TypeAlias = "pa.Array[Any]"

TEXT: pa.DataType = pa.string()
NUMBER = pa.decimal128(36, 18)
TEN_THOUSANDTHS = pa.decimal128(36, 14)  # what NUMBER holds when divided by 10000
MILLISECONDS = pa.decimal128(36, 6)  # to the nanosecond

_BAD_ZIP = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError)


class Layout(Struct, frozen=True):
    """The columns of a kind of file, and how many of them a line may have."""

    columns: dict[str, Any]  # Arrow types
    widths: tuple[int, ...]
    required: tuple[str, ...]


class Block(Struct):
    """Some whole lines of a file: `place` is zip#entry, `first` the first line's number."""

    place: str
    first: int
    text: bytes

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines that hold anything, numbered."""
        for number, line in enumerate(self.text.split(b"\n"), self.first):
            if line := line.strip(b"\r"):
                yield number, line

    def fail(self, row: int, message: str) -> NoReturn:
        """Say what is wrong with a row (0 is the block's first)."""
        number = next((n for i, (n, _) in enumerate(self.lines()) if i == row), self.first)
        raise DataError(f"{self.place} line {number}: {message}")


def entries_of(path: Path) -> list[str]:
    """The names of a zip's files."""
    try:
        with ZipFile(path) as archive:
            return [info.filename for info in archive.infolist() if not info.is_dir()]
    except _BAD_ZIP as error:
        raise DataError(f"{path}: not a zip that can be read: {error}") from None


class _Unheld(RawIOBase):
    """A file that is open only while it is read: thousands can be in hand at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        with self._path.open("rb", buffering=0) as file:
            file.seek(self._position)
            count = file.readinto(buffer) or 0
        self._position += count
        return count


def read_blocks(path: Path, entry: str, size: int) -> Iterator[Block]:
    """The text of an entry, in blocks of about a size that end where a line does."""
    place = f"{path}#{entry}"
    number = 1
    try:
        with ZipFile(_Unheld(path)) as archive, archive.open(entry) as stream:
            for text in _whole_lines(stream, size):
                if text.strip():
                    yield Block(place, number, text)
                number += text.count(b"\n")
    except _BAD_ZIP as error:
        raise DataError(f"{place}: cannot be read beyond line {number - 1}: {error}") from None


def _whole_lines(stream: IO[bytes], size: int) -> Iterator[bytes]:
    rest = b""
    while data := stream.read(size):
        cut = data.rfind(b"\n") + 1
        if cut:
            yield rest + data[:cut]
            rest = data[cut:]
        else:
            rest += data
    if rest:
        yield rest


def parse(block: Block, layout: Layout) -> dict[str, Column]:
    """A block's fields by column; one that its lines do not have is left out."""
    first = next((line for _, line in block.lines()), b"")
    width = first.count(b",") + 1
    names = list(layout.columns)[:width]
    try:
        table = csv.read_csv(
            BytesIO(block.text),
            csv.ReadOptions(use_threads=False, block_size=len(block.text) + 1, column_names=names),
            csv.ParseOptions(quote_char=False),
            csv.ConvertOptions(
                column_types=layout.columns, null_values=[""], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        columns = _parse_lines(block, layout)
    else:
        if width not in layout.widths:
            block.fail(0, _wrong_width(width, layout))
        columns = {
            name: column.combine_chunks() for name, column in zip(names, table.columns, strict=True)
        }
    for name in layout.required:
        if columns[name].null_count:
            block.fail(columns[name].is_null().index(True).as_py(), f"no {name}")
    return columns


def _wrong_width(width: int, layout: Layout) -> str:
    allowed = " or ".join(map(str, layout.widths))
    return f"{width} fields, not {allowed} ({', '.join(layout.columns)})"


def _parse_lines(block: Block, layout: Layout) -> dict[str, Column]:
    """The same line by line, for lines of several widths, and to find the one at fault."""
    values: dict[str, list[Decimal | str | None]] = {name: [] for name in layout.columns}
    for row, (_, line) in enumerate(block.lines()):
        try:
            fields = line.decode().split(",")
        except UnicodeDecodeError:
            block.fail(row, "not UTF-8")
        if len(fields) not in layout.widths:
            block.fail(row, _wrong_width(len(fields), layout))
        fields += [""] * (len(layout.columns) - len(fields))
        for text, (name, kind) in zip(fields, layout.columns.items(), strict=True):
            try:
                values[name].append(text if kind == TEXT else _exact(text, kind))
            except ValueError as error:
                block.fail(row, f"{name} {text[:40]!r} {error}")
    return {name: pa.array(values[name], kind) for name, kind in layout.columns.items()}


def _exact(text: str, kind: Any) -> Decimal | None:
    """A field's value as it stands; raises ValueError where the column cannot hold it."""
    text = text.strip(" \t")
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    if not value.is_finite() or "_" in text or not text.isascii():
        raise ValueError("is not a number")
    if not value:
        return Decimal(0)
    if value.adjusted() >= kind.precision - kind.scale:
        raise ValueError("is too large")
    finest: Any = value.adjusted()
    if finest >= -kind.scale:
        value = value.normalize(Context(prec=len(text)))
        finest = value.as_tuple().exponent
    if finest < -kind.scale:
        raise ValueError(f"is finer than {kind.scale} decimal places")
    return value
