"""The files in Lean's zips: their bytes up to where a zip is damaged, or breaks off.

A zip says at its end what is in it. One that breaks off has lost that, and its first file still
says by itself where it begins.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from mdc_core.plugin import DataError

_BAD_ZIP = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)
_AT_ONCE, _PIECE = 1 << 16, 1 << 12  # bytes: read, and unpacked, which makes up to 4 MB of them
_BREAKS_OFF = "the zip breaks off"
_HEADER = struct.Struct("<4s5H3L2H")  # of a file: what it is, how and where it is packed
_MAGIC = b"PK\x03\x04"
_ENCRYPTED, _LOCKED = 1, -1


class ZipEntry(NamedTuple):
    """A file in a zip; where the end of the zip is gone, its checksum is not known."""

    name: str
    offset: int  # of its header
    method: int
    size: int | None  # packed, if known
    crc: int | None = None


def entries_of(path: Path) -> list[ZipEntry]:
    """The files in a zip; raises DataError where there are none to be found."""
    try:
        with ZipFile(path) as archive:
            found = [
                ZipEntry(
                    info.filename,
                    info.header_offset,
                    _LOCKED if info.flag_bits & _ENCRYPTED else info.compress_type,
                    info.compress_size,
                    info.CRC,
                )
                for info in archive.infolist()
                if not info.is_dir()
            ]
    except _BAD_ZIP as error:
        first = _first_of(path)
        if first is None:
            raise DataError(f"not a zip that can be read: {error}") from None
        found = [first]
    return [entry for entry in found if not is_foreign(entry.name)]


def is_foreign(name: str) -> bool:
    """Whether a file is what a Mac puts beside each file that it packs."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")


def _first_of(path: Path) -> ZipEntry | None:
    """The first file of a zip whose end is gone."""
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size or not head.startswith(_MAGIC):
            return None
        _, _, flags, method, _, _, _, size, _, length, _ = _HEADER.unpack(head)
        name = file.read(length)
    if len(name) < length or flags & _ENCRYPTED:
        return None
    return ZipEntry(name.decode("utf-8", "replace"), 0, method, size or None)


def bytes_of(path: Path, entry: ZipEntry) -> Iterator[bytes]:
    """The bytes of a file in a zip; raises DataError behind all that can be read."""
    if entry.method not in (ZIP_STORED, ZIP_DEFLATED):
        raise DataError(f"packed in a way that cannot be read: {_name_of(entry.method)}")
    total = 0
    try:
        pieces = _packed(path, entry)
        for data in pieces if entry.method == ZIP_STORED else _inflated(path, entry, pieces):
            total = zlib.crc32(data, total)
            yield data
    except OSError as error:
        raise DataError(str(error)) from None
    if entry.crc is None:
        raise DataError(_BREAKS_OFF)
    if total != entry.crc:
        raise DataError("damaged: its checksum is another one")


def _name_of(method: int) -> str:
    return "encrypted" if method == _LOCKED else f"method {method}"


def _packed(path: Path, entry: ZipEntry) -> Iterator[bytes]:
    """The bytes as they are packed; the file is open only while it is read."""
    at, left = entry.offset, entry.size
    while left is None or left:
        with path.open("rb", buffering=0) as file:
            file.seek(at)
            if at == entry.offset:
                head = file.read(_HEADER.size)
                if len(head) < _HEADER.size or not head.startswith(_MAGIC):
                    raise DataError("damaged: where the file should begin is something else")
                *_, name, extra = _HEADER.unpack(head)
                at += _HEADER.size + name + extra
                file.seek(at)
            data = file.read(_AT_ONCE if left is None else min(_AT_ONCE, left))
        if not data:
            if left is None:
                return
            raise DataError(_BREAKS_OFF)
        at += len(data)
        left = None if left is None else left - len(data)
        yield data


def _inflated(path: Path, entry: ZipEntry, packed: Iterator[bytes]) -> Iterator[bytes]:
    """What packed bytes unpack to."""
    inflate, fed = zlib.decompressobj(-zlib.MAX_WBITS), 0
    for data in packed:
        for start in range(0, len(data), _PIECE):
            try:
                part = inflate.decompress(data[start : start + _PIECE])
            except zlib.error as error:
                yield _before_damage(path, entry, fed)
                raise DataError(f"damaged: {error}") from None
            fed += len(data[start : start + _PIECE])
            yield part
            if inflate.eof:
                return
    yield inflate.flush()
    raise DataError(_BREAKS_OFF)


def _before_damage(path: Path, entry: ZipEntry, fed: int) -> bytes:
    """What the bytes behind those that were unpacked still give, one by one."""
    inflate, packed, found = zlib.decompressobj(-zlib.MAX_WBITS), b"", b""
    for data in _packed(path, entry):
        packed += data
        if len(packed) > fed + _PIECE:
            break
    for start in range(0, fed, _PIECE):
        inflate.decompress(packed[start : min(start + _PIECE, fed)])
    try:
        for place in range(fed, len(packed)):
            found += inflate.decompress(packed[place : place + 1])
    except zlib.error:
        pass
    return found
