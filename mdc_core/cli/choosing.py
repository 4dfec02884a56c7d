"""Commands whose plugins are chosen by an option, and which take those plugins' options."""

from typing import Any

import click

from mdc_core import installed, registry
from mdc_core.cli.commands import Command
from mdc_core.cli.settable import Option, path_of, variables
from mdc_core.cli.settings import only_asks
from mdc_core.cli.types import ListOption, PluginName
from mdc_core.errors import ConfigError, UsageError
from mdc_core.pipelines.chosen import Chosen
from mdc_core.session import Session
from mdc_core.suggest import known


class SelectCommand(Command):
    """A command whose plugin is chosen by an option: `mdc store --format NAME`."""

    def __init__(
        self, *args: Any, verb: str, select: str, default: str | None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.verb = verb
        self.selector = _selector(verb, select, default=default, required=default is None)
        self.params.insert(0, self.selector)

    def plugins(self, ctx: click.Context, args: list[str]) -> dict[str, Any]:
        """The plugin that the arguments, the environment or mdc.toml name."""
        names = self.names(ctx, args)
        if not names and not only_asks(ctx, args):
            flag, known_names = self.selector.opts[0], known(registry.find(self.verb))
            raise UsageError(f"mdc {self.verb} needs {flag} NAME", hint=known_names)
        return {name: registry.load(self.verb, name) for name in names}

    def names(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The last one that is named."""
        return _named(ctx, self.selector, args)[-1:]

    def choose(self, ctx: click.Context, chosen: list[Chosen]) -> None:
        """The callback's `plugin`."""
        ctx.params.pop(str(self.selector.name))
        ctx.params["plugin"] = chosen[0]


class ChecksCommand(Command):
    """A command that uses all plugins of its verb, or those that are named or not skipped."""

    prefixed = True

    def __init__(self, *args: Any, verb: str, select: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.verb = verb
        self.select = _selector(verb, select, cls=ListOption, help="only these")
        self.skip = _selector(verb, "skip", cls=ListOption, help="all but these")
        self.params[:0] = [self.select, self.skip]

    def plugins(self, ctx: click.Context, args: list[str]) -> dict[str, Any]:
        """The plugins that are wanted; one that is broken is left out unless it was named."""
        found = {}
        for name in self.names(ctx, args):
            try:
                found[name] = registry.load(self.verb, name)
            except ConfigError as error:
                self.leave_out(ctx, args, name, error)
        return found

    def leave_out(self, ctx: click.Context, args: list[str], name: str, error: Exception) -> None:
        """Warn of a plugin that cannot be used, unless it was named: then that is an error."""
        if name in _named(ctx, self.select, args):
            raise error
        session = ctx.find_object(Session)
        if session is not None and not ctx.resilient_parsing:
            ref = registry.lookup(self.verb, name)
            who, text = registry.describe(ref), getattr(error, "message", str(error))
            about = text if who in text else f"{who}: {text}"
            session.log.warning(f"{about}; going on without it")

    def names(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Those that are named, or all, without those to skip."""
        unwanted = _named(ctx, self.skip, args)
        wanted = _named(ctx, self.select, args) or registry.find(self.verb)
        return [name for name in wanted if name not in unwanted]

    def choose(self, ctx: click.Context, chosen: list[Chosen]) -> None:
        """The callback's `plugins`."""
        for selector in (self.select, self.skip):
            ctx.params.pop(str(selector.name))
        ctx.params["plugins"] = chosen


def _selector(verb: str, name: str, **more: Any) -> Option:
    more.setdefault("help", f"the {installed.VERBS[verb][0]} to use")
    more["show_default"] = more.get("default") is not None
    make: type[Option] = more.pop("cls", Option)
    return make([f"--{name}"], type=PluginName(verb), metavar="NAME", **more)


def _named(ctx: click.Context, option: Option, args: list[str]) -> list[str]:
    """The values of an option, found before the arguments can be parsed."""
    found = _values(ctx, option, args)
    if not option.multiple:
        return found
    return [word.strip() for value in found for word in value.split(",") if word.strip()]


def _values(ctx: click.Context, option: Option, args: list[str]) -> list[str]:
    flag = option.opts[0]
    found: list[str] = []
    for index, arg in enumerate(args):
        if arg == "--":
            break
        if arg == flag and index + 1 < len(args):
            found.append(args[index + 1])
        elif arg.startswith(f"{flag}="):
            found.append(arg.partition("=")[2])
    session = ctx.find_object(Session)
    if found or session is None:
        return found
    path = path_of(ctx)
    for name in variables(path, option.key):
        if words := session.environ.get(name, "").split():
            return words
    if not only_asks(ctx, args):
        setting = session.config.settings(*path).get(option.key)
        if setting is not None:
            value = setting.value
            return [str(word) for word in value] if isinstance(value, list) else [str(value)]
    default = option.default
    return [default] if isinstance(default, str) else []
