"""The stage `replay`: what is read, in which order it goes out, and when."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from select import select
from threading import Event
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mdc_core.accounting import Input
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.health.sought import Sought
from mdc_core.archive.merge import MergeSource, merge
from mdc_core.archive.read.pace import ReplayPace, by_receipt, spooled, stepped
from mdc_core.archive.read.snapshot import snapshot
from mdc_core.pipelines.inputs import root_of
from mdc_core.pipelines.stage import Ending, Made
from mdc_core.pipelines.stages.cat import ArchiveSource, FirstEvents, data_rows
from mdc_core.wire.chunk import Chunk, no_events

if TYPE_CHECKING:
    from mdc_core.pipelines.stage import StageRun

_LOOK = 0.2
_STDIN = 0


class Replay(ArchiveSource):
    """Stored events at the pace at which they came, by event or by receive time."""

    def __init__(
        self,
        *args: Any,
        speed: float | None = 1.0,
        by_receipt: bool = False,
        step: bool = False,
        limit: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__("replay", *args, **options)
        self.speed, self.by_receipt, self.step = speed, by_receipt, step
        self.limit = limit
        if step and not self.paths:
            self.root = root_of(self.root)  # standard input has the steps

    @property
    def request(self) -> dict[str, Any]:
        """What is replayed, and by which time."""
        return {**super().request, "by": "receive" if self.by_receipt else "event"}

    @property
    def ending(self) -> Ending:
        """It stops: whatever it reads, it may have hours of it left."""
        return "stop"

    def work(self, run: "StageRun") -> Iterator[Made]:
        """Pass on what is due until all is out, or a signal comes."""
        files, folders = run.places(self.root)
        stop = run.control.stop
        sought = Sought(self.query)
        batches = ReplayRun(self, run, sought, folders, files).batches(stop)
        steps = Steps(_STDIN, stop)
        if self.step:
            pieces = stepped(batches, steps.next)
        else:
            pieces = ReplayPace(self.speed, stop.wait, tick=run.tick).pieces(batches)
        first = FirstEvents(self.limit)
        chunk, batch = no_events(), None
        for piece in () if first.all_there else pieces:
            if piece.batch is not batch:
                batch = piece.batch
                chunk = Chunk(by_receipt(batch) if self.by_receipt else batch)
            due = piece.stop > piece.start
            yield first.of(chunk.cut(piece.start, piece.stop)) if due else []
            if first.all_there:
                break
        run.skipped = sum(run.input.counts.values()) - sum(run.out.counts.values())
        limited = "limit" if steps.refused or first.all_there else None
        run.finish(reason="signal" if stop.is_set() else limited)
        if not stop.is_set() and not steps.refused:
            found = self.limit == 0 or data_rows(run.out.counts) > 0
            run.must_have(sought, found=found)


class ReplayRun:
    """One run of `replay`: the events that are wanted, in order."""

    def __init__(
        self,
        stage: Replay,
        run: "StageRun",
        sought: Sought,
        folders: list[Path | str],
        files: tuple[Path, ...],
    ) -> None:
        self._stage, self._run, self._sought = stage, run, sought
        self._folders, self._files = folders, files

    def batches(self, stop: Event) -> Iterator[pa.RecordBatch]:
        """All events that are wanted, in order; by receipt with their times exchanged."""
        with ExitStack() as held:
            if not self._stage.by_receipt:
                yield from merge(self._sources(self._stage.query, stop, held))
                return
            # Parts are filed by event time: which of them hold a receive time is not known.
            query = replace(self._stage.query, start=None, end=None)
            every = map(by_receipt, merge(self._sources(query, stop, held)))
            yield from spooled(_until(stop, map(self._stage.query.of, every)))

    def _sources(self, query: Query, stop: Event, held: ExitStack) -> Iterator[MergeSource]:
        for path in self._files:
            # Read to its end before anything goes out: the books are complete, the order known.
            batches = spooled(_until(stop, self._read(path, query)))
            yield MergeSource(partial(_ignoring_rows, batches))
        for folder in self._folders:
            looked = held.enter_context(closing(snapshot(folder, query)))
            yield from looked.sources(self._run.input.counts)

    def _read(self, path: Path, query: Query) -> Iterator[pa.RecordBatch]:
        """The wanted rows of a file; its books go to those of the command."""
        source = Input(self._run.readers((path,)))
        for chunk in source:
            wanted = self._sought.of(chunk.batch)
            yield wanted if query is self._sought.query else query.of(chunk.batch)
        self._run.input.absorb(source)


def _ignoring_rows(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    return batches


def _until(stop: Event, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches, until a signal comes."""
    for batch in batches:
        if stop.is_set():
            return
        yield batch


class Steps:
    """The lines of a file descriptor, each of which lets one more event out."""

    def __init__(self, fd: int, stop: Event) -> None:
        self.refused = False
        self._fd = fd
        self._stop = stop
        self._lines = 0
        self._unfinished = False
        self._ended = False

    def next(self) -> bool | None:
        """Wait for a line a while; false at the end of the lines, or when stopped."""
        if not self._lines and not self._ended and not self._stop.is_set():
            # A read would go on waiting after a signal.
            if not select([self._fd], [], [], _LOOK)[0]:
                return None
            self._take(os.read(self._fd, 65_536))
            return self.next()
        self.refused = not self._lines or self._stop.is_set()
        self._lines -= not self.refused
        return not self.refused

    def _take(self, text: bytes) -> None:
        self._ended = not text
        self._lines += text.count(b"\n") if text else self._unfinished
        self._unfinished = bool(text) and not text.endswith(b"\n")
