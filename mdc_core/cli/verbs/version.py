"""Show the version of mdc."""

import click

from mdc_core import __version__
from mdc_core.cli.options import command as make

GROUP = "setup 7"
EXAMPLES = ("mdc version",)


@make()
def command() -> None:
    """Show the version."""
    click.echo(f"mdc {__version__}")
