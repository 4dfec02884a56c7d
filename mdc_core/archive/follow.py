"""Going on with what is stored while we look: new parts, and files that grow."""

import io
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from mdc_core.archive.find import Query, chosen
from mdc_core.errors import DataError
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from mdc_core.wire.sniff import Unbuffered

POLL_SECONDS = 0.2


def new_parts(root: Path, query: Query, stop: Event) -> Iterator[list[Path]]:
    """The parts that are there, then those that appear, until `stop` is set."""
    seen: set[Path] = set()
    while not stop.is_set():
        new = [path for path in chosen(root, query) if path not in seen]
        if new:
            seen.update(new)
            yield new
        stop.wait(POLL_SECONDS)


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

    def fileno(self) -> int:
        """None: whether more is there is not for `select` to say."""
        raise io.UnsupportedOperation("fileno")


def growing(path: Path, quarantine: Quarantine, stop: Event) -> Reader:
    """A reader of a file that others append to."""
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    return Reader(Growing(file, stop), str(path), quarantine)
