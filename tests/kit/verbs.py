"""The tree of commands: every verb, and the flags of its options."""

from collections.abc import Iterator

import click

from mdc_core.cli.main import root
from mdc_core.logs import Log
from mdc_core.session import Session


def flags_of_verbs() -> dict[str, set[str]]:
    """The flags of every command that is no group, by its words."""
    ctx = root.make_context("mdc", [], obj=Session({}, Log()), resilient_parsing=True)
    return dict(_leaves(ctx))


def _leaves(ctx: click.Context, *words: str) -> Iterator[tuple[str, set[str]]]:
    command = ctx.command
    if not isinstance(command, click.Group):
        params = (param for param in command.params if isinstance(param, click.Option))
        yield " ".join(words), {flag for param in params for flag in param.opts}
        return
    for name in command.list_commands(ctx):
        found = command.get_command(ctx, name)
        assert found is not None
        made = found.make_context(name, [], parent=ctx, resilient_parsing=True)
        yield from _leaves(made, *words, name)
