"""Whether an event is what its type says: a codec's Structs are not checked when made."""

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from mdc_core.errors import DataError
from mdc_core.events import Event, Gap, Level
from mdc_core.schema import PRECISION, SCALE, fields_of
from mdc_core.times import to_ns

FIRST = 100  # the first events of each type are looked at
EVERY = 61  # and then one in so many, a prime, so that no pattern of types can hide one
_MOST = 2**63


class EventSample:
    """Which of the items that a connection's codec makes are looked at: all gaps among them."""

    def __init__(self) -> None:
        self._looked: Counter[type] = Counter()
        self._known: set[type] = set()  # the types of which the first ones were looked at
        self._next = EVERY - 1  # how many of known types pass before the next look

    def places(self, items: Sequence[Any]) -> Sequence[int]:
        """Where those are; what is no event is always one of them."""
        if not self._known.issuperset(map(type, items)):
            return [place for place, item in enumerate(items) if self._wants(item)]
        count, first = len(items), self._next
        if first >= count:
            self._next = first - count
            return ()
        places = range(first, count, EVERY)
        self._next = places[-1] + EVERY - count
        return places

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
            if self._looked[kind] == FIRST and kind is not Gap:
                self._known.add(kind)
        return True


def flaw_of(event: Event) -> str | None:
    """What is wrong with an event, None if it can be written as it is."""
    for name, look in _looks(type(event)):
        value = getattr(event, name)
        if value is not None and (problem := look(value)):
            return f"{name} {problem}"
    return None


@cache
def _looks(cls: type[Event]) -> tuple[tuple[str, Callable[[Any], str | None]], ...]:
    return tuple((name, _LOOKS[kind]) for name, kind, _ in fields_of(cls))


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
    return next((p for n in numbers if n is not None and (p := _number(n))), None)


def _list(value: Any) -> str | None:
    if not isinstance(value, list | tuple):
        return f"is {value!r}, not a list of texts"
    return next((problem for item in value if (problem := _text(item))), None)


def _kind(*kinds: type) -> Callable[[Any], str | None]:
    names = " or ".join(kind.__name__ for kind in kinds)

    def look(value: Any) -> str | None:
        return None if isinstance(value, kinds) else f"is {value!r}, not {names}"

    return look


_LOOKS: dict[str, Callable[[Any], str | None]] = {
    "number": _number,
    "time": _time,
    "text": _text,
    "date": _text,
    "whole": _whole,
    "float": _kind(float, int),
    "flag": _kind(bool),
    "levels": _levels,
    "list": _list,
    "json": _kind(dict),
}
