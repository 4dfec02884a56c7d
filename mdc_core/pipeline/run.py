"""Running a pipeline: one stage pulls from the one before, and each keeps its books.

All stages of a chain run in one thread. The last one is driven; a stage that wants its input
drives the one before until that has written something. What a stage writes goes through an
`Output` as it does in a pipe, but into a `Link` instead of a file descriptor.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mdc_core.accounting import (
    Input,
    Output,
    account,
    end_reason,
    findings_of,
    new_run_id,
    verdict,
)
from mdc_core.errors import EXIT_READER_GONE, MdcError, ReaderGone, UsageError
from mdc_core.pipeline.failure import report
from mdc_core.pipeline.inputs import STDIN, opened, places, stdin_file, stdin_is_piped
from mdc_core.pipeline.link import Link, LinkReader
from mdc_core.pipeline.progress import Progress
from mdc_core.wire.quarantine import Quarantine, default_paths
from mdc_core.wire.reader import Chunk, Reader
from mdc_core.wire.writer import Writer

if TYPE_CHECKING:
    from mdc_core.pipeline.stage import Made, Stage
    from mdc_core.session import Session


class Control:
    """How whoever runs a pipeline asks its source to stop, or to read its settings again."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()
        self.hang_up = threading.Event()


class PipelineResult(NamedTuple):
    """How a pipeline ended: its status, those of its stages, what the last one answers."""

    status: int
    statuses: tuple[int, ...]
    answer: Any


class StageRun:
    """One run of one stage: its input, its output, and the books of both."""

    def __init__(
        self,
        stage: "Stage",
        session: "Session",
        control: Control,
        *,
        before: "StageRun | None" = None,
        writer: Writer | Link | None = None,
        tick: float | None = None,
        watched: bool = True,
    ) -> None:
        self.stage, self.session, self.control = stage, session, control
        self.log = session.log.for_stage(stage.name)
        self.dropped = self.derived = self.rejected = 0
        self.used = 0  # events of which a filter made something else
        self.status = 0
        self.answer: Any = None
        aside = default_paths(stage.name, f"{new_run_id()}-{os.getpid()}")
        own = stage.reading.quarantine
        self.quarantine = Quarantine(own) if own else Quarantine(*aside)
        self.progress = Progress(
            session, stage.name, total=stage.total, writes=stage.writes, watched=watched
        )
        self._files = stage.paths
        self.input = Input(self._own_readers())
        self.output: Output | None = None
        self._before, self._tick = before, tick
        self._link = writer if isinstance(writer, Link) else None
        self._driven: Iterator[Chunk] | None = None
        self._ended = False
        if writer is not None:
            self.write_to(writer)

    def write_to(self, writer: Writer | Link) -> Output:
        """Open the output; a stage that writes to a file does so itself."""
        stage = self.stage
        self.output = Output(
            stage.name,
            writer,
            request=self.session.asked(stage.request),
            provider=stage.provider,
            origin=self.input,
        )
        return self.output

    @property
    def out(self) -> Output:
        """The output of a stage that has one."""
        assert self.output is not None
        return self.output

    def _own_readers(self) -> Iterator[Reader | LinkReader]:
        yield from self.readers(self._files)

    def readers(self, paths: Sequence[Path]) -> Iterator[Reader | LinkReader]:
        """A reader for each path; none, or `-`, is the stage before or standard input."""
        for path in paths or (STDIN,):
            if path == STDIN and self._before is not None:
                yield LinkReader(self._before.stage.name, self._before.chunks_out)
                continue
            name = "<stdin>" if path == STDIN else str(path)
            with opened(path) as file:
                real = stdin_file() if path == STDIN else path
                yield Reader(file, name, self.quarantine, real, tick=self._tick)

    def places(self, root: Path | str | None) -> tuple[tuple[Path, ...], list[Path | str]]:
        """The files and archives to read: what is named, what comes in, or the archive."""
        chained = self._before is not None
        piped = (lambda: True) if chained else stdin_is_piped
        files, folders = places(self.stage.paths, root, self.stage.name, piped)
        self._files = files
        if self.output is not None:
            self.output.request["paths"] = [str(path) for path in (*files, *folders)]
        return files, folders

    def chunks(self) -> Iterator[Chunk]:
        """The input, chunk by chunk; an empty one says that nothing has come for a while."""
        for chunk in self.input:
            self.progress.add(chunk.batch.num_rows)
            yield chunk

    def chunks_out(self) -> Iterator[Chunk]:
        """Do the work of the stage, as far as what it writes is asked for."""
        self._driven = self._drive()
        return self._driven

    def close(self) -> None:
        """Stop the work where it is: nobody asks for more of it."""
        if self._driven is not None:
            self._driven.close()  # type: ignore[attr-defined]

    def finish(self, *, reason: str | None = None, kept: int | None = None) -> None:
        """Write what the accounting found, and `end`; say the counts; set the status."""
        found = findings_of(self.input)
        if self.output is not None and found:
            self.output.rows(found)
            self.derived += len(found)
        self.end(reason or end_reason(self.input))
        self._say(kept)
        reading = self.stage.reading
        self.status = verdict(self.input, partial=reading.partial, strict=reading.strict)

    def end(self, reason: str) -> None:
        """Write `end`, once."""
        self.progress.close()
        if not self._ended and self.output is not None:
            self._ended = True
            self.output.close(reason)

    def origin(self) -> bytes:
        """The begin event of the input, as a file keeps it: the lineage of its rows."""
        from mdc_core.wire.jsonl import as_dict, encode_json

        origin = self.input.origin
        return b"{}" if origin is None else encode_json(as_dict(origin))

    def warn_of_rejected(self, first: str | None, count: int) -> None:
        """Say the first reason for which something was set aside, and where it is."""
        if count:
            more = f" and {count - 1} more" if count > 1 else ""
            self.log.warning(f"{first}{more}; set aside in {self.quarantine.path}")

    def _drive(self) -> Iterator[Chunk]:
        try:
            with closing(self.stage.work(self)) as work:  # type: ignore[type-var]
                for made in work:
                    self._write(made)
                    yield from self._written(idle=True)
        except ReaderGone:
            self.status = EXIT_READER_GONE
        # A stage that fails, in whatever way, must not take those behind it along: they finish
        # what has come, and know by its `end` that it failed.
        except (Exception, SystemExit) as error:
            with suppress(MdcError, ReaderGone):
                self.end("error")
            self.status = report(self.log, error)
        finally:
            self.progress.close()
            self.quarantine.close()
        yield from self._written()

    def _write(self, made: "Made") -> None:
        if isinstance(made, Chunk):
            self.out.batch(made.batch, made.raw, made.counts)
        elif made:
            self.out.rows(made)

    def _written(self, *, idle: bool = False) -> Iterator[Chunk]:
        """What the next stage gets; an empty chunk where it gets nothing for a while."""
        if self._link is None:
            return
        chunks = self._link.drain()
        yield from chunks
        if idle and not chunks:
            yield _idle()

    def _say(self, kept: int | None) -> None:
        log, source = self.log, self.input
        read = sum(source.counts.values())
        out = kept
        if out is None:
            out = sum(self.output.counts.values()) - self.derived if self.output else read
        line = account(
            read + source.rejected,
            out,
            source.rejected + self.rejected,
            self.dropped,
            used=self.used,
            derived=self.derived,
        )
        log.note(f"{self.stage.name}: {line}")
        self.warn_of_rejected(source.first_rejection, source.rejected)
        if source.truncated:
            log.warning(f"truncated input: {source.truncated}")
        for text in source.mismatches:
            log.warning(text)


