"""Where what cannot be read is set aside: one JSON object a line, nothing lost."""

import base64
import os
from pathlib import Path
from typing import BinaryIO

import msgspec

from mdc_core.errors import WriteError


def default_path(stage: str, run_id: str) -> Path:
    """Where a command sets aside what it cannot read, unless told."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "mdc" / "quarantine" / f"{run_id}-{stage}.jsonl"


class Quarantine:
    """A file that is created when the first thing is set aside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: BinaryIO | None = None

    def add(self, text: bytes, reason: str, **where: object) -> None:
        """Set a text aside with the reason, and where it was found."""
        record: dict[str, object] = {**where, "reason": reason}
        try:
            record["text"] = text.decode()
        except UnicodeDecodeError:
            record["base64"] = base64.b64encode(text).decode()
        self.count += 1
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("ab", buffering=0)
            self._file.write(msgspec.json.encode(record) + b"\n")
        except OSError as error:
            raise WriteError(f"cannot set aside a bad line in {self.path}: {error}") from None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
