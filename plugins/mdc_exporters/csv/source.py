"""A CSV file as it lies there: unpacked, in which encoding, and whether it is whole."""

import shlex
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from io import RawIOBase
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from msgspec import Struct

from mdc_core.columns import plain_file
from mdc_core.plugin import DataError
from mdc_exporters.csv.quotes import LooseRow, loose_rows

_BLOCK = 1 << 20  # bytes read at once
_ZIP = "unzip -p"
_OTHERS = {"xz -dc": b"\xfd7zXZ\x00", "bzip2 -dc": b"BZh", _ZIP: b"PK\x03\x04"}
_MARK = "\0loose row "
HOLE = bytes(64)  # so many zeros are no text, but what was never written
SUFFIXES = tuple(
    f".{kind}{packed}"
    for kind in ("csv", "tsv", "txt", "psv")
    for packed in ("", ".gz", ".zst", ".lz4")
)


class CsvSource(Struct):
    """What can be said of a file before its rows are read."""

    path: Path  # of its plain bytes
    size: int  # of the rows that are whole, the header among them
    encoding: str  # what every byte is a part of: UTF-8, or where it is not, Latin-1
    ends: bool  # whether its last line ends
    has_hole: bool
    rest: bytes  # what stands behind the rows that are whole
    damage: str | None  # why there is no more

    delimiter: bytes
    loose: tuple[LooseRow, ...]  # rows whose quotes do not hold, in order

    def rows(self, fields: int) -> Any:
        """The bytes of the rows that are whole; a loose one has too many fields, and its place."""
        return _Rows(self._pieces(self.delimiter * fields))

    def loose_row(self, text: str) -> LooseRow | None:
        """Which loose row the text of a row stands for, if it stands for one."""
        mark, _, place = text.rstrip(self.delimiter.decode()).partition(_MARK)
        known = place.isdecimal() and not mark and int(place) < len(self.loose)
        return self.loose[int(place)] if known else None

    def text(self, row: LooseRow) -> bytes:
        """What stands in the file for a loose row."""
        with self.path.open("rb") as file:
            file.seek(row.start)
            return file.read(min(row.end - row.start, _BLOCK)).rstrip(b"\r\n")

    def _pieces(self, commas: bytes) -> Iterator[bytes]:
        with self.path.open("rb", buffering=0) as file:
            at = 0
            for place, row in enumerate(self.loose):
                yield from _blocks(file, row.start - at)
                yield f"{_MARK}{place}".encode() + commas + b"\n"
                at = file.seek(row.end)
            yield from _blocks(file, self.size - at)


def _blocks(file: Any, size: int) -> Iterator[bytes]:
    while size > 0 and (data := file.read(min(size, _BLOCK))):
        size -= len(data)
        yield data


class _Rows(RawIOBase):
    """Pieces, one after the other."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._piece = pieces, memoryview(b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        self._piece = self._piece or memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count


@contextmanager
def opened(path: Path, delimiter: str) -> Iterator[CsvSource]:
    """A file, unpacked to a temporary one if need be."""
    with plain_file(path) as (plain, damage):
        rest = b"" if damage is None else _cut_last_line(plain)
        yield _looked_at(plain, rest, damage, delimiter.encode())


def refuse_packed(path: Path) -> None:
    """Raise DataError, with the command that unpacks it, for a file that mdc does not unpack."""
    with path.open("rb") as file:
        head = file.read(max(map(len, _OTHERS.values())))
    for tool, magic in _OTHERS.items():
        if head.startswith(magic):
            raise DataError(f"it is packed: {_unpacking(tool, path)}, and import that")


def _unpacking(tool: str, path: Path) -> str:
    """The command that unpacks a file beside it; of a zip, one member."""
    target = path.with_suffix("") if path.suffix else path.with_name(f"{path.name}.out")
    if not target.suffix:
        target = target.with_suffix(".csv")
    words = [*tool.split(), str(path)]
    if tool == _ZIP:
        try:
            with ZipFile(path) as packed:
                names = [name for name in packed.namelist() if not name.endswith("/")]
        except (BadZipFile, OSError, ValueError):
            names = []
        tables = [n for n in names if n.endswith(".csv") and not n.startswith("__MACOSX/")]
        if len(names) > 1:
            words.append(escape((tables or names)[0]))
    return f"{shlex.join(words)} > {shlex.quote(str(target))}"


def _cut_last_line(path: Path) -> bytes:
    """Take the last line off, which has no end; where the data breaks off, it is not whole."""
    with path.open("r+b") as file:
        at = max(file.seek(0, 2) - _BLOCK, 0)
        file.seek(at)
        lines, _, rest = file.read().rpartition(b"\n")
        file.truncate(at + len(lines) + bool(lines))
        return rest


def _looked_at(path: Path, rest: bytes, damage: str | None, delimiter: bytes) -> CsvSource:
    decoder = getincrementaldecoder("utf-8")()
    encoding, quotes, hole, last = "utf-8", 0, False, b""
    with path.open("rb") as file:
        while data := file.read(_BLOCK):
            quotes, hole, last = quotes + data.count(b'"'), hole or HOLE in data, data[-1:]
            encoding = _encoding(decoder, data, encoding)
    encoding = _encoding(decoder, b"", encoding, final=True)
    size, loose = path.stat().st_size, []
    if quotes:
        with path.open("rb") as file:
            signs = file.readline(_BLOCK).count(delimiter)
            file.seek(0)
            loose = list(loose_rows(file, signs, delimiter))
    if loose and loose[-1].ends_file:
        size = loose.pop().start
        with path.open("rb") as file:
            file.seek(size)
            rest = file.read(_BLOCK) + rest
        count = rest.count(b"\n") + (rest[-1:] != b"\n")
        told = f" (in the last {count} lines)" if count > 1 else ""
        damage = damage or f"the file ends within quotes{told}"
    return CsvSource(
        path, size, encoding, last == b"\n", hole, rest, damage, delimiter, tuple(loose)
    )


def _encoding(decoder: IncrementalDecoder, data: bytes, known: str, *, final: bool = False) -> str:
    """What it is with some more bytes; Arrow gives up a file at a row that is not UTF-8."""
    try:
        if known == "utf-8":
            decoder.decode(data, final)
    except UnicodeDecodeError:
        return "latin-1"
    return known
