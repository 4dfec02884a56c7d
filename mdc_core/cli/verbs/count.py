"""Count events by type.

Control events are not counted. Counts the archive at --root, or the files and directories
that are named; `-` is standard input, which is also counted when something is piped in and
nothing is named. A Parquet file is read only where `--from` or `--to` cuts through it, or
where it holds several symbols or types; otherwise its footer tells."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import command
from mdc_core.cli.selection import JSON, PATH, ROOT, reading, selecting
from mdc_core.cli.show import answer, table

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "look 4"
EXAMPLES = (
    "mdc count --root data",
    "mdc stream sim SPY --limit 100 | mdc count --json",
    "mdc count events.jsonl --type trade --from 2024-01-02T14:30",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@ROOT
@selecting
@JSON
@reading
def count(
    paths: tuple[Path, ...],
    root: Path | str | None,
    query: "Query",
    as_json: bool,
    reading: "InputOptions",
) -> "Stage":
    """Count events by type."""
    from mdc_core.pipelines.stages.count import Count

    return Count(paths, root, query, reading, tell=partial(_show, as_json=as_json))


def _show(counts: "Counter[str]", as_json: bool) -> None:
    rows = sorted(counts.items())
    total = sum(counts.values())
    if as_json:
        answer({"counts": dict(rows), "total": total})
        return
    lines = [("TYPE", "EVENTS"), *((name, f"{number:,}") for name, number in rows)]
    table([*lines, ("total", f"{total:,}")], right=frozenset([1]))


command = count
