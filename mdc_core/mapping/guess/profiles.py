"""Which importer a file of others is for, by its first bytes."""

import re
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from mdc_core.disk import absent, unreadable
from mdc_core.errors import DataError
from mdc_core.folders import files_below
from mdc_core.mapping.heads import csv_head, head_of, plain_head
from mdc_core.mapping.options import read_mapping

_LOBSTER = re.compile(r"_\d{4}-\d\d-\d\d_\d+_\d+_message_\d+\.csv$")  # it has no header
_LEAN = ("equity", "crypto", "cryptofuture", "forex", "cfd", "index", "market-hours")


def profile_of(path: Path) -> str | None:
    """The profile that a file or a folder is of; raises DataError where it has no content."""
    if not path.exists():
        raise absent(path)
    if path.is_dir():
        return _of_folder(path)
    if _LOBSTER.search(path.name):
        return "lobster"
    try:
        return profile_of_head(head_of(path), str(path))
    except OSError as error:
        raise unreadable(path, error) from None


def named_profile(mapping: Path) -> str | None:
    """The profile that a mapping file names."""
    named = read_mapping(mapping).get("profile")
    return None if named is None else str(named)


def _of_folder(path: Path) -> str | None:
    if any((path / name).is_dir() for name in _LEAN):
        return "lean"
    files = [file for file in sorted(files_below(path)) if file.name[0] not in "._"]
    if any(_LOBSTER.search(file.name) for file in files):
        return "lobster"
    for file in files:
        with suppress(OSError, DataError):
            if found := profile_of_head(head_of(file), str(file)):
                return found
    if not files:
        raise DataError(f"{path}: no file in it")
    return None


def profile_of_packed(head: bytes, name: str) -> str | None:
    """The profile of a file that begins with these bytes, as they are or compressed."""
    return profile_of_head(plain_head(BytesIO(head), name), name)


def profile_of_head(head: bytes, name: str) -> str | None:
    """The profile of a file that begins with these plain bytes; raises DataError for none."""
    if not head:
        raise DataError(f"{name}: it is empty")
    return profile_of_bytes(head)


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
