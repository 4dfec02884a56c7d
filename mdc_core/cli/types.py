"""Kinds of values: what people write, and what it is read as."""

import re
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core import registry, sizes, times
from mdc_core.archive.write.disk_space import Reserve
from mdc_core.cli.settable import ListType
from mdc_core.errors import DataError, UsageError
from mdc_core.session import Session
from mdc_core.texts import encodable

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


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


class _Within64(click.ParamType):  # type: ignore[type-arg]
    """A whole number that 64 bits can hold, which is as much as anything counts."""

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number."""
        try:
            number: int = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number{_as_digits(value)}", param, ctx)
        number = super().convert(number, param, ctx)
        if not -(1 << 63) <= number < 1 << 63:
            self.fail(f"{value} is too large", param, ctx)
        return number


def _as_digits(text: str) -> str:
    """How to write a number that people write with an exponent, commas, or as 10k."""
    digits = re.sub(r"(?<=\d)[,_ ](?=\d{3})", "", text)
    digits = re.sub("[kKmM]$", lambda unit: "e3" if unit[0] in "kK" else "e6", digits)
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return ""
    whole = number.is_finite() and number.adjusted() < 19 and number == number.to_integral_value()
    return f" (say {number:.0f})" if whole else ""


class WholeNumber(_Within64, click.IntRange):
    """A whole number within bounds, and within 64 bits."""


class AnyWholeNumber(_Within64, click.types.IntParamType):
    """A whole number within 64 bits."""


class FiniteNumber(click.types.FloatParamType):
    """A number that is neither infinite nor NaN."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The number."""
        try:
            number: float = super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


class SpanType(click.ParamType):  # type: ignore[type-arg]
    """A length of time such as 250ms or 1h30m, in nanoseconds."""

    name = "time span"

    def __init__(self, zero: str = "") -> None:
        self._zero = zero  # the word for a length of 0, where it has one

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Nanoseconds of the text."""
        if isinstance(value, int):
            return value
        if self._zero and value == self._zero:
            return 0
        try:
            return times.parse_span(value)
        except DataError as error:
            self.fail(str(error), param, ctx)


class BackoffType(click.ParamType):  # type: ignore[type-arg]
    """The shortest and the longest wait, such as 2s..30s, in seconds."""

    name = "span..span"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, float]:
        """Both in seconds."""
        if isinstance(value, tuple):
            return value
        words = str(value).split("..")
        if len(words) != 2:
            self.fail(f"{value!r} is not a shortest and a longest wait (say 2s..30s)", param, ctx)
        try:
            base, cap = (times.parse_span(word) / times.SECOND for word in words)
        except DataError as error:
            self.fail(str(error), param, ctx)
        if cap < base:
            self.fail(f"{words[0]} is longer than {words[1]}", param, ctx)
        return base, cap


class BreakerType(click.ParamType):  # type: ignore[type-arg]
    """So many failures in so much time, such as 5/60s; `off` is none."""

    name = "n/span"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, float]:
        """The number and the seconds; 0 for none."""
        if isinstance(value, tuple):
            return value
        if value == "off":
            return 0, 0.0
        count, slash, span = str(value).partition("/")
        if not slash or not count.isascii() or not count.isdigit() or not 0 < int(count) < 1 << 31:
            self.fail(f"{value!r} is not failures in a time (say 5/60s, or off)", param, ctx)
        try:
            return int(count), times.parse_span(span) / times.SECOND
        except DataError as error:
            self.fail(str(error), param, ctx)


class SizeType(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes such as 500MB or 1.5GiB."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number of bytes."""
        if isinstance(value, int):
            return value
        try:
            return sizes.parse_size(value)
        except DataError as error:
            self.fail(str(error), param, ctx)


class FreeSpaceType(click.ParamType):  # type: ignore[type-arg]
    """Room to be left free on a disk: 1GB, 5%, or the least of several."""

    name = "room"

    def convert(self, value: Any, param: Any, ctx: Any) -> Reserve:
        """What is to be left free."""
        if isinstance(value, Reserve):
            return value
        try:
            return Reserve.parse(value)
        except UsageError as error:
            self.fail(f"{error} (say {error.hint})" if error.hint else str(error), param, ctx)


