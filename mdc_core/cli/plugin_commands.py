"""Which plugins a command takes: the one it names, one that an option chooses, all of a verb."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from mdc_core import installed, registry
from mdc_core.cli.command import Command
from mdc_core.cli.settable import ListOption, Option
from mdc_core.cli.settings import named_words, only_asks
from mdc_core.cli.types import PluginName
from mdc_core.errors import ConfigError, UsageError
from mdc_core.folders import is_there
from mdc_core.pipelines.chosen import Chosen
from mdc_core.session import Session
from mdc_core.suggest import known


class PluginCommand(Command):
    """A command for one plugin that is named by the command itself: `mdc stream NAME`."""

    def __init__(self, *args: Any, verb: str, plugin: tuple[str, Any], **more: Any) -> None:
        super().__init__(*args, **more)
        self.verb = verb
        self.plugin = plugin

    def scope(self, plugin: str) -> tuple[str, ...]:
        """That of the command; a filter's is not within a verb's."""
        return (plugin,) if self.verb == "filter" else (self.verb, plugin)

    def plugins(self, ctx: click.Context, args: list[str]) -> dict[str, Any]:
        """The one plugin."""
        return dict([self.plugin])

    def names(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Its name."""
        return [self.plugin[0]]

    def choose(self, ctx: click.Context, chosen: list[Chosen]) -> None:
        """The callback's `plugin`."""
        ctx.params["plugin"] = chosen[0]


class ListingCommand(Command):
    """A command whose help lists the plugins that there are; none is imported for that."""

    def lists(self, ctx: click.Context) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """The plugins, and the words of options."""
        rows = [(name, registry.summary(ref)) for name, ref in registry.find(self.verb).items()]
        yield f"{installed.VERBS[self.verb][0].capitalize()}s", rows
        yield from super().lists(ctx)


class SelectCommand(ListingCommand):
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
            raise UsageError(f"{flag} NAME is missing", hint=known_names)
        return {name: registry.load(self.verb, name) for name in names}

    def names(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The last one that is named."""
        return named_words(ctx, self.selector, args)[-1:]

    def choose(self, ctx: click.Context, chosen: list[Chosen]) -> None:
        """The callback's `plugin`."""
        ctx.params.pop(str(self.selector.name))
        ctx.params["plugin"] = chosen[0]


class ImportCommand(SelectCommand):
    """A command whose plugin is named, or told by the first bytes of the file."""

    def names(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The profile that is named, by the mapping file as well, or that the file is of."""
        named = super().names(ctx, args)
        if named or only_asks(ctx, args):
            return named
        from mdc_core.mapping.guess.profiles import profile_of

        found = profile_of(*_files_among(args))
        if found is not None:
            args[:0] = [self.selector.opts[0], found]
        return [found] if found is not None else []


# Options of `import` and of all commands whose values are files, but not those to import.
_OTHER_FILES = ("--quarantine", "-o", "--output", "--config", "--root")


def _files_among(args: list[str]) -> tuple[list[Path], Path | None]:
    """The files that are named, and the mapping file."""
    files, mapping = list[Path](), None
    for before, arg in pairwise(["", *args]):
        if before == "--mapping" or arg.startswith("--mapping="):
            mapping = Path(arg.removeprefix("--mapping="))
        elif before not in _OTHER_FILES and not arg.startswith("-") and is_there(arg):
            files.append(Path(arg))
    return files, mapping


class ChecksCommand(ListingCommand):
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
        if name in named_words(ctx, self.select, args):
            raise error
        session = ctx.find_object(Session)
        if session is not None and not ctx.resilient_parsing:
            ref = registry.lookup(self.verb, name)
            who, text = registry.describe(ref), getattr(error, "message", str(error))
            about = text if who in text else f"{who}: {text}"
            session.log.warning(f"{about}; going on without it")

    def names(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Those that are named, or all, without those to skip."""
        unwanted = named_words(ctx, self.skip, args)
        wanted = named_words(ctx, self.select, args) or registry.find(self.verb)
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
