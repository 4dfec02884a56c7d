"""Write events in another encoding.

Reads JSONL, Arrow or Parquet, plain or compressed, and writes the same events to standard
output or to a file, whose suffix says how: .jsonl, .arrows, .parquet, each of the first two
also with .gz, .zst or .lz4. Every value is the same afterwards.

Some tools read no nanoseconds (Spark). With --portable a Parquet file has times in
microseconds, rounded down, and beside each the whole of it as an integer: ts_event_ns. mdc
reads such a file back exactly, and refuses it where the two differ.

pandas, R and others reckon in floats. With --floats a Parquet or Arrow file (.arrow, which
pandas and R call Feather) has each price, size and volume as the nearest float64. That is not
exact: mdc does not read such a file back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.archives import among_files
from mdc_core.cli.options import command, option
from mdc_core.cli.selection import PATH, reading, writing

if TYPE_CHECKING:
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage
GROUP = "share 4"
EXAMPLES = (
    "mdc convert events.jsonl --format arrow > events.arrows",
    "mdc convert events.jsonl -o events.parquet",
    "mdc convert events.jsonl --portable -o for-spark.parquet",
    "mdc convert events.jsonl --floats -o for-pandas.parquet",
    "mdc convert events.parquet | mdc head -n 2",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@among_files
@option("--portable", is_flag=True, help="Parquet with times in microseconds, for Spark")
@option(
    "--floats", is_flag=True, help="Parquet or Arrow with floats for decimals, for pandas and R"
)
@writing
@reading
def convert(
    paths: tuple[Path, ...],
    portable: bool,
    floats: bool,
    writing: "OutputOptions",
    reading: "InputOptions",
) -> "Stage":
    """Write events in another encoding."""
    from msgspec.structs import replace

    from mdc_core.pipelines.stages.convert import Convert

    return Convert(paths, reading, replace(writing, portable=portable, floats=floats))


command = convert
