"""Show the first events.

Control events are not counted. Reads the archive at --root, or the files and directories that are
named; `-` is standard input, which is also read when something is piped in and nothing is named.
The command before it in the pipe ends quietly."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.selection import (
    PATH,
    ROOT,
    CountCommand,
    limiting,
    reading,
    selecting,
    writing,
)

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "look 2"
EXAMPLES = (
    "mdc stream sim SPY --limit 100 | mdc head -n 3",
    "mdc head -n 3 events.jsonl",
    "mdc head -n 3 data --symbol SPY --type trade",
)


@click.command(cls=CountCommand)
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@limiting("how many events", default=10, was="--lines")
@ROOT
@selecting
@writing
@reading
def head(
    paths: tuple[Path, ...],
    limit: int,
    root: Path | str | None,
    query: "Query",
    writing: "OutputOptions",
    reading: "InputOptions",
) -> "Stage":
    """Show the first events."""
    from mdc_core.pipelines.stages.slices import Head

    return Head(limit, paths, root, query, reading, writing)


command = head
