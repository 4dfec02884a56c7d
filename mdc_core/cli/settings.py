"""Where the value of an option comes from, and who is to blame for a wrong one."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.either_side import adopt
from mdc_core.cli.settable import ListType, Option, as_now, path_of, variables
from mdc_core.cli.types import PluginName, RootType, SymbolType
from mdc_core.errors import ConfigError, UsageError
from mdc_core.session import Session
from mdc_core.suggest import known, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mdc_core.config import Config, Setting


TEXTS = (click.types.StringParamType, click.Path, PluginName, RootType, SymbolType)


def blamed(error: click.BadParameter) -> Exception:
    """A wrong value of the environment is a wrong setting; one of a flag is wrong usage."""
    ctx, option = error.ctx, error.param
    if ctx is not None and isinstance(option, Option) and option.name:
        source = ctx.get_parameter_source(option.name)
        session = ctx.find_object(Session)
        if source is click.core.ParameterSource.ENVIRONMENT and session is not None:
            names = [*option.variables(ctx), *option.former_variables(ctx)]
            name = next((n for n in names if session.environ.get(n)), option.name)
            return _wrong_variable(name, error.message)
        if source is click.core.ParameterSource.DEFAULT_MAP:
            return ConfigError(f"{option.opts[0]} (mdc.toml): {error.message}")
    return error


def checked(option: click.Parameter, key: str, setting: "Setting", ctx: click.Context) -> Any:
    """A setting's value as click takes it; raises ConfigError where it has the wrong type."""
    value = setting.value
    if option.multiple:
        if isinstance(value, str) and hasattr(option.type, "inner"):
            value = [value]
        if not isinstance(value, list):
            raise setting.complaint(key, f"must be a list, not {value!r}")
        return [_one(option, key, setting, ctx, item) for item in value]
    return _one(option, key, setting, ctx, value)


def _one(
    option: click.Parameter, key: str, setting: "Setting", ctx: click.Context, value: Any
) -> Any:
    kind = option.type
    while hasattr(kind, "inner"):  # a list of some kind, or one within bounds
        kind = kind.inner
    if isinstance(option, click.Option) and option.is_flag:
        expected: tuple[type, ...] = (bool,)
    elif isinstance(kind, (click.types.IntParamType, click.types.FloatParamType)):
        expected = (int, Decimal) if kind.name.startswith("float") else (int,)
    elif isinstance(kind, TEXTS):
        expected = (str,)
    elif isinstance(kind, click.Choice):
        expected = tuple({type(choice) for choice in kind.choices})
    else:
        expected = (str, int, Decimal, date)
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        raise setting.complaint(key, f"must be {_words(kind, expected)}, not {value!r}")
    value = value if isinstance(value, bool) else str(value)
    try:
        option.type.convert(value, option, ctx)
    except click.BadParameter as error:
        raise setting.complaint(key, error.message) from None
    return value


def _words(kind: "click.ParamType[Any]", expected: tuple[type, ...]) -> str:
    if isinstance(kind, click.Choice):
        return f"one of {', '.join(map(str, kind.choices))}"
    names = {bool: "true or false", int: "a whole number", str: "a string"}
    return "a number" if Decimal in expected else names[expected[0]]


def only_asks(ctx: click.Context, args: list[str]) -> bool:
    """Whether this is for help or completion, which wrong settings must not prevent."""
    if not getattr(ctx.command, "heeds_settings", True):
        return True
    return ctx.resilient_parsing or any(arg in ctx.help_option_names for arg in args)


def apply_global(ctx: click.Context) -> None:
    """Apply what mdc.toml says, outside of any table, for the options before the verb."""
    top, session = ctx.find_root(), ctx.find_object(Session)
    if session is None or not session.config.files:
        return
    options: dict[str, click.Option] = {
        o.key: o for o in top.command.params if isinstance(o, Option) and o.expose_value
    }
    del options["config"]
    options["root"] = click.Option(["--root"], type=RootType())
    for key, setting in session.config.settings().items():
        if key not in options:
            raise setting.complaint(key, unknown("option", key, options), known(options))
        value = checked(options[key], key, setting, top)
        if key == "root":
            continue  # each command looks for itself: not all have one
        if top.get_parameter_source(key) is click.core.ParameterSource.DEFAULT:
            top.params[key] = value
    adopt(top)


def settings_of(
    ctx: click.Context,
    config: "Config",
    scopes: "Mapping[tuple[str, ...], Mapping[str, click.Parameter]]",
) -> dict[str, Any]:
    """What mdc.toml says in these tables for their options, by parameter."""
    values: dict[str, Any] = {}
    for table, options in scopes.items():
        found = config.settings(*table)
        path = path_of(ctx)
        former = _former(options)
        for key, setting in found.items():
            now, form = former.get(key, (key, "{}"))
            if now not in options:
                raise setting.complaint(key, unknown("option", key, options), known(options))
            if now != key and now in found:
                raise setting.complaint(key, f"is the former name of {now}: give only one")
            option = options[now]
            if isinstance(option, Option) and not option.heeds(table, path):
                continue
            setting = setting._replace(value=as_now(form, setting.value))
            values[str(option.name)] = checked(option, key, setting, ctx)
    return values


def _former(options: "Mapping[str, click.Parameter]") -> dict[str, tuple[str, str]]:
    """The former keys of options: which key each is now, and what its values are now."""
    return {
        key: (now, form)
        for now, option in options.items()
        if isinstance(option, Option)
        for key, form in option.former_keys.items()
    }


def named_words(ctx: click.Context, option: Option, args: list[str]) -> list[str]:
    """The words given to an option, found before the arguments can be parsed."""
    found = _words_before(ctx, option, args)
    if not option.multiple:
        return found
    return [word.strip() for value in found for word in value.split(",") if word.strip()]


def _words_before(ctx: click.Context, option: Option, args: list[str]) -> list[str]:
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
    path, asks = path_of(ctx), only_asks(ctx, args)
    for name in variables(path, option.key):
        if words := session.environ.get(name, "").split():
            blame = None if asks else partial(_wrong_variable, name)
            if names := _names(option, words, blame):
                return names
    setting = None if asks else session.config.settings(*path).get(option.key)
    if setting is not None:
        value = setting.value
        words = [str(word) for word in value] if isinstance(value, list) else [str(value)]
        return _names(option, words, partial(setting.complaint, option.key))
    default = option.default
    return [default] if isinstance(default, str) else []


def _names(
    option: Option, words: list[str], blame: Callable[[str, str | None], ConfigError] | None
) -> list[str]:
    """The words of a setting; a wrong name among them is a wrong setting, or voids all."""
    kind = option.type.inner if isinstance(option.type, ListType) else option.type
    for word in ",".join(words).split(",") if option.multiple else words:
        try:
            kind.convert(word.strip(), option, None)
        except click.BadParameter as error:
            if blame is None:
                return []
            raise blame(error.message, None) from None
        except UsageError as error:
            if blame is None:
                return []
            raise blame(str(error), error.hint) from None
    return words


def _wrong_variable(name: str, problem: str, hint: str | None = None) -> ConfigError:
    return ConfigError(f"{name} (environment): {problem}", hint=hint)
