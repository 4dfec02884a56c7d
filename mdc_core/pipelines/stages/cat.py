"""The stage `cat`: what is read how, and what goes out."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from msgspec.structs import replace

from mdc_core.accounting import Input
from mdc_core.archive.catalog.query import EVERYTHING, Query
from mdc_core.archive.health.sought import Sought
from mdc_core.archive.merge import MergeSource, in_order, merge, sorted_sources
from mdc_core.errors import MdcError, UsageError
from mdc_core.events import CONTROL_TYPES
from mdc_core.pipelines.inputs import (
    READING,
    STDIN,
    InputOptions,
    is_named,
    is_read_once,
    opened,
    reader_of,
    stdin_is_piped,
)
from mdc_core.pipelines.output.options import OUTPUT, OutputOptions
from mdc_core.pipelines.stage import Ending, Made, SourceStage
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader

if TYPE_CHECKING:
    from mdc_core.pipelines.stage import StageRun


class ArchiveSource(SourceStage):
    """Reads archives and files, or what comes in where nothing is named."""

    def __init__(
        self,
        name: str,
        paths: tuple[Path, ...] = (),
        root: Path | str | None = None,
        query: Query = EVERYTHING,
        reading: InputOptions = READING,
        writing: OutputOptions = OUTPUT,
    ) -> None:
        super().__init__(name)
        self.paths, self.root = paths, root
        self.query = dataclasses.replace(query, with_gaps=True)
        self.reading, self.writing = reading, replace(writing, types=query.types)

    @property
    def request(self) -> dict[str, Any]:
        """What is read, and what of it is wanted."""
        named = [str(path) for path in self.paths]
        if is_named(self.root) or not named:
            named.append(str(self.root or "data"))
        symbols, types = list(self.query.words), list(self.query.types)
        return {"paths": named, "symbols": symbols, "types": types}

    @property
    def takes_input(self) -> bool:
        """Whether what comes in is all, or a part, of what it reads."""
        return STDIN in self.paths or (not self.paths and not is_named(self.root))

    @property
    def keeps(self) -> bool:
        """What came by a pipe is nowhere else."""
        return self.takes_input

    @property
    def sets_aside(self) -> bool:
        """No: it only looks, and says how many lines it cannot read, and why."""
        return False

    @property
    def ending(self) -> Ending:
        """That of a filter where standard input is read, else that of a source."""
        return "follow" if self._reads_stdin else "stop"

    @property
    def ending_by_input(self) -> Ending:
        """That of a filter where standard input is read; nothing is caught otherwise."""
        return "follow" if self._reads_stdin else "none"

    @property
    def _reads_stdin(self) -> bool:
        return STDIN in self.paths or (self.takes_input and stdin_is_piped())


class Cat(ArchiveSource):
    """The events of some files and archives as one stream in time order."""

    shows = True

    def __init__(
        self,
        *args: Any,
        limit: int | None = None,
        following: bool = False,
        **options: Any,
    ) -> None:
        super().__init__("cat", *args, **options)
        self.limit = self.few = limit
        self.following = following

    def work(self, run: "StageRun") -> Iterator[Made]:
        """Pass on everything that is wanted, to the end or until a signal comes."""
        files, folders = run.places(self.root)
        sought = Sought(self.query)
        reading = CatRun(run, sought, folders, files)
        chunks: Iterator[Made] = reading.follow() if self.following else reading.all()
        first = FirstEvents(self.limit)
        for made in () if first.all_there else chunks:
            yield first.of(made) if isinstance(made, Chunk) else made
            if run.control.stop.is_set() or first.all_there:
                break
        stopped = self.following or run.control.stop.is_set()
        if first.all_there:
            run.skipped = sum(run.input.counts.values()) - sum(run.out.counts.values())
        run.finish(reason="limit" if first.all_there else "signal" if stopped else None)
        if not stopped:
            run.must_have(sought, found=self.limit == 0 or data_rows(run.out.counts) > 0)


class FirstEvents:
    """So many events of chunks as are wanted; None are all."""

    def __init__(self, wanted: int | None) -> None:
        self._left = wanted

    @property
    def all_there(self) -> bool:
        """Whether no more are wanted."""
        return self._left == 0

    def of(self, chunk: Chunk) -> Chunk:
        """What is wanted of the next chunk."""
        if self._left is None:
            return chunk
        if chunk.size > self._left:
            import numpy as np

            chunk = chunk.select(np.arange(self._left))
        self._left -= chunk.size
        return chunk


class CatRun:
    """One run of `cat`."""

    def __init__(
        self,
        run: "StageRun",
        sought: Sought,
        folders: list[Path | str],
        files: tuple[Path, ...],
    ) -> None:
        self._run, self._sought, self._query = run, sought, sought.query
        self._folders, self._files = folders, files

    def all(self) -> Iterator[Chunk]:
        """Everything that is there."""
        alone = not self._folders and len(self._files) == 1
        if alone and self._as_it_comes(self._files[0]):
            for chunk in self._run.chunks():
                yield self._wanted(chunk)
            return
        with ExitStack() as held:
            for batch in merge(self._sources(held)):
                self._run.progress.add(batch.num_rows)
                yield Chunk(batch)

    def follow(self) -> Iterator[Made]:
        """What is there, then what comes, until a signal."""
        from mdc_core.archive.read.follow import new_parts
        from mdc_core.archive.read.snapshot import tie_order

        stop = self._run.control.stop
        if len(self._files) + len(self._folders) != 1:
            raise UsageError("--follow takes one file or one archive")
        counts = self._run.input.counts
        if self._files:
            if is_read_once(self._files[0]):
                raise UsageError(
                    f"--follow takes a file, and {self._files[0]} is a pipe",
                    hint="leave out --follow: a pipe is read as it comes",
                )
            for chunk in Input([self._growing(stop)]):
                counts.update(chunk.counts)
                yield self._wanted(chunk)
            return
        (folder,) = self._folders
        for stored in new_parts(folder, self._query, stop):
            if not stored:
                yield []
            rank = tie_order(stored, self._query)
            for batch in merge((one.source(self._query, counts) for one in stored), rank):
                yield Chunk(batch)

    def _growing(self, stop: Event) -> Reader:
        from mdc_core.archive.read.follow import growing

        return growing(self._files[0], self._run.quarantine, stop, self._run.tick)

    def _as_it_comes(self, path: Path) -> bool:
        """Whether a single input can be passed on as it is: a pipe, or in order already."""
        return is_read_once(path) or _is_in_order(path)

    def _wanted(self, chunk: Chunk) -> Chunk:
        """The wanted rows of a chunk."""
        batch = self._sought.of(chunk.batch)
        if batch is chunk.batch:
            return chunk
        self._run.skipped += chunk.size - batch.num_rows
        return Chunk(batch)

    def _sources(self, held: ExitStack) -> Iterator[MergeSource]:
        for path in self._files:
            if not is_read_once(path) and _is_in_order(path):
                yield MergeSource(partial(self._read, path))
            else:
                yield from sorted_sources(self._read(path))
        if self._folders:
            from mdc_core.archive.read.snapshot import snapshot
        for folder in self._folders:
            looked = held.enter_context(closing(snapshot(folder, self._query)))
            self._run.progress.expect(sum(part.rows for part in looked.parts))
            yield from looked.sources(self._run.input.counts)

    def _read(self, path: Path, rows: int = 0) -> Iterator[pa.RecordBatch]:
        """The wanted rows of a file; its books go to those of the command."""
        source = Input(self._run.readers((path,)))
        for chunk in source:
            batch = self._sought.of(chunk.batch)
            self._run.skipped += chunk.size - batch.num_rows
            yield batch
        self._run.input.absorb(source)


def data_rows(counts: "Counter[str]") -> int:
    """How many of some events are no control events."""
    return counts.total() - sum(counts[name] for name in CONTROL_TYPES)


def _is_in_order(path: Path) -> bool:
    try:
        return in_order(_batches(path))
    except MdcError:
        return True  # the reading that follows says what is wrong


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The events of a file, for a look at their order; its bad lines are told later."""
    with closing(Quarantine(keeps=False)) as aside, opened(path) as file:
        for chunk in Input([reader_of(file, str(path), aside, path)]):
            yield chunk.batch
