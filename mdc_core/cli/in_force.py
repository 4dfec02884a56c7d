"""Which settings are in force, and where each comes from: for `mdc config show`."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

import click

from mdc_core.cli.command import Command
from mdc_core.cli.either_side import ROOT_VARIABLE, RootOption
from mdc_core.cli.settable import FromEnvironment, Option, path_of
from mdc_core.config import Config, Setting
from mdc_core.installed import FORMER_VERBS
from mdc_core.session import Session

SECRET = re.compile(r"(?i)(key|secret|token|password|passphrase)(_file)?$")
HIDDEN = "***"


class InForce(NamedTuple):
    """A setting, its value as it is written, and where that comes from."""

    name: str
    value: Any
    origin: str


def for_all(top: click.Context, session: Session) -> Iterator[InForce]:
    """The options before the verb, then all that is set in mdc.toml and the environment."""
    told = {"MDC_" + option.opts[-1].lstrip("-").replace("-", "_").upper() for option in _of(top)}
    for option in _of(top):
        yield _global(top, session, option)
    for table, key, setting in _settings(session.config):
        if table:
            name = f"[{'.'.join(table)}] {key}"
            yield InForce(name, _masked(key, setting.value), place_of(setting, key))
    for name in sorted(session.environ):
        if name.startswith("MDC_") and name not in told:
            yield InForce(name, _masked(name, session.environ[name]), "environment")


def for_command(ctx: click.Context, session: Session) -> Iterator[InForce]:
    """Every option of a command, then the secrets of its plugins."""
    for option in ctx.command.get_params(ctx):
        if isinstance(option, FromEnvironment) and not getattr(option, "hidden", False):
            yield _of_command(ctx, session, option)
    plugins = ctx.command.loaded(ctx) if isinstance(ctx.command, Command) else {}
    for plugin in plugins.values():
        for name in (*plugin.secrets, *plugin.optional_secrets):
            place = session.secret_source(name)
            yield InForce(name, HIDDEN if place else None, place or "not set")


def _of(top: click.Context) -> list[click.Option]:
    """The options before the verb that have a value."""
    every = (o for o in top.command.params if isinstance(o, click.Option))
    return [option for option in every if option.expose_value]


def _global(top: click.Context, session: Session, option: click.Option) -> InForce:
    name = option.opts[-1].lstrip("-").replace("-", "_")
    return InForce(name, *_found(top, session, option, name, [()]))


def _of_command(ctx: click.Context, session: Session, option: click.Parameter) -> InForce:
    path, plugin = path_of(ctx), getattr(option, "plugin", None)
    tables = [path[:depth] for depth in range(len(path), 0, -1)]
    key: str = getattr(option, "field", "") or getattr(option, "key", str(option.name))
    if plugin is not None and isinstance(ctx.command, Command):
        tables = [ctx.command.scope(plugin)]
    name = f"[{'.'.join(tables[0])}] {key}"
    tables += [()] if isinstance(option, RootOption) else []
    top, given = ctx.find_root(), click.core.ParameterSource.COMMANDLINE
    if key == "root" and plugin is None and top.get_parameter_source("root") is given:
        return InForce(name, str(top.params["root"]), "--root")
    return InForce(name, *_found(ctx, session, option, key, tables))


def _found(
    ctx: click.Context,
    session: Session,
    option: click.Parameter,
    key: str,
    tables: "list[tuple[str, ...]]",
) -> tuple[Any, str]:
    """The value of an option, and its origin: flag, environment, file or default."""
    source = ctx.get_parameter_source(str(option.name))
    if source is click.core.ParameterSource.COMMANDLINE:
        return ctx.params.get(str(option.name)), option.opts[-1]
    names = option.variables(ctx) if isinstance(option, FromEnvironment) else [ROOT_VARIABLE]
    former = list(option.former_keys) if isinstance(option, Option) else []
    names += option.former_variables(ctx) if isinstance(option, Option) else []
    for variable in names:
        if value := session.environ.get(variable):
            return _masked(key, value), variable
    for table in tables:
        settings = session.config.settings(*table)
        for word in (key, *former):
            if word in settings:
                return _masked(key, settings[word].value), place_of(settings[word], word)
    default = option.get_default(ctx, call=True)
    return _plain(default), "default"


def _plain(value: Any) -> Any:
    """A default as mdc.toml would write it; None where there is none."""
    if isinstance(value, Enum):  # click's word for nothing
        return None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _masked(name: str, value: Any) -> Any:
    """A value, without the secrets that may be in it."""
    if SECRET.search(name):
        return HIDDEN
    if isinstance(value, list):
        return [_masked(name, item) for item in value]
    if not isinstance(value, str):
        return _plain(value)
    return re.sub(r"(?<=://)[^/@\s]+(?=@)", HIDDEN, value)


def _settings(config: Config) -> Iterator[tuple[tuple[str, ...], str, Setting]]:
    """Every setting of the files that counts, the nearest file's first."""
    waiting: list[tuple[str, ...]] = [()]
    for table in waiting:
        for key, setting in config.settings(*table).items():
            yield table, key, setting
        waiting += [(*table, name) for name in config.tables(*table)]


def place_of(setting: Setting, key: str) -> str:
    """The file of a setting, with its line where that can be told."""
    line = _line(setting.file.read_text(encoding="utf-8"), setting.table, key)
    return f"{setting.file}:{line}" if line else str(setting.file)


def _line(text: str, table: str, key: str) -> int | None:
    here, wanted = "", key.replace("_", "-")
    for number, line in enumerate(text.splitlines(), 1):
        if head := re.match(r"\s*\[([^\[\]]+)\]", line):
            verb, *rest = "".join(head[1].split()).replace('"', "").split(".")
            here = ".".join((FORMER_VERBS.get(verb, verb), *rest))
            continue
        found = re.match(r'\s*"?([\w-]+)"?\s*=', line)
        if here == table and found and found[1].replace("_", "-") == wanted:
            return number
    return None
