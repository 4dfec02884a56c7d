"""Names of members that may go into a directory, whoever wrote them."""

import re
from collections.abc import Iterable

from mdc_core.archive.part_formats import JSONL, PARQUET, format_of, suffix_of
from mdc_core.errors import DataError

LONGEST = 4_096
_MANIFEST = re.compile(r"manifest(\.\d{3,6})?\.json")
_SAFE = re.compile(r"[A-Za-z0-9_.%~=+-]+")
# Names that Windows keeps for devices, with or without a suffix.
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
DATA = "data/"


def shown(name: str) -> str:
    """A name for people: nothing in it can move the cursor, and it is not too long."""
    text = name if name.isprintable() else ascii(name)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(name):,} characters)"


def is_manifest(name: str) -> bool:
    """Whether a member is the manifest, by its name."""
    return _MANIFEST.fullmatch(name) is not None


def check_name(name: str) -> str:
    """A member's name as it is; raises DataError if it could lead out of a directory."""
    if len(name) > LONGEST:
        raise DataError(f"{shown(name)}: a member's name has at most {LONGEST:,} characters")
    for piece in name.split("/"):
        if piece in ("", ".", "..") or not _SAFE.fullmatch(piece) or _DEVICE.fullmatch(piece):
            raise DataError(f"{shown(name)}: not a name that a member of a pack may have")
    return name


def check_names(names: Iterable[str]) -> None:
    """Refuse names that are unsafe, that come twice, or are a file and a directory."""
    seen: set[str] = set()
    folders: set[str] = set()
    for name in names:
        if check_name(name) in seen:
            raise DataError(f"{shown(name)}: the pack has this name twice")
        seen.add(name)
        folders.update(name[:at] for at, letter in enumerate(name) if letter == "/")
    for name in seen & folders:
        raise DataError(f"{shown(name)}: a file, and also a directory of others")


def check_part(path: str, suffix: str) -> None:
    """Refuse a part that may not lie where it would, or that no reader would find."""
    inside = path.startswith(DATA) and path.endswith(suffix) and suffix_of(suffix) == suffix
    ours = format_of(suffix) in (JSONL, PARQUET)
    if not (inside and ours) or any(
        piece.startswith((".", "_mdc", "_tmp")) for piece in path.split("/")
    ):
        raise DataError(f"{shown(path)}: not the path of a part")
