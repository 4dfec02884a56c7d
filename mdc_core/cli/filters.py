"""The command of a filter plugin: `mdc NAME`, from standard input to standard output."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.options import Chosen, PluginCommand, Session, plugin_command
from mdc_core.cli.pipe import PATH, Pipe, reading, writing
from mdc_core.cli.signals import following_input
from mdc_core.wire.writer import Wire

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.accounting import Output


def filter_command(name: str, plugin: Any) -> PluginCommand:
    """The command that runs one filter."""
    params = list(reversed(run.__click_params__))  # type: ignore[attr-defined]
    return plugin_command("filter", name, plugin, run, params)


@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@reading
@writing
@click.pass_obj
def run(
    session: Session,
    plugin: Chosen,
    paths: tuple[Path, ...],
    wire: Wire,
    quarantine: Path | None,
    partial: bool,
    strict: bool,
) -> int:
    """Put every batch through the filter."""
    pipe = Pipe(
        session,
        plugin.name,
        paths,
        wire=wire,
        quarantine=quarantine,
        partial=partial,
        strict=strict,
        request={"filter": plugin.name},
    )
    assert pipe.output is not None
    work = plugin.plugin(plugin.options)
    with following_input() as stop:
        for chunk in pipe.input:
            made = work(chunk.batch)
            raw = chunk.raw if made is chunk.batch else None
            _pass_on(pipe, pipe.output, chunk.batch.num_rows, made, raw)
        last = work.close()
        if last is not None:
            _pass_on(pipe, pipe.output, 0, last, None)
        status = pipe.finish(reason="signal" if stop else None)
    return stop.exit_status or status


def _pass_on(
    pipe: Pipe, output: "Output", read: int, made: "pa.RecordBatch", raw: bytes | None
) -> None:
    output.batch(made, raw)
    pipe.dropped += max(read - made.num_rows, 0)
    pipe.derived += max(made.num_rows - read, 0)
