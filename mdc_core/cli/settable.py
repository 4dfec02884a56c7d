"""Parameters that mdc.toml and the environment can set as well."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mdc_core.errors import ConfigError, UsageError
from mdc_core.installed import FORMER_VERBS
from mdc_core.session import Session

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def variables(path: tuple[str, ...], name: str) -> list[str]:
    """MDC_STREAM_ALPACA_LIMIT, then MDC_STREAM_LIMIT."""
    depths = range(len(path), 0, -1)
    words = ("_".join(("MDC", *path[:depth], name)) for depth in depths)
    return [word.replace("-", "_").upper() for word in words]


def path_of(ctx: click.Context) -> tuple[str, ...]:
    """The words of the command without `mdc`: ("stream", "alpaca")."""
    words: list[str] = []
    here: click.Context | None = ctx
    while here is not None and here.parent is not None:
        words.insert(0, here.info_name or "")
        here = here.parent
    return tuple(words)


def as_now(form: str, value: Any) -> Any:
    """A value that was given by a former name, as it is written now."""
    return value if form == "{}" else form.format(value)


class ListType(click.ParamType):  # type: ignore[type-arg]
    """Words separated by commas, each read as one of a kind; each once if `distinct`."""

    def __init__(
        self, inner: Any = click.STRING, *, name: str | None = None, distinct: bool = False
    ) -> None:
        self.inner = click.types.convert_type(inner)
        self.name = name or f"{self.inner.name},..."
        self.distinct = distinct

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, ...]:
        """The words; what is no text has been read already."""
        if not isinstance(value, str):
            words: Any = value if isinstance(value, list | tuple) else (value,)
        else:
            words = list(filter(None, (word.strip() for word in value.split(","))))
            if not words:
                self.fail("it is empty: leave the option out", param, ctx)
        made = [self.inner.convert(word, param, ctx) for word in words]
        return tuple(dict.fromkeys(made) if self.distinct else made)

    def split_envvar_value(self, rv: str) -> Any:
        """The words of a variable, where they are apart by blanks."""
        return self.inner.split_envvar_value(rv)

    def get_metavar(self, param: Any, ctx: Any) -> str | None:
        """That of one word, and that there may be more."""
        metavar = self.inner.get_metavar(param, ctx)
        return f"{metavar},..." if metavar else None

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> "list[CompletionItem[str]]":
        """What completes the word behind the last comma."""
        from click.shell_completion import CompletionItem

        done, comma, word = incomplete.rpartition(",")
        ways = self.inner.shell_complete(ctx, param, word)
        return [CompletionItem(f"{done}{comma}{way.value}", help=way.help) for way in ways]


class FromEnvironment(click.Parameter):
    """What can be set in the environment of the session as well."""

    def variables(self, ctx: click.Context) -> list[str]:
        """The names of the variables, the one that counts most first."""
        return [self.envvar] if isinstance(self.envvar, str) else list(self.envvar or ())

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The value of the first of them that has one; the process's environment is not asked."""
        session = ctx.find_object(Session)
        environ = session.environ if session is not None else {}
        return next(filter(None, map(environ.get, self.variables(ctx))), None)


def key_of(flag: str) -> str:
    """The name of a flag in mdc.toml and, in capitals, in the environment."""
    return flag.lstrip("-").replace("-", "_")


