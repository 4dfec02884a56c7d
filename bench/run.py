"""Measure mdc beside DuckDB, a bare feed loop and a bare start of Python.

    python bench/run.py [--events N] [--repeat N] [--only NAME]... [--quick] [--out DIR]

Writes results.json and results.md into the --out directory, and prints the table.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from measure import FailedCommandError, Run, output_of, run_pipe
from report import Measured, Row, rows_of, write
from work import (
    HERE,
    MDC,
    PYTHON,
    SCRATCH,
    STORE,
    Group,
    Work,
    capture_group,
    corpus_group,
    find_groups,
    start_group,
    stream_group,
)


class Bench(NamedTuple):
    """Where it is done, and how much of it."""

    out: Path
    events: int
    repeat: int
    only: Sequence[str]
    quick: bool

    @property
    def jsonl(self) -> Path:
        """The corpus, kept from one time to the next."""
        return self.out / f"x-{self.events}.jsonl"

    @property
    def arrows(self) -> Path:
        """The corpus as an Arrow stream."""
        return self.out / f"x-{self.events}.arrows"

    @property
    def symbols(self) -> int:
        """How many symbols the archive has in which one is found."""
        return 50 if self.quick else 1_000

    @property
    def stream_events(self) -> int:
        """How many events are streamed: three for ten of the corpus, in whole frames."""
        return max(self.events * 3 // 100 * 10, 10)

    def wants(self, group: Group) -> Group:
        """The group with only the work that was asked for."""
        works = [w for w in group.works if not self.only or w.name in self.only]
        return group._replace(works=works)


def environment(out: Path) -> dict[str, str]:
    """Our own environment without anybody's settings for mdc."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MDC_", "ALPACA_"))}
    return env | {
        "ALPACA_KEY_ID": "bench",
        "ALPACA_SECRET_KEY": "bench",
        "XDG_CONFIG_HOME": str(out),
        "XDG_STATE_HOME": str(out),
    }


def prepare(bench: Bench) -> None:
    """Make the corpus, unless it is there, and what is derived from it."""
    if not bench.jsonl.exists():
        unfinished = bench.jsonl.with_suffix(".part")
        with unfinished.open("wb") as file:
            output_of([PYTHON, str(HERE / "corpus.py"), str(bench.events)], file)
        unfinished.rename(bench.jsonl)
    convert = (MDC, "convert", str(bench.jsonl), "--force", "--output", str(bench.arrows))
    archive = bench.out / "archive"
    shutil.rmtree(archive, ignore_errors=True)
    for command, source in ((convert, None), ((*STORE, "archive"), bench.jsonl)):
        run_pipe([command], stdin=source, env=environment(bench.out), cwd=bench.out)


def prepare_wide(bench: Bench) -> None:
    """Make an archive of many symbols in hive layout."""
    corpus = bench.out / "wide.jsonl"
    shutil.rmtree(bench.out / "wide", ignore_errors=True)
    with corpus.open("wb") as file:
        events = str(max(bench.events // 5, 5_000))
        output_of([PYTHON, str(HERE / "corpus.py"), events, str(bench.symbols)], file)
    store = (*STORE, "wide", "--layout", "hive")
    run_pipe([store], stdin=corpus, env=environment(bench.out), cwd=bench.out)


def run_work(bench: Bench, work: Work) -> Run:
    """Run it once, in a clean place."""
    env = environment(bench.out) | ({"MDC_WIRE": "arrow"} if work.arrow else {})
    inputs = {"jsonl": bench.jsonl, "arrow": bench.arrows, None: None}
    scratch = bench.out / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    run = run_pipe(work.commands, stdin=inputs[work.stdin], env=env, cwd=bench.out)
    if work.captures:
        run = run._replace(kept=_kept(scratch))
    if work.stores:
        _check_stored(scratch, bench.events, work.name)
    shutil.rmtree(scratch, ignore_errors=True)
    return run


def _kept(folder: Path) -> tuple[int, int]:
    """How many frames are in a folder, and how many bytes they take."""
    told = json.loads(output_of([MDC, "frames", "ls", str(folder), "--json"]))
    return sum(file["frames"] for file in told), sum(file["size"] for file in told)


def _check_stored(root: Path, events: int, name: str) -> None:
    stored = int(output_of([PYTHON, str(HERE / "duckdb_run.py"), "count", str(root)]))
    if stored != events:
        raise FailedCommandError(f"{name}: {stored} events stored of {events}")


def run_group(bench: Bench, group: Group, events: int) -> list[Row]:
    """Measure the references and the work in turns."""
    if not group.works:
        return []
    measured = [Measured(work, []) for work in (*group.references, *group.works)]
    for turn in range(1 if bench.quick else bench.repeat * group.turns):
        for work, runs in measured:
            runs.append(run_work(bench, work))
            if group.turns == 1:
                print(
                    f"bench: {work.name}, turn {turn + 1}: {runs[-1].cpu:.2f} CPU s",
                    file=sys.stderr,
                )
    return rows_of(group, measured, events)


@contextmanager
def feed(events: int) -> Iterator[str]:
    """The URL of a feed served by a process of its own."""
    command = [PYTHON, str(HERE / "feed.py"), "serve", str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def measure(bench: Bench) -> list[Row]:
    """All rows, or those that were asked for."""
    rows = run_group(bench, bench.wants(start_group()), 0)
    corpus = bench.wants(corpus_group(bench.jsonl))
    if corpus.works:
        prepare(bench)
        rows += run_group(bench, corpus, bench.events)
    finding = [bench.wants(group) for group in find_groups(bench.symbols)]
    if any(group.works for group in finding):
        prepare_wide(bench)
        for group in finding:
            rows += run_group(bench, group, 0)
    kinds = [make for make in (stream_group, capture_group) if bench.wants(make("", 0)).works]
    if kinds:
        with feed(bench.stream_events) as url:
            for make in kinds:
                group = bench.wants(make(url, bench.stream_events))
                rows += run_group(bench, group, bench.stream_events)
    return rows


def parse() -> Bench:
    """The command line."""
    groups = (start_group(), corpus_group(HERE), *find_groups(1_000), stream_group("", 0))
    groups += (capture_group("", 0),)
    names = [work.name for group in groups for work in group.works]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000, help="size of the corpus")
    parser.add_argument("--repeat", type=int, default=3, help="turns")
    parser.add_argument(
        "--only",
        choices=names,
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help=f"of {', '.join(names)}",
    )
    parser.add_argument("--out", type=Path, default=HERE / "out", help="for the results")
    parser.add_argument("--quick", action="store_true", help="once each: whether it works")
    given = parser.parse_args()
    if given.events < 1 or given.repeat < 1:
        parser.error("--events and --repeat are at least 1")
    given.out.mkdir(parents=True, exist_ok=True)
    repeat = 1 if given.quick else given.repeat
    return Bench(given.out.resolve(), given.events, repeat, given.only, given.quick)


def main() -> None:
    """Measure and report."""
    bench = parse()
    try:
        rows = measure(bench)
    except FailedCommandError as error:
        sys.exit(f"bench: {error}")
    about = {
        "events": bench.events,
        "stream_events": bench.stream_events,
        "repeat": bench.repeat,
    }
    print(write(bench.out, about, rows), end="")


if __name__ == "__main__":
    main()
