"""What a file of frames says first: by whom and for what it was written."""

from typing import Any

import msgspec
from msgspec import Struct

FORMAT = 1
STATE = "file"  # of the note that has it
SUFFIX = ".frames.zst"


class FileHead(Struct, omit_defaults=True, kw_only=True):
    """The first note of a file: what it takes to read its frames again.

    `number` counts the files of a run. `state` tells it from other notes. What was imported has
    the hash of all that it is made of, and how many frames and notes that is.
    """

    state: str = ""
    format: int = 0
    run: str = ""
    number: int = 0
    provider: str = ""
    options: dict[str, Any] | None = None
    symbols: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    mdc: str = ""
    source: str = ""  # the file of somebody else's that it was imported from
    content: str = ""
    records: int = 0


def file_head(frame: bytes) -> FileHead | None:
    """The head in a note, if it is one."""
    try:
        head = msgspec.json.decode(frame, type=FileHead)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return head if head.format and head.state == STATE else None
