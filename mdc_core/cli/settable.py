"""Parameters that mdc.toml and the environment can set as well."""

from typing import TYPE_CHECKING, Any

import click

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


class Option(FromEnvironment, click.Option):
    """An option of mdc: its words may be apart by commas, or given one at a time."""

    @property
    def key(self) -> str:
        """Its name in mdc.toml and, in capitals, in the environment: that of its flag."""
        long = next((flag for flag in self.opts if flag.startswith("--")), str(self.name))
        return long.lstrip("-").replace("-", "_")

    def variables(self, ctx: click.Context) -> list[str]:
        """MDC_STREAM_ALPACA_LIMIT, MDC_STREAM_LIMIT, then what is declared."""
        return [*variables(path_of(ctx), self.key), *super().variables(ctx)]

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """The value; of a list all words of all times that it was given."""
        made = super().type_cast_value(ctx, value)
        if not (self.multiple and made and isinstance(self.type, ListType)):
            return made
        words = [word for words in made for word in words]
        return tuple(dict.fromkeys(words) if self.type.distinct else words)


class ListOption(Option):
    """An option of mdc's own that takes several words."""

    def __init__(self, *args: Any, type: Any = None, **more: Any) -> None:
        kind = type if isinstance(type, ListType) else ListType(type)
        more |= {"type": kind, "multiple": True}
        super().__init__(*args, **more)
