"""A verb as a value, and one run of it: what it reads and writes, and the books of both."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from mdc_core import guests
from mdc_core.accounting import (
    EventInput,
    EventWriter,
    Output,
    new_run_id,
)
from mdc_core.archive.catalog.query import Query
from mdc_core.errors import EXIT_READER_GONE, MdcError, ReaderGone, UsageError
from mdc_core.events import Event
from mdc_core.pipelines.books import Books
from mdc_core.pipelines.failure import explained, report
from mdc_core.pipelines.inputs import (
    READING,
    STDIN,
    ArchiveReader,
    UntilTold,
    opened,
    places,
    reader_of,
    stdin_file,
    stdin_is_piped,
    with_streams,
)
from mdc_core.pipelines.link import Link, LinkReader
from mdc_core.pipelines.output.options import OUTPUT
from mdc_core.pipelines.progress import Progress
from mdc_core.wire import stdout
from mdc_core.wire.chunk import Chunk, no_events

if TYPE_CHECKING:
    from mdc_core.archive.health.sought import Sought
    from mdc_core.session import Session

Made = Chunk | Sequence[Event]
# How a signal ends a stage: a source stops, others go on to the end of their input, or neither.
Ending = Literal["stop", "follow", "none"]


class Stage:
    """One step of a pipeline; it holds options only, so it can be run again."""

    writing = OUTPUT
    shows = False  # whether a terminal is shown a table of what it writes
    paths: tuple[Path, ...] = ()
    reading = READING
    provider: str | None = None
    tell: Callable[[Any], None] | None = None  # what shows the answer to people
    total: int | None = None  # how many events there will be at most, where that is known
    plugins: Mapping[str, str] = MappingProxyType({})  # third parties' in it, with versions
    few: int | None = None  # how many events it will take, where that is known
    tick: float | None = None  # the longest time in seconds that it can wait for its input

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for: part of `begin`."""
        return {}

    @property
    def asked(self) -> dict[str, Any]:
        """The request, and which third parties' plugins answer it."""
        return {**self.request, "plugins": dict(self.plugins)} if self.plugins else self.request

    @property
    def writes(self) -> bool:
        """Whether events come out."""
        return True

    @property
    def takes_input(self) -> bool:
        """Whether it reads what the stage before it writes."""
        return not self.paths

    @property
    def keeps(self) -> bool:
        """Whether what comes in is nowhere else: what was made of it stays after an error."""
        return True

    @property
    def sets_aside(self) -> bool:
        """Whether what it cannot read is kept in a file unasked: not by what only looks."""
        return self.keeps

    @property
    def sifts(self) -> bool:
        """Whether an event that cannot be written is set aside, as the vendor's fault."""
        return False

    @property
    def ending(self) -> Ending:
        """What a signal does to it where it is the first stage."""
        return "follow"

    def work(self, run: "StageRun") -> Iterator[Made]:
        """Do the work, and yield what goes out; nothing of it may be kept in `self`."""
        raise NotImplementedError

    def must_fit(self, first: bool, last: bool) -> None:
        """Raise UsageError where this stage cannot stand in this place of a pipeline."""
        if not first and not self.takes_input:
            raise UsageError(
                "reads no input, so it must be the first stage",
                hint="only the first stage of a pipeline is a source, or names what it reads",
            )
        if last:
            return
        if not self.writes:
            raise UsageError("writes no events, so it must be the last stage")
        if self.writing.file is not None or not self.writing.is_piped:
            said = "-o" if self.writing.file is not None else "that --format or --fields"
            raise UsageError(f"{said} is for the last command of a pipeline")


class SourceStage(Stage):
    """Brings events in."""

    @property
    def takes_input(self) -> bool:
        """No."""
        return False

    @property
    def ending(self) -> Ending:
        """It stops, and those behind it go on to their end."""
        return "stop"


