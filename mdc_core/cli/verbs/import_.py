"""Read files of other tools as events: your own CSV, Parquet or JSONL, or another format.

FILE is a file or a folder; without one, or as `-`, standard input, which is kept in a temporary
file. `--profile` is told by the content where it is not given. `--guess` shows which column would
be which field, with the first events, and imports nothing; `-o mapping.toml` keeps that for
`--mapping`. `mdc import --profile csv --help` has the options for tables.
A line or a file that cannot be read is rejected and counted, and the others are read. A truncated
file gives all before its end, and the command ends with 65.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import Chosen, Session, import_command, option
from mdc_core.cli.selection import (
    ALLOW_EMPTY,
    PATH,
    QUARANTINE_LIMIT,
    SYMBOL,
    SYMBOLS_FILE,
    named_symbols,
    spanning,
    writing,
)
from mdc_core.cli.types import PathType
from mdc_core.disk import must_be_new

if TYPE_CHECKING:
    from mdc_core.mapping.guess.picture import TablePicture
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "collect 2"
EXAMPLES = (
    "mdc import ticks.csv --guess",
    "mdc import --profile lean lean-data --symbol SPY --resolution minute | mdc head",
)


@import_command("import", "profile")
@click.argument("paths", nargs=-1, metavar="[FILE]...", type=PATH)
@SYMBOL
@SYMBOLS_FILE
@ALLOW_EMPTY
@spanning
@option(
    "--guess",
    is_flag=True,
    help="show what the columns may be, and import nothing; -o FILE keeps it",
)
@option(
    "--quarantine",
    type=PathType(dir_okay=False),
    help="where lines and files that cannot be read are kept",
)
@QUARANTINE_LIMIT
@option("--partial", is_flag=True, help="accept truncated files")
@option("--strict", is_flag=True, help="rejections are failures")
@writing
@click.pass_obj
def import_files(
    session: Session,
    plugin: Chosen,
    paths: tuple[Path, ...],
    symbols: tuple[str, ...],
    symbols_file: Path | None,
    allow_empty: bool,
    start: int | None,
    end: int | None,
    guess: bool,
    quarantine: Path | None,
    quarantine_limit: int,
    partial: bool,
    strict: bool,
    writing: "OutputOptions",
) -> "Stage":
    """Read files of another tool's format as events."""
    from mdc_core.contracts import ImportRequest
    from mdc_core.pipelines.importing import ImportSource, LookAtTables
    from mdc_core.pipelines.inputs import STDIN, InputOptions

    paths = paths or (STDIN,)
    symbols = named_symbols(symbols, symbols_file, paths)
    asked = ImportRequest(paths[0], symbols, start, end, session.zone)
    if guess:
        if writing.file is not None:
            must_be_new(writing.file, force=writing.force)
        return LookAtTables(plugin, paths, asked, tell=lambda made: _tell(made, writing.file))
    reading = InputOptions(
        quarantine=quarantine, quarantine_limit=quarantine_limit, partial=partial, strict=strict
    )
    return ImportSource(plugin, paths, asked, reading, writing, allow_empty=allow_empty)


def _tell(pictures: "Sequence[TablePicture]", output: Path | None) -> None:
    """Show on standard error what was guessed, and keep it where a file is named."""
    from mdc_core.archive.read.one_file import whole_file
    from mdc_core.cli.show import columns, shown
    from mdc_core.wire.lines.jsonl import encode_rows

    lines = list[str]()
    for picture in pictures:
        lines += [f"{picture.file}: {picture.type}"]
        cells = [[shown(cell) for cell in row] for row in picture.columns]
        lines += [
            f"  {line}" for line in columns([["column", "field", "read as", "first"], *cells])
        ]
        lines += [f"  {event}" for event in encode_rows(picture.events).decode().splitlines()]
        lines += [f"not certain: {note}" for note in picture.notes]
        lines += [f"not known: {lack}" for lack in picture.lacks]
        lines += [picture.command]
    click.echo("\n".join(lines), err=True)
    if output is not None:
        with whole_file(output) as file:
            file.write(pictures[0].toml.encode())


command = import_files
