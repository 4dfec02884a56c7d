"""A file that is looked at while a command runs: whether something else stands in it."""

from pathlib import Path
from time import monotonic

EVERY = 1.0  # seconds from one look to the next

Signature = tuple[int, int, int]


class WatchedFile:
    """Tells once of each change, as soon as the file has stayed the same from look to look.

    A file that is being written is not read half, and one that is gone for a moment has not
    changed. What is no file, such as a pipe, is left alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._before = self._signature()
        self._looked = monotonic()

    @property
    def changed(self) -> bool:
        """Whether there is something else in the file since the last time."""
        if not 0 <= monotonic() - self._looked < EVERY:
            self._looked = monotonic()
            now, before = self._signature(), self._before
            self._before = now
            if now is not None and now == before and now != self._seen:
                self._seen = now
                return True
        return False

    def read(self) -> None:
        """It is read now."""
        self._seen = self._before = self._signature()

    def _signature(self) -> Signature | None:
        try:
            there = self._path.stat()
        except OSError:
            return None
        return (there.st_mtime_ns, there.st_size, there.st_ino) if self._path.is_file() else None
