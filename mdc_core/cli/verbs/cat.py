"""Show stored events as one stream in time order.

Reads the archive at --root, or the files and directories that are named; `-` is standard
input, which is also read when something is piped in and nothing is named. Standard input
is taken as it comes, everything else is merged by time; equal times keep the order of the
files, and within a file that of its rows."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import command, option
from mdc_core.cli.selection import PATH, ROOT, limiting, reading, selecting, writing

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "look 1"
EXAMPLES = (
    "mdc cat --root data --symbol SPY --type trade",
    "mdc cat --root data --from 2024-01-02T14:30 --to 2024-01-02T14:31 | mdc head",
    "mdc cat events.jsonl data",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@ROOT
@selecting
@limiting("how many events  [default: all]")
@option("--follow", "-f", "following", is_flag=True, help="go on with what is stored from now on")
@writing
@reading
def cat(
    paths: tuple[Path, ...],
    root: Path | str | None,
    query: "Query",
    limit: int | None,
    following: bool,
    writing: "OutputOptions",
    reading: "InputOptions",
) -> "Stage":
    """Show stored events as one stream in time order."""
    from mdc_core.pipelines.stages.cat import Cat

    how = {"reading": reading, "writing": writing}
    return Cat(paths, root, query, limit=limit, following=following, **how)


command = cat
