"""Running a pipeline: one stage pulls from the one before, and each keeps its books.

All stages of a chain run in one thread. The last one is driven; a stage that wants its input
drives the one before until that has written something. What a stage writes goes through an
`Output` as it does in a pipe, but into a `Link` instead of a file descriptor.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from mdc_core import guests
from mdc_core.accounting import Account, EventWriter, Input
from mdc_core.errors import (
    EXIT_FINDINGS,
    EXIT_READER_GONE,
    DataError,
    FindingsError,
    UsageError,
    WriteError,
)
from mdc_core.logs import Record
from mdc_core.pipelines.link import Link, LinkReader
from mdc_core.pipelines.output.options import OUTPUT
from mdc_core.pipelines.stage import Control, Stage, StageRun
from mdc_core.session import Session
from mdc_core.wire.lines.jsonl import rows_of

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.events import Event


class StageResult(NamedTuple):
    """How one stage ended: its status, its books, what it said, and what ended it early."""

    name: str
    status: int
    account: Account | None
    counts: dict[str, int]  # events by type: what it wrote, or read where it writes none
    said: tuple[Record, ...]
    answer: Any
    error: BaseException | None


class PipelineResult(NamedTuple):
    """How a pipeline ended: its status, and each of its stages."""

    status: int
    stages: tuple[StageResult, ...]

    @property
    def answer(self) -> Any:
        """What the last stage answers, if it does."""
        return self.stages[-1].answer

    def check(self) -> None:
        """Raise the MdcError that a pipeline deserves which did not end with status 0."""
        for stage in self.stages:
            if stage.error is not None:
                raise stage.error
        if not self.status:
            return
        bad = next(stage for stage in self.stages if stage.status == self.status)
        if bad.status == EXIT_READER_GONE:
            raise WriteError("the reader of the output went away")
        warnings = [record.text for record in bad.said if record.level == "warning"]
        text = "; ".join(warnings) or "its input is not what it should be"
        kind = FindingsError if bad.status == EXIT_FINDINGS else DataError
        raise kind(f"{bad.name}: {text}")


class Pipeline:
    """Stages in a chain: the first brings events in, each takes what the one before writes."""

    def __init__(self, stages: Sequence[Stage], session: Session | None = None) -> None:
        if not stages:
            raise UsageError("a pipeline needs a stage")
        self.stages = tuple(stages)
        self.session = session or Session({})
        for place, stage in enumerate(stages):
            self.session.log.stage = stage.name
            stage.must_fit(place == 0, place == len(stages) - 1)

    def run(self, out: BinaryIO | None = None, *, check: bool = True) -> PipelineResult:
        """Run all stages; what the last one writes goes to `out`, a file with a descriptor.

        Raises an MdcError where the status is not 0, unless `check` is false.
        """
        guests.again()
        last = self.stages[-1]
        fd: int | None = None
        if out is not None and last.writes:
            out.flush()
            fd = out.fileno()
        goes_out = fd is not None or (last.writes and last.writing.file is not None)
        result = self.to_destination(fd) if goes_out else self.drive(Link())
        if check:
            result.check()
        return result

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """Run all stages as far as they are asked for; what the last one writes, as columns."""
        guests.again()
        last = self.stages[-1]
        if not last.writes:
            raise UsageError(f"{last.name} writes no events", hint="run() runs it")
        runs = self._runs(Link(), Control())
        try:
            for chunk in Input([LinkReader(last.name, runs[-1].chunks_out)]):
                if chunk.size:
                    yield chunk.batch
        finally:
            _close(runs)
        _result(runs).check()

    def __iter__(self) -> "Iterator[Event]":
        """What the last stage writes, event by event."""
        for batch in self.batches():
            yield from rows_of(batch)

    def to_destination(
        self, fd: int | None = None, control: Control | None = None
    ) -> PipelineResult:
        """Run all stages; what the last one writes goes where its options say.

        A file is kept where it is whole, or where it has what can be had only once.
        """
        from mdc_core.pipelines.output.destination import destination

        last = self.stages[-1]
        options = last.writing if last.writes else OUTPUT
        with destination(options, shows=last.shows, fd=fd) as target:
            result = self.drive(target.writer, control)
            stage = result.stages[-1]
            if stage.error is None or (last.keeps and any(stage.counts.values())):
                target.keep()
        return result

    def drive(self, writer: EventWriter, control: Control | None = None) -> PipelineResult:
        """Run all stages in this process, to the end of the input; nothing is raised."""
        runs = self._runs(writer, control or Control())
        try:
            for _ in runs[-1].chunks_out():
                pass
        finally:
            _close(runs)
        return _result(runs)

    def _runs(self, writer: EventWriter, control: Control) -> list[StageRun]:
        tick = min((stage.tick for stage in self.stages if stage.tick), default=None)
        runs: list[StageRun] = []
        for stage in self.stages:
            is_last = stage is self.stages[-1]
            own = (writer if stage.writes else None) if is_last else Link()
            run = StageRun(
                stage,
                self.session,
                control,
                before=runs[-1] if runs else None,
                writer=own,
                tick=tick,
                watched=is_last,
            )
            runs.append(run)
        return runs


def _close(runs: list[StageRun]) -> None:
    """Stop what has not ended: nobody needs it any more."""
    for run in reversed(runs):
        run.close()


def _result(runs: list[StageRun]) -> PipelineResult:
    stages = tuple(
        StageResult(
            run.stage.name,
            run.status,
            run.account,
            dict(sorted((run.output or run.input).counts.items())),
            tuple(run.log.said),
            run.answer,
            run.error,
        )
        for run in runs
    )
    status = next((stage.status for stage in reversed(stages) if stage.status), 0)
    return PipelineResult(status, stages)
