"""7z, with py7zr. Its own checksums cover the members and their list; the seal stands between."""

import lzma
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from mdc_core.archive.pack.containers.container import Member, Taker
from mdc_core.archive.pack.digest import MARK, Seal
from mdc_core.archive.pack.names import check_names, shown
from mdc_core.errors import ConfigError, DataError
from mdc_core.texts import counted

_MAGIC = b"7z\xbc\xaf\x27\x1c\0\x04"  # with the version of the format
_START = struct.Struct("<8sIQQI")
_DIRECTORY = 32 << 20  # most bytes of the list of members
_PLAIN = 1  # first byte of a list that is not compressed itself
_METHODS = {"COPY", "LZMA", "LZMA2"}
_EPOCH = 315_532_800  # 1980-01-01


class SevenSeal(Seal):
    """A seal before the list of members, whose place the first bytes of the file say."""

    __slots__ = ()

    def place(self, file: BinaryIO) -> int:
        """Where it begins; the end of the file if that cannot be."""
        file.seek(0)
        head = file.read(_START.size)
        end = file.seek(0, os.SEEK_END)
        if len(head) < _START.size:
            return end
        offset: int = _START.unpack(head)[2]
        return min(max(_START.size + offset - self.size, 0), end)

    def make_room(self, file: BinaryIO) -> int:
        """Move the list of members by its size."""
        file.seek(0)
        magic, _, offset, size, crc = _START.unpack(file.read(_START.size))
        at: int = _START.size + offset
        file.seek(at)
        names = file.read()
        file.seek(at)
        file.write(self.blank + names)
        head = _START.pack(magic, 0, offset + self.size, size, crc)
        file.seek(0)
        file.write(_START.pack(magic, zlib.crc32(head[12:]), offset + self.size, size, crc))
        return at


class SevenZip:
    """7z files: LZMA2, or no compression where everything is compressed already."""

    suffix = ".7z"
    seal = SevenSeal(MARK)

    def __init__(self) -> None:
        try:
            import py7zr
        except ModuleNotFoundError:
            raise ConfigError(
                "a 7z file needs py7zr", hint="pip install 'market-data-collector[7z]'"
            ) from None
        self._py7zr: Any = py7zr

    def write(self, file: BinaryIO, members: Iterable[Member]) -> None:
        """Write the members, all with the same date."""
        from py7zr.helpers import ArchiveTimestamp

        known = list(members)
        texts = [member for member in known if not member.packed]
        loose = sum(m.size for m in texts) > sum(m.size for m in known) // 10
        method = {"id": lzma.FILTER_LZMA2, "preset": 6}
        filters = [method if loose else {"id": self._py7zr.FILTER_COPY}]
        with self._py7zr.SevenZipFile(file, "w", filters=filters) as packed:
            packed.set_encoded_header_mode(False)
            for member in known:
                with member.open() as source:
                    packed.writef(source, member.name)
            date = ArchiveTimestamp.from_datetime(_EPOCH)
            for info in packed.header.files_info.files:
                info["creationtime"] = info["lastwritetime"] = info["lastaccesstime"] = date

    def read(self, path: Path, taker: Taker) -> None:
        """Hand the members over; behind damage nothing can be read."""
        exceptions = self._py7zr.exceptions
        # The parser trusts what is behind a right checksum, and trips over it in many ways.
        bad = (
            exceptions.ArchiveError,
            exceptions.PasswordRequired,
            exceptions.AbsolutePathError,
            lzma.LZMAError,
            zlib.error,
            struct.error,
            EOFError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            AssertionError,
            ArithmeticError,
            NotImplementedError,
            RecursionError,
            MemoryError,
        )
        intake = _intake(self._py7zr, taker)
        with path.open("rb") as file:
            _check_frame(path, file)
            try:
                with self._py7zr.SevenZipFile(file, "r") as packed:
                    intake.names = self._names(packed)
                    packed.extract(factory=intake)
            except bad as error:
                text = f"{type(error).__name__}: {error}"
                raise DataError(f"{path}: damaged 7z file: {text}") from None

    def _names(self, packed: Any) -> list[str]:
        """The names of all members; raises DataError if one is more than a file."""
        if packed.needs_password():
            raise DataError("encrypted", hint="packs are not; unpack it with a password")
        methods = {str(name).rstrip("*") for name in packed.archiveinfo().method_names}
        if packed.files and not methods <= _METHODS:
            raise DataError(f"compressed by {', '.join(sorted(methods))}; a pack is not")
        for member in packed.files:
            odd = member.is_directory or member.is_symlink or member.is_junction
            if odd or member.is_socket or not member.is_file:
                raise DataError(
                    f"{shown(member.filename)}: not a regular file, but a link or a device"
                )
        names = [str(member.filename) for member in packed.files]
        check_names(names)
        return names


def _check_frame(path: Path, file: BinaryIO) -> None:
    """The outermost bytes: nothing before, between or behind what the checksums cover."""
    head = file.read(_START.size)
    if len(head) < _START.size:
        raise DataError(f"{path}: cut off")
    magic, crc, offset, size, _ = _START.unpack(head)
    if magic != _MAGIC or zlib.crc32(head[12:]) != crc:
        raise DataError(f"{path}: damaged 7z file: its first bytes")
    if size > _DIRECTORY:
        raise DataError(f"{path}: {counted(size, 'byte')} of names: more than a pack has")
    if file.seek(0, 2) != _START.size + offset + size:
        raise DataError(f"{path}: cut off, or more behind its end")
    file.seek(_START.size + offset)
    if file.read(1) != bytes([_PLAIN]):
        raise DataError(f"{path}: its list of members is compressed; that of a pack is not")
    file.seek(0)


def _intake(py7zr: Any, taker: Taker) -> Any:
    """What py7zr writes the members to, one after the other."""

    class Intake(py7zr.WriterFactory):  # type: ignore[misc]
        names: list[str]

        def create(self, filename: str) -> Any:
            # Some versions put the working directory before it.
            ends = [name for name in self.names if f"/{filename}".endswith(f"/{name}")]
            taker.begin(max(ends, key=len))
            return Sink()

    class Sink(py7zr.Py7zIO):  # type: ignore[misc]
        def write(self, data: bytes) -> int:
            taker.write(bytes(data))
            return len(data)

        def close(self) -> None:
            taker.end()

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            pass

        def size(self) -> int:
            return 0

    return Intake()
