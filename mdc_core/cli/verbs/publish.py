"""Send events to a server, a queue or a database.

What counts is what the place acknowledges. Events are sent in batches, again after a failure,
each batch with a token that is the same in every try: where the place keeps tokens it has each
event exactly once, elsewhere at least once. One batch follows the other, each when the one before
is acknowledged, so that events arrive in their order. Events that it will never take are set
aside and counted. Credentials come from the environment."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.archives import among_files
from mdc_core.cli.options import SPAN, Chosen, option, plugin_group
from mdc_core.cli.selection import DRY_RUN, PATH, reading
from mdc_core.cli.types import WholeNumber
from mdc_core.times import SECOND

if TYPE_CHECKING:
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "share 2"
EXAMPLES = (
    "mdc stream sim SPY --limit 1000 | mdc publish http https://example.com/events --dry-run",
)


@plugin_group("publish")
@click.argument("url")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@among_files
@option(
    "--batch",
    type=WholeNumber(1, 1_000_000),
    default=1_000,
    show_default=True,
    help="most events of a batch",
)
@option(
    "--every",
    type=SPAN,
    default="1s",
    show_default=True,
    help="longest time until an event is sent",
)
@option(
    "--retries",
    type=WholeNumber(0),
    default=5,
    show_default=True,
    help="give up a batch after so many more tries",
)
@DRY_RUN
@reading
def publish(
    plugin: Chosen,
    url: str,
    paths: tuple[Path, ...],
    batch: int,
    every: int,
    retries: int,
    dry_run: bool,
    reading: "InputOptions",
) -> "Stage":
    """Send events to a place."""
    from mdc_core.pipelines.stages.publish import Publish
    from mdc_core.publish.publication import PublishLimits

    limits = PublishLimits(batch, max(every / SECOND, 0.01), retries)
    return Publish(plugin, url, paths, limits, reading, dry_run=dry_run)


command = publish