class Option(FromEnvironment, click.Option):
    """An option of mdc: its words may be apart by commas, or given one at a time.

    `was` are its former flags: they still work, also as settings, and are shown nowhere. A
    mapping says what each of their values is now, such as {"--days": "{}d"}. `values` are
    words that it takes, each with what it means: for the help of its command and for TAB.
    """

    def __init__(
        self,
        *args: Any,
        was: "str | Mapping[str, str]" = "",
        values: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.values = values or {}
        self.was = dict.fromkeys(was.split(), "{}") if isinstance(was, str) else dict(was)

    @property
    def key(self) -> str:
        """Its name in mdc.toml and, in capitals, in the environment: that of its flag."""
        return key_of(next((flag for flag in self.opts if flag.startswith("--")), str(self.name)))

    @property
    def former_keys(self) -> dict[str, str]:
        """Its former names in mdc.toml, and what their values are now."""
        return {key_of(flag): form for flag, form in self.was.items()}

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[Any]]":
        """What completes a value, with what each word means."""
        found = super().shell_complete(ctx, incomplete)
        for item in found:
            item.help = item.help or self.values.get(str(item.value).rpartition(",")[2])
        return found

    def heeds(self, table: tuple[str, ...], path: tuple[str, ...]) -> bool:
        """Whether a table of mdc.toml counts for it in the command of this path."""
        return True

    def variables(self, ctx: click.Context) -> list[str]:
        """MDC_STREAM_ALPACA_LIMIT, MDC_STREAM_LIMIT, then what is declared."""
        return [*self.named(ctx, self.key), *super().variables(ctx)]

    def former_variables(self, ctx: click.Context) -> dict[str, str]:
        """The variables of former names, its own and its verb's, and what their values are now."""
        found = {
            name: form for key, form in self.former_keys.items() for name in self.named(ctx, key)
        }
        first, *rest = path_of(ctx) or ("",)
        verbs = [was for was, now in FORMER_VERBS.items() if now == first]
        return found | {name: "{}" for verb in verbs for name in variables((verb, *rest), self.key)}

    def named(self, ctx: click.Context, key: str) -> list[str]:
        """The variables for one of its names."""
        return variables(path_of(ctx), key)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Its flags, and apart from them the former ones."""
        super().add_to_parser(parser, ctx)
        action = "append" if self.multiple else "store"
        how: dict[str, Any] = {"action": action, "nargs": self.nargs}
        if self.is_flag:
            how = {"action": f"{action}_const", "const": self.flag_activation_value}
        for flag in self.was:
            parser.add_option(obj=self, opts=[flag], dest=f"{self.name} {flag}", **how)

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> Any:
        """The value; a former flag's is that of the flag."""
        for flag, form in self.was.items():
            dest = f"{self.name} {flag}"
            if dest not in opts:
                continue
            if self.name in opts:
                raise UsageError(f"{flag} is the former name of {self.opts[-1]}: give only one")
            opts = {**opts, str(self.name): as_now(form, opts[dest])}
        return super().consume_value(ctx, opts)

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The value of the first of its variables that has one; a former name's is alone."""
        session = ctx.find_object(Session)
        environ = session.environ if session is not None else {}
        now = [name for name in self.named(ctx, self.key) if environ.get(name)]
        for name, form in self.former_variables(ctx).items():
            if environ.get(name) and now:
                raise ConfigError(f"{name} is the former name of {now[0]}: set only one")
            if environ.get(name):
                return str(as_now(form, environ[name]))
        return super().resolve_envvar_value(ctx)

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """The value; of a list all words of all times that it was given."""
        made = super().type_cast_value(ctx, value)
        if not (self.multiple and made and isinstance(self.type, ListType)):
            return made
        words = [word for words in made for word in words]
        return tuple(dict.fromkeys(words) if self.type.distinct else words)


class Impossible(Option):
    """An option of a verb that one of its plugins cannot have: it is shown nowhere.

    What is set for all plugins of the verb does not count for this one; what is given for
    this one alone is refused.
    """

    def __init__(self, option: Option, reason: str) -> None:
        self.__dict__ |= option.__dict__
        self.hidden, self.reason, self.callback = True, reason, self._refuse

    def heeds(self, table: tuple[str, ...], path: tuple[str, ...]) -> bool:
        """Only that of the command itself."""
        return table == path

    def named(self, ctx: click.Context, key: str) -> list[str]:
        """The variable of the command itself."""
        return super().named(ctx, key)[:1]

    def _refuse(self, ctx: click.Context, option: click.Parameter, value: Any) -> Any:
        source = ctx.get_parameter_source(str(self.name))
        if source is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(self.reason)
        if source is not click.core.ParameterSource.DEFAULT:
            raise click.BadParameter(self.reason, ctx, self)
        return value


class ListOption(Option):
    """An option of mdc's own that takes several words."""

    def __init__(self, *args: Any, type: Any = None, **more: Any) -> None:
        kind = type if isinstance(type, ListType) else ListType(type)
        more |= {"type": kind, "multiple": True}
        super().__init__(*args, **more)
