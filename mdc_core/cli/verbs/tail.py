"""Show the last events in time order.

Control events are not counted. Reads the archive at --root, or the files and directories
that are named; `-` is standard input, which is also read when something is piped in and
nothing is named. Only the last events are held in memory. Of an archive the latest periods
are read, until there are enough."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import Session, command
from mdc_core.cli.pipe import PATH, Pipe, reading, writing
from mdc_core.cli.selection import ROOT, places, query_of, selecting
from mdc_core.cli.signals import following_input

if TYPE_CHECKING:
    from mdc_core.archive.catalog.paths import Query
    from mdc_core.archive.read.tail import TailRows
    from mdc_core.wire.writer import Wire

EXAMPLES = (
    "mdc tail -n 3 --root data --symbol SPY --type trade",
    "mdc stream sim SPY --limit 100 | mdc tail -n 3",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="how many events",
)
@ROOT
@selecting
@writing
@reading
@click.pass_obj
def tail(
    session: Session,
    paths: tuple[Path, ...],
    lines: int,
    root: Path | str | None,
    symbols: tuple[str, ...],
    types: tuple[str, ...],
    wire: "Wire",
    quarantine: Path | None,
    partial: bool,
    strict: bool,
) -> int:
    """Show the last events in time order."""
    query = query_of(symbols, types)
    files, folders = places(paths, root, "tail")
    request = {
        "lines": lines,
        "paths": [str(path) for path in (*files, *folders)],
        "symbols": list(symbols),
        "types": list(types),
    }
    pipe = Pipe(
        session,
        "tail",
        files,
        wire=wire,
        quarantine=quarantine,
        partial=partial,
        strict=strict,
        request=request,
    )
    assert pipe.output is not None
    with following_input() if Path("-") in files else nullcontext():
        last = _last(pipe, query, lines, files, folders)
        for batch in last.batches():
            pipe.output.batch(batch)
    pipe.dropped = sum(pipe.input.counts.values()) - sum(pipe.output.counts.values())
    return pipe.finish()


def _last(
    pipe: Pipe, query: "Query", lines: int, files: tuple[Path, ...], folders: list[Path | str]
) -> "TailRows":
    """The last events of everything that is to be read."""
    from mdc_core.archive.read.tail import TailRows, archive_last

    last = TailRows(lines)
    if files:
        for chunk in pipe.chunks():
            last.add(query.of(chunk.batch))
    for folder in folders:
        for batch in archive_last(folder, query, lines, pipe.input.counts):
            last.add(batch)
    return last


command = tail
