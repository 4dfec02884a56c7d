"""Show the first events.

Control events are not counted. The command before it in the pipe ends quietly."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.selection import PATH, CountCommand, limiting, reading, writing

if TYPE_CHECKING:
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.stage import Stage
    from mdc_core.wire.writer import Wire

GROUP = "look 2"
EXAMPLES = (
    "mdc stream sim SPY --limit 100 | mdc head -n 3",
    "mdc head -n 3 events.jsonl",
)


@click.command(cls=CountCommand)
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@limiting("how many events", default=10, was="--lines")
@writing
@reading
def head(
    paths: tuple[Path, ...],
    limit: int,
    wire: "Wire",
    reading: "InputOptions",
) -> "Stage":
    """Show the first events."""
    from mdc_core.pipelines.stages.slices import Head

    return Head(limit, paths, reading, wire)


command = head
