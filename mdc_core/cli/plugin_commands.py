"""Which plugins a command takes: the one it names, one that an option chooses, all of a verb."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mdc_core import installed, registry
from mdc_core.cli.command import Command
from mdc_core.cli.settable import ListOption, Option
from mdc_core.cli.settings import named_words, only_asks
from mdc_core.cli.types import PluginName
from mdc_core.errors import ConfigError, UsageError
from mdc_core.pipelines.chosen import Chosen
from mdc_core.session import Session
from mdc_core.suggest import known

_HEAD = 1 << 20  # bytes of standard input that are looked at: a block of any compression


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

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.selector.required = False
        self.selector.help = "the profile to use; told by the content where it is not given"

    def names(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The profile that is named, by the mapping file as well, or that the file is of."""
        named = super().names(ctx, args)
        if named or only_asks(ctx, args):
            return named
        found = _profile_of(*self._files_among(args))
        args[:0] = [self.selector.opts[0], found]
        return [found]

    def _files_among(self, args: list[str]) -> tuple[list[str], str | None]:
        """The files that are named, and the mapping file, before the arguments can be parsed."""
        from mdc_core.mapping.options import SWITCHES

        params = [*self.params, *self._of_all]
        flags = [o for o in params if isinstance(o, click.Option) and (o.is_flag or o.count)]
        switches = {*SWITCHES, *(flag for o in flags for flag in (*o.opts, *o.secondary_opts))}
        files, mapping, option = list[str](), None, ""
        for place, arg in enumerate(args):
            if arg == "--":
                return [*files, *args[place + 1 :]], mapping
            if option == "--mapping" or arg.startswith("--mapping="):
                mapping = arg.removeprefix("--mapping=")
            elif not option and (arg == "-" or not arg.startswith("-")):
                files.append(arg)
            is_option = not option and arg.startswith("--") and "=" not in arg
            is_short = not option and len(arg) == 2 and arg[0] == "-"
            option = arg if (is_option or is_short) and arg not in switches else ""
        return files, mapping


def _profile_of(files: list[str], mapping: str | None) -> str:
    """The profile of the first file, or of standard input; raises an MdcError where none is."""
    from mdc_core.mapping.guess import profiles
    from mdc_core.pipelines.inputs import STDIN, is_read_once, stdin_head, stdin_is_piped

    named = None if mapping is None else profiles.named_profile(Path(mapping))
    if named is not None:
        return named
    if not files and not stdin_is_piped():
        hint = "mdc import FILE, or pipe one in: mdc import < FILE"
        raise UsageError("nothing to import: no file is named", hint=hint)
    path, what = Path(files[0]) if files else STDIN, "its format is not recognized"
    name = "<stdin>" if path == STDIN else str(path)
    if path == STDIN:
        found = profiles.profile_of_packed(stdin_head(_HEAD), name)
    elif is_read_once(path):
        found, what = None, "a pipe needs --profile"
    else:
        found = profiles.profile_of(path)
    if found is None:
        raise UsageError(
            f"{name}: {what}", hint=f"--profile NAME; {known(registry.find('import'))}"
        )
    return found


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
