"""The room that an archive takes beside its parts: journals, the catalog, what is kept aside."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from mdc_core.archive.write.archive import Archive

CATALOG = "catalog"
# What else lies in the state directory, by the first piece of its path.
_KINDS = {
    "journal": "journals",
    "damaged": "damaged",
    "trash": "trash",
    "tmp": "unfinished",
}


class Room(NamedTuple):
    """Files of one kind, and their bytes."""

    kind: str
    files: int
    bytes: int


def state_room(archive: Archive) -> list[Room]:
    """What is in the state directory, by kind; empty files are none."""
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for path in archive.state.rglob("*"):
        size = _size(path)
        if size:
            kind = _kind(path.relative_to(archive.state))
            files[kind] += 1
            sizes[kind] += size
    return [Room(kind, files[kind], sizes[kind]) for kind in sorted(files)]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # gone since we looked
        return 0


def _kind(path: Path) -> str:
    if ".damaged-" in path.name:
        return "damaged"
    return _KINDS.get(path.parts[0], CATALOG)