class FilterStage(Stage):
    """Events in, events out."""

    @property
    def keeps(self) -> bool:
        """What came by a pipe is nowhere else; a file stays where it is."""
        return not self.paths or STDIN in self.paths


class SinkStage(Stage):
    """Events in, a result out."""

    @property
    def writes(self) -> bool:
        """Not unless it says so."""
        return False


class Control:
    """How whoever runs a pipeline asks its source to stop, or to read its settings again.

    `terminated` says that all of it is to end soon.
    """

    def __init__(
        self, stop: threading.Event | None = None, terminated: threading.Event | None = None
    ) -> None:
        self.stop = stop or threading.Event()
        self.terminated = terminated or threading.Event()
        self.hang_up = threading.Event()


class StageRun(Books):
    """One run of one stage: its input, its output, and the books of both."""

    def __init__(
        self,
        stage: Stage,
        session: "Session",
        control: Control,
        *,
        before: "StageRun | None" = None,
        writer: EventWriter | None = None,
        tick: float | None = None,
        watched: bool = True,
    ) -> None:
        readers = self._own_readers()
        super().__init__(
            stage.name,
            stage.request,
            stage.reading,
            session,
            readers,
            keeps=stage.sets_aside,
            sifts=stage.sifts,
        )
        self.stage, self.control = stage, control
        self.answer: Any = None
        self.error: BaseException | None = None  # what ended it before its time
        self.progress = Progress(
            session,
            stage.name,
            total=stage.total,
            writes=stage.writes and stage.writing.file is None,
            watched=watched,
        )
        self._files = stage.paths
        self._roots: list[Path | str] = []
        self._before, self._tick = before, tick
        self._link = writer if isinstance(writer, Link) else None
        self._driven: Iterator[Chunk] | None = None
        self._closed = False
        if writer is not None:
            self.write_to(writer)
        if stage.total is None:
            self.progress.reads(self._sized())

    def write_to(self, writer: EventWriter) -> Output:
        """Open the output; a stage that writes to a file does so itself."""
        stage = self.stage
        read = stage.paths or ((STDIN,) if stage.takes_input else ())
        self.output = Output(
            stage.name,
            writer,
            request={**stage.asked, **self._archives(read)},
            provider=stage.provider,
            origin=self.input,
            run_id=None if read else new_run_id(),
        )
        return self.output

    @property
    def tick(self) -> float | None:
        """The longest time in seconds for which those behind it can wait, if they say so."""
        return self._tick

    def _sized(self) -> Iterator[Path]:
        """The files by whose sizes the end is known."""
        own = self._before is None and self.stage.takes_input
        for path in self._files or ((STDIN,) if own else ()):
            if path != STDIN:
                yield from () if path.is_dir() else (path,)
            elif self._before is None:
                yield stdin_file() or STDIN

    def _own_readers(self) -> Iterator[EventInput]:
        yield from self.readers(self._files)

    def readers(self, paths: Sequence[Path]) -> Iterator[EventInput]:
        """A reader for each path; none, or `-`, is the stage before or standard input."""
        for path in with_streams(paths or (STDIN,)):
            if path == STDIN and self._before is not None:
                yield LinkReader(self._before.stage.name, self._before.chunks_out)
                continue
            if not paths and not stdout.is_ours():
                raise UsageError(
                    "nothing to read: it is the first stage and names no input",
                    hint="name a file, or begin with a source; - is standard input",
                )
            if path != STDIN and path.is_dir():
                yield ArchiveReader(path)
                continue
            name = "<stdin>" if path == STDIN else str(path)
            real = stdin_file() if path == STDIN else path
            with opened(path) as file, self.progress.reading(real or path):
                self.input.archives.update(*self._archives((path,)).values())
                events = reader_of(
                    file, name, self.quarantine, real, tick=self._tick, few=self.stage.few
                )
                # A source looks for signals itself, and standard input is at its end behind one.
                cut = path != STDIN and self.stage.ending == "follow"
                yield UntilTold(events, self.control.terminated) if cut else events

    def places(self, root: Path | str | None) -> tuple[tuple[Path, ...], list[Path | str]]:
        """The files and archives to read: what is named, what comes in, or the archive."""
        chained = self._before is not None
        piped = chained or (stdout.is_ours() and stdin_is_piped())
        files, folders = places(self.stage.paths, root, self.stage.name, piped=piped)
        self._files, self._roots = files, folders
        if self.output is not None:
            self.output.request["paths"] = [str(path) for path in (*files, *folders)]
            self.output.request.update(self._archives((*files, *folders)))
        return files, folders

    def _archives(self, places: Sequence[Path | str]) -> dict[str, list[str]]:
        """The archives that are read, for whoever must not write what came from there."""
        files: list[Path | str] = [place for place in places if place != STDIN]
        if STDIN in places and self._before is None and (file := stdin_file()) is not None:
            files.append(file.resolve())
        if not files:
            return {}
        from mdc_core.archive.ownership import archive_of  # a pipe needs nothing of it

        found = sorted({name for file in files if (name := archive_of(file)) is not None})
        return {"archives": found} if found else {}

    def must_have(
        self, sought: "Sought", *, found: bool, files: Sequence[Path] | None = None
    ) -> None:
        """Tell what is asked for and not there, and end with 1; nothing else of the run changes."""
        query = sought.query
        plain = not self._roots and query == Query()  # an input may be empty
        if self.status or query.allow_empty or plain:
            return
        sought.found = found
        for error in sought.absences(self._roots, files or self._files, read=True):
            self.status = report(self.log, error)
            self.error = self.error or error

    def chunks(self) -> Iterator[Chunk]:
        """The input, chunk by chunk; an empty one says that nothing has come for a while."""
        for chunk in self.input:
            self.progress.add(chunk.size)
            self.tell_set_aside()
            self.tell_measures()
            yield chunk

    def chunks_out(self) -> Iterator[Chunk]:
        """Do the work of the stage, as far as what it writes is asked for."""
        self._driven = self._drive()
        return self._driven

    def close(self) -> None:
        """Stop the work where it is: nobody asks for more of it."""
        self._closed = True
        self.progress.close()
        if self._driven is not None:
            self._driven.close()  # type: ignore[attr-defined]

    def end(self, reason: str) -> None:
        """Take the progress bar away, and write `end`, once."""
        self.progress.close()
        super().end(reason)

    def _drive(self) -> Iterator[Chunk]:
        self.tell_start()
        try:
            self.quarantine.check()
            with closing(self.stage.work(self)) as work:  # type: ignore[type-var]
                for made in work:
                    guests.check()
                    self._write(made)
                    self.tell_set_aside()
                    self.tell_measures()
                    yield from self._written(idle=True)
        except GeneratorExit:
            self.leave()
            raise
        except ReaderGone:
            self.status = EXIT_READER_GONE
            self.leave()
        except KeyboardInterrupt:
            raise
        # A stage that fails, in whatever way, must not take those behind it along: they finish
        # what has come, and know by its `end` that it failed.
        except BaseException as error:
            with suppress(MdcError, ReaderGone):
                self.end("error")
            self.error = explained(error)
            self.status = report(self.log, self.error)
        finally:
            self.progress.close()
            self.quarantine.close()
            self.tell_end()
        if not self._closed:
            yield from self._written()

    def _write(self, made: Made) -> None:
        if isinstance(made, Chunk):
            self.out.write(made)
        elif made:
            self.write_rows(made)

    def _written(self, *, idle: bool = False) -> Iterator[Chunk]:
        """What the next stage gets; an empty chunk where it gets nothing for a while."""
        if self._link is None:
            return
        chunks = self._link.drain()
        yield from chunks
        if idle and not chunks:
            yield no_events()
