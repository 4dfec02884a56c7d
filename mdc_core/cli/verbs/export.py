"""Write events as files of another tool's format.

-o NAME.SUFFIX is one file; -o DIRECTORY is one file for each symbol, type and day (UTC) below
it, and a manifest.json that says what is in each. Events are written as they
come: `mdc cat` merges files by time."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import Chosen, option, select_command
from mdc_core.cli.selection import FORCE, PATH, ROOT, reading, selecting
from mdc_core.cli.types import PathType
from mdc_core.errors import UsageError

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "share 1"
EXAMPLES = (
    "mdc export --profile csv -o csv --root data --symbol SPY",
    "mdc cat --root data --type trade | mdc export --profile csv -o trades.csv",
)


@select_command("export", "profile")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@option(
    "-o",
    "--output",
    "target",
    type=PathType(),
    help="a file, if the name has a suffix, else a directory of files",
)
@FORCE
@ROOT
@selecting
@reading
def export(
    plugin: Chosen,
    paths: tuple[Path, ...],
    target: Path | None,
    force: bool,
    root: Path | str | None,
    query: "Query",
    reading: "InputOptions",
) -> "Stage":
    """Write events as files of another tool's format."""
    from mdc_core.pipelines.stages.export import ExportSink

    if target is None:
        raise UsageError("no place to write to", hint="mdc export --profile csv -o trades.csv")
    if str(target) == "-":
        raise UsageError("cannot write to '-': only files are written", hint="-o FILE")
    one_file = bool(target.suffix) and not target.is_dir()
    return ExportSink(plugin, target, paths, root, query, reading, one_file=one_file, force=force)


command = export
