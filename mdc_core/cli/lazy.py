"""Commands that are loaded when they are run: groups list them without importing anything."""

# open(), because importing pathlib would cost `mdc --help` milliseconds.
# ruff: noqa: PTH123

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import click

from mdc_core import installed, registry
from mdc_core.cli.either_side import behind_verb
from mdc_core.cli.layout import HelpLayout
from mdc_core.cli.settable import path_of
from mdc_core.errors import UsageError
from mdc_core.installed import verb_files
from mdc_core.session import Session
from mdc_core.suggest import known, near, question, unknown

# A word of shell; an option with its value is one. Compiled when an example is too long.
WORD = r"""(?:--?[\w-]+ (?![-|]))?(?:'[^']*'|"[^"]*"|\S)+"""


def verbs_that(marker: str) -> set[str]:
    """The verbs `reading` or `writing` events; their files tell: an import takes half a second."""
    found = set()
    for name, path in verb_files().items():
        with open(path, encoding="utf-8") as file:
            if f"\n@{marker}" in file.read():
                found.add(name)
    return found


def completing(ctx: click.Context) -> bool:
    """Whether this is for TAB, which must not import a plugin."""
    session = ctx.find_object(Session)
    return session is not None and session.completing is not None


def broken(line: str, width: int) -> list[str]:
    """A line of shell as lines that fit, to be copied as they stand: it breaks behind pipes."""
    if len(line) <= width:
        return [line]
    found, now = [], ""
    for word in re.findall(WORD, line):
        longer = f"{now} {word}" if now else word
        if now.endswith(" |"):
            found.append(now)
            longer = f"  {word}"
        elif now.strip() and len(longer) > width - 2 and word != "|":
            found.append(f"{now} \\")
            longer = f"  {word}"
        now = longer
    return [part for one in (*found, now) for part in _quoted(one, width)]


def _quoted(line: str, width: int) -> list[str]:
    """A line, or those of a quoted text that is too long for one, such as SQL."""
    if len(line) <= width or line.lstrip()[:1] not in ("'", '"'):
        return [line]
    from textwrap import wrap

    return wrap(line, width, subsequent_indent="   ", break_long_words=False)


class HelpContext(click.Context):
    """The context of our commands: how their help is laid out, how messages call them."""

    formatter_class = HelpLayout

    def __init__(self, command: click.Command, *args: Any, **more: Any) -> None:
        super().__init__(command, *args, **more)
        session, path = self.find_object(Session), path_of(self)
        if path and session is not None and not self.resilient_parsing:
            session.log.stage = command.called(path) if isinstance(command, SummedUp) else path[0]


class SummedUp(click.Command):
    """A command that a list shows with its whole summary."""

    context_class = HelpContext

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first paragraph of its help; the formatter breaks the line."""
        first, _, _ = (self.short_help or self.help or "").strip().partition("\n\n")
        return " ".join(first.split())

    def called(self, path: tuple[str, ...]) -> str:
        """What messages call it: the words that lead to it."""
        return " ".join(path)


class LazyCommand(SummedUp):
    """A command that knows its name and summary, and is loaded when it is run.

    Listing commands (help, completion) needs nothing else of it.
    """

    def __init__(self, name: str, summary: str, load: Callable[[], click.Command]) -> None:
        super().__init__(name, short_help=summary)
        self.load = load

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """The context of the command itself."""
        session = parent.find_object(Session) if parent is not None else None
        is_verb = parent is not None and parent.parent is None
        if session is not None and is_verb and not extra.get("resilient_parsing"):
            session.log.stage = self.name  # for loading it may fail
        return self.load().make_context(info_name, args, parent, **extra)


class HelpfulCommand(SummedUp):
    """Help with examples that are shown as they are typed."""

    examples: tuple[str, ...] = ()

    def describe(self, doc: str | None, examples: Iterable[str]) -> None:
        """Take the help from a module's docstring, and its examples."""
        self.help = doc
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    for line in broken(example, formatter.width - 2):
                        formatter.write(f"  {line}\n")


