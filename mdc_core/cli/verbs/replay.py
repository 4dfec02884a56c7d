"""Replay stored events at the pace at which they came.

Reads the archive at --root, or the files and directories that are named, and writes their
events in time order, each when it is due: as long after the first one as it happened, or
--speed times as fast. The events are those of the live feed in canonical form, the same
lines each time; equal times keep the order of `mdc cat`. An event without the time that it
is to be ordered by follows the other one of its times.

With --clock receive, --from and --to are receive times as well. With --step each line on
standard input lets one more event out, and the end of standard input ends the replay."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from mdc_core.cli.options import command, option, pacing
from mdc_core.cli.selection import PATH, ROOT, limiting, reading, selecting, writing
from mdc_core.errors import UsageError

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "collect 3"
EXAMPLES = (
    "mdc replay --root data --symbol SPY --speed 10x | mdc validate",
    "mdc replay --root data --from 2024-01-02T14:30:00.25 --to 2024-01-02T14:30:00.75",
    "mdc replay events.jsonl --clock receive --speed max | mdc head",
    "seq 3 | mdc replay events.jsonl --step",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@ROOT
@pacing("1x")
@option(
    "--clock",
    "by",
    was="--by",
    type=click.Choice(["event", "receive"]),
    default="event",
    show_default=True,
    help="the time that orders and paces the events",
)
@selecting
@limiting("how many events  [default: all]")
@option("--step", is_flag=True, help="one event for each line on standard input")
@writing
@reading
def replay(
    paths: tuple[Path, ...],
    root: Path | str | None,
    speed: float | None,
    by: str,
    query: "Query",
    limit: int | None,
    step: bool,
    writing: "OutputOptions",
    reading: "InputOptions",
) -> "Stage":
    """Replay stored events at the pace at which they came."""
    from mdc_core.pipelines.stages.replay import Replay

    if step:
        _check_step(paths)
    return Replay(
        paths,
        root,
        query,
        reading=reading,
        writing=writing,
        speed=speed,
        by_receipt=by == "receive",
        step=step,
        limit=limit,
    )


def _check_step(paths: tuple[Path, ...]) -> None:
    if Path("-") in paths:
        raise UsageError(
            "--step reads its lines from standard input, not the events",
            hint="mdc replay --step --root DIR",
        )
    speed = click.get_current_context().get_parameter_source("speed")
    if speed is ParameterSource.COMMANDLINE:
        raise UsageError("--step goes without --speed", hint="each line is one event")


command = replay
