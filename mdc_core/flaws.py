"""Whether an event is what its type says: a codec's Structs are not checked when made."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from itertools import chain
from math import isfinite
from typing import Any

from mdc_core.errors import DataError
from mdc_core.events import Event, Gap, Integrity, Level, Status
from mdc_core.schema import PRECISION, SCALE, fields_of
from mdc_core.times import to_ns

FIRST = 100  # the first events of each type are looked at
EVERY = 251  # and then one in so many, a prime, so that no pattern of types can hide one
_MOST = 2**63

Look = Callable[[Any], str | None]  # what is wrong with a value


class EventSample:
    """Which of the items that a connection's codec makes are looked at.

    All gaps, findings and statuses are among them.
    """

    def __init__(self) -> None:
        self._looked: Counter[type] = Counter()
        self._known: set[type] = set()  # the types of which the first ones were looked at
        self._next = EVERY - 1  # how many of known types pass before the next look

    def places(self, items: Sequence[Any]) -> Sequence[int]:
        """Where those are; what is no event is always one of them."""
        if self.passes(items):
            return ()
        if not self._known.issuperset(map(type, items)):
            return [place for place, item in enumerate(items) if self._wants(item)]
        count = len(items)
        places = range(self._next, count, EVERY)
        self._next = places[-1] + EVERY - count
        return places

    def passes(self, items: Sequence[Any]) -> bool:
        """Whether none of them is looked at: then they are passed over."""
        count = len(items)
        if self._next < count:
            return False
        if not (
            type(items[0]) in self._known
            if count == 1  # as of most feeds
            else self._known.issuperset(map(type, items))
        ):
            return False
        self._next -= count
        return True

    def distrust(self, kind: type) -> None:
        """One of this type has a flaw: the next ones are looked at like the first."""
        self._looked[kind] = 0
        self._known.discard(kind)

    def _wants(self, item: Any) -> bool:
        kind = type(item)
        if kind in self._known:
            self._next = self._next - 1 if self._next else EVERY - 1
            return self._next == EVERY - 1
        if isinstance(item, Event):
            self._looked[kind] += 1
            if self._looked[kind] == FIRST and kind not in (Gap, Integrity, Status):
                self._known.add(kind)
        return True


def flaw_of(event: Event) -> str | None:
    """What is wrong with an event, None if it is what its type says."""
    return _first(event, _looks(type(event)))


def unwritable(event: Event) -> str | None:
    """Why no line and no column can hold an event; times may be in any form that is read."""
    return _first(event, _looks(type(event), any_time=True))


def _first(event: Event, looks: tuple[tuple[str, Look], ...]) -> str | None:
    for name, look in looks:
        value = getattr(event, name)
        if value is not None and (problem := look(value)):
            return f"{name} {problem}"
    return None


@cache
def _looks(cls: type[Event], *, any_time: bool = False) -> tuple[tuple[str, Look], ...]:
    looks = {**_LOOKS, "time": _any_time} if any_time else _LOOKS
    return tuple((name, looks[kind]) for name, kind, _ in fields_of(cls))


def _number(value: Any) -> str | None:
    if type(value) is not Decimal:
        return f"is {value!r}, not a Decimal"
    text = str(value)
    if len(text) <= PRECISION - SCALE and "E" not in text and value.is_finite():
        return None  # no more digits than fit, wherever the point is
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return f"is {value}, not a finite number"
    whole, places = len(digits) + exponent, -exponent
    if value and whole > PRECISION - SCALE:
        return f"is {value}, longer than {PRECISION - SCALE} digits before the point"
    if places > SCALE and any(digits[max(len(digits) - (places - SCALE), 0) :]):
        return f"is {value}, finer than {SCALE} decimals"
    return None


def _time(value: Any) -> str | None:
    if type(value) is not str:
        return f"is {value!r}, not the text of a time"
    if len(value) != 30 or value[-1] != "Z":
        return f"is {value!r}, not a time with nine digits in UTC (see utc and from_ns)"
    if value[20:29].isdecimal() and value.isascii() and _is_second(value[:20]):
        return None
    return _flaw_of_time(value)


def is_time(value: object) -> bool:
    """Whether it is a time as a row carries it."""
    return _time(value) is None


def _any_time(value: Any) -> str | None:
    return (
        f"is {value!r}, not the text of a time" if type(value) is not str else _flaw_of_time(value)
    )


def _flaw_of_time(value: str) -> str | None:
    try:
        to_ns(value)
    except DataError as error:
        return f"is {error}"
    return None


@lru_cache(64)
def _is_second(text: str) -> bool:
    """Whether it begins a sound time, whatever the nine digits behind it are."""
    first, last = f"{text}000000000Z", f"{text}999999999Z"
    return not (_flaw_of_time(first) or _flaw_of_time(last))


def _text(value: Any) -> str | None:
    if type(value) is not str:
        return f"is {value!r}, not text"
    return None if value.isascii() or _is_utf8(value) else f"is {value!r}, not Unicode text"


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole(value: Any) -> str | None:
    if type(value) is not int:
        return f"is {value!r}, not a whole number"
    return None if -_MOST <= value < _MOST else f"is {value}, beyond 64 bits"


def _levels(value: Any) -> str | None:
    if not isinstance(value, list | tuple) or not all(type(level) is Level for level in value):
        return "is not a list of Level"
    numbers = (number for level in value for number in (level.price, level.size))
    counts = (level.count for level in value if level.count is not None)
    return next((p for p in chain(map(_number, numbers), map(_whole, counts)) if p), None)


def _list(value: Any) -> str | None:
    if not isinstance(value, list | tuple):
        return f"is {value!r}, not a list of texts"
    return next((problem for item in value if (problem := _text(item))), None)


def _date(value: Any) -> str | None:
    if (problem := _text(value)) is not None:
        return problem
    try:
        date.fromisoformat(value)
    except ValueError as error:
        return f"is {value!r}, not a date: {error}"
    return None


def _float(value: Any) -> str | None:
    if not isinstance(value, float | int):
        return f"is {value!r}, not float or int"
    return None if isfinite(value) else f"is {value}, not a finite number"


def _json(value: Any) -> str | None:
    if not isinstance(value, dict):
        return f"is {value!r}, not dict"
    found = endless(value)
    return None if found is None else f"is {found}, not a finite number"


def endless(value: Any) -> Decimal | None:
    """The first number that has no text in JSON; a float without end becomes null."""
    if isinstance(value, Decimal):
        return None if value.is_finite() else value
    parts: Iterable[Any] = ()
    if isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list | tuple):
        parts = value
    return next((found for part in parts if (found := endless(part)) is not None), None)


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"is {value!r}, not bool"


_LOOKS: dict[str, Look] = {
    "number": _number,
    "time": _time,
    "text": _text,
    "date": _date,
    "whole": _whole,
    "float": _float,
    "flag": _flag,
    "levels": _levels,
    "list": _list,
    "json": _json,
}