class VerbGroup(HelpfulCommand, click.Group):
    """A group of commands that are part of mdc, such as `mdc schema`."""

    elsewhere: Mapping[str, str] = {}  # words of other tools, and commands that do the same

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named; an unknown one is told with what it may mean."""
        if args[0].startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        if self.get_command(ctx, args[0]) is None:
            close = near(args[0], self.list_commands(ctx), self.elsewhere)
            text = f"no such command: {args[0]!r}{question(close)}"
            raise UsageError(text, hint=f"{ctx.command_path} --help")
        return super().resolve_command(ctx, args)


class CommandsOfVerb(HelpfulCommand, click.Group):
    """A verb with commands: what may stand before it or behind them may stand between, too."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own options, and those of all commands."""
        params = super().get_params(ctx)
        return [*params[:-1], *self._of_all, *params[-1:]]

    @cached_property
    def _of_all(self) -> list[click.Option]:
        return behind_verb(set(), group=True)


class PluginGroup(CommandsOfVerb):
    """A verb whose subcommands are its plugins; help and completion import none of them."""

    def __init__(
        self,
        verb: str,
        make: Callable[[str, Any], click.Command],
        needs: tuple[str, str] = ("", ""),
        **more: Any,
    ) -> None:
        self._noun = installed.VERBS[verb][0]
        metavar = f"{self._noun.upper()} [ARGS]..."
        super().__init__(verb, no_args_is_help=False, subcommand_metavar=metavar, **more)
        self.verb = verb
        self.needs, self.needed = needs  # an attribute of the plugins offered, and what it is
        self._make = make

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the plugins."""
        return [name for name, ref in registry.find(self.verb).items() if self._fits(ref)]

    def _fits(self, ref: installed.PluginRef) -> bool:
        """Whether a plugin has what is needed, as far as its source tells."""
        if not self.needs:
            return True
        from mdc_core.cli.declared import outline

        found = outline(ref)
        return found is None or self.needs in found.has

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The plugin's command, not loaded yet."""
        ref = registry.get(self.verb, cmd_name)
        if ref is None:
            return None

        def load() -> click.Command:
            if completing(ctx):
                return self._make(cmd_name, None)
            command = self._make(cmd_name, registry.load(self.verb, cmd_name))
            if isinstance(command, HelpfulCommand) and not command.examples:
                start = f"mdc {self.verb} {cmd_name} "
                command.examples = tuple(e for e in self.examples if start in e)
            return command

        return LazyCommand(cmd_name, registry.summary(ref), load)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The plugin that is named; an unknown one is told with what it may mean."""
        if not ctx.resilient_parsing and not args[0].startswith("-"):
            scheme = args[0].partition("://")[0].removesuffix("s")
            if scheme != args[0] and registry.get(self.verb, scheme) is not None:
                raise UsageError(
                    f"the name of a {self._noun} comes before {args[0]}",
                    hint=f"{ctx.command_path} {scheme} URL",
                )
            self._must_fit(ctx, args[0])
        return super().resolve_command(ctx, args)

    def _must_fit(self, ctx: click.Context, name: str) -> None:
        """Raise UsageError for a plugin that has not what is needed, or is none."""
        names, ref = self.list_commands(ctx), registry.get(self.verb, name)
        if self.needs and ref is None and not registry.namesakes(self.verb, name):
            kind = f"{self._noun} with a {self.needed}"
            raise UsageError(unknown(kind, name, names), hint=known(names))
        if not self._fits(registry.lookup(self.verb, name)):
            raise UsageError(f"{name} has no {self.needed}", hint=known(names))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The plugins, under their own title."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, c.get_short_help_str()) for name, c in found if c is not None]
        with formatter.section(f"{self._noun.capitalize()}s"):
            formatter.write_dl(rows or [("none", "no plugin of this kind is installed")])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The name of a plugin must be there."""
        if not args and not ctx.resilient_parsing:
            names = known(self.list_commands(ctx))
            raise UsageError(f"the name of a {self._noun} is missing", hint=names)
        return super().parse_args(ctx, args)
