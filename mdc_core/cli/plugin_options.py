"""A plugin's `Options` as click options, and the values of those as `Options` again."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from msgspec import NODEFAULT

from mdc_core import sizes, times
from mdc_core.cli.settable import FromEnvironment, ListType, Option
from mdc_core.cli.types import (
    AnyWholeNumber,
    DecimalNumber,
    FiniteNumber,
    MomentType,
    PathType,
    SizeType,
    SpanType,
    SymbolsType,
)
from mdc_core.contracts.fields import OptionField, bare, impossible, option_fields
from mdc_core.errors import ConfigError, UsageError

AnyType = click.ParamType[Any]


class Limited(click.ParamType):  # type: ignore[type-arg]
    """A kind of value within the bounds that a plugin declares."""

    def __init__(self, inner: AnyType, field: OptionField) -> None:
        self.inner, self.field = inner, field
        self.name = inner.name

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value, if it is within the bounds."""
        made = self.inner.convert(value, param, ctx)
        if fault := self.field.fault(made, text_of(self.field)):
            self.fail(fault, param, ctx)
        return made


class PluginOption(Option):
    """An option that a plugin declares: one field of its `Options`."""

    def __init__(
        self, scope: tuple[str, ...], plugin: str, field: OptionField, prefix: str
    ) -> None:
        self.plugin, self.field = plugin, field.name
        self.needed = field.default is NODEFAULT  # not click's: a check can be left out instead
        flag = f"{prefix}{field.name}".replace("_", "-").replace(":", "-")
        kind = param_type(field)
        super().__init__(
            [
                f"--{flag}/--no-{flag}" if field.type is bool else f"--{flag}",
                identifier(f"{plugin}__{field.name}"),
            ],
            type=kind,
            multiple=isinstance(kind, ListType),
            default=_default(field),
            show_default=field.default not in (NODEFAULT, None, ()),
            help=_help(field),
            envvar=variable(*scope, field.name),
            was=" ".join(f"--{prefix}{name}".replace("_", "-") for name in field.was),
        )
        self.scope, self.former = scope, field.was

    @property
    def former_keys(self) -> dict[str, str]:
        """The former names of its field."""
        return dict.fromkeys(self.former, "{}")

    def named(self, ctx: click.Context, key: str) -> list[str]:
        """The variable of the plugin's own."""
        return [variable(*self.scope, self.field if key == self.key else key)]

    def variables(self, ctx: click.Context) -> list[str]:
        """That of the plugin's own."""
        return FromEnvironment.variables(self, ctx)


class PluginArgument(FromEnvironment, click.Argument):
    """An option that is given without a flag: `mdc NAME VALUE`."""

    def __init__(self, scope: tuple[str, ...], plugin: str, field: OptionField) -> None:
        self.plugin, self.field = plugin, field.name
        self.needed = field.default is NODEFAULT
        super().__init__(
            [identifier(f"{plugin}__{field.name}")],
            type=param_type(field),
            required=False,
            metavar=field.name.upper() if self.needed else f"[{field.name.upper()}]",
            default=_default(field),
            envvar=variable(*scope, field.name),
        )
        self.text = _help(field)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """How it is written, and what it is."""
        return self.make_metavar(ctx), self.text


Declared = PluginOption | PluginArgument


def variable(*path: str) -> str:
    """The name of the environment variable for a setting."""
    return identifier("_".join(("MDC", *path))).upper()


def identifier(words: str) -> str:
    """Words as one name of the command line's own."""
    return "".join(letter if letter.isalnum() else "_" for letter in words)


def options_of(scope: tuple[str, ...], name: str, plugin: Any, *, prefixed: bool) -> list[Declared]:
    """A plugin's options, `--NAME-OPTION` if they are to be prefixed."""
    try:
        fields = option_fields(plugin.Options)
    except ConfigError as error:
        raise ConfigError(f"plugin {name}: {error}") from None
    return [_declared(scope, name, field, prefixed=prefixed) for field in fields]


def _declared(scope: tuple[str, ...], name: str, field: OptionField, *, prefixed: bool) -> Declared:
    if fault := impossible(field):
        raise ConfigError(f"plugin {name}: {fault}")
    if not field.positional:
        return PluginOption(scope, name, field, f"{name}-" if prefixed else "")
    if scope[0] != name and scope[0] != "filter":
        raise ConfigError(f"plugin {name}: only a filter has an Argument(): {field.name}")
    return PluginArgument(scope, name, field)


def refuse_taken(name: str, options: list[Declared], taken: set[str]) -> None:
    """Let no option have a flag of mdc's own, or of another plugin."""
    for option in options:
        flags = {*option.opts, *option.secondary_opts}
        if isinstance(option, click.Option) and taken & flags:
            raise ConfigError(
                f"plugin {name}: there is an option {option.opts[0]} already",
                hint=f"rename the field {option.field!r} of its Options",
            )
    taken.update(*(option.opts for option in options))
    taken.update(*(option.secondary_opts for option in options))


def filled(ctx: click.Context, plugin: Any, options: list[Declared]) -> Any:
    """A plugin's `Options`, filled with what is given or is the default."""
    values = {o.field: ctx.params.pop(str(o.name)) for o in options}
    for option in options:
        if option.needed and values[option.field] in (None, ()):
            flag = option.opts[0]
            what = f"option {flag}" if flag.startswith("-") else option.make_metavar(ctx)
            raise UsageError(f"missing {what}", hint=f"{option.envvar} sets it as well")
    try:
        return plugin.Options(**values)
    except (TypeError, ValueError) as error:
        raise click.BadParameter(str(error), ctx) from None


def text_of(field: OptionField) -> Callable[[Any], str]:
    """How a value of an option is written."""
    if field.kind == "span" and field.zero:
        return lambda value: times.span_text(value) if value else field.zero
    texts = {"span": times.span_text, "moment": times.moment_text, "size": sizes.size_text}
    return texts.get(field.kind, str)


def _default(field: OptionField) -> Any:
    """The default as click takes it: of a kind of mdc's own, as it is written."""
    if field.default is NODEFAULT:
        return None
    written = isinstance(field.default, int) and field.kind
    return text_of(field)(field.default) if written else field.default


def _help(field: OptionField) -> str:
    bounds = field.bounds(text_of(field))
    notes = [bounds] if bounds else []
    if field.default is NODEFAULT:
        notes.append("required")
    return f"{field.description}  [{'; '.join(notes)}]" if notes else field.description


_SIMPLE: Mapping[Any, AnyType] = {
    str: click.STRING,
    int: AnyWholeNumber(),
    float: FiniteNumber(),
    bool: click.BOOL,
    Decimal: DecimalNumber(),
    Path: PathType(),
}
_KINDS: Mapping[str, AnyType] = {
    "span": SpanType(),
    "moment": MomentType(),
    "size": SizeType(),
    "symbols": SymbolsType(),
}


def param_type(field: OptionField) -> AnyType:
    """What the values of an option are read as."""
    kind = field.type
    if field.kind:
        found: AnyType = SpanType(field.zero) if field.zero else _KINDS[field.kind]
    elif kind in _SIMPLE:
        found = _SIMPLE[kind]
    elif get_origin(kind) is Literal:
        found = click.Choice(get_args(kind))
    else:
        item, metas = bare(get_args(kind)[0])
        return ListType(param_type(OptionField(field.name, item, metas, None)))
    return Limited(found, field) if field.limited else found
