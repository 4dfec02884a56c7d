"""Read files of another tool's format as events.

A line or a file that cannot be read is set aside and counted, and the others are read.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import MOMENT, MOMENT_END, Chosen, Session, select_command
from mdc_core.cli.pipe import writing
from mdc_core.cli.progress import Progress
from mdc_core.cli.signals import stopping_source

if TYPE_CHECKING:
    from mdc_core.export.importing import Import
    from mdc_core.wire.quarantine import Quarantine
    from mdc_core.wire.writer import Wire

EXAMPLES = ("mdc import --profile lean lean-data --symbol SPY --resolution minute | mdc head",)


@select_command("import", "profile")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--symbol", "symbols", multiple=True, help="only this symbol")
@click.option("--from", "start", type=MOMENT, help="from this time or day on (UTC)")
@click.option("--to", "end", type=MOMENT_END, help="up to this time, or to the end of this day")
@click.option(
    "--quarantine",
    type=click.Path(path_type=Path, dir_okay=False),
    help="where lines and files that cannot be read are set aside",
)
@click.option("--strict", is_flag=True, help="rejections are failures")
@writing
@click.pass_obj
def import_files(
    session: Session,
    plugin: Chosen,
    path: Path,
    symbols: tuple[str, ...],
    start: int | None,
    end: int | None,
    quarantine: Path | None,
    strict: bool,
    wire: "Wire",
) -> int:
    """Read files of another tool's format as events."""
    from mdc_core.accounting import Output, new_run_id
    from mdc_core.contracts import ImportRequest
    from mdc_core.export.importing import Import
    from mdc_core.wire.quarantine import Quarantine, default_paths
    from mdc_core.wire.writer import Writer

    session.log.stage = "import"
    importer = plugin.plugin(ImportRequest(path, symbols, start, end), plugin.options)
    request = {"profile": plugin.name, "path": str(path), "symbols": list(symbols)}
    output = Output("import", Writer(1, wire), request=session.asked(request), provider=plugin.name)
    places = default_paths("import", f"{new_run_id()}-{os.getpid()}")
    aside = Quarantine(*([quarantine] if quarantine else places))
    source = Import(importer, aside)
    progress = Progress(session, "import")
    reason = "eof"
    with stopping_source() as stop:
        for batch in source.batches():
            output.batch(batch)
            progress.add(batch.num_rows)
            if stop:
                reason = "signal"
                break
        progress.close()
        output.close(reason)
    _say(session, source, aside)
    return source.status(strict=strict)


def _say(session: Session, source: "Import", aside: "Quarantine") -> None:
    read, rejected = source.read, source.rejected
    counts = f"{read + rejected} in = {read} out + {rejected} rejected + 0 dropped"
    session.log.note(f"import: {counts}")
    if rejected:
        more = f" and {rejected - 1} more" if rejected > 1 else ""
        session.log.warning(f"{source.first_rejection}{more}; set aside in {aside.path}")
    aside.close()


command = import_files
