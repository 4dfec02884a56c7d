"""What a verb is written with. One file in `cli/verbs/` is one verb, named like the file.

The file's docstring is the help (its first line the summary), `GROUP` the verb's place in
`mdc --help` (a group of cli/groups.py, a number within), `EXAMPLES` are lines of shell that
are shown in the help and run as tests, and `command` is what is run:

    '''Show events.'''
    GROUP = "look 1"
    EXAMPLES = ("mdc stream sim SPY --limit 3 | mdc cat",)

    @command()
    @option("--from", "start", type=MOMENT)
    @click.pass_obj
    def command(session, start): ...                   # mdc cat

    @plugin_group("stream")
    @click.argument("symbols", nargs=-1)
    @option("-n", "--limit", type=click.IntRange(1))
    @click.pass_obj
    def command(session, plugin, symbols, limit): ...  # mdc stream NAME, a command for each

    @select_command("store", "format", default="parquet")
    @click.pass_obj
    def command(session, plugin): ...                  # mdc store --format NAME

    @checks_command("validate", "check")
    @click.pass_obj
    def command(session, plugins): ...                 # mdc validate [--check|--skip NAME]

(Name the function as you like, and bind `command` to the result.)

- `plugin` is a `Chosen(name, plugin, options)`: the class, and its `Options` filled from
  flags, MDC_... variables, mdc.toml and defaults. `plugins` is a list of them. Flags of a
  plugin are `--option`, those of a check `--CHECK-option`.
- Every option of a verb can be set by MDC_VERB_OPTION, and under [verb] in mdc.toml.
- `session` is a `Session`: `.log` (note, detail, warning, error), `.environ`, `.config`,
  `.observers` and `.secrets(plugin.plugin.secrets)`.
- What the callback returns is the exit status (None is 0), or a stage of `mdc_core.pipelines`,
  which is run, alone or in a chain of `then`. Raise errors of
  `mdc_core.errors`, never exit. `ReaderGone` ends the command silently with 141.
- Signals of a stage are handled for it; another verb that serves uses `signals.stopping_source()`.
- Import pyarrow, engines and whatever is heavy inside the callback or at the top of the verb's
  file: it is imported when the verb is run, not for `mdc --help`.
"""

from collections.abc import Callable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from mdc_core import registry
from mdc_core.cli.command import Command, CommandGroup
from mdc_core.cli.lazy import PluginGroup
from mdc_core.cli.plugin_commands import ChecksCommand, ImportCommand, PluginCommand, SelectCommand
from mdc_core.cli.settable import Impossible, ListOption, ListType, Option
from mdc_core.cli.types import (
    DecimalNumber,
    FreeSpaceType,
    MomentType,
    PluginName,
    RootType,
    SizeType,
    SpanType,
    SpeedType,
)
from mdc_core.pipelines.chosen import Chosen
from mdc_core.session import Session

if TYPE_CHECKING:
    from mdc_core.cli.declared import Outline

SPAN = SpanType()
SIZE = SizeType()
ROOM = FreeSpaceType()
ROOT_TYPE = RootType()
MOMENT = MomentType()
MOMENT_END = MomentType(end=True)
DAY = MomentType(dates=True)
DAY_END = MomentType(end=True, dates=True)
DECIMAL = DecimalNumber()
F = TypeVar("F", bound=Callable[..., Any])
Make = Callable[[Callable[..., Any]], click.Command]


class Told(NamedTuple):
    """What an option says of one plugin: its help, and the words that it takes."""

    help: str
    values: Mapping[str, str]


def option(*flags: str, cls: type[Option] = Option, **how: Any) -> Callable[[F], F]:
    """An option of a verb, which mdc.toml and the environment can set as well."""
    return click.option(*flags, cls=cls, **how)


def pacing(default: str) -> Callable[[F], F]:
    """The option that says how fast events pass."""
    return option(
        "--speed",
        type=SpeedType(),
        default=default,
        show_default=True,
        help="pace of the events: 1x as they happened, 10x, max",
    )


def command() -> Make:
    """A command without plugins."""
    return click.command(cls=Command)


