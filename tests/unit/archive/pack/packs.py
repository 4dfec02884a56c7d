"""Packs that mdc did not write: taken apart, changed, and put together with other tools."""

import hashlib
import io
import json
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import py7zr
import zstandard

from mdc_core.archive.pack.containers.table import container
from mdc_core.archive.pack.digest import seal

FORMATS = ("zip", "tar.gz", "tar.zst", "7z")
LZMA = [{"id": py7zr.FILTER_LZMA2, "preset": 1}]
Members = list[tuple[str, bytes]]


def members_of(path: Path) -> Members:
    """The members of a zip that mdc wrote."""
    with zipfile.ZipFile(path) as packed:
        return [(name, packed.read(name)) for name in packed.namelist()]


def changed(members: Members, change: Callable[[dict[str, Any]], None]) -> Members:
    """The same with another manifest, and checksums that belong to it."""
    manifest = json.loads(members[0][1])
    change(manifest)
    _add_up(manifest)
    lines = "".join(f"{file['sha256']}  {file['path']}\n" for file in manifest["files"])
    manifest["parts"][0] |= {
        "files": len(manifest["files"]),
        "bytes": manifest["totals"]["bytes"],
        "content": hashlib.sha256(lines.encode()).hexdigest(),
    }
    data = json.dumps(manifest).encode()
    entries = [*manifest["texts"], *manifest["files"]]
    sums = f"{hashlib.sha256(data).hexdigest()}  manifest.json\n"
    sums += "".join(f"{entry['sha256']}  {entry['path']}\n" for entry in entries)
    return [("manifest.json", data), ("SHA256SUMS", sums.encode()), *members[2:]]


def _add_up(manifest: dict[str, Any]) -> None:
    """Totals that belong to the files."""
    files, totals = manifest["files"], manifest["totals"]
    for name in ("bytes", "rows"):
        totals[name] = sum(file[name] for file in files)
    totals["types"] = dict.fromkeys((file["type"] for file in files), 0)
    for file in files:
        totals["types"][file["type"]] += file["rows"]
    totals["symbols"] = sorted({file["symbol"] for file in files})
    totals["first"] = min((f["first"] for f in files if f.get("first")), default=None)
    totals["last"] = max((f["last"] for f in files if f.get("last")), default=None)


def write(path: Path, members: Iterable[tuple[str, bytes]], *, sealed: bool = True) -> Path:
    """A container of members whose names nobody looked at, with a seal that is right."""
    name = path.name.partition(".")[2]
    {"zip": _zip, "tar.gz": _tar_gz, "tar.zst": _tar_zst, "7z": _seven}[name](path, members)
    mark = container(name).seal
    if sealed and mark is not None:
        with path.open("r+b") as file:
            seal(file, mark)
    return path


def _zip(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    mark = container("zip").seal
    assert mark is not None
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.filename = name  # also what ZipInfo would have changed
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(info, data)
        packed.comment = mark.blank
    with path.open("r+b") as file:
        file.seek(-mark.size, 2)
        file.truncate()


def tar(members: Iterable[tuple[str | tarfile.TarInfo, bytes]]) -> bytes:
    """A tar file of members, some of which may be more than files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as packed:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _tar_gz(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    import gzip

    path.write_bytes(gzip.compress(tar(members)))


def _tar_zst(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    path.write_bytes(zstandard.ZstdCompressor().compress(tar(members)))


def _seven(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    with py7zr.SevenZipFile(path, "w", filters=LZMA) as packed:
        packed.set_encoded_header_mode(False)
        for number, (_, data) in enumerate(members):
            packed.writestr(data, f"member-{number}")
        for info, (name, _) in zip(packed.header.files_info.files, members, strict=True):
            info["filename"] = name
