"""Going on with what is stored while we look: new parts, and files that grow."""

import io
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

from mdc_core.archive.catalog.query import Query
from mdc_core.archive.read.snapshot import Stored, pieces, snapshot
from mdc_core.archive.write.archive import Archive
from mdc_core.disk import reading
from mdc_core.errors import DataError
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from mdc_core.wire.sniff import Unbuffered

POLL_SECONDS = 0.2
NEW = ("store", "import")  # who brings in events that were not there before


def new_parts(root: Path | str, query: Query, stop: Event) -> Iterator[list[Stored]]:
    """What is sealed, then what is sealed from now on, until `stop` is set; a look each time.

    What is only rewritten is not new; raises DataError where it was rewritten unseen.
    """
    archive = Archive.open(root)
    shown = ShownParts(archive, query) if archive.has_catalog else None
    seen: set[str] = set()
    while not stop.is_set():
        if shown is not None:
            new = shown.new()
        else:
            found = snapshot(root, query).stored()
            new = [piece for piece in found if piece.name not in seen]
            seen.update(piece.name for piece in new)
        yield new
        stop.wait(POLL_SECONDS)


class ShownParts:
    """Which parts of a catalog were shown, and how much of those that grow."""

    def __init__(self, archive: Archive, query: Query) -> None:
        archive.reading()
        self._archive, self._query = archive, query
        # A part may be made of some that are outside of the time: those are followed as well.
        self._followed = replace(query, start=None, end=None)
        self._number = 0
        # By path, frames that were shown; and hashes. Each with the number of its part, in order.
        self._frames: dict[str, tuple[int, int]] = {}
        self._hashes: dict[str, int] = {}

    def new(self) -> list[Stored]:
        """What has come since the last time."""
        first = not self._number
        with self._archive.catalog(read_only=True) as catalog, catalog.at_once():
            oldest, last = catalog.numbers()
            rows = list(catalog.since(self._number, self._followed)) if last > self._number else []
        self._number = max(self._number, last)
        found: list[Stored] = []
        for number, row in rows:
            if not self._query.spans(row.begins, row.ends):
                pass
            elif first or row.made_by in NEW:
                _, shown = self._frames.pop(row.path, (0, 0))
                found += pieces(self._archive, row, shown)
                if row.frames:
                    self._frames[row.path] = number, len(row.frames)
            elif not all(digest in self._hashes for _, digest in row.inputs):
                raise DataError(f"{row.path} was rewritten before all of it was shown")
            self._hashes[row.sha256] = number
        self._forget(oldest)
        return found

    def _forget(self, oldest: int) -> None:
        """What is in the catalog no more can be no input of what comes."""
        while self._hashes and (digest := next(iter(self._hashes))):
            if self._hashes[digest] >= oldest:
                break
            del self._hashes[digest]
        while self._frames and (path := next(iter(self._frames))):
            if self._frames[path][0] >= oldest:
                break
            del self._frames[path]


class Growing(io.RawIOBase):
    """A file whose end is not the end: reading waits for more until `stop` is set."""

    def __init__(self, file: Unbuffered, stop: Event) -> None:
        self._inner = file
        self._stop = stop

    def read(self, size: int = -1, /) -> bytes | None:
        """The next bytes, as soon as there are any; nothing once stopped."""
        while True:
            data = self._inner.read(size)
            if data or self._stop.wait(POLL_SECONDS):
                return data

    def waiting(self, seconds: float) -> bool:
        """Whether there is more, or will be within some seconds; or none any more."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._has_more():
            if self._stop.wait(min(left, POLL_SECONDS)):
                return True
        return self._has_more()

    def _has_more(self) -> bool:
        fd = self._inner.fileno()
        return os.fstat(fd).st_size > os.lseek(fd, 0, os.SEEK_CUR)

    def fileno(self) -> int:
        """None: whether more is there is not for `select` to say."""
        raise io.UnsupportedOperation("fileno")


def growing(path: Path, quarantine: Quarantine, stop: Event, tick: float | None = None) -> Reader:
    """A reader of a file that others append to."""
    with reading(path):
        file = path.open("rb", buffering=0)
    return Reader(Growing(file, stop), str(path), quarantine, tick=tick)
