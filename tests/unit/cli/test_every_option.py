"""Every option of every command: from a flag, the environment and both files, in this order."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest

from mdc_core import registry
from mdc_core.cli.main import root
from mdc_core.cli.plugin_options import PluginOption
from mdc_core.cli.settable import Impossible, Option, path_of
from mdc_core.errors import ConfigError, MdcError, UsageError
from mdc_core.logs import Log
from mdc_core.session import Session

Words = tuple[str, ...]
# What a command cannot do without, whatever is tried with another option.
NEEDED = {"--profile": "csv", "--kind": "check"}
VALUES = {
    "span": ("1s", "2m", "3h", "250ms"),
    "size": ("1MB", "2KiB", "3GB", "4096B"),
    "room": ("1GB", "5%", "2GB", "7%"),
    "time": ("2024-01-02", "2024-01-03T10:00:00Z", "2024-01-04", "2024-01-05"),
    "day": ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"),
    "speed": ("1x", "10x", "0.5x", "max"),
    "decimal": ("0.1", "0.25", "3", "4.5"),
    "float": ("0.1", "0.25", "0.5", "0.75"),
    "span..span": ("1s..2s", "2s..30s", "3s..1m", "4s..5m"),
    "n/span": ("1/1s", "5/60s", "off", "7/2m"),
}
WRONG = {
    "time span": "soon",
    "size": "large",
    "room": "much",
    "time": "2024-13-01",
    "day": "2024-13-01",
    "speed": "fast",
    "decimal": "NaN",
    "root": "file:///x",
    "float": "inf",
}


def kind_of(option: click.Parameter) -> Any:
    """The kind of one word of an option."""
    kind = option.type
    while hasattr(kind, "inner"):
        kind = kind.inner
    return kind


def values_of(option: click.Parameter) -> tuple[str, ...]:
    """Four values that are not alike, but where there are only two."""
    kind = kind_of(option)
    if isinstance(kind, click.Choice):
        return (tuple(map(str, kind.choices)) * 4)[:4]
    if hasattr(kind, "verb"):
        return (tuple(registry.find(kind.verb)) * 4)[:4]
    if isinstance(kind, click.types.IntParamType):
        least = max(getattr(kind, "min", None) or 1, 1)
        return tuple(str(least + more) for more in range(4))
    name = "span" if kind.name == "time span" else kind.name.partition(" ")[0]
    return VALUES.get(name, ("one", "two", "three", "four"))


class Commands:
    """The tree of commands, parsed and not run."""

    def __init__(self, folder: Path) -> None:
        self.here, self.home = folder / "here", folder / "home"
        self.here.mkdir()
        (self.home / "mdc").mkdir(parents=True)

    def files(self, project: str = "", user: str = "") -> None:
        """What stands in the two mdc.toml."""
        (self.here / "mdc.toml").write_text(project)
        (self.home / "mdc" / "mdc.toml").write_text(user)

    def context(
        self, words: Words, args: list[str], *, before: Sequence[str] = (), **environ: str
    ) -> click.Context:
        """The context of a command, with its options read."""
        environ = {"XDG_CONFIG_HOME": str(self.home), **environ}
        session = Session(environ, Log(file=io.StringIO()), directory=self.here)
        ctx = root.make_context("mdc", [*before, *words, *args], obj=session)
        for depth, name in enumerate(words, start=1):
            assert isinstance(ctx.command, click.Group)
            command = ctx.command.get_command(ctx, name)
            assert command is not None
            ctx = command.make_context(name, [*words[depth:], *args], parent=ctx)
        return ctx

    def read(self, words: Words, option: click.Parameter, given: list[str], **env: str) -> Any:
        """The value that an option has in the end."""
        ctx = self.context(words, [*given, *needed(words, option)], **env)
        params = ctx.params
        if not isinstance(option, PluginOption):
            if option.name in params:
                return params[option.name]
            chosen = params["plugins"] if "plugins" in params else [params["plugin"]]
            return [one.name for one in chosen]
        every = params["plugins"] if "plugins" in params else [params["plugin"]]
        (chosen,) = (one for one in every if one.name == option.plugin)
        return getattr(chosen.options, option.field)


def needed(words: Words, option: click.Parameter) -> list[str]:
    """Arguments and options that a command does not go without."""
    found = []
    for param in contexts()[words].command.get_params(contexts()[words]):
        flag = param.opts[0]
        if isinstance(param, click.Argument) and param.required:
            choices = getattr(param.type, "choices", None)
            found.append(str(choices[0]) if choices else "x")
        elif (param.required or flag in NEEDED) and param.name != option.name and flag[0] == "-":
            found += [flag, NEEDED.get(flag) or values_of(param)[0]]
    return found


_found: dict[Words, click.Context] = {}


def contexts() -> dict[Words, click.Context]:
    """Every command that is no group, by its words."""
    if not _found:
        session = Session({}, Log())
        _found.update(leaves(root.make_context("mdc", [], obj=session, resilient_parsing=True)))
    return _found


def leaves(ctx: click.Context) -> Iterator[tuple[Words, click.Context]]:
    group = ctx.command
    if not isinstance(group, click.Group):
        yield path_of(ctx), ctx
        return
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield from leaves(command.make_context(name, [], parent=ctx, resilient_parsing=True))


def settable(words: Words) -> list[Option]:
    """The options of a command that can be set elsewhere."""
    ctx = contexts()[words]
    if not getattr(ctx.command, "heeds_settings", True):
        return []
    params = ctx.command.get_params(ctx)
    return [
        p
        for p in params
        if isinstance(p, Option) and p.expose_value and not isinstance(p, Impossible)
    ]


def table_of(words: Words, option: Option) -> Words:
    """The table of an option in mdc.toml."""
    if isinstance(option, PluginOption):
        command: Any = contexts()[words].command
        scope: Words = command.scope(option.plugin)
        return scope
    return words


def toml(words: Words, option: Option, value: str) -> str:
    """A file that sets it."""
    kind, key = kind_of(option), option.key
    if isinstance(option, PluginOption):
        key = option.field
    text = value if option.is_flag or isinstance(kind, click.types.IntParamType) else f'"{value}"'
    if kind.name in ("float", "decimal") or (kind.name == "choice" and value.isdecimal()):
        text = value
    table = ".".join(table_of(words, option))
    return f"[{table}]\n{key} = {f'[{text}]' if option.multiple else text}\n"


def variable(words: Words, option: Option) -> str:
    """The first name of the variable that sets it."""
    return option.variables(contexts()[words])[0]


ALL = sorted(contexts())
WITH_OPTIONS = [words for words in ALL if settable(words)]


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


@pytest.mark.parametrize("words", WITH_OPTIONS, ids=" ".join)
def test_flag_environment_project_user(words: Words, commands: Commands) -> None:
    """Whatever says it means the same, and what is nearer to the command counts."""
    for option in settable(words):
        flag, name = option.opts[0], variable(words, option)
        if option.is_flag:
            user, project, environ = "false", "true", "false"
            wanted: list[Any] = [False, True, False, True]
            last = [flag]
        else:
            user, project, environ, given = values_of(option)
            commands.files()
            wanted = [
                commands.read(words, option, [flag, text])
                for text in (user, project, environ, given)
            ]
            last = [flag, given]
        found = []
        commands.files(user=toml(words, option, user))
        found.append(commands.read(words, option, []))
        commands.files(toml(words, option, project), toml(words, option, user))
        found.append(commands.read(words, option, []))
        found.append(commands.read(words, option, [], **{name: environ}))
        found.append(commands.read(words, option, last, **{name: environ}))
        assert found == wanted, flag


@pytest.mark.parametrize("words", WITH_OPTIONS, ids=" ".join)
def test_who_is_to_blame_for_a_wrong_value(words: Words, commands: Commands) -> None:
    """A flag is wrong usage, a variable or a file a wrong setting that is named."""
    for option in settable(words):
        kind, flag, name = kind_of(option), option.opts[0], variable(words, option)
        if isinstance(kind, click.Choice) or hasattr(kind, "verb"):
            wrong = "nosuch"
        elif option.is_flag or isinstance(kind, click.types.IntParamType):
            wrong = "many"
        elif kind.name in WRONG:
            wrong = WRONG[kind.name]
        else:
            continue  # any text will do
        commands.files()
        if not option.is_flag:
            with pytest.raises((click.BadParameter, UsageError)):
                commands.read(words, option, [flag, wrong])
        with pytest.raises(ConfigError) as raised:
            commands.read(words, option, [], **{name: wrong})
        assert str(raised.value).startswith(name), flag
        text = toml(words, option, wrong)
        if isinstance(kind, click.types.IntParamType) or option.is_flag:
            text = text.replace(wrong, f'"{wrong}"')
        if kind.name in ("float", "decimal"):
            text = toml(words, option, "nan")
        commands.files(text)
        with pytest.raises(MdcError) as told:
            commands.read(words, option, [])
        table = ".".join(table_of(words, option))
        start = f"{commands.here / 'mdc.toml'}: [{table}] "
        assert str(told.value).startswith(start), (flag, told.value)


@pytest.mark.parametrize("words", WITH_OPTIONS, ids=" ".join)
def test_a_setting_that_is_no_option_is_told(words: Words, commands: Commands) -> None:
    commands.files(f"[{'.'.join(words)}]\nno_such_thing = 1\n")
    with pytest.raises(ConfigError) as raised:
        commands.context(words, needed(words, click.Option(["--help"])))
    start = f"{commands.here / 'mdc.toml'}: [{'.'.join(words)}] no_such_thing: no such option"
    assert str(raised.value).startswith(start)
    assert raised.value.hint is not None and raised.value.hint.startswith("known: ")


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_options_of_all_commands_stand_behind_it(words: Words, commands: Commands) -> None:
    """And its archive may be named before it; one that reads none says so."""
    plain = contexts()[words].command
    own = {flag for param in plain.params for flag in param.opts}
    given = needed(words, click.Option(["--help"]))
    said = {"--quiet": [], "--verbose": [], "--log-format": ["json"], "--config": ["/dev/null"]}
    for flag, value in said.items():
        if flag not in own:
            ctx = commands.context(words, [*given, flag, *value])
            name = flag.removeprefix("--").replace("-", "_")
            assert ctx.find_root().params[name] == (value[0] if value else True)
    if words == ("config", "show"):  # it shows that of another command
        commands.context(words, given, before=["--root", "other"])
    elif "--root" in own:
        ctx = commands.context(words, given, before=["--root", "other"])
        assert str(ctx.params["root"]) == "other"
        ctx = commands.context(words, [*given, "--root", "nearer"], before=["--root", "other"])
        assert str(ctx.params["root"]) == "nearer"
    else:
        with pytest.raises(UsageError, match=r"^takes no --root$"):
            commands.context(words, given, before=["--root", "other"])
