"""Check events, and say what is wrong with them.

Everything passes, and behind an event that a check complains about comes an `integrity`
event that says so; --on-fail decides otherwise for those with a finding of at least
--fail-on. All checks that are installed are run, unless --check or --skip names some. With
--strict a finding that is no mere `info` ends the command with 1; `gap` events that are in
the stream already are no findings."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from mdc_core.cli.archives import among_files
from mdc_core.cli.options import Chosen, checks_command, option
from mdc_core.cli.selection import PATH, reading, writing
from mdc_core.contracts import Severity

if TYPE_CHECKING:
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage
    from mdc_core.quality.engine import OnFail

GROUP = "check 1"
EXAMPLES = (
    "mdc stream sim SPY --limit 1000 | mdc validate > checked.jsonl",
    "mdc validate events.jsonl --check price --check crossed --strict",
    "mdc validate events.jsonl --on-fail drop --fail-on warning",
)


@checks_command("validate", "check")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@among_files
@option(
    "--on-fail",
    type=click.Choice(["annotate", "drop", "quarantine", "stop"]),
    default="annotate",
    show_default=True,
    help="what becomes of a bad event",
    values={
        "annotate": "it passes, with its finding behind it",
        "drop": "it goes, its finding stays",
        "quarantine": "it goes to the file of --quarantine, its finding stays",
        "stop": "the command ends there, with 65",
    },
)
@option(
    "--fail-on",
    type=click.Choice(get_args(Severity)),
    default="error",
    show_default=True,
    help="the severity from which an event is bad",
)
@writing
@reading
def validate(
    plugins: list[Chosen],
    paths: tuple[Path, ...],
    on_fail: "OnFail",
    fail_on: Severity,
    writing: "OutputOptions",
    reading: "InputOptions",
) -> "Stage":
    """Check events, and say what is wrong with them."""
    from mdc_core.pipelines.stages.judge import Validate

    return Validate(plugins, paths, on_fail, fail_on, reading, writing)


command = validate
