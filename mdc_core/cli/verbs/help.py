"""Show the help of mdc or of a command, or what to type for common tasks.

`mdc help stream alpaca` is `mdc stream alpaca --help`. `mdc help recipes` lists tasks, each
with a command that does it.
"""

import click

from mdc_core.cli.options import command as make
from mdc_core.cli.recipes import recipes
from mdc_core.cli.words import CommandWord

RECIPES = "recipes"
GROUP = "setup 6"
EXAMPLES = ("mdc help", "mdc help stream alpaca", "mdc help recipes")


@make()
@click.argument(
    "words",
    nargs=-1,
    type=CommandWord((RECIPES, "what to type for common tasks")),
    metavar="[COMMAND]...",
)
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help."""
    top = ctx.find_root()
    if words == (RECIPES,):
        click.echo("\n".join(recipes(top.terminal_width or 78)).rstrip())
        return
    args = [*words, "--help"]
    with top.command.make_context("mdc", args, obj=ctx.obj, terminal_width=top.terminal_width) as c:
        top.command.invoke(c)
