"""Where a stage reads from: files, archives, standard input."""

import os
import select
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import BinaryIO

from msgspec import Struct

from mdc_core.accounting import EventInput
from mdc_core.disk import absent, no_archive, unreadable
from mdc_core.errors import DataError, MdcError, UsageError
from mdc_core.texts import typed
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.quarantine import LIMIT, Quarantine
from mdc_core.wire.reader import Reader

STDIN = Path("-")
_LOOK = 0.2  # seconds between two looks at `stop` while nothing comes
_PIECE = 1 << 20
_START = 64  # bytes in which `begin` stands, where a stream of lines begins with it
_head = bytearray()  # of standard input, where it was looked at before it is read


class InputOptions(Struct, kw_only=True, frozen=True):
    """How a stage takes its input: where bad lines go, and what is forgiven."""

    quarantine: Path | None = None
    quarantine_limit: int = LIMIT
    partial: bool = False
    strict: bool = False


READING = InputOptions()


def stdin_file() -> Path | None:
    """Standard input by name, where it is a file and not a pipe."""
    with suppress(OSError):  # it may be closed
        if stat.S_ISREG(os.fstat(0).st_mode):
            return Path("/dev/stdin")
    return None


def stdin_is_piped() -> bool:
    """Whether something is piped in, or redirected from a file."""
    mode = os.fstat(0).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def opened(path: Path) -> BinaryIO:
    """A file to read, or standard input; raises an MdcError where there is nothing to read."""
    if path == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                f"nothing to read: standard input is {'a terminal' if sys.stdin else 'closed'}",
                hint="name a file, or pipe events in",
            )
        from mdc_core.wire.sniff import open_stdin

        return open_stdin()
    try:
        return path.open("rb", buffering=0)
    except IsADirectoryError:
        raise UsageError(f"{path} is a directory", hint=typed("cat", path)) from None
    except OSError as error:
        raise unreadable(path, error) from None


def with_streams(paths: Iterable[Path]) -> Iterator[Path]:
    """The paths, and in the place of a folder of streams its files.

    A file that opens with `begin` is a stream with books of its own, and no part of an archive.
    """
    for path in paths:
        if path == STDIN or not path.is_dir():
            yield path
            continue
        from mdc_core.archive.catalog.paths import parts_below
        from mdc_core.archive.storage import STATE

        if (path / STATE).is_dir():
            yield path
            continue
        files = parts_below(path)
        yield from files if any(map(_is_stream, files)) else (path,)


def _is_stream(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        start = file.read(_START)
        if path.name.endswith((".parquet", ".jsonl")):
            return b'"type":"begin"' in start.replace(b" ", b"")
        file.seek(0)
        with suppress(MdcError), closing(Quarantine(keeps=False)) as aside:
            first = next(iter(Reader(file, str(path), aside, path)), None)
            return first is not None and first.size > 0 and "begin" in first.counts
    return False


def stdin_head(size: int) -> bytes:
    """The first bytes of standard input; `keep` keeps them as well."""
    with opened(STDIN) as file:
        while len(_head) < size and (data := file.read(size - len(_head))):
            _head.extend(data)
    return bytes(_head)


def is_read_once(path: Path) -> bool:
    """Whether to read it is to take it away: a pipe, by whatever name."""
    return path == STDIN or (path.exists() and not path.is_file() and not path.is_dir())


@contextmanager
def place_again(path: Path) -> Iterator[Path]:
    """Where what is at a path may be read more than once: a pipe is kept there, in a file."""
    if not is_read_once(path):
        yield path
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="mdc-") as folder:
        yield Path(folder) / ("stdin" if path == STDIN else path.name)


def keep(path: Path, place: Path, stop: Event) -> None:
    """Keep all that comes of a pipe, until its end or the signal; what is none is there."""
    if place == path:
        return
    with opened(path) as file, place.open("wb") as kept:
        if path == STDIN:
            kept.write(_head)
            _head.clear()
        while not stop.is_set():
            ready, _, _ = select.select([file], [], [], _LOOK)
            if not ready:
                continue
            if not (data := file.read(_PIECE)):
                break
            kept.write(data)


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """A file that may be read more than once; standard input is kept in one as it is now."""
    if path != STDIN:
        yield path
        return
    with place_again(path) as place:
        keep(path, place, Event())
        yield place


def reader_of(
    file: BinaryIO,
    name: str,
    quarantine: Quarantine,
    path: Path | None,
    *,
    tick: float | None = None,
    few: int | None = None,
) -> EventInput:
    """What reads an open file: the wire, or the third party's format that its suffix names."""
    from mdc_core.archive.part_formats import part_reader

    part = part_reader(path) if path is not None and path.suffix else None
    return part or Reader(file, name, quarantine, path, tick=tick, few=few)


class ArchiveReader:
    """The events of an archive in time order."""

    rejected = 0
    first_rejection: str | None = None
    damage: str | None = None

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root

    def __iter__(self) -> Iterator[Chunk]:
        from mdc_core.archive.merge import merge
        from mdc_core.archive.read.snapshot import snapshot

        with closing(snapshot(self._root)) as held:
            sources = held.sources(Counter())
            yield from map(Chunk, merge(sources))


class UntilTold:
    """The events of a file, up to where its command is told to end: the rest is missing."""

    def __init__(self, events: EventInput, told: Event) -> None:
        self.name = events.name
        self.rejected = 0
        self.first_rejection: str | None = None
        self.damage: str | None = None
        self._events, self._told = events, told

    def __iter__(self) -> Iterator[Chunk]:
        events = self._events
        for chunk in events:
            if self._told.is_set():
                self.damage = f"{self.name} is not read to its end"
                return
            self.rejected, self.first_rejection = events.rejected, events.first_rejection
            yield chunk
        self.rejected, self.first_rejection = events.rejected, events.first_rejection
        self.damage = events.damage


class DefaultRoot(str):
    """The archive where none is named, as MDC_ROOT or mdc.toml says for all verbs."""

    @property
    def place(self) -> Path | str:
        """Its directory, or its URL."""
        return str(self) if "://" in self else Path(self)


def is_named(root: Path | str | None) -> bool:
    """Whether a command was told of this archive, and does not only fall back to it."""
    return root is not None and not isinstance(root, DefaultRoot)


def root_of(root: Path | str | None) -> Path | str:
    """The archive that is named, or the default one."""
    if isinstance(root, DefaultRoot):
        return root.place
    return Path("data") if root is None else root


def archive_at(root: Path | str | None, verb: str) -> Path | str:
    """The archive to look at, as `root_of` says; raises DataError where there is none."""
    place = root_of(root)
    if isinstance(place, Path) and not place.is_dir():
        if is_named(root):
            raise no_archive(place)
        hint = typed(*verb.split(), "--root", "DIR")
        raise DataError(f"nothing to read: no archive at {place}", hint=hint)
    return place


def places(
    paths: Iterable[Path],
    root: Path | str | None,
    verb: str,
    *,
    piped: bool,
) -> tuple[tuple[Path, ...], list[Path | str]]:
    """Files and archives to read: what is named, else what is piped in, else the archive."""
    paths = tuple(paths)
    if not paths and not is_named(root) and piped:
        return (STDIN,), []
    for path in paths:
        if path != STDIN and not path.exists():
            raise absent(path)
    remote: list[Path | str] = []
    if is_named(root) or not paths:
        place = archive_at(root, verb)
        if isinstance(place, str):
            remote.append(place)
        else:
            paths = (*paths, place)
    local = list(with_streams(paths))
    files = tuple(path for path in local if not path.is_dir())
    return files, [*(path for path in local if path.is_dir()), *remote]
