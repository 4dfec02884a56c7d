"""Read files of another tool's format as events.

PATH is a file, a folder, or a pipe (`-` is standard input), which is kept in a temporary file.
A line or a file that cannot be read is set aside and counted, and the others are read. A file that
breaks off gives all before that, and the command ends with 65.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import Chosen, option, select_command
from mdc_core.cli.selection import QUARANTINE_LIMIT, SYMBOL, spanning, writing
from mdc_core.cli.types import PathType

if TYPE_CHECKING:
    from mdc_core.pipelines.stage import Stage
    from mdc_core.wire.writer import Wire

GROUP = "collect 2"
EXAMPLES = ("mdc import --profile lean lean-data --symbol SPY --resolution minute | mdc head",)


@select_command("import", "profile")
@click.argument("path", type=PathType())
@SYMBOL
@spanning
@option(
    "--quarantine",
    type=PathType(dir_okay=False),
    help="where lines and files that cannot be read are set aside",
)
@QUARANTINE_LIMIT
@option("--partial", is_flag=True, help="accept files that break off")
@option("--strict", is_flag=True, help="rejections are failures")
@writing
def import_files(
    plugin: Chosen,
    path: Path,
    symbols: tuple[str, ...],
    start: int | None,
    end: int | None,
    quarantine: Path | None,
    quarantine_limit: int,
    partial: bool,
    strict: bool,
    wire: "Wire",
) -> "Stage":
    """Read files of another tool's format as events."""
    from mdc_core.contracts import ImportRequest
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.stages.convert import ImportSource

    asked = ImportRequest(path, symbols, start, end)
    reading = InputOptions(
        quarantine=quarantine, quarantine_limit=quarantine_limit, partial=partial, strict=strict
    )
    return ImportSource(plugin, asked, reading, wire)


command = import_files
