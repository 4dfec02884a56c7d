"""Tar with gzip or zstd around it."""

import gzip
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import zstandard

from mdc_core.archive.pack.containers.container import COPY_BYTES, Member, Taker
from mdc_core.archive.pack.digest import GZIP, ZSTD, Seal
from mdc_core.archive.pack.names import LONGEST, shown
from mdc_core.errors import DataError
from mdc_core.texts import counted

GZIP_LEVEL, ZSTD_LEVEL = 6, 6
_BLOCK = tarfile.BLOCKSIZE
_WINDOW = 128 << 20  # bytes of memory that a zstd frame may ask for
_PAX = 4 * LONGEST
_BAD = (tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError, zstandard.ZstdError)


class Tar:
    """Tar; the compression is the matter of the classes below."""

    seal: Seal | None = None

    def write(self, file: BinaryIO, members: Iterable[Member]) -> None:
        """Write the members, all with the same date, owner and mode."""
        with (
            self._packing(file) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for member in members:
                info = tarfile.TarInfo(member.name)
                info.size = member.size
                info.mode = 0o644
                with member.open() as source:
                    tar.addfile(info, source)

    def read(self, path: Path, taker: Taker) -> None:
        """Hand the members over; behind damage nothing can be read."""
        with path.open("rb") as file, self._unpacking(file) as plain:
            try:
                _read(plain, taker)
            except _BAD as error:
                raise DataError(f"{path}: damaged: {error}") from None

    def _packing(self, file: BinaryIO) -> Any:
        raise NotImplementedError

    def _unpacking(self, file: BinaryIO) -> Any:
        raise NotImplementedError


class TarGz(Tar):
    """Tar files with gzip."""

    suffix = ".tar.gz"
    seal = GZIP

    def _packing(self, file: BinaryIO) -> Any:
        return gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0)

    def _unpacking(self, file: BinaryIO) -> Any:
        return gzip.GzipFile(fileobj=file)


class TarZst(Tar):
    """Tar files with zstd."""

    suffix = ".tar.zst"
    seal = ZSTD

    def _packing(self, file: BinaryIO) -> Any:
        packer = zstandard.ZstdCompressor(ZSTD_LEVEL, write_checksum=True)
        return packer.stream_writer(file, closefd=False)

    @contextmanager
    def _unpacking(self, file: BinaryIO) -> Iterator[Any]:
        unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        with unpacker.stream_reader(file, read_across_frames=True, closefd=False) as plain:
            yield plain


def _read(file: IO[bytes], taker: Taker) -> None:
    """All members. The headers are parsed one by one: tarfile's own reader would read a
    name or an attribute of any length into memory, and follow what we refuse."""
    pax: dict[str, str] = {}
    while True:
        head = _exactly(file, _BLOCK)
        if head == bytes(_BLOCK):
            return _to_the_end(file)
        info = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
        name = pax.get("path", info.name)
        size = int(pax.get("size", info.size))
        if info.type == tarfile.XHDTYPE:
            pax = _pax(file, info.size)
            continue
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.linkname:
            raise DataError(f"{shown(name)}: not a regular file, but a link or a device")
        pax = {}
        taker.begin(name)
        for data in _chunks(file, size):
            taker.write(data)
        taker.end()


def _pax(file: IO[bytes], size: int) -> dict[str, str]:
    """A longer name, or a larger size, of the next member."""
    if not 0 <= size <= _PAX:
        raise DataError(f"{counted(size, 'byte')} of attributes of a member: more than a pack has")
    data = b"".join(_chunks(file, size))
    found: dict[str, str] = {}
    while data:
        length, _, rest = data.partition(b" ")
        end = int(length) if length.isdigit() else 0
        key, mark, value = rest[: max(end - len(length) - 2, 0)].partition(b"=")
        if not mark or key not in (b"path", b"size") or data[end - 1 : end] != b"\n":
            raise DataError(f"{shown(key.decode(errors='replace'))}: an attribute no pack has")
        found[key.decode()] = value.decode("utf-8", "surrogateescape")
        data = data[end:]
    if not found.get("size", "0").isdigit():
        raise DataError(f"{shown(found['size'])}: not a size of a member")
    return found


def _chunks(file: IO[bytes], size: int) -> Iterator[bytes]:
    """So many bytes, and the rest of the last block."""
    left = size
    while left > 0:
        data = file.read(min(left, COPY_BYTES))
        if not data:
            raise EOFError("cut off")
        left -= len(data)
        yield data
    _exactly(file, -size % _BLOCK)


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            raise EOFError("cut off")
        data += more
    return data


def _to_the_end(file: IO[bytes]) -> None:
    """Behind the last member are zeros, up to a full record."""
    rest = b""
    while len(rest) <= 2 * tarfile.RECORDSIZE and (data := file.read(tarfile.RECORDSIZE)):
        rest += data
    if rest.strip(b"\0") or len(rest) > 2 * tarfile.RECORDSIZE:
        raise tarfile.ReadError("more behind the end")
