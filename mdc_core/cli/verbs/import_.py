"""Read files of another tool's format as events."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import MOMENT, MOMENT_END, Chosen, Session, select_command
from mdc_core.cli.pipe import writing
from mdc_core.cli.progress import Progress
from mdc_core.cli.signals import stopping_source

if TYPE_CHECKING:
    from mdc_core.wire.writer import Wire

EXAMPLES = ("mdc import --profile lean lean-data --symbol SPY --resolution minute | mdc head",)


@select_command("import", "profile")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--symbol", "symbols", multiple=True, help="only this symbol")
@click.option("--from", "start", type=MOMENT, help="from this time or day on (UTC)")
@click.option("--to", "end", type=MOMENT_END, help="up to this time, or to the end of this day")
@writing
@click.pass_obj
def import_files(
    session: Session,
    plugin: Chosen,
    path: Path,
    symbols: tuple[str, ...],
    start: int | None,
    end: int | None,
    wire: "Wire",
) -> int:
    """Read files of another tool's format as events."""
    from mdc_core.accounting import Output
    from mdc_core.contracts import ImportRequest
    from mdc_core.wire.writer import Writer

    session.log.stage = "import"
    importer = plugin.plugin(ImportRequest(path, symbols, start, end), plugin.options)
    request = {"profile": plugin.name, "path": str(path), "symbols": list(symbols)}
    output = Output("import", Writer(1, wire), request=request, provider=plugin.name)
    progress = Progress(session, "import")
    reason = "eof"
    with stopping_source() as stop:
        for batch in importer.batches():
            output.batch(batch)
            progress.add(batch.num_rows)
            if stop:
                reason = "signal"
                break
        progress.close()
        output.close(reason)
    session.log.note(f"import: {sum(output.counts.values())} events")
    return 0


command = import_files
