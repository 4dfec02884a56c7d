"""The words of a command as an argument: `mdc help stream alpaca`."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class CommandWord(click.ParamType):  # type: ignore[type-arg]
    """A word of a command: a verb, then a command of it."""

    name = "command"

    def __init__(self, *also: tuple[str, str]) -> None:
        self.also = also  # words that may stand in the place of a verb, each with its help

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
        ways += [] if words else self.also
        return [CompletionItem(n, help=text) for n, text in ways if n.startswith(incomplete)]
