"""Write events as files of another tool's format.

With --output, one file for each symbol, type and day (UTC) below a directory, and a
manifest.json that says what is in each; with -o, one file. Events are written as they
come: `mdc cat` merges files by time."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import to_builtins

from mdc_core.cli.options import Chosen, Session, select_command
from mdc_core.cli.pipe import PATH, Pipe, reading
from mdc_core.cli.selection import ROOT, places, query_of, selecting, spanning
from mdc_core.cli.signals import following_input
from mdc_core.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.archive.catalog.paths import Query

EXAMPLES = (
    "mdc export --profile csv --output csv --root data --symbol SPY",
    "mdc cat --root data --type trade | mdc export --profile csv -o trades.csv",
)


@select_command("export", "profile")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@click.option("--output", "folder", type=click.Path(path_type=Path), help="directory to write to")
@click.option("-o", "file", type=click.Path(path_type=Path), help="one file to write")
@click.option("--force", is_flag=True, help="replace files that are there")
@ROOT
@selecting
@spanning
@reading
@click.pass_obj
def export(
    session: Session,
    plugin: Chosen,
    paths: tuple[Path, ...],
    folder: Path | None,
    file: Path | None,
    force: bool,
    root: Path | str | None,
    symbols: tuple[str, ...],
    types: tuple[str, ...],
    start: int | None,
    end: int | None,
    quarantine: Path | None,
    partial: bool,
    strict: bool,
) -> int:
    """Write events as files of another tool's format."""
    from mdc_core.export.exporting import Export

    target = file or folder
    if target is None or (file and folder):
        raise UsageError("mdc export needs --output DIR or -o FILE", hint="one of them")
    query = query_of(symbols, types, start, end)
    files, folders = places(paths, root, "export")
    pipe = Pipe(session, "export", files, quarantine=quarantine, partial=partial, strict=strict)
    made = Export(plugin.plugin(plugin.options), target, one_file=file is not None, force=force)
    with following_input() as stop:
        for batch in _events(pipe, query, files, folders):
            made.add(batch)
            if stop:
                break
    options = to_builtins(plugin.options)
    count = made.write({"profile": plugin.name, "options": options})
    status = pipe.finish(kept=made.rows)
    session.log.note(f"export: {count} {'file' if count == 1 else 'files'} in {target}")
    return status or stop.exit_status


def _events(
    pipe: Pipe, query: "Query", files: tuple[Path, ...], folders: list[Path | str]
) -> "Iterator[pa.RecordBatch]":
    """The wanted events about instruments and data: of the archives, then of the files."""
    from mdc_core.archive.merge import merge
    from mdc_core.archive.read.snapshot import snapshot

    for folder in folders:
        for batch in merge(snapshot(folder, query).sources(pipe.input.counts)):
            pipe.progress.add(batch.num_rows)
            yield batch
    if not files:
        return
    for chunk in pipe.chunks():
        batch = query.of(_without_control(chunk.batch))
        pipe.dropped += chunk.batch.num_rows - batch.num_rows
        yield batch


def _without_control(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    import pyarrow as pa
    import pyarrow.compute as pc

    from mdc_core.events import CONTROL_TYPES

    return batch.filter(pc.invert(pc.is_in(batch.column(0), pa.array(CONTROL_TYPES))))


command = export
