"""A CSV file as it lies there: unpacked, in which encoding, and whether it is whole."""

import csv
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import Any

from msgspec import Struct

from mdc_core.columns import plain_file
from mdc_core.plugin import DataError

_BLOCK = 1 << 20  # bytes read at once
_OTHERS = {"xz -dc": b"\xfd7zXZ\x00", "bzip2 -dc": b"BZh", "unzip -p": b"PK\x03\x04"}
HOLE = bytes(64)  # so many zeros are no text, but what was never written
SUFFIXES = (".csv", ".csv.gz", ".csv.zst", ".csv.lz4")


class CsvSource(Struct):
    """What can be said of a file before its rows are read."""

    path: Path  # of its plain bytes
    size: int  # of the rows that are whole, the header among them
    encoding: str  # what every byte is a part of: UTF-8, or where it is not, Latin-1
    ends: bool  # whether its last line ends
    has_hole: bool
    rest: bytes  # what stands behind the rows that are whole
    damage: str | None  # why there is no more

    def rows(self) -> Any:
        """The bytes of the rows that are whole."""
        return _Rows(self.path, self.size)


class _Rows(RawIOBase):
    """The first bytes of a file."""

    def __init__(self, path: Path, size: int) -> None:
        self._file, self._left = path.open("rb", buffering=0), size

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


@contextmanager
def opened(path: Path) -> Iterator[CsvSource]:
    """A file, unpacked to a temporary one if need be; raises DataError for what is no CSV."""
    with path.open("rb") as file:
        head = file.read(max(map(len, _OTHERS.values())))
    for tool, magic in _OTHERS.items():
        if head.startswith(magic):
            name = path.name.removesuffix(path.suffix)
            raise DataError(f"it is packed: {tool} {path.name} > {name}, and import that")
    with plain_file(path) as (plain, damage):
        rest = b"" if damage is None else _cut_last_line(plain)
        yield _looked_at(plain, rest, damage)


def _cut_last_line(path: Path) -> bytes:
    """Take the last line off, which has no end; where the data breaks off, it is not whole."""
    with path.open("r+b") as file:
        at = max(file.seek(0, 2) - _BLOCK, 0)
        file.seek(at)
        lines, _, rest = file.read().rpartition(b"\n")
        file.truncate(at + len(lines) + bool(lines))
        return rest


def _looked_at(path: Path, rest: bytes, damage: str | None) -> CsvSource:
    decoder = getincrementaldecoder("utf-8")()
    encoding, quotes, hole, last = "utf-8", 0, False, b""
    with path.open("rb") as file:
        while data := file.read(_BLOCK):
            quotes, hole, last = quotes + data.count(b'"'), hole or HOLE in data, data[-1:]
            encoding = _encoding(decoder, data, encoding)
    encoding = _encoding(decoder, b"", encoding, final=True)
    size = path.stat().st_size
    if quotes % 2 and (lines := _whole_lines(path)) is not None:
        with path.open("rb") as file:
            size = sum(len(file.readline()) for _ in range(lines))
            rest, damage = file.read(_BLOCK) + rest, damage or "the file ends within quotes"
    return CsvSource(path, size, encoding, last == b"\n", hole, rest, damage)


def _encoding(decoder: IncrementalDecoder, data: bytes, known: str, *, final: bool = False) -> str:
    """What it is with some more bytes; Arrow gives up a file at a row that is not UTF-8."""
    try:
        if known == "utf-8":
            decoder.decode(data, final)
    except UnicodeDecodeError:
        return "latin-1"
    return known


def _whole_lines(path: Path) -> int | None:
    """How many lines are before a row that ends within quotes; None where there is none."""
    with path.open(encoding="latin-1", newline="\n") as file:
        rows, lines = csv.reader(file, strict=True), 0
        try:
            for _ in rows:
                lines = rows.line_num
        except csv.Error as error:
            ends = "unexpected end" in str(error) or "field limit" in str(error)
            return lines if ends else None
    return None
