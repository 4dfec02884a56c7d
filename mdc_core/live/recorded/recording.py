"""What was recorded of feeds, in the order of time: an archive of frames, or a file."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from mdc_core.disk import absent
from mdc_core.errors import DataError
from mdc_core.live.frames.head import SUFFIX, FileHead, file_head
from mdc_core.live.frames.reader import Damage
from mdc_core.live.frames.runs import EVERY_FRAME, FrameChoice, runs_of
from mdc_core.live.recorded.others import reader_for
from mdc_core.live.recorded.record import CaptureRecord, lines_of, records


class Recording(Protocol):
    """What was recorded of one run of a feed."""

    @property
    def name(self) -> str:
        """What it is, for messages."""

    @property
    def head(self) -> FileHead:
        """By whom and for what it was recorded, as far as that is known by now."""

    @property
    def first(self) -> int | None:
        """The receive time it begins with."""

    @property
    def last(self) -> int | None:
        """The receive time it ends with, if that is known without reading it."""

    def records(self, choice: FrameChoice = EVERY_FRAME) -> Iterator[CaptureRecord | Damage]:
        """The frames and notes that are wanted, and what is damaged between them."""


class CaptureFile:
    """A capture in one file, or in a pipe."""

    first: int | None = None
    last: int | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head = FileHead(run=str(path), source=str(path))
        if path.is_file():  # a pipe can be read but once
            for record in islice(self._records(), 2):
                self._look_at(record)
                self.first = record.recv_ns
                if self.first is not None:  # a head has no time
                    break

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def records(self, choice: FrameChoice = EVERY_FRAME) -> Iterator[CaptureRecord]:
        """The frames and notes that are wanted."""
        for record in self._records():
            self._look_at(record)
            if choice.wants(record):
                yield record

    def _records(self) -> Iterator[CaptureRecord]:
        with closing(lines_of(self.path)) as lines:
            head = next(lines, None)
            if head is None:
                return
            read = reader_for(head)
            if read is None:
                read = records
            else:  # what somebody else asked for, he knows: no codec is to miss any of it
                self.head = replace(self.head, symbols=())
            yield from read(chain((head,), lines), self.path)

    def _look_at(self, record: CaptureRecord | None) -> None:
        """Take over what a capture says of itself."""
        if record is not None and record.dir == "derived" and record.recv_ns is None:
            self.head = file_head(bytes(record.frame)) or self.head


def recordings(path: Path) -> Sequence[Recording]:
    """What is recorded at a place; raises DataError where nothing is."""
    if path.is_dir() or path.name.endswith(SUFFIX):
        return runs_of(path)
    if not path.exists():
        raise absent(path)
    return [CaptureFile(path)]


class Recorded(NamedTuple):
    """The next that was recorded, and by what; None is the end of it."""

    recording: Recording
    what: CaptureRecord | Damage | None


def in_order(found: Sequence[Recording], choice: FrameChoice = EVERY_FRAME) -> Iterator[Recorded]:
    """What was recorded, by time; each recording keeps its own order, and is opened when due."""
    if len(found) == 1:
        yield from (Recorded(found[0], what) for what in found[0].records(choice))
        yield Recorded(found[0], None)
        return
    waiting = sorted(((one.first or 0, n) for n, one in enumerate(found)), reverse=True)
    active: list[tuple[int, int, CaptureRecord | Damage | None]] = []
    sources: dict[int, Iterator[CaptureRecord | Damage]] = {}
    while active or waiting:
        if waiting and (not active or waiting[-1][0] <= active[0][0]):
            since, number = waiting.pop()
            sources[number] = found[number].records(choice)
            heapq.heappush(active, (*_next(sources[number], since, number),))
            continue
        since, number, what = active[0]
        yield Recorded(found[number], what)
        if what is None:
            heapq.heappop(active)
        else:
            heapq.heapreplace(active, _next(sources[number], since, number))


def _next(
    source: Iterator[CaptureRecord | Damage], since: int, number: int
) -> tuple[int, int, CaptureRecord | Damage | None]:
    """The next of a recording, with the time by which it is in order."""
    what = next(source, None)
    ns = getattr(what, "recv_ns", None)
    return (since if ns is None else max(ns, since), number, what)


def of_provider(found: Sequence[Recording], name: str, place: Path) -> Sequence[Recording]:
    """Those of a provider, and those that name none; raises DataError where there are none."""
    fitting = [one for one in found if one.head.provider in ("", name)]
    if found and not fitting:
        others = ", ".join(dict.fromkeys(one.head.provider for one in found))
        raise DataError(f"{place} has no frames of {name}, but of {others}")
    return fitting
