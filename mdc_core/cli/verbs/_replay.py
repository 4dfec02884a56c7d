"""One run of `mdc replay`: what is read, in which order it goes out, and when."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from select import select
from threading import Event

import pyarrow as pa

from mdc_core.accounting import Input, Output, line_starts
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.merge import MergeSource, merge
from mdc_core.archive.read.pace import Piece, ReplayPace, by_receipt, spooled, stepped
from mdc_core.archive.read.snapshot import snapshot
from mdc_core.cli.pipe import Pipe
from mdc_core.wire.jsonl import encode_batch
from mdc_core.wire.writer import Wire

_LOOK = 0.2
_STDIN = 0


@dataclass(frozen=True)
class ReplayOptions:
    """How events are replayed: how fast, by which of their times, one by one, as what."""

    speed: float | None
    by_receipt: bool
    step: bool
    wire: Wire


class Replay:
    """The events of some files and archives, to the output of a pipe, when they are due."""

    def __init__(
        self, pipe: Pipe, query: Query, folders: list[Path | str], files: tuple[Path, ...]
    ) -> None:
        assert pipe.output is not None
        self._pipe, self._output = pipe, pipe.output
        self._folders, self._files = folders, files
        self._query = query

    def run(self, manner: ReplayOptions, stop: Event) -> str | None:
        """Write what is due until all is written; why it ended, if it was before that."""
        batches = self._batches(manner, stop)
        written = ReplayWriter(self._output, manner)
        steps = Steps(_STDIN, stop)
        if manner.step:
            pieces = stepped(batches, steps.next)
        else:
            pieces = ReplayPace(manner.speed, stop.wait).pieces(batches)
        for piece in pieces:
            written.write(piece)
        read = sum(self._pipe.input.counts.values())
        self._pipe.dropped = read - sum(self._output.counts.values())
        if stop.is_set():
            return "signal"
        return "limit" if steps.refused else None

    def _batches(self, manner: ReplayOptions, stop: Event) -> Iterator[pa.RecordBatch]:
        """All events that are wanted, in order; by receipt with their times exchanged."""
        if not manner.by_receipt:
            return merge(self._sources(self._query, stop))
        # Parts are filed by event time: which of them hold a receive time is not known.
        query = replace(self._query, start=None, end=None)
        every = map(by_receipt, merge(self._sources(query, stop)))
        return _lazily(_until(stop, map(self._query.of, every)))

    def _sources(self, query: Query, stop: Event) -> Iterator[MergeSource]:
        for path in self._files:
            # Read to its end before anything goes out: the books are complete, the order known.
            batches = spooled(_until(stop, self._read(path, query)))
            yield MergeSource(partial(_ignoring_rows, batches))
        for folder in self._folders:
            yield from snapshot(folder, query).sources(self._pipe.input.counts)

    def _read(self, path: Path, query: Query) -> Iterator[pa.RecordBatch]:
        """The wanted rows of a file; its books go to those of the command."""
        source = Input(self._pipe.readers((path,)))
        for chunk in source:
            yield query.of(chunk.batch)
        self._pipe.input.absorb(source)


def _ignoring_rows(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    return batches


def _lazily(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from spooled(batches)


def _until(stop: Event, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches, until a signal comes."""
    for batch in batches:
        if stop.is_set():
            return
        yield batch


class ReplayWriter:
    """Batches on their way to an output, piece by piece.

    The text of a batch is made once and cut: made for a row alone it costs a millisecond.
    """

    def __init__(self, output: Output, manner: ReplayOptions) -> None:
        self._output = output
        self._manner = manner
        self._sorted: pa.RecordBatch | None = None
        self._batch: pa.RecordBatch | None = None
        self._text = b""
        self._cuts: list[int] = []

    def write(self, piece: Piece) -> None:
        """Write the next piece."""
        if (piece.start, piece.stop) == (0, piece.batch.num_rows):
            self._output.batch(self._restored(piece.batch))
            return
        if piece.batch is not self._sorted:
            self._sorted, self._batch = piece.batch, self._restored(piece.batch)
            self._text = encode_batch(self._batch) if self._manner.wire == "jsonl" else b""
            self._cuts = line_starts(self._text)
        assert self._batch is not None
        raw = None
        if self._manner.wire == "jsonl":
            raw = self._text[self._cuts[piece.start] : self._cuts[piece.stop]]
        self._output.batch(piece._replace(batch=self._batch).rows, raw)

    def _restored(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return by_receipt(batch) if self._manner.by_receipt else batch


class Steps:
    """The lines of a file descriptor, each of which lets one more event out."""

    def __init__(self, fd: int, stop: Event) -> None:
        self.refused = False
        self._fd = fd
        self._stop = stop
        self._lines = 0
        self._unfinished = False
        self._ended = False

    def next(self) -> bool:
        """Wait for a line; false at the end of the lines, or when stopped."""
        while not self._lines and not self._ended and not self._stop.is_set():
            # A read would go on waiting after a signal.
            if select([self._fd], [], [], _LOOK)[0]:
                self._take(os.read(self._fd, 65_536))
        self.refused = not self._lines or self._stop.is_set()
        self._lines -= not self.refused
        return not self.refused

    def _take(self, text: bytes) -> None:
        self._ended = not text
        self._lines += text.count(b"\n") if text else self._unfinished
        self._unfinished = bool(text) and not text.endswith(b"\n")
