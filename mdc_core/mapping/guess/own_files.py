"""What is said of another file of mdc, or of no text at all, in the place of events."""

import shlex
from pathlib import Path
from typing import NamedTuple

from mdc_core.errors import DataError

HEAD = 1 << 12  # bytes that tell
_TAR = 257  # where its mark stands
_SHORTEST = 64  # bytes of which it can be told that they are no text
_PACKS = (b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c")


class OtherFileError(DataError):
    """A file that is not one of events, whatever is in it."""


class OwnFile(NamedTuple):
    """What a file is, and the command that reads it; `{}` stands for the file."""

    what: str
    command: str


PACK = OwnFile("a pack, or another archive of files", "mdc pack list {}")
OWN = (
    (b"SQLite format 3\0", OwnFile("a catalog", "mdc ls --root {root}")),
    (b"mdcJ", OwnFile("a journal", "mdc cat --root {root}")),
    (b'{"recv_ns":', OwnFile("a capture", "mdc stream PROVIDER SYMBOL --replay {}")),
    (b'{"source":', OwnFile("a quarantine file", "jq -r .text {} | mdc validate")),
    (b'{"reason":', OwnFile("a quarantine file", "jq -r .text {} | mdc validate")),
)


def own_file(head: bytes) -> OwnFile | None:
    """What the first bytes say a file is, where mdc has another command for it."""
    if head.startswith(_PACKS) or head[_TAR : _TAR + 5] == b"ustar":
        return PACK
    found = next((own for mark, own in OWN if head.startswith(mark)), None)
    return found or _settings(head)


def _settings(head: bytes) -> OwnFile | None:
    """A mapping file, or mdc.toml."""
    if head[:1] not in b'["#' and b"=" not in head.partition(b"\n")[0]:
        return None
    import tomllib

    try:
        names = set(tomllib.loads(head.decode()))
    except (ValueError, RecursionError):
        return None
    if {"map", "profile", "set", "digits"} & names:
        return OwnFile("a mapping of columns", "mdc import --mapping {} TABLE")
    return OwnFile("a file of settings", "mdc --config {} config show") if names else None


def is_binary(head: bytes) -> bool:
    """Whether bytes are no text with some line of JSON in it."""
    if len(head) < _SHORTEST or any(line.lstrip()[:2] == b'{"' for line in head.split(b"\n")):
        return False
    if b"\0" in head:
        return True
    odd = len(head.decode(errors="ignore").encode())
    return odd < len(head) * 0.9


def refuse_other(head: bytes, name: str, path: Path | None) -> None:
    """Raise OtherFileError for bytes that are another file of mdc's, or no text."""
    found = own_file(head)
    if found is not None:
        file = shlex.quote(str(path)) if path is not None and name != "<stdin>" else "FILE"
        hint = found.command.format(file, root=_root(path))
        raise OtherFileError(f"{name} is {found.what}, not a file of events", hint=hint)
    if is_binary(head):
        raise OtherFileError(f"{name} is binary data, not a file of events")


def _root(path: Path | None) -> str:
    """The archive that a file of its own state belongs to, as the path names it."""
    parts = path.parts if path is not None else ()
    return shlex.quote(str(Path(*parts[: parts.index("_mdc")]))) if "_mdc" in parts else "DIR"
