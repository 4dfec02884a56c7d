"""Where what cannot be read is set aside: one JSON object a line.

Its file has a limit, so that a feed of rubbish does not fill a disk: what would go beyond it is
counted and told like all the rest, but its text is not kept.
"""

import base64
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from mdc_core.errors import WriteError
from mdc_core.sizes import size_text

LIMIT = 10**9  # bytes of the file


def default_paths(stage: str, run_id: str) -> tuple[Path, ...]:
    """Where a command sets aside what it cannot read, unless told: the first that can be had.

    A container may have no home, or one that is read-only; a bad line is no reason to stop.
    """
    name = f"{run_id}-{stage}.jsonl"
    places = []
    state = os.environ.get("XDG_STATE_HOME")
    with suppress(RuntimeError):  # no home is known for this user
        places.append(Path(state) if state else Path.home() / ".local" / "state")
    with suppress(OSError):  # there is no place for temporary files
        places.append(Path(tempfile.gettempdir()))
    places = places or [Path()]
    return tuple(place / "mdc" / "quarantine" / name for place in places)


class Quarantine:
    """A file that is created when the first thing is set aside."""

    def __init__(
        self,
        *paths: Path,
        limit: int = LIMIT,
        full: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.path = paths[0]
        self.count = 0
        self.unkept = 0  # of them, those whose text went beyond the limit
        self._limit, self._full = limit, full
        self._size = 0  # of the file, if it had no limit
        self.reason = ""  # for which the last one was set aside
        self._paths = paths
        self._file: BinaryIO | None = None

    def add(self, text: bytes, reason: str, **where: object) -> None:
        """Set a text aside with the reason, and where it was found."""
        record: dict[str, object] = {**where, "reason": reason}
        try:
            record["text"] = text.decode()
        except UnicodeDecodeError:
            record["base64"] = base64.b64encode(text).decode()
        self.count += 1
        self.reason = reason
        file = self._file or self._open()
        try:
            line = msgspec.json.encode(record) + b"\n"
            self._size += len(line)
            if self._size > self._limit:
                self._count_only(file)
                return
            file.write(line)
            file.flush()
        except OSError as error:
            raise WriteError(f"cannot set aside a bad line in {self.path}: {error}") from None

    def _count_only(self, file: BinaryIO) -> None:
        """There is no room for a text; say so once, here as well."""
        self.unkept += 1
        if self.unkept == 1:
            text = f"{self.path} has reached its limit of {size_text(self._limit)}"
            self._full(f"{text}: what is set aside from here on is counted, not kept")
            file.write(msgspec.json.encode({"reason": "the rest is counted, not kept"}) + b"\n")
            file.flush()

    def told(self) -> str:
        """Where what was set aside is, for people."""
        some = f" ({self.unkept} of them only counted)" if self.unkept else ""
        return f"set aside in {self.path}{some}"

    def _open(self) -> BinaryIO:
        """The first of the paths that can be written."""
        refused: OSError | None = None
        for path in self._paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file, self.path = path.open("ab"), path
                with suppress(OSError):  # a pipe has no place in it
                    self._size = self._file.tell()
            except OSError as error:
                refused = refused or error
            else:
                return self._file
        raise WriteError(f"cannot set aside a bad line in {self.path}: {refused}")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