def group() -> Callable[[Callable[..., Any]], CommandGroup]:
    """A command with subcommands of its own."""
    return click.group(cls=CommandGroup)


def select_command(verb: str, select: str, *, default: str | None = None) -> Make:
    """A command whose plugin is chosen by `--SELECT NAME`."""
    return click.command(cls=SelectCommand, verb=verb, select=select, default=default)


def import_command(verb: str, select: str) -> Make:
    """A command whose plugin is chosen by `--SELECT NAME`, or by what the file is."""
    return click.command(cls=ImportCommand, verb=verb, select=select, default=None)


def checks_command(verb: str, select: str) -> Make:
    """A command for all plugins of a verb, limited by `--SELECT NAME` and `--skip NAME`."""
    return click.command(cls=ChecksCommand, verb=verb, select=select)


def plugin_group(
    verb: str,
    view: Callable[[Any], Any] = lambda plugin: plugin,
    *,
    told: Callable[[Any], Mapping[str, Told]] = lambda plugin: {},
    without: Callable[["Outline"], Mapping[str, str]] = lambda plugin: {},
    needs: tuple[str, str] = ("", ""),
) -> Callable[[Callable[..., Any]], PluginGroup]:
    """A verb with a subcommand for each plugin, all with these arguments and this callback.

    `view` is what the command makes of a plugin's class, such as one with more options;
    `told` is what the verb's own options say of the plugin, `without`
    those options that it cannot have, and why, by flag. Plugins without the attribute
    that the verb `needs` (with the words for it) are not offered.
    """

    def decorate(callback: Callable[..., Any]) -> PluginGroup:
        params = list(reversed(getattr(callback, "__click_params__", [])))

        def make(name: str, plugin: Any) -> click.Command:
            seen = None if plugin is None else view(plugin)
            own = {} if plugin is None else told(plugin)
            lacks = without(_outline(verb, name, plugin))
            offered = [_told(_possible(p, name, lacks), own) for p in params]
            return plugin_command(verb, name, seen, callback, offered)

        return PluginGroup(verb, make, needs)

    return decorate


def _outline(verb: str, name: str, plugin: Any) -> "Outline":
    from mdc_core.cli.declared import Outline, outline, outline_of

    unknown = Outline(frozenset(), frozenset())
    return outline_of(plugin) if plugin else outline(registry.lookup(verb, name)) or unknown


def _possible(param: click.Parameter, name: str, lacks: Mapping[str, str]) -> click.Parameter:
    """The parameter, or one that says why a plugin cannot have it."""
    flag = next((flag for flag in param.opts if flag in lacks), None)
    if flag is None or not isinstance(param, Option):
        return param
    return Impossible(param, f"{name} {lacks[flag]}, so there is no {flag} for it")


def _told(param: click.Parameter, own: Mapping[str, Told]) -> click.Parameter:
    """The parameter, with another help and other values if there are any."""
    if not isinstance(param, Option) or param.name not in own:
        return param
    told = copy(param)
    told.help, told.values = own[param.name]
    return told


def plugin_command(
    verb: str,
    name: str,
    plugin: Any,
    callback: Callable[..., Any],
    params: list[click.Parameter],
) -> PluginCommand:
    """The command of one plugin, with the help and the examples of the plugin's module.

    Without the plugin itself (for TAB) it has neither, and cannot be run.
    """
    import sys

    made = PluginCommand(
        name, params=list(params), callback=callback, verb=verb, plugin=(name, plugin)
    )
    if plugin is not None:
        module = sys.modules[plugin.__module__]
        made.describe(module.__doc__, getattr(module, "EXAMPLES", ()))
    return made


__all__ = [
    "DAY",
    "DAY_END",
    "DECIMAL",
    "MOMENT",
    "MOMENT_END",
    "ROOM",
    "ROOT_TYPE",
    "SIZE",
    "SPAN",
    "Chosen",
    "Command",
    "CommandGroup",
    "ListOption",
    "ListType",
    "PluginCommand",
    "PluginGroup",
    "PluginName",
    "Session",
    "Told",
    "checks_command",
    "command",
    "group",
    "import_command",
    "option",
    "plugin_command",
    "plugin_group",
    "select_command",
]
