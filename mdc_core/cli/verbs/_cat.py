"""One run of `mdc cat`: what is read how, and what goes out."""

import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event

import pyarrow as pa

from mdc_core.accounting import Input, count_types
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.merge import MergeSource, in_order, merge, sorted_sources
from mdc_core.archive.read.follow import growing, new_parts
from mdc_core.archive.read.snapshot import snapshot
from mdc_core.cli.pipe import Pipe
from mdc_core.errors import UsageError
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Chunk, Reader


class Cat:
    """The events of some files and archives, to the output of a pipe."""

    def __init__(
        self, pipe: Pipe, query: Query, folders: list[Path | str], files: tuple[Path, ...]
    ) -> None:
        assert pipe.output is not None
        self._pipe, self._output = pipe, pipe.output
        self._query = query
        self._folders, self._files = folders, files

    def run(self, stop: Event, following: bool) -> str | None:
        """Write everything; why it ended, if not by the end of the input."""
        if following:
            return self._follow(stop)
        alone = not self._folders and len(self._files) == 1
        if alone and self._as_it_comes(self._files[0]):
            for chunk in self._pipe.chunks():
                self._write(chunk)
                if stop.is_set():
                    return "signal"
            return None
        for batch in merge(self._sources()):
            self._output.batch(batch)
            self._pipe.progress.add(batch.num_rows)
            if stop.is_set():
                return "signal"
        return None

    def _as_it_comes(self, path: Path) -> bool:
        """Whether a single input can be passed on as it is: a pipe, or in order already."""
        return str(path) == "-" or in_order(_batches(path))

    def _write(self, chunk: Chunk) -> None:
        batch = self._query.of(chunk.batch)
        unchanged = batch is chunk.batch
        self._pipe.dropped += chunk.batch.num_rows - batch.num_rows
        self._output.batch(batch, chunk.raw if unchanged else None)

    def _sources(self) -> Iterator[MergeSource]:
        for path in self._files:
            if str(path) != "-" and in_order(_batches(path)):
                yield MergeSource(partial(self._read, path))
            else:
                yield from sorted_sources(self._read(path))
        for folder in self._folders:
            yield from snapshot(folder, self._query).sources(self._pipe.input.counts)

    def _read(self, path: Path, rows: int = 0) -> Iterator[pa.RecordBatch]:
        """The wanted rows of a file; its books go to those of the command."""
        source = Input(self._pipe.readers((path,)))
        for chunk in source:
            batch = self._query.of(chunk.batch)
            self._pipe.dropped += chunk.batch.num_rows - batch.num_rows
            yield batch
        self._pipe.input.absorb(source)

    def _follow(self, stop: Event) -> str:
        """What is there, then what comes, until a signal."""
        if len(self._files) + len(self._folders) != 1:
            raise UsageError("--follow takes one file or one archive")
        if self._files:
            for chunk in Input([growing(self._files[0], self._pipe.quarantine, stop)]):
                self._pipe.input.counts += count_types(chunk.batch)
                self._write(chunk)
            return "signal"
        (folder,) = self._folders
        counts = self._pipe.input.counts
        for stored in new_parts(folder, self._query, stop):
            for batch in merge(piece.source(self._query, counts) for piece in stored):
                self._output.batch(batch)
        return "signal"


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The events of a file, for a look at their order; its bad lines are told later."""
    with closing(Quarantine(Path(os.devnull))) as aside, path.open("rb", buffering=0) as file:
        for chunk in Input([Reader(file, str(path), aside, path)]):
            yield chunk.batch
