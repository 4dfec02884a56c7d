"""Which importer a file of others is for, by its first bytes."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mdc_core.errors import DataError
from mdc_core.folders import files_below
from mdc_core.mapping.heads import csv_head, head_of
from mdc_core.mapping.options import read_mapping

_LEAN = ("equity", "crypto", "cryptofuture", "forex", "cfd", "index", "market-hours")


def profile_of(paths: Iterable[Path], mapping: Path | None = None) -> str | None:
    """The profile that a mapping file names, or the first file is of; None if nobody can tell."""
    if mapping is not None:
        named = read_mapping(mapping).get("profile")
        if named is not None:
            return str(named)
    for path in paths:
        if path.is_dir():
            return _of_folder(path)
        if path.is_file():
            return _of_file(path)
    return None


def _of_folder(path: Path) -> str | None:
    if any((path / name).is_dir() for name in _LEAN):
        return "lean"
    found = (_of_file(file) for file in sorted(files_below(path)) if file.name[0] not in "._")
    return next(filter(None, found), None)


def _of_file(path: Path) -> str | None:
    with suppress(OSError, DataError):
        return profile_of_bytes(head_of(path))
    return None


def profile_of_bytes(head: bytes) -> str | None:
    """The profile of a file that begins with these bytes."""
    if head.startswith((b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")):
        return "parquet"
    if head.startswith(b"PK\x03\x04"):
        return "lean"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return "jsonl"
    with suppress(DataError, UnicodeDecodeError):
        if b"\0" not in head[:1024] and csv_head(head) is not None:
            return "csv"
    return None
