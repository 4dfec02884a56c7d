"""The command of a filter plugin: `mdc NAME`, from standard input to standard output."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.options import Chosen, PluginCommand, Session, plugin_command
from mdc_core.cli.pipe import PATH, Pipe, reading, writing
from mdc_core.cli.signals import following_input
from mdc_core.wire.writer import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mdc_core.quality.filtering import FilterRun
    from mdc_core.wire.reader import Chunk


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
    from mdc_core.quality.filtering import FilterRun

    work = FilterRun(plugin.name, plugin.plugin(plugin.options))
    pipe = Pipe(
        session,
        plugin.name,
        paths,
        wire=wire,
        quarantine=quarantine,
        partial=partial,
        strict=strict,
        request={"filter": plugin.name},
        tick=1.0 if work.ticks else None,
    )
    assert pipe.output is not None
    with following_input() as stop:
        for made in _filtered(work, pipe):
            pipe.output.batch(made.batch, made.raw, made.counts)
        pipe.dropped, pipe.used, pipe.derived = work.dropped, work.used, work.derived
        status = pipe.finish(reason="signal" if stop else None)
    return stop.exit_status or status


def _filtered(work: "FilterRun", pipe: Pipe) -> "Iterator[Chunk]":
    from time import time_ns

    for chunk in pipe.input:
        yield from work(chunk)
        yield from work.tick(time_ns())
    yield from work.close()
