"""The tree of commands: every verb and its flags, and a line for each that chooses."""

from collections.abc import Iterator

import click

from mdc_core.cli.main import root
from mdc_core.logs import Log
from mdc_core.session import Session

# Each with what is said of the symbols; `{}` is what chooses.
CHOOSING = {
    "head": "head -n 99 --root data {}",
    "cat": "cat --root data {}",
    "tail": "tail -n 99 --root data {}",
    "count": "count --root data --json {}",
    "replay": "replay --root data --speed max {}",
    "export": "export --profile csv --root data -o out.csv --force {}; s=$?; cat out.csv; exit $s",
    "du": "du --root data --json {}",
    "ls": "ls --root data --json {}",
    "query": "query --root data 'SELECT DISTINCT symbol FROM trade ORDER BY 1' {}",
    "shell": "shell --root data {} <<< 'SELECT DISTINCT symbol FROM quote ORDER BY 1'",
    "coverage": "coverage --root data --json {}",
    "compact": "compact --root data --dry-run --json --sort {}",
    "retain": "retain --by event --root data --keep 1d --dry-run --json {}",
    "advise": "advise --root data --json --max-file-size 1B {}",
    "tier plan": "tier plan --root data {} --json",
    "tier migrate": "tier migrate --root data --dry-run {} --json",
    "schema migrate": "schema migrate --root data --dry-run {} --json",
    "pack create": "pack create out.zip --root data --dry-run {}",
    "rm": "rm --root data --dry-run --json {}",
    "verify": "verify --root data --json {}",
}


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


def having(flag: str) -> set[str]:
    """The verbs that choose from an archive and have an option; a mock server makes its symbols."""
    found = {verb for verb, flags in flags_of_verbs().items() if {flag, "--root"} <= flags}
    return {verb for verb in found if not verb.startswith("mock ")}
