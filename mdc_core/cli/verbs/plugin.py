"""Create a plugin package.

The kinds of plugins, with an example of each, are in docs/plugins.md."""

from pathlib import Path

import click

from mdc_core.cli.options import Session, group, option
from mdc_core.cli.selection import DRY_RUN
from mdc_core.cli.types import PathType
from mdc_core.errors import UsageError
from mdc_core.plugin_package import KINDS, TRANSPORTS, new_package

GROUP = "setup 3"
EXAMPLES = (
    "mdc plugin new mistral --kind venue --transport ws",
    "mdc plugin new wide --kind check --dry-run",
)


@group()
def command() -> None:
    """Create a plugin package."""


@command.command("new")
@click.argument("name")
@option(
    "--kind",
    type=click.Choice(tuple(KINDS)),
    required=True,
    metavar="KIND",
    help=f"the kind of plugin: {', '.join(KINDS)}",
)
@option(
    "--transport", type=click.Choice(tuple(TRANSPORTS)), help="the half of a venue  [default: both]"
)
@option(
    "--into",
    type=PathType(),
    help="the directory to create  [default: mdc-NAME]",
)
@DRY_RUN
@click.pass_obj
def new(
    session: Session,
    name: str,
    kind: str,
    transport: str | None,
    into: Path | None,
    dry_run: bool,
) -> None:
    """Create a package with a working plugin, its tests and its test data.

    The package is a copy, under NAME, of the files of the example package mdc-acme that this kind
    needs. Change it step by step and keep its tests passing. A venue is a copy of mdc-zephyr:
    login by challenge, sequence numbers, and order books with checksums, over WebSocket and TCP,
    or over the transport that `--transport` names.
    """
    from mdc_core import registry
    from mdc_core.installed import BUILT_IN, verb_files

    verb = KINDS[kind].removeprefix("mdc.")
    ours = registry.get(verb, name)
    if (kind == "filter" and name in verb_files()) or (ours and ours.distribution == BUILT_IN):
        raise UsageError(f"the name {name} is taken by mdc's own", hint="another NAME")
    folder = into or Path(f"mdc-{name}")
    for path in new_package(kind, name, folder, transport=transport, dry_run=dry_run):
        click.echo(path)
    if not dry_run:
        session.log.note(f"cd {folder}; pip install -e '.[test]'; pytest")
