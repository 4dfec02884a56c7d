"""Running the work of a group in turns with its references."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from feeds import check_agreement
from measure import FailedCommandError, Run, output_of, run_pipe
from report import Measured, Row, rows_of
from settings import Bench
from work import HERE, MDC, PYTHON, SCRATCH, Group, Work


def run_group(bench: Bench, group: Group, events: int) -> list[Row]:
    """Measure the references and the work in turns."""
    if not group.works:
        return []
    measured = [Measured(work, []) for work in (*group.references, *group.works)]
    if group.agree:
        _check_turn(bench, measured)
    for turn in range(bench.repeat * (1 if bench.quick else group.turns)):
        for work, runs in measured:
            if bench.quick and runs:
                continue  # that of the check will do
            told = bench.out / "delays.json" if work.delays else None
            runs.append(run_work(bench, work, told))
            if group.turns == 1:
                print(
                    f"bench: {work.name}, turn {turn + 1}: {runs[-1].cpu:.2f} CPU s",
                    file=sys.stderr,
                )
        _check_stored(bench, [work.name for work, _ in measured if work.stores])
    return rows_of(group, measured, events)


def run_work(bench: Bench, work: Work, told: Path | None = None) -> Run:
    """Run it once, in a clean place; what it writes is thrown away, or told to a file."""
    env = bench.environment | ({"MDC_WIRE": "arrow"} if work.arrow else {})
    inputs = {"jsonl": bench.jsonl, "arrow": bench.arrows, None: None}
    scratch = bench.out / SCRATCH
    for folder in (scratch, _stored(bench, work.name)):
        shutil.rmtree(folder, ignore_errors=True)
    run = run_pipe(work.commands, stdin=inputs[work.stdin], stdout=told, env=env, cwd=bench.out)
    if work.short is not None and not bench.quick:
        begun = run_pipe([work.short], stdin=None, env=env, cwd=bench.out)
        run = run._replace(short=begun.cpu)
    if work.captures:
        run = run._replace(kept=_kept(scratch))
    if work.delays and told is not None:
        said = json.loads(told.read_bytes())
        run = run._replace(delays=(said["p50"], said["p99"]))
    if work.stores:
        scratch.rename(_stored(bench, work.name))
    shutil.rmtree(scratch, ignore_errors=True)
    return run


def _check_turn(bench: Bench, measured: list[Measured]) -> None:
    """One turn whose output is looked at; it is measured only where there is no other."""
    paths = [bench.out / f"{work.name}.jsonl" for work, _ in measured]
    for (work, runs), path in zip(measured, paths, strict=True):
        run = run_work(bench, work, path)
        if bench.quick:
            runs.append(run)
    for path in paths[1:]:
        check_agreement(paths[0], path)
    for path in paths:
        path.unlink()


def _kept(folder: Path) -> tuple[int, int]:
    """How many frames are in a folder, and how many bytes they take."""
    told = json.loads(output_of([MDC, "frames", "ls", str(folder), "--json"]))
    return sum(file["frames"] for file in told), sum(file["size"] for file in told)


def _stored(bench: Bench, name: str) -> Path:
    """Where it is until the end of the turn what this work has stored."""
    return bench.out / f"stored-{name}"


def _check_stored(bench: Bench, names: Sequence[str]) -> None:
    """Raises FailedCommandError unless each of them has stored every event."""
    if not names:
        return
    roots = [_stored(bench, name) for name in names]
    told = output_of([PYTHON, str(HERE / "duckdb_run.py"), "count", *map(str, roots)])
    for name, stored in zip(names, map(int, told.split()), strict=True):
        if stored != bench.events:
            raise FailedCommandError(f"{name}: {stored} events stored of {bench.events}")
    for root in roots:
        shutil.rmtree(root)
