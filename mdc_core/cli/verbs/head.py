"""Show the first events.

Control events are not counted. The command before it in the pipe ends quietly."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import command, option
from mdc_core.cli.selection import PATH, reading, writing
from mdc_core.cli.types import WholeNumber

if TYPE_CHECKING:
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.stage import Stage
    from mdc_core.wire.writer import Wire

GROUP = "look 2"
EXAMPLES = (
    "mdc stream sim SPY --limit 100 | mdc head -n 3",
    "mdc head -n 3 events.jsonl",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@option(
    "-n",
    "--limit",
    was="--lines",
    type=WholeNumber(0),
    default=10,
    show_default=True,
    help="how many events",
)
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
