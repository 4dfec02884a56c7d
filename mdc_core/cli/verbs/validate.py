"""Check events, and say what is wrong with them.

Everything passes, and behind an event that a check complains about comes an `integrity`
event that says so; --on-fail decides otherwise for those with a finding of at least
--fail-on. All checks that are installed are run, unless --check or --skip names some."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from mdc_core.cli.options import Chosen, Session, checks_command
from mdc_core.cli.pipe import PATH, Pipe, reading, writing
from mdc_core.cli.signals import following_input
from mdc_core.contracts import Severity
from mdc_core.errors import EXIT_FINDINGS, DataError

if TYPE_CHECKING:
    from mdc_core.accounting import Output
    from mdc_core.quality.engine import Engine, OnFail
    from mdc_core.wire.writer import Wire

EXAMPLES = (
    "mdc stream sim SPY --limit 1000 | mdc validate > checked.jsonl",
    "mdc validate events.jsonl --check price --check crossed --strict",
    "mdc validate events.jsonl --on-fail drop --fail-on warning",
)


@checks_command("validate", "check")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@click.option(
    "--on-fail",
    type=click.Choice(["annotate", "drop", "quarantine", "stop"]),
    default="annotate",
    show_default=True,
    help="what becomes of a bad event",
)
@click.option(
    "--fail-on",
    type=click.Choice(get_args(Severity)),
    default="error",
    show_default=True,
    help="the severity from which an event is bad",
)
@writing
@reading
@click.pass_obj
def validate(
    session: Session,
    plugins: list[Chosen],
    paths: tuple[Path, ...],
    on_fail: "OnFail",
    fail_on: Severity,
    wire: "Wire",
    quarantine: Path | None,
    partial: bool,
    strict: bool,
) -> int:
    """Check events, and say what is wrong with them."""
    from mdc_core.quality.engine import Engine, make_checks

    checks = make_checks(plugins)
    engine = Engine(checks, on_fail, fail_on)
    request = {"checks": list(checks), "on_fail": on_fail}
    pipe = Pipe(
        session,
        "validate",
        paths,
        wire=wire,
        quarantine=quarantine,
        partial=partial,
        strict=strict,
        request=request,
    )
    assert pipe.output is not None
    with following_input() as stop:
        stopped = _judge(pipe, engine, pipe.output)
        status = pipe.finish(reason="error" if stopped else None)
    _say(session, engine)
    if stopped:
        status = DataError.exit_status
    if strict and engine.failures:
        status = DataError.exit_status
    if strict and status == 0 and any(s != "info" for _, s in engine.counts):
        status = EXIT_FINDINGS
    return stop.exit_status or status


def _judge(pipe: Pipe, engine: "Engine", output: "Output") -> bool:
    """Pass on what passes; whether the engine stopped."""
    observers = pipe.session.observers
    for chunk in pipe.chunks():
        outcome = engine(chunk.batch, chunk.raw)
        if not outcome.verdicts:
            output.batch(chunk.batch, chunk.raw, chunk.counts)
            _note(pipe, engine, output)
            continue
        for piece in outcome.chunks():
            output.batch(piece.batch, piece.raw, piece.counts)
        for bad in outcome.set_aside():
            pipe.quarantine.add(bad.line, bad.reason, checks=bad.checks)
        found = outcome.findings()
        pipe.derived += len(found)
        pipe.rejected += len(outcome.left_out)
        pipe.dropped += outcome.left_behind
        observers.findings(found)
        _note(pipe, engine, output)
        if outcome.stopped:
            return True
    return False


def _note(pipe: Pipe, engine: "Engine", output: "Output") -> None:
    """Write the findings that are about no row."""
    notes = engine.notes()
    if notes:
        output.rows(notes)
        pipe.derived += len(notes)
        pipe.session.observers.findings(notes)


def _say(session: Session, engine: "Engine") -> None:
    for failure in engine.failures.values():
        session.log.warning(str(failure))
        session.log.warning(f"hint: {failure.hint}")
    if not engine.counts:
        return
    counts = ", ".join(
        f"{name} {count} {severity}" for (name, severity), count in sorted(engine.counts.items())
    )
    session.log.note(f"validate: findings: {counts}")


command = validate
