"""A plugin's `Options` as click options, and the values of those as `Options` again."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem
from msgspec import NODEFAULT, ValidationError, convert, inspect

from mdc_core import registry, times
from mdc_core.archive.write.disk_space import Reserve, parse_size
from mdc_core.errors import ConfigError, DataError


class DecimalNumber(click.ParamType):  # type: ignore[type-arg]
    """An exact decimal number."""

    name = "decimal"

    def convert(self, value: Any, param: Any, ctx: Any) -> Decimal:
        """The number as it was written."""
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


class SpanType(click.ParamType):  # type: ignore[type-arg]
    """A length of time such as 250ms or 1h30m, in nanoseconds."""

    name = "time span"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Nanoseconds of the text."""
        if isinstance(value, int):
            return value
        try:
            return times.parse_span(value)
        except DataError as error:
            self.fail(str(error), param, ctx)


class SizeType(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes such as 500MB or 1.5GiB."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number of bytes."""
        return value if isinstance(value, int) else parse_size(value)


class FreeSpaceType(click.ParamType):  # type: ignore[type-arg]
    """Room to be left free on a disk: 1GB, 5%, or the least of several."""

    name = "room"

    def convert(self, value: Any, param: Any, ctx: Any) -> Reserve:
        """What is to be left free."""
        return value if isinstance(value, Reserve) else Reserve.parse(value)


class RootType(click.ParamType):  # type: ignore[type-arg]
    """The root of an archive: a directory, or a URL of an object store."""

    name = "root"

    def convert(self, value: Any, param: Any, ctx: Any) -> "Path | str":
        """A path, or the URL as it is."""
        return value if not isinstance(value, str) or "://" in value else Path(value)

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[CompletionItem[str]]:
        """Directories."""
        return [CompletionItem(incomplete, type="dir")]


class MomentType(click.ParamType):  # type: ignore[type-arg]
    """A date or a time, in nanoseconds since 1970, UTC; as an end, a date is the whole day."""

    name = "time"

    def __init__(self, *, end: bool = False) -> None:
        self.end = end

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Nanoseconds of the text."""
        if isinstance(value, int):
            return value
        try:
            return times.parse_moment(value, end=self.end)
        except DataError as error:
            self.fail(str(error), param, ctx)


class SpeedType(click.ParamType):  # type: ignore[type-arg]
    """1x, 10x, 0.5x or max."""

    name = "speed"

    def convert(self, value: Any, param: Any, ctx: Any) -> float | None:
        """How many times as fast as it happened; None is as fast as possible."""
        if value is None or value == "max" or isinstance(value, float):
            return None if value == "max" else value
        try:
            speed = float(value.removesuffix("x"))
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail(f"{value!r} is no speed (say 1x, 10x or max)", param, ctx)
        return speed


class ListType(click.ParamType):  # type: ignore[type-arg]
    """Words separated by commas, as a tuple; of a fixed choice if one is given."""

    name = "words"

    def __init__(self, choices: tuple[str, ...] = ()) -> None:
        self.choices = choices

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """The words, checked against the choice."""
        if not isinstance(value, str):
            return tuple(value)
        words = tuple(filter(None, (word.strip() for word in value.split(","))))
        for word in words:
            if self.choices and word not in self.choices:
                self.fail(f"{word!r} is none of {', '.join(self.choices)}", param, ctx)
        return words

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[CompletionItem[str]]:
        """The choices for the word behind the last comma."""
        done, comma, _ = incomplete.rpartition(",")
        ways = [f"{done}{comma}{choice}" for choice in self.choices]
        return [CompletionItem(way) for way in ways if way.startswith(incomplete)]


class PluginOption(click.Option):
    """An option that a plugin declares: one field of its `Options`."""

    def __init__(
        self, scope: tuple[str, ...], plugin: str, field: inspect.Field, prefix: str
    ) -> None:
        self.plugin = plugin
        self.field = field.name
        kind, description = _unwrapped(field.type)
        flag = f"{prefix}{field.name}".replace("_", "-").replace(":", "-")
        names = f"--{flag}/--no-{flag}" if isinstance(kind, inspect.BoolType) else f"--{flag}"
        required = field.default is NODEFAULT and field.default_factory is NODEFAULT
        self.needed = required  # not click's `required`: a check can be left out instead
        default = None if required else field.default
        if field.default_factory is not NODEFAULT:
            default = field.default_factory()
        super().__init__(
            [names, _identifier(f"{plugin}__{field.name}")],
            type=_param_type(kind, f"{plugin}: option {field.name}"),
            multiple=isinstance(kind, inspect.VarTupleType),
            default=default,
            show_default=default not in (None, ()),
            help=f"{description}  [required]" if required else description,
            envvar=variable(*scope, field.name),
        )


def variable(*path: str) -> str:
    """The name of the environment variable for a setting."""
    return _identifier("_".join(("MDC", *path))).upper()


def _identifier(words: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in words)


def options_of(
    scope: tuple[str, ...], name: str, plugin: Any, *, prefixed: bool
) -> list[PluginOption]:
    """A plugin's options, `--NAME-OPTION` if they are to be prefixed."""
    try:
        info = inspect.type_info(plugin.Options)
    except TypeError as error:
        raise ConfigError(f"plugin {name}: its Options cannot be used: {error}") from None
    if not isinstance(info, inspect.StructType):
        raise ConfigError(f"plugin {name}: its Options are no Struct: {plugin.Options!r}")
    return [PluginOption(scope, name, f, f"{name}-" if prefixed else "") for f in info.fields]


def build(plugin: Any, values: Mapping[str, Any]) -> Any:
    """The plugin's `Options` with these values.

    Raises `FieldError` for a value that the plugin's own limits forbid.
    """
    try:
        return convert(dict(values), plugin.Options, dec_hook=_as_is)
    except ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise FieldError(path.partition("`")[0].partition("[")[0], message) from None


class FieldError(Exception):
    """The value of one field is not what its plugin allows."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _as_is(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"Expected `{kind.__name__}`")
    return value


def _unwrapped(kind: inspect.Type) -> tuple[inspect.Type, str]:
    """The type below its description and its `| None`."""
    description = ""
    while isinstance(kind, inspect.Metadata):
        description = (kind.extra_json_schema or {}).get("description", description)
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        kinds = [t for t in kind.types if not isinstance(t, inspect.NoneType)]
        if len(kinds) == 1:
            inner, text = _unwrapped(kinds[0])
            return inner, description or text
    return kind, description


_SIMPLE: Mapping[type[inspect.Type], "click.ParamType[Any]"] = {
    inspect.StrType: click.STRING,
    inspect.IntType: click.INT,
    inspect.FloatType: click.FLOAT,
    inspect.BoolType: click.BOOL,
    inspect.DecimalType: DecimalNumber(),
}


def _param_type(kind: inspect.Type, where: str) -> "click.ParamType[Any]":
    if type(kind) in _SIMPLE:
        return _SIMPLE[type(kind)]
    if isinstance(kind, inspect.LiteralType):
        return click.Choice([str(value) for value in kind.values])
    if isinstance(kind, inspect.CustomType) and kind.cls is Path:
        return click.Path(path_type=Path)
    if isinstance(kind, inspect.VarTupleType):
        return _param_type(_unwrapped(kind.item_type)[0], where)
    raise ConfigError(f"{where} has a type that cannot be an option: {kind}")


class PluginName(click.ParamType):  # type: ignore[type-arg]
    """The name of an installed plugin of a verb."""

    name = "name"

    def __init__(self, verb: str) -> None:
        self.verb = verb

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The name, if there is such a plugin."""
        return registry.lookup(self.verb, str(value)).name

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[CompletionItem[str]]:
        """The names that begin like this, with their summaries; nothing is imported."""
        return [
            CompletionItem(name, help=registry.summary(ref))
            for name, ref in registry.find(self.verb).items()
            if name.startswith(incomplete)
        ]
