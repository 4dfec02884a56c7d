"""Where what cannot be read is set aside: one JSON object a line, nothing lost."""

import base64
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from mdc_core.errors import WriteError


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

    def __init__(self, *paths: Path) -> None:
        self.path = paths[0]
        self.count = 0
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
            file.write(msgspec.json.encode(record) + b"\n")
            file.flush()
        except OSError as error:
            raise WriteError(f"cannot set aside a bad line in {self.path}: {error}") from None

    def _open(self) -> BinaryIO:
        """The first of the paths that can be written."""
        refused: OSError | None = None
        for path in self._paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file, self.path = path.open("ab"), path
            except OSError as error:
                refused = refused or error
            else:
                return self._file
        raise WriteError(f"cannot set aside a bad line in {self.path}: {refused}")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
