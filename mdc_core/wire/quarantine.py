"""Where what cannot be read is set aside: one JSON object a line.

Its file has a limit, so that a feed of rubbish does not fill a disk, and so has the folder of the
files that nobody named: what would go beyond it is counted and told like all the rest, but its
text is not kept.
"""

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import BinaryIO

import msgspec

from mdc_core.disk import check_place
from mdc_core.disk import reason as reason_of
from mdc_core.errors import WriteError
from mdc_core.sizes import size_text

LIMIT = 10**9  # bytes of the file
_FOLDER = 10  # times that: of all files of a folder of ours


def default_path(stage: str, run_id: str) -> Path | None:
    """Where a command sets aside what it cannot read, unless told; None without a home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not Path(state).is_absolute():
        state = ""  # such a one is to be ignored, says the XDG specification
    with suppress(RuntimeError):  # no home is known for this user
        if state or Path.home().is_dir():
            place = Path(state) if state else Path.home() / ".local" / "state"
            return place / "mdc" / "quarantine" / f"{run_id}-{stage}.jsonl"
    return None


def _sizes_in(folder: Path) -> Iterator[tuple[str, int]]:
    """Name and bytes of each file of a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # it has just been removed
                yield entry.name, entry.stat(follow_symlinks=False).st_size


class Quarantine:
    """A file that is created when the first thing is set aside.

    Without `keeps`, what cannot be read is only counted: it stays where it is.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        keeps: bool = True,
        must: bool = True,
        limit: int = LIMIT,
        full: Callable[[str], None] = lambda text: None,
    ) -> None:
        """With `must`, a file that cannot be made is an error; else a temporary one is made.

        A container may have no home, or one that is read-only; a bad line is no reason to stop.
        """
        self.path = path
        self._keeps, self._must = keeps, must and path is not None
        self.count = 0
        self.unkept = 0  # of them, those whose text went beyond the limit
        self._limit, self._full = limit, full
        self._look_at = 0  # size of the file at which that of the others is asked for again
        self._room: float = inf  # what the others leave, of a file that nobody named
        self._size = 0  # of the file, if it had no limit
        self.reason = ""  # for which the last one was set aside
        self._file: BinaryIO | None = None

    def check(self) -> None:
        """Raise WriteError where the file that was named cannot be made."""
        if self._must and self.path is not None:
            check_place(self.path)

    def add(self, text: bytes, reason: str, **where: object) -> None:
        """Set a text aside with the reason, and where it was found."""
        self.count += 1
        self.reason = reason
        if not self._keeps:
            return
        record: dict[str, object] = {**where, "reason": reason}
        try:
            record["text"] = text.decode()
        except UnicodeDecodeError:
            record["base64"] = base64.b64encode(text).decode()
        try:
            self._keep(msgspec.json.encode(record) + b"\n")
        except OSError as error:
            raise WriteError(f"cannot write {self.path}: {reason_of(error)}") from None

    def _keep(self, line: bytes) -> None:
        if not self._must and not self._folder_has_room(len(line)):
            most = f"{size_text(_FOLDER * self._limit)} (remove what you need no longer)"
            self._count_only(self.path and self.path.parent, most)
            return
        file = self._file or self._open()
        self._size += len(line)
        if self._size > self._limit:
            self._count_only(self.path, size_text(self._limit))
            return
        file.write(line)
        file.flush()

    def _count_only(self, place: Path | None, most: str) -> None:
        """There is no room for a text; say so once, here as well."""
        self.unkept += 1
        if self.unkept == 1:
            text = f"{place} has reached its limit of {most}"
            self._full(f"{text}: what is set aside from here on is counted, not kept")
            if self._file is not None:
                rest = {"reason": "the rest is counted, not kept"}
                self._file.write(msgspec.json.encode(rest) + b"\n")
                self._file.flush()

    def _folder_has_room(self, size: int) -> bool:
        """Whether all files that nobody named have room for so much; others may be growing."""
        if self.path is not None and self._limit and self._size >= self._look_at:
            others = (n for name, n in _sizes_in(self.path.parent) if name != self.path.name)
            self._room = _FOLDER * self._limit - sum(others)
            self._look_at = self._size + self._limit // 100
        return self._size + size <= self._room

    def told(self) -> str:
        """What became of what was rejected, for people."""
        if not self._keeps:
            return "rejected (--quarantine FILE keeps the text)"
        if self._file is None and self.unkept:
            return "rejected, only counted"
        some = f" ({self.unkept} of them only counted)" if self.unkept else ""
        return f"rejected into {self.path}{some}"

    @property
    def kept_in(self) -> Path | None:
        """The file with what was rejected, where there is one."""
        return None if self._file is None else self.path

    def _open(self) -> BinaryIO:
        try:
            self.path = self.path or self._temporary()
            self._file = self._opened(self.path)
        except OSError:
            if self._must:
                raise
            self.path = self._temporary()
            self._file = self._opened(self.path)
        with suppress(OSError):  # a pipe has no place in it
            self._size = self._file.tell()
        return self._file

    def _temporary(self) -> Path:
        """A file in a folder that nobody else can have made or can read."""
        from tempfile import mkdtemp

        name = self.path.name if self.path else "quarantine.jsonl"
        return Path(mkdtemp(prefix="mdc-")) / name

    def _opened(self, path: Path) -> BinaryIO:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
