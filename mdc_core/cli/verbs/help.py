"""Show the help of mdc or of a command, or what to type for common tasks.

`mdc help stream alpaca` is `mdc stream alpaca --help`. `mdc help recipes` lists tasks, each
with a command that does it.
"""

from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.options import command as make
from mdc_core.cli.recipes import recipes

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

RECIPES = "recipes"
GROUP = "setup 6"
EXAMPLES = ("mdc help", "mdc help stream alpaca", "mdc help recipes")


class CommandWord(click.ParamType):  # type: ignore[type-arg]
    """A word of a command: a verb, then a command of it."""

    name = "command"

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> "list[CompletionItem[str]]":
        """The commands of the group that the words before it name."""
        from click.shell_completion import CompletionItem

        group, words = ctx.find_root().command, ctx.params.get(param.name) or ()
        for word in words:
            found = group.get_command(ctx, word) if isinstance(group, click.Group) else None
            group = getattr(found, "load", lambda found=found: found)()
        if not isinstance(group, click.Group):
            return []
        names = group.list_commands(ctx)
        commands = [(name, group.get_command(ctx, name)) for name in names]
        ways = [(n, c.get_short_help_str()) for n, c in commands if c is not None and not c.hidden]
        ways += [] if words else [(RECIPES, "what to type for common tasks")]
        return [CompletionItem(n, help=text) for n, text in ways if n.startswith(incomplete)]


@make()
@click.argument("words", nargs=-1, type=CommandWord(), metavar="[COMMAND]...")
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