class PathType(click.Path):
    """A path; an empty one (a variable that is not set) does not mean the directory here."""

    def __init__(self, **how: Any) -> None:
        super().__init__(path_type=Path, readable=False, **how)  # whoever opens it, tells

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The path."""
        if value == "":
            self.fail(f"it is empty: name a {self.name}", param, ctx)
        return super().convert(value, param, ctx)


class RootType(click.ParamType):  # type: ignore[type-arg]
    """The root of an archive: a directory, or a URL of an object store."""

    name = "root"

    def convert(self, value: Any, param: Any, ctx: Any) -> "Path | str":
        """A path, or the URL as it is."""
        if not str(value):
            self.fail("it is empty: name a directory", param, ctx)
        if str(value).startswith("file:"):
            self.fail(f"{value}: name the directory without file://", param, ctx)
        # A DefaultRoot is a text as well, and stays one.
        return Path(value) if type(value) is str and "://" not in value else value

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> "list[CompletionItem[str]]":
        """Directories."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="dir")]


class MomentType(click.ParamType):  # type: ignore[type-arg]
    """A date or a time, in nanoseconds since 1970; as an end, a day, month or year is whole.

    Without a zone it is of the session's (`--tz`), UTC if there is none.
    """

    def __init__(self, *, end: bool = False, dates: bool = False) -> None:
        self.end = end
        self.dates = dates  # whether a day is but its name, whatever the zone
        self.name = "day" if dates else "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Nanoseconds of the text."""
        if isinstance(value, int):
            return value
        from mdc_core.moments import parse_moment

        here = ctx or click.get_current_context(silent=True)
        session = here.find_object(Session) if here is not None else None
        zone = session.zone if session is not None and not self.dates else None
        try:
            return parse_moment(value, end=self.end, zone=zone)
        except DataError as error:
            self.fail(str(error), param, ctx)


class SpeedType(click.ParamType):  # type: ignore[type-arg]
    """1x, 10x, 0.5x or max; the x may be left out."""

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
            self.fail(f"{value!r} is not a speed (say 1x, 10x or max)", param, ctx)
        return speed


class SymbolType(click.ParamType):  # type: ignore[type-arg]
    """A symbol as it is; blanks around it are no part of any, and are refused."""

    name = "symbol"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The symbol."""
        if not value.strip():
            self.fail("a symbol is empty", param, ctx)
        if value != value.strip():
            self.fail(f"{value!r} has blanks around it: say {value.strip()!r}", param, ctx)
        if encodable(value) != value:
            self.fail(f"{value!r} is not Unicode text", param, ctx)
        return str(value)


class SymbolsType(ListType):
    """Symbols separated by commas; blanks may be beside a comma, and not around the whole."""

    def __init__(self) -> None:
        super().__init__(SymbolType(), name="symbol,...", distinct=True)

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, ...]:
        """The symbols, each once."""
        if isinstance(value, str) and value.strip():
            self.inner.convert(value, param, ctx)
        return super().convert(value, param, ctx)


class SymbolArgument(SymbolsType):
    """A symbol, or several separated by commas, where an argument may be given again."""

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, ...]:
        """The symbols, each once."""
        if isinstance(value, str) and not value.strip():
            self.fail("a symbol is empty", param, ctx)
        return super().convert(value, param, ctx)


class PluginName(click.ParamType):  # type: ignore[type-arg]
    """The name of an installed plugin of a verb."""

    name = "name"

    def __init__(self, verb: str) -> None:
        self.verb = verb

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The name, if there is such a plugin."""
        try:
            return registry.lookup(self.verb, str(value)).name
        except UsageError as error:
            self.fail(f"{error}; {error.hint}" if error.hint else str(error), param, ctx)

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> "list[CompletionItem[str]]":
        """The names that begin like this, with their summaries; nothing is imported."""
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=registry.summary(ref))
            for name, ref in registry.find(self.verb).items()
            if name.startswith(incomplete)
        ]
