"""Show the last events in time order.

Control events are not counted. Reads the archive at --root, or the files and directories
that are named; `-` is standard input, which is also read when something is piped in and
nothing is named. Only the last events are held in memory. Of an archive the latest periods
are read, until there are enough."""

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
from mdc_core.errors import UsageError

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "look 3"
EXAMPLES = (
    "mdc tail -n 3 --root data --symbol SPY --type trade",
    "mdc stream sim SPY --limit 100 | mdc tail -n 3",
)


class TailCommand(CountCommand):
    """It shows what is there: who asks for more is told where that is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What the command takes; raises UsageError for -f."""
        if {"-f", "--follow"} & set(args):
            raise UsageError("only the last events are shown: no --follow", hint="mdc cat --follow")
        return super().parse_args(ctx, args)


@click.command(cls=TailCommand)
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@limiting("how many events", default=10, was="--lines")
@ROOT
@selecting
@writing
@reading
def tail(
    paths: tuple[Path, ...],
    limit: int,
    root: Path | str | None,
    query: "Query",
    writing: "OutputOptions",
    reading: "InputOptions",
) -> "Stage":
    """Show the last events in time order."""
    from mdc_core.pipelines.stages.slices import Tail

    return Tail(limit, paths, root, query, reading, writing)


command = tail
