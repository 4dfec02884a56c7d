"""The options that stand on either side of the verb: how much is said and how, root, settings."""

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.settable import Option
from mdc_core.errors import UsageError
from mdc_core.session import Session

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDLINE = click.core.ParameterSource.COMMANDLINE
ENVIRONMENT = click.core.ParameterSource.ENVIRONMENT
DEFAULT = click.core.ParameterSource.DEFAULT
FILE = click.core.ParameterSource.DEFAULT_MAP
ROOT_VARIABLE = "MDC_ROOT"


def _offered(ctx: click.Context, option: click.Parameter, word: str) -> "list[CompletionItem[str]]":
    """What TAB offers for a value of one of these options."""
    from click.shell_completion import CompletionItem

    if option.name != "tz":
        kind = "dir" if option.name == "root" else "file"
        return [CompletionItem(word, type=kind)]
    from zoneinfo import available_timezones

    return [CompletionItem(z) for z in sorted(available_timezones()) if z.startswith(word)]


def before_verb() -> list[click.Option]:
    """These options where they are shown: before the verb."""
    return [
        Option(
            ["--log-format"],
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            envvar="MDC_LOG_FORMAT",
            help="messages on stderr: for people, or JSON lines",
        ),
        Option(
            ["-q", "--quiet"], is_flag=True, envvar="MDC_QUIET", help="only warnings and errors"
        ),
        Option(["-v", "--verbose"], is_flag=True, envvar="MDC_VERBOSE", help="say more"),
        Option(
            ["--config"],
            metavar="FILE",
            envvar="MDC_CONFIG",
            shell_complete=_offered,
            help="instead of mdc.toml",
        ),
        Option(
            ["--tz"],
            metavar="ZONE",
            envvar="MDC_TZ",
            shell_complete=_offered,
            help="of times given without one, and in tables: America/New_York  [default: UTC]",
        ),
        click.Option(
            ["--root"],
            metavar="ROOT",
            shell_complete=_offered,
            help=f"the archive of all commands; also {ROOT_VARIABLE}",
        ),
    ]


class RootOption(Option):
    """The archive: what the command is told, else that of all commands, else `data`.

    Without a default of its own it is a DefaultRoot where all commands have it: then files and
    pipes come before it.
    """

    def variables(self, ctx: click.Context) -> list[str]:
        """Those of its command, then that of all commands."""
        return [*super().variables(ctx), ROOT_VARIABLE]

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> Any:
        """The value, and where it is from."""
        value, source = super().consume_value(ctx, opts)
        session = ctx.find_object(Session)
        if session is None or source not in (ENVIRONMENT, DEFAULT):
            return value, source
        if source is DEFAULT:
            setting = session.config.settings().get("root")
            return (value, source) if setting is None else (self._of_all(setting.value), FILE)
        own = super().variables(ctx)
        return value if any(map(session.environ.get, own)) else self._of_all(value), source

    def _of_all(self, root: str) -> str:
        from mdc_core.pipelines.inputs import DefaultRoot

        return root if self.default == "data" else DefaultRoot(root)


def early_first(line: list[list[str]]) -> list[list[str]]:
    """The words of each verb; those that say which plugins there are come before all others.

    They count before the name of a verb or of a plugin is looked up.
    """
    early: list[str] = []
    found: list[list[str]] = []
    for words in line:
        left, kept = iter(words), list[str]()
        for word in left:
            if word == "--":
                kept += [word, *left]
            elif word == "--no-plugins" or word.startswith("--plugin="):
                early.append(word)
            elif word == "--plugin":
                early += [word, *islice(left, 1)]
            else:
                kept.append(word)
        found.append(kept)
    first = [*early, *found[0]] if found[0] or len(found) == 1 else []
    return [first, *found[1:]]


def behind_verb(taken: set[str], *, timed: bool = False, group: bool = False) -> list[click.Option]:
    """These options as a verb takes them, but for flags that it has itself.

    They are hidden; a verb with times shows their zone. A group of commands takes --root for
    the one that follows.
    """
    return [
        click.Option(
            [*option.opts, str(option.name)],
            type=option.type,
            is_flag=option.is_flag,
            metavar=option.metavar,
            help=option.help,
            hidden=not (timed and option.name == "tz"),
            expose_value=False,
            is_eager=True,
            callback=_take,
            shell_complete=None if isinstance(option.type, click.Choice) else _offered,
        )
        for option in before_verb()
        if (group or option.name != "root") and not taken.intersection(option.opts)
    ]


def _take(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    if ctx.get_parameter_source(str(option.name)) is COMMANDLINE and not ctx.resilient_parsing:
        top = ctx.find_root()
        top.params[str(option.name)] = value
        adopt(top)


def adopt(top: click.Context) -> None:
    """Take over what stands before the verb, or counts as if it did."""
    session, values = top.ensure_object(Session), top.params
    session.adopt(values["log_format"], values["quiet"], values["verbose"])
    session.use_config(values["config"])
    session.use_zone(values["tz"])


def find_config(ctx: click.Context, args: list[str]) -> None:
    """Take over --config behind the verb, which counts before anything else is parsed."""
    for place, arg in enumerate(args):
        if arg == "--":
            return
        if arg == "--config" and place + 1 < len(args):
            _name_config(ctx, args[place + 1])
        elif arg.startswith("--config="):
            _name_config(ctx, arg.partition("=")[2])


def _name_config(ctx: click.Context, file: str) -> None:
    ctx.find_root().params["config"] = file
    adopt(ctx.find_root())


def with_root(ctx: click.Context, args: list[str]) -> list[str]:
    """The words of a verb, with the --root that stands before it."""
    top = ctx.find_root()
    root, session = top.params.get("root"), ctx.find_object(Session)
    if root is None or session is None:
        return args
    own = next((o for o in ctx.command.params if "--root" in o.opts), None)
    if own is None and not session.chained:
        raise UsageError("takes no --root")
    # Behind `then` a verb that reads an archive or its input reads its input.
    if own is None or (session.joined and own.default != "data"):
        return args
    return ["--root", root, *args]
