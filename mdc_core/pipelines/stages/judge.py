"""The stage `validate`: events are checked, and what is found goes out behind them."""

from collections.abc import Generator, Iterator
from pathlib import Path
from time import time_ns
from typing import Any

from mdc_core.contracts import Check, Severity
from mdc_core.errors import EXIT_FINDINGS, DataError
from mdc_core.events import Integrity
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.inputs import READING, InputOptions
from mdc_core.pipelines.output.options import OUTPUT, OutputOptions
from mdc_core.pipelines.stage import FilterStage, Made, StageRun
from mdc_core.quality.engine import Engine, OnFail, make_checks
from mdc_core.wire.lines.jsonl import rows_of


class Validate(FilterStage):
    """Checks events, and says what is wrong with them."""

    def __init__(
        self,
        checks: list[Chosen],
        paths: tuple[Path, ...] = (),
        on_fail: OnFail = "annotate",
        fail_on: Severity = "error",
        reading: InputOptions = READING,
        writing: OutputOptions = OUTPUT,
    ) -> None:
        super().__init__("validate")
        self.checks, self.paths = checks, paths
        self.on_fail, self.fail_on = on_fail, fail_on
        self.reading, self.writing = reading, writing
        ticking = any(chosen.plugin.tick is not Check.tick for chosen in checks)
        self.tick = 1.0 if ticking else None

    @property
    def request(self) -> dict[str, Any]:
        """The checks, and what becomes of a bad event."""
        return {"checks": [chosen.name for chosen in self.checks], "on_fail": self.on_fail}

    @property
    def keeps(self) -> bool:
        """Also what it is asked to set aside."""
        return super().keeps or self.on_fail == "quarantine"

    def work(self, run: StageRun) -> Iterator[Made]:
        """Pass on what passes, until the input or a check ends it."""
        engine = Engine(make_checks(self.checks), self.on_fail, self.fail_on)
        stopped = yield from _judged(run, engine)
        run.finish(reason="error" if stopped else None)
        for failure in engine.failures.values():
            run.log.warning(str(failure), hint=failure.hint)
        if engine.counts:
            pairs = sorted(engine.counts.items())
            counts = ", ".join(f"{name} {n} {severity}" for (name, severity), n in pairs)
            numbers: dict[str, dict[str, int]] = {}
            for (name, severity), number in pairs:
                numbers.setdefault(name, {})[severity] = number
            run.log.note(f"findings: {counts}", event="findings", counts=numbers)
        times = ", ".join(f"{name} {took:.2f} s" for name, took in sorted(engine.seconds.items()))
        run.log.detail(f"time: {times}")
        if stopped or (self.reading.strict and engine.failures):
            run.status = DataError.exit_status
        elif self.reading.strict and any(severity != "info" for _, severity in engine.counts):
            run.status = run.status or EXIT_FINDINGS


def _judged(run: StageRun, engine: Engine) -> Generator[Made, None, bool]:
    """What passes; whether the engine stopped."""
    observers = run.session.observers
    for chunk in run.chunks():
        engine.tick(time_ns())
        outcome = engine(chunk)
        if not outcome.verdicts:
            yield chunk
            yield _notes(run, engine)
            continue
        for bad in outcome.set_aside():
            run.quarantine.add(bad.line, bad.reason, checks=bad.checks)
        run.derived += outcome.findings.size
        run.rejected += len(outcome.left_out)
        run.dropped += outcome.left_behind
        yield outcome.chunk
        if observers:
            observers.findings(rows_of(outcome.findings.batch))
        yield _notes(run, engine)
        if outcome.stopped:
            return True
    engine.close()
    yield _notes(run, engine)
    return False


def _notes(run: StageRun, engine: Engine) -> list[Integrity]:
    """The findings that are about no row."""
    notes = engine.notes()
    if notes:
        run.derived += len(notes)
        run.session.observers.findings(notes)
    return notes
