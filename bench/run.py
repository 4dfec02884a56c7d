"""Measure mdc beside DuckDB, bare loops over vendors' feeds and a bare start of Python.

    python bench/run.py [--events N] [--repeat N] [--only NAME]... [--quick] [--out DIR]

Writes results.json and results.md into the --out directory, and prints the table.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from feeds import capture_group, feed_group, latency_group, paced, served
from measure import FailedCommandError, output_of, run_pipe
from peers import (
    CLIENTS,
    books_group,
    client_group,
    clients_python,
    engines,
    has_order_book,
    prepare_books,
)
from report import Row, write
from settings import Bench, parse
from turns import run_group
from vendors import PLACES
from work import (
    ARCHIVE,
    HERE,
    MDC,
    PYTHON,
    STORE,
    Group,
    Work,
    corpus_group,
    find_groups,
    start_group,
)


def prepare(bench: Bench, works: Sequence[Work]) -> None:
    """Make the corpus, unless it is there, and what of it the work is done on."""
    if not bench.jsonl.exists():
        unfinished = bench.jsonl.with_suffix(".part")
        with unfinished.open("wb") as file:
            size = (str(bench.events), str(bench.corpus_symbols))
            output_of([PYTHON, str(HERE / "corpus.py"), *size], file)
        unfinished.rename(bench.jsonl)
    if any(work.stdin == "arrow" for work in works):
        convert = (MDC, "convert", str(bench.jsonl), "--force", "--output", str(bench.arrows))
        run_pipe([convert], stdin=None, env=bench.environment, cwd=bench.out)
    if any(ARCHIVE in command for work in works for command in work.commands):
        shutil.rmtree(bench.out / ARCHIVE, ignore_errors=True)
        store = (*STORE, ARCHIVE)
        run_pipe([store], stdin=bench.jsonl, env=bench.environment, cwd=bench.out)


def prepare_wide(bench: Bench) -> None:
    """Make an archive of many symbols in hive layout."""
    corpus = bench.out / "wide.jsonl"
    shutil.rmtree(bench.out / "wide", ignore_errors=True)
    with corpus.open("wb") as file:
        events = str(max(bench.events // 5, 5 * bench.symbols))
        output_of([PYTHON, str(HERE / "corpus.py"), events, str(bench.symbols)], file)
    store = (*STORE, "wide", "--layout", "hive")
    run_pipe([store], stdin=corpus, env=bench.environment, cwd=bench.out)


def starts(bench: Bench) -> Iterator[Row]:
    """Starting up."""
    yield from run_group(bench, bench.wants(start_group()), 0)


def corpus(bench: Bench) -> Iterator[Row]:
    """Everything that works on the corpus."""
    group = bench.wants(corpus_group(bench.jsonl))
    if group.works:
        prepare(bench, group.works)
        yield from run_group(bench, group, bench.events)


def finding(bench: Bench) -> Iterator[Row]:
    """One partition out of many."""
    groups = [bench.wants(group) for group in find_groups(bench.symbols)]
    if any(group.works for group in groups):
        prepare_wide(bench)
        for group in groups:
            yield from run_group(bench, group, 0)


def feeds(bench: Bench) -> Iterator[Row]:
    """Live feeds, each with what is measured on it."""
    whole = bench.stream_events
    for name in PLACES:
        kinds: list[tuple[Callable[[str, int], Group], int]] = [(partial(feed_group, name), whole)]
        if name == "alpaca":
            kinds.append((capture_group, whole))
        if name in CLIENTS and clients_python() is not None:
            kinds.append((partial(client_group, name), max(whole // 3, 10)))  # they take long
        kinds = [(make, events) for make, events in kinds if bench.wants(make("", 0)).works]
        if kinds:
            with served(name, whole) as url:
                for make, events in kinds:
                    yield from run_group(bench, bench.wants(make(url, events)), events)


def latency(bench: Bench) -> Iterator[Row]:
    """How long events are under way."""
    events = 100 if bench.quick else 10_000
    if bench.wants(latency_group("", 0)).works:
        with paced(events) as url:
            yield from run_group(bench, bench.wants(latency_group(url, events)), events)


def books(bench: Bench) -> Iterator[Row]:
    """Order books."""
    group = bench.wants(books_group(bench.out / "books.jsonl"))
    if group.works and has_order_book():
        path = prepare_books(bench)
        rows = run_group(bench, group, 0)
        rows[-1]["engines"] = engines(path)
        yield from rows


def absent() -> list[str]:
    """What cannot be measured here."""
    lines = []
    if clients_python() is None:
        names = ", ".join(CLIENTS.values())
        lines.append(f"Not measured: {names}; MDC_CLIENTS names no Python that has them.")
    if not has_order_book():
        lines.append("Not measured: `mdc book`; `order_book` is not installed beside mdc.")
    return lines


def all_groups() -> list[Group]:
    """Every group, for the names that can be asked for."""
    groups = [start_group(), corpus_group(HERE), *find_groups(1_000)]
    groups += [feed_group(name, "", 0) for name in PLACES]
    groups += [client_group(name, "", 0) for name in CLIENTS]
    return [*groups, capture_group("", 0), latency_group("", 0), books_group(HERE)]


PARTS = (starts, corpus, finding, feeds, latency, books)


def main() -> None:
    """Measure and report."""
    bench = parse(__doc__.partition("\n")[0], all_groups())
    try:
        rows = [
            row for part in (starts, corpus, finding, feeds, latency, books) for row in part(bench)
        ]
    except FailedCommandError as error:
        sys.exit(f"bench: {error}")
    about = {
        "events": bench.events,
        "stream_events": bench.stream_events,
        "repeat": bench.repeat,
        "absent": absent(),
    }
    print(write(bench.out, about, rows), end="")


if __name__ == "__main__":
    main()
