"""Write events as files of another tool's format.

With --output, one file for each symbol, type and day (UTC) below a directory, and a
manifest.json that says what is in each; with -o, one file. Events are written as they
come: `mdc cat` merges files by time."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import Chosen, option, select_command
from mdc_core.cli.selection import PATH, ROOT, reading, selecting
from mdc_core.cli.types import PathType
from mdc_core.errors import UsageError

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "share 1"
EXAMPLES = (
    "mdc export --profile csv --output csv --root data --symbol SPY",
    "mdc cat --root data --type trade | mdc export --profile csv -o trades.csv",
)


@select_command("export", "profile")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@option("--output", "folder", type=PathType(), help="directory to write to")
@option("-o", "file", type=PathType(), help="one file to write")
@option("--force", is_flag=True, help="replace files that are there")
@ROOT
@selecting
@reading
def export(
    plugin: Chosen,
    paths: tuple[Path, ...],
    folder: Path | None,
    file: Path | None,
    force: bool,
    root: Path | str | None,
    query: "Query",
    reading: "InputOptions",
) -> "Stage":
    """Write events as files of another tool's format."""
    from mdc_core.pipelines.stages.export import ExportSink

    target = file or folder
    if target is None or (file and folder):
        raise UsageError("mdc export needs --output DIR or -o FILE", hint="one of them")
    if str(target) == "-":
        raise UsageError("mdc export writes files, and '-' is none", hint="-o FILE")
    one_file = file is not None
    return ExportSink(plugin, target, paths, root, query, reading, one_file=one_file, force=force)


command = export
