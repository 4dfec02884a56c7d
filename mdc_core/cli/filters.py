"""The command of a filter plugin: `mdc NAME`, from standard input to standard output."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.archives import among_files
from mdc_core.cli.options import Chosen, PluginCommand, plugin_command
from mdc_core.cli.selection import PATH, reading, writing

if TYPE_CHECKING:
    from mdc_core.pipelines.inputs import InputOptions
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage


def filter_command(name: str, plugin: Any) -> PluginCommand:
    """The command that runs one filter."""
    params = list(reversed(run.__click_params__))  # type: ignore[attr-defined]
    return plugin_command("filter", name, plugin, run, params)


@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@among_files
@reading
@writing
def run(
    plugin: Chosen, paths: tuple[Path, ...], writing: "OutputOptions", reading: "InputOptions"
) -> "Stage":
    """Put every batch through the filter."""
    from mdc_core.pipelines.stages.filter import PluginFilter

    return PluginFilter(plugin, paths, reading, writing)
