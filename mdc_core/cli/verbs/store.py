"""Store events as files.

Events go to a journal first, where they are safe: what is acknowledged (`--ack` says how much
that is) survives a kill, a crash and a full disk. When there is enough, after `--seal-every`,
and at the end, they are sealed: one file for each symbol, event type and period, whole or not
there. What a killed `mdc store` left in its journal is sealed by the next one, or by
`mdc recover`. Several can store into one root.

What an archive has of a run or of a file already is not stored twice: a run that comes again,
from its beginning or where it broke off, adds what is missing (`--again` stores all of it)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mdc_core.archive.catalog.layout import LAYOUTS, PARTITIONS, example_paths
from mdc_core.archive.profiles import PROFILES
from mdc_core.archive.write.disk_space import DEFAULT_FREE
from mdc_core.cli.options import (
    ROOM,
    SIZE,
    SPAN,
    Chosen,
    option,
    select_command,
)
from mdc_core.cli.selection import ARCHIVE, DRY_RUN, KEPT_BY, PATH, reading, writing_tee

if TYPE_CHECKING:
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "store 1"
EXAMPLES = (
    "mdc stream sim SPY --limit 1000 | mdc store --root data",
    "mdc stream sim SPY --limit 1000 | mdc store --root data --format jsonl --layout hive",
    "mdc stream sim SPY --limit 1000 | mdc store --root data --tee | mdc count",
    "mdc store --root data events.jsonl",
)


@select_command("store", "format", default="parquet")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@ARCHIVE
@option(
    "--layout",
    type=click.Choice(LAYOUTS),
    default="by-symbol",
    show_default=True,
    help="how the files are named",
    values=example_paths(),
)
@option(
    "--partition",
    type=click.Choice(PARTITIONS),
    default="daily",
    show_default=True,
    help="period of a file, UTC",
)
@option(
    "--preset",
    "profile",
    was="--profile",
    type=click.Choice(list(PROFILES)),
    help="how the files are compressed, instead of what mdc.toml says",
    values={name: profile.summary for name, profile in PROFILES.items()},
)
@option(
    "--seal-every",
    type=SPAN,
    default="5m",
    show_default=True,
    help="longest time until 5,000 events of a symbol and type are in their file",
)
@option(
    "--seal-after",
    type=SPAN,
    default="1h",
    show_default=True,
    help="longest time until fewer are",
)
@option(
    "--seal-size",
    type=SIZE,
    default="4GB",
    show_default=True,
    help="largest journal until events are in their files",
)
@option(
    "--fsync",
    type=click.Choice(["always", "batch", "none"]),
    default="batch",
    show_default=True,
    help="sync the journal: each batch, 1,000 events or 20 ms, never",
)
@option(
    "--min-free",
    type=ROOM,
    default=DEFAULT_FREE,
    show_default=True,
    help="stop before less than this is free on the disk",
)
@option(
    "--keep",
    "retain",
    was="--retain",
    type=SPAN,
    help="after each seal, remove files so long after they were stored: 30d",
)
@option(
    "--keep-size",
    "retain_size",
    was="--retain-size",
    type=SIZE,
    help="after each seal, remove the oldest files beyond so many bytes",
)
@KEPT_BY
@option("--ack", is_flag=True, help="write what is durable, as ack events")
@option("--tee", is_flag=True, help="pass all events on")
@option("--again", is_flag=True, help="store what is there already once more")
@DRY_RUN
@writing_tee
@reading
def store(
    plugin: Chosen,
    paths: tuple[Path, ...],
    writing: "OutputOptions",
    reading: "InputOptions",
    **options: Any,
) -> "Stage":
    """Store events as files."""
    from mdc_core.pipelines.stages.store import Store, StoreOptions

    context = click.get_current_context()
    said = (context.get_parameter_source(name) for name in ("compression", "level"))
    as_said = ParameterSource.COMMANDLINE in said
    return Store(plugin, StoreOptions(as_said=as_said, **options), reading, writing, paths)


command = store
