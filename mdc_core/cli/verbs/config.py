"""Show which settings are in force, where each comes from, and where they are looked for.

A value is that of the flag, else of the environment (MDC_STREAM_ALPACA_FEED, then
MDC_STREAM_FEED), else of the nearest mdc.toml, else of the user's, else the default.
"""

from pathlib import Path
from typing import Any

import click

from mdc_core.cli.in_force import InForce, for_all, for_command
from mdc_core.cli.options import Command, Session, group, option
from mdc_core.cli.selection import JSON
from mdc_core.cli.settable import path_of
from mdc_core.cli.show import answer, shown, table
from mdc_core.cli.words import CommandWord
from mdc_core.config import applying, places
from mdc_core.errors import UsageError

GROUP = "setup 4"
EXAMPLES = (
    "mdc config show",
    "mdc config show store --origin",
    "mdc config show stream alpaca --json",
    "mdc config path",
)


@group()
def command() -> None:
    """Show which settings are in force, and where they come from."""


@command.command("show")
@click.argument("words", nargs=-1, type=CommandWord(), metavar="[COMMAND]...")
@option("--origin", is_flag=True, help="say where each value comes from")
@JSON
@option("--root", expose_value=False, hidden=True)  # before the verb: as if for COMMAND
@click.pass_context
def show(ctx: click.Context, words: tuple[str, ...], origin: bool, as_json: bool) -> None:
    """Show the settings of a command, or all that are set.

    Secrets are masked. Without COMMAND: the options before the verb, then what mdc.toml
    and the environment set for any command.
    """
    top, session = ctx.find_root(), ctx.ensure_object(Session)
    rows = list(for_command(_context(top, words), session) if words else for_all(top, session))
    if as_json:
        keys = ("setting", "value", "origin")
        found = [dict(zip(keys, row, strict=True)) for row in rows]
        answer(found)
        return
    heads = ["SETTING", "VALUE", "ORIGIN"] if origin else ["SETTING", "VALUE"]
    table([heads, *(_row(row)[: len(heads)] for row in rows)])


def _row(row: InForce) -> list[str]:
    return [row.name, "-" if row.value is None else shown(_text(row.value)), row.origin]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _context(top: click.Context, words: tuple[str, ...]) -> click.Context:
    """The context of a command, as if its help were asked for."""
    ctx = top
    for word in words:
        if not isinstance(ctx.command, click.Group):
            path = " ".join(path_of(ctx))
            raise UsageError(f"{path} has no commands", hint=f"mdc config show {path}")
        name, found, _ = ctx.command.resolve_command(ctx, [word])
        assert found is not None
        ctx = found.make_context(name, [], parent=ctx, resilient_parsing=True)
        ctx.resilient_parsing = False  # so that a wrong word is told
    if isinstance(ctx.command, click.Group):
        raise UsageError(
            f"{' '.join(path_of(ctx))} is several commands", hint=f"{ctx.command_path} --help"
        )
    return ctx


class PathCommand(Command):
    """A file that cannot be read is looked for as well."""

    heeds_settings = False


@command.command("path", cls=PathCommand)
@JSON
@click.pass_obj
def path(session: Session, as_json: bool) -> None:
    """Show where mdc.toml is looked for, and which files there are.

    The first file that is there from this directory upwards counts, then the user's. With
    --config FILE, or MDC_CONFIG, that file alone.
    """
    states = _states(session)
    if as_json:
        rows = [{"path": place, "state": state} for place, state in states.items()]
        answer(rows)
        return
    table([[place, state] for place, state in states.items()])


def _states(session: Session) -> dict[str, str]:
    """Each place where settings are looked for: is it read, not read, or missing."""
    here = Path(session.directory or ".").absolute()
    looked, read = places(here, session.environ), applying(here, session.environ)
    if session.config_file is not None:
        looked = read = [Path(session.config_file)]
    states = {file: "not read" if file.is_file() else "missing" for file in looked}
    return {str(file): "read" if file in read else state for file, state in states.items()}
