"""The text of Lean's zips: blocks of whole lines, and their fields as exact columns."""

import re
from collections.abc import Iterator
from decimal import Context, Decimal, InvalidOperation
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.csv as csv
from msgspec import Struct, structs

from mdc_core.plugin import DataError
from mdc_exporters.lean.zips import ZipEntry, bytes_of

Column: TypeAlias = "pa.Array[Any]"

TEXT: pa.DataType = pa.string()
NUMBER = pa.decimal128(36, 18)
TEN_THOUSANDTHS = pa.decimal128(36, 14)  # what NUMBER holds when divided by 10000
MILLISECONDS = pa.decimal128(36, 6)  # to the nanosecond

# What pyarrow takes for another number (1e-57 for 0, 1e21 for less), or ends the process by.
_MISREAD = re.compile(rb"[eE](?:\+?\d|-0*(?:[2-9]\d|[1-9]\d\d))|\d{20}")
_LONGEST_LINE = 1 << 20


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

    def halves(self) -> tuple["Block", "Block"] | None:
        """The two halves of the lines that hold anything; None if it is a single line."""
        lines = list(self.lines())
        if len(lines) < 2:
            return None
        number, _ = lines[len(lines) // 2]
        cut = 0
        for _ in range(number - self.first):
            cut = self.text.index(b"\n", cut) + 1
        return (
            structs.replace(self, text=self.text[:cut]),
            structs.replace(self, text=self.text[cut:], first=number),
        )


def read_blocks(path: Path, entry: ZipEntry, size: int) -> Iterator[Block]:
    """The text of an entry, in blocks of about a size that end where a line does.

    Raises DataError where it cannot be read any further, behind the lines before.
    """
    place = f"{path}#{entry.name}"
    number = 1
    try:
        for text in _whole_lines(bytes_of(path, entry), size):
            if text.strip():
                yield Block(place, number, text)
            number += text.count(b"\n")
    except DataError as error:
        raise DataError(f"cannot be read beyond line {number - 1}: {error}") from None


def _whole_lines(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    held, cut = bytearray(), 0
    try:
        for data in pieces:
            held += data
            if len(held) < size:
                continue
            cut = held.rfind(b"\n") + 1
            if cut:
                yield bytes(held[:cut])
                del held[:cut]
            elif len(held) > _LONGEST_LINE:
                raise DataError(f"a line of more than {_LONGEST_LINE} bytes")
    except DataError:
        if cut := held.rfind(b"\n") + 1:
            yield bytes(held[:cut])
        raise
    if held:
        yield bytes(held)


def parse(block: Block, layout: Layout) -> dict[str, Column]:
    """A block's fields by column; one that its lines do not have is left out.

    Raises DataError where a line is not as it should be.
    """
    first = next((line for _, line in block.lines()), b"")
    width = first.count(b",") + 1
    names = list(layout.columns)[:width]
    try:
        if _MISREAD.search(block.text):
            raise pa.ArrowInvalid("a number of many digits")
        table = csv.read_csv(
            BytesIO(block.text),
            csv.ReadOptions(use_threads=False, block_size=len(block.text) + 1, column_names=names),
            csv.ParseOptions(quote_char=False),
            csv.ConvertOptions(
                column_types=layout.columns, null_values=[""], strings_can_be_null=False
            ),
        )
        table.validate(full=True)  # pyarrow's CSV reader lets a decimal have a digit too many
    except pa.ArrowInvalid:
        columns = _parse_lines(block, layout)
    else:
        if width not in layout.widths:
            raise DataError(_wrong_width(width, layout))
        columns = {
            name: column.combine_chunks() for name, column in zip(names, table.columns, strict=True)
        }
    for name in layout.required:
        if columns[name].null_count:
            raise DataError(f"no {name}")
    return columns


def _wrong_width(width: int, layout: Layout) -> str:
    allowed = " or ".join(map(str, layout.widths))
    return f"{width} fields, not {allowed} ({', '.join(layout.columns)})"


def _parse_lines(block: Block, layout: Layout) -> dict[str, Column]:
    """A block line by line, for lines of several widths, and to say what is wrong with one."""
    values: dict[str, list[Decimal | str | None]] = {name: [] for name in layout.columns}
    for _, line in block.lines():
        try:
            fields = line.decode().split(",")
        except UnicodeDecodeError:
            raise DataError("not UTF-8") from None
        if len(fields) not in layout.widths:
            raise DataError(_wrong_width(len(fields), layout))
        fields += [""] * (len(layout.columns) - len(fields))
        for text, (name, kind) in zip(fields, layout.columns.items(), strict=True):
            try:
                values[name].append(text if kind == TEXT else _exact(text, kind))
            except ValueError as error:
                raise DataError(f"{name} {text[:40]!r} {error}") from None
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
