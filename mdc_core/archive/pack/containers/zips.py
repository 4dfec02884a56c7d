"""Zip: Parquet and compressed JSONL as they are, everything else deflated."""

import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from mdc_core.archive.pack.containers.container import COPY_BYTES, Member, Taker
from mdc_core.archive.pack.digest import ZIP
from mdc_core.archive.pack.names import shown
from mdc_core.disk import is_refusal
from mdc_core.errors import DataError
from mdc_core.texts import counted

_DIRECTORY = 32 << 20  # most bytes of the list of members
_ENCRYPTED = 0x1 | 0x40
# Damage makes zipfile seek to where nothing is, and decode what is no text.
_BAD = (
    zipfile.BadZipFile,
    NotImplementedError,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OSError,
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Zip:
    """Zip files."""

    suffix = ".zip"
    seal = ZIP

    def write(self, file: BinaryIO, members: Iterable[Member]) -> None:
        """Write the members; the seal is the comment, blank as yet."""
        with zipfile.ZipFile(file, "w") as packed:
            for member in members:
                info = zipfile.ZipInfo(member.name, (1980, 1, 1, 0, 0, 0))
                info.create_system = 3
                info.external_attr = (stat.S_IFREG | 0o644) << 16
                info.file_size = member.size
                info.compress_type = _METHODS[0 if member.packed else 1]
                with packed.open(info, "w") as target, member.open() as source:
                    shutil.copyfileobj(source, target, COPY_BYTES)
            packed.comment = ZIP.blank
        file.seek(-ZIP.size, 2)
        file.truncate()

    def read(self, path: Path, taker: Taker) -> None:
        """Hand the members over; one that is damaged does not keep the others from it."""
        with path.open("rb") as file:
            try:
                packed = zipfile.ZipFile(_Bounded(file))
            except _BAD as error:
                if is_refusal(error):
                    raise
                raise DataError(f"{path}: damaged zip file: {error}") from None
            with packed:
                for info in packed.infolist():
                    _check(info)
                    taker.begin(info.filename)
                    taker.end(_read(packed, info, taker))


class _Bounded:
    """A file of which nobody reads more at once than a list of members may have."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY:
            raise DataError(f"{counted(size, 'byte')} of names: more than a pack has")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _check(info: zipfile.ZipInfo) -> None:
    name = shown(info.orig_filename)
    mode = info.external_attr >> 16
    if info.flag_bits & _ENCRYPTED:
        raise DataError(f"{name}: encrypted", hint="packs are not; unpack it with a password")
    if info.orig_filename != info.filename or info.is_dir() or info.external_attr & 0x10:
        raise DataError(f"{name}: not the name of a file")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise DataError(f"{name}: not a regular file, but a link or a device")
    if info.compress_type not in _METHODS:
        raise DataError(f"{name}: compressed by method {info.compress_type}; a pack is not")


def _read(packed: zipfile.ZipFile, info: zipfile.ZipInfo, taker: Taker) -> str | None:
    """Read one member; returns what is wrong with it."""
    try:
        with packed.open(info) as member:
            while data := member.read(COPY_BYTES):
                taker.write(data)
    except _BAD as error:
        if is_refusal(error):
            raise
        return str(error)
    return None
