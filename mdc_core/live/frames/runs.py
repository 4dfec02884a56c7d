"""The runs of an archive of frames: the files of each, in order, and what is in them."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from mdc_core.disk import absent, reading
from mdc_core.errors import DataError
from mdc_core.folders import files_below
from mdc_core.live.frames.block import BlockHead
from mdc_core.live.frames.head import SUFFIX, FileHead
from mdc_core.live.frames.reader import Damage, FrameFileReader
from mdc_core.live.recorded.record import CaptureRecord, quick_record
from mdc_core.texts import counted

_NAME = re.compile(rf"\d+T\d+Z-(?P<provider>.*)-(?P<run>[^-]*)-(?P<number>\d+){re.escape(SUFFIX)}")


class FrameChoice(NamedTuple):
    """Which frames are wanted; nothing said is all."""

    start: int | None = None
    end: int | None = None
    connections: tuple[str, ...] = ()  # names, or patterns as of files
    directions: tuple[str, ...] = ()

    def may_be_in(self, head: BlockHead) -> bool:
        """Whether a block may have some."""
        if head.last is not None and self.start is not None and head.last < self.start:
            return False
        if head.first is not None and self.end is not None and head.first >= self.end:
            return False
        return not self.connections or any(map(self.is_of, head.connections))

    def is_of(self, connection: str) -> bool:
        """Whether a connection is wanted."""
        return not self.connections or any(fnmatchcase(connection, p) for p in self.connections)

    def wants(self, record: CaptureRecord) -> bool:
        """Whether a frame is wanted; one without a time is of any."""
        if self.directions and record.dir not in self.directions:
            return False
        if (ns := record.recv_ns) is not None:
            if self.start is not None and ns < self.start:
                return False
            if self.end is not None and ns >= self.end:
                return False
        return self.is_of(record.connection)

    def has(self, what: CaptureRecord | Damage) -> bool:
        """Whether a frame is wanted, or what is damaged."""
        return isinstance(what, Damage) or self.wants(what)


EVERY_FRAME = FrameChoice()


class FrameFile(NamedTuple):
    """A file of the archive: what it says at its begin, or else its name."""

    path: Path
    head: FileHead


class FileTold(NamedTuple):
    """What is in a file, as its blocks say."""

    file: FrameFile
    size: int
    state: str  # whole, unfinished, or written: by somebody now
    content: BlockHead


class FrameRun:
    """What one run of a feed has written."""

    def __init__(self, files: list[FrameFile]) -> None:
        self.files = sorted(files, key=lambda file: file.head.number)
        self.head = self.files[0].head

    @property
    def name(self) -> str:
        """Where it stands, for messages."""
        return str(self.files[0].path)

    @property
    def first(self) -> int | None:
        """The receive time it begins with."""
        with FrameFileReader(self.files[0].path) as file:
            return next((head.first for head in file.heads() if head.first is not None), None)

    @property
    def last(self) -> int | None:
        """The receive time it ends with."""
        return told(self.files[-1]).content.last

    def records(self, choice: FrameChoice = EVERY_FRAME) -> Iterator[CaptureRecord | Damage]:
        """The frames and notes that are wanted, and what is damaged between them."""
        missing = {damage.file: damage for damage in missing_before(self)}
        number = None
        for file in self.files:
            if file.path in missing:
                yield missing[file.path]
            if file.head.number != number:  # else it was read already
                with FrameFileReader(file.path) as opened:
                    yield from _records_in(opened, choice, goes_on=file is not self.files[-1])
            number = file.head.number


def _records_in(
    file: FrameFileReader, choice: FrameChoice, *, goes_on: bool
) -> Iterator[CaptureRecord | Damage]:
    """The frames of a file; one that breaks off between two blocks is told like one within."""
    ends = False
    for block in file.blocks(choice.may_be_in):
        if isinstance(block, Damage):
            ends = ends or block.torn or not block.loses
            if block.loses and not (block.torn and file.is_written):
                yield block._replace(torn=block.torn and not goes_on)
            continue
        lines = lines_in(file.path, block.lines)
        yield from lines if choice == EVERY_FRAME else filter(choice.has, lines)
    if not ends and file.whole() is None and not file.is_written:
        yield broken_off(file, goes_on=goes_on)


def broken_off(file: FrameFileReader, *, goes_on: bool) -> Damage:
    """What is told of a file without an end: a next one is begun behind that of the one before."""
    why = "although its run goes on" if goes_on else "for its writer was killed or could not go on"
    return Damage(file.path, file.size, 0, f"the file breaks off, {why}", torn=not goes_on)


def lines_in(path: Path, lines: bytes) -> Iterator[CaptureRecord | Damage]:
    """The frames and notes of a block, and what is none."""
    for line in lines.split(b"\n"):
        if line:
            yield quick_record(line) or Damage(path, 0, len(line), "a line that is no frame")


def missing_before(run: FrameRun) -> Iterator[Damage]:
    """What is missing between the files of a run, or is there twice."""
    for before, file in pairwise(run.files):
        number, missing = file.head.number, file.head.number - before.head.number - 1
        if missing > 0:
            what = f"{counted(missing, 'file')} of its run missing before number {number}"
            yield Damage(file.path, 0, 0, what)
        elif missing < 0:
            yield Damage(file.path, 0, 0, f"number {number} of its run once more: it is left out")


def runs_of(folder: Path) -> list[FrameRun]:
    """The runs below a folder; raises DataError where there are none."""
    found = runs_below(folder)
    if not found:
        raise DataError(
            f"{folder} has no frames", hint=f"mdc stream NAME SYMBOL... --capture {folder}/"
        )
    return found


def runs_below(folder: Path) -> list[FrameRun]:
    """The runs below a folder, by the time at which they began; raises DataError."""
    if not folder.exists():
        raise absent(folder)
    found: dict[str, list[FrameFile]] = {}
    for path in _files(folder):
        with FrameFileReader(path) as file:
            head = file.head() or _named(path)
        found.setdefault(head.run, []).append(FrameFile(path, head))
    runs = map(FrameRun, found.values())
    return sorted(runs, key=lambda run: run.files[0].path.name)


def told(file: FrameFile) -> FileTold:
    """What is in a file, without a look into its blocks."""
    with FrameFileReader(file.path) as opened:
        content = opened.whole()
        state = "whole" if content else "written" if opened.is_written else "unfinished"
        if content is None:
            content = BlockHead(0)
            for head in opened.heads():
                content.count(head)
        return FileTold(file, opened.size, state, content)


def _files(folder: Path) -> Iterator[Path]:
    with reading(folder):
        paths = [folder] if folder.is_file() else files_below(folder)
        for path in paths:
            # A pipe would be waited for.
            if path.name.endswith(SUFFIX) and (path.is_file() or not path.exists()):
                yield path


def _named(path: Path) -> FileHead:
    """What the name of a file says, whose begin is damaged."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        return FileHead(run=str(path))
    run, provider = found["run"], found["provider"]
    return FileHead(run=run, provider=provider, number=int(found["number"]))
