"""The fields of a plugin's `Options`, each with its type, its bounds and its default."""

import operator
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Meta
from msgspec.structs import fields as struct_fields

from mdc_core.contracts.options import Options
from mdc_core.errors import ConfigError

_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "gt": (">", operator.gt),
    "ge": (">=", operator.ge),
    "lt": ("<", operator.lt),
    "le": ("<=", operator.le),
}
_TEXT = ("pattern", "min_length", "max_length")


class OptionField(NamedTuple):
    """One field of a plugin's `Options`."""

    name: str
    type: Any  # without `| None` and without its Meta
    metas: tuple[Meta, ...]
    default: Any  # NODEFAULT: it has to be given

    @property
    def description(self) -> str:
        """What the option is, for its help."""
        return self._last("description") or ""

    @property
    def kind(self) -> str:
        """The name of a kind of mdc's own: span, moment, size or symbols; else nothing."""
        return str(self._extra("kind") or "")

    @property
    def positional(self) -> bool:
        """Whether it is given without a flag."""
        return bool(self._extra("positional"))

    @property
    def zero(self) -> str:
        """The word for a length of time of 0, where it has one."""
        return str(self._extra("zero") or "")

    @property
    def was(self) -> tuple[str, ...]:
        """Its former names, which still work and are shown nowhere."""
        return tuple(self._extra("was") or ())

    @property
    def limited(self) -> bool:
        """Whether not all values of its type will do."""
        return any(self._last(name) is not None for name in (*_BOUNDS, *_TEXT))

    def bounds(self, text: Callable[[Any], str]) -> str:
        """The bounds of its values for people, such as 1<=x<=10; nothing where it has none."""
        low, high = self._limits(">"), self._limits("<")
        if low and high:
            (sign, least), (below, most) = *low, *high
            return f"{text(least)}{sign.replace('>', '<')}x{below}{text(most)}"
        return "".join(f"x{sign}{text(bound)}" for sign, bound in (*low, *high))

    def fault(self, value: Any, text: Callable[[Any], str]) -> str:
        """What is wrong with a value, or nothing."""
        for name, (_, holds) in _BOUNDS.items():
            bound = self._last(name)
            if isinstance(bound, float) and isinstance(value, Decimal):
                bound = Decimal(str(bound))  # as it was written: Meta takes no Decimal
            if bound is not None and not holds(value, bound):
                return f"{text(value)} is not in the range {self.bounds(text)}"
        if isinstance(value, str):
            return self._text_fault(value)
        return ""

    def _text_fault(self, value: str) -> str:
        pattern, least, most = map(self._last, _TEXT)
        if pattern is not None and not re.search(pattern, value):
            return f"{value!r} does not match {pattern}"
        if least is not None and len(value) < least:
            return f"{value!r} is shorter than {least}"
        if most is not None and len(value) > most:
            return f"{value!r} is longer than {most}"
        return ""

    def _limits(self, side: str) -> list[tuple[str, Any]]:
        found = [(sign, self._last(name)) for name, (sign, _) in _BOUNDS.items()]
        return [(sign, bound) for sign, bound in found if sign[0] == side and bound is not None]

    def _last(self, attribute: str) -> Any:
        found = [getattr(meta, attribute) for meta in self.metas]
        return next((value for value in reversed(found) if value is not None), None)

    def _extra(self, key: str) -> Any:
        return next((extra[key] for m in self.metas if key in (extra := m.extra or {})), None)


SIMPLE = (str, int, float, bool, Decimal, Path)


def impossible(field: OptionField) -> str:
    """Why a field cannot be an option, or nothing."""
    kind = field.type
    if field.name == "help":
        return "--help is mdc's own: rename the field"
    if get_origin(kind) is tuple and get_args(kind)[1:] == (...,):
        kind, _ = bare(get_args(kind)[0])
    if field.kind or kind in SIMPLE or get_origin(kind) is Literal:
        return ""
    return f"option {field.name} has a type that cannot be an option: {kind}"


def option_fields(options: type[Options]) -> list[OptionField]:
    """The fields in order of their declaration; raises ConfigError where that is no Struct."""
    if not (isinstance(options, type) and issubclass(options, Options)):
        raise ConfigError(f"its Options are no subclass of mdc_core.plugin.Options: {options!r}")
    try:
        hints = get_type_hints(options, include_extras=True)
    # A stranger's annotation may be anything.
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise ConfigError(f"its Options cannot be used: {error}") from None
    found = []
    for field in struct_fields(options):
        kind, metas = bare(hints[field.name])
        default = field.default
        if field.default_factory is not NODEFAULT:
            default = field.default_factory()
        found.append(OptionField(field.name, kind, metas, default))
    return found


def bare(kind: Any) -> tuple[Any, tuple[Meta, ...]]:
    """A type without its `Annotated` and its `| None`, and what was annotated."""
    metas: tuple[Meta, ...] = ()
    while True:
        if get_origin(kind) is Annotated:
            kind, *more = get_args(kind)
            metas = (*(m for m in more if isinstance(m, Meta)), *metas)
        elif get_origin(kind) in (Union, UnionType):
            others = [part for part in get_args(kind) if part is not NoneType]
            if len(others) != 1:
                return kind, metas
            kind = others[0]
        else:
            return kind, metas