class Pipeline:
    """Stages in a chain: the first brings events in, each takes what the one before writes."""

    def __init__(self, stages: "Sequence[Stage]") -> None:
        if not stages:
            raise UsageError("a pipeline needs a stage")
        self.stages = tuple(stages)
        for place, stage in enumerate(stages):
            stage.must_fit(place == 0, place == len(stages) - 1)

    def run(
        self, session: "Session | None" = None, control: Control | None = None
    ) -> PipelineResult:
        """Run all stages in this process, to the end of the input."""
        last = self.stages[-1]
        runs = self._runs(session, control, Writer(wire=last.wire) if last.writes else None)
        _exhaust(runs)
        statuses = tuple(run.status for run in runs)
        status = next(filter(None, reversed(statuses)), 0)
        return PipelineResult(status, statuses, runs[-1].answer)

    def _runs(
        self, session: "Session | None", control: Control | None, writer: Writer | Link | None
    ) -> list[StageRun]:
        from mdc_core.session import Session

        session, control = session or Session({}), control or Control()
        tick = min((stage.tick for stage in self.stages if stage.tick), default=None)
        runs: list[StageRun] = []
        for stage in self.stages:
            is_last = stage is self.stages[-1]
            run = StageRun(
                stage,
                session,
                control,
                before=runs[-1] if runs else None,
                writer=writer if is_last else Link(),
                tick=tick,
                watched=is_last,
            )
            runs.append(run)
        return runs


def _exhaust(runs: list[StageRun]) -> None:
    """Drive the last stage to its end; one before it that has not ended is not needed."""
    try:
        for _ in runs[-1].chunks_out():
            pass
    finally:
        for run in reversed(runs):
            run.close()


def _idle() -> Chunk:
    from mdc_core.wire.arrow import nothing

    return Chunk(nothing(), b"", {})
