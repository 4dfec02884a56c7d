"""Which of many events may have a flaw: a look at all of them, at a fraction of the cost of each.

A number that is too fine, too long or none shows in the sum of all, a whole number in an array
of 64 bits, a time in the text of all times, one after another.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, localcontext
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

from mdc_core.events import Event, Quote, Trade
from mdc_core.flaws import is_time
from mdc_core.schema import PRECISION, SCALE, fields_of

FEW = 2  # events up to which each is as soon looked at by itself
# A sum loses no digit, or raises. None on the way reaches 10**17, so that nothing that is added
# reaches 10**18, whatever the signs.
_EXACT = Context(
    prec=PRECISION, Emax=PRECISION - SCALE - 2, traps=[Inexact, InvalidOperation, Overflow]
)
_ZERO = Decimal(0)
_FREQUENT: set[type[Event]] = {Trade, Quote}
_ALONE = ("date", "float", "json")  # kinds of fields for which an event is looked at by itself
_EXTRAS = {dict, type(None)}
_ZEROS = bytes.maketrans(b"0123456789", b"0000000000")
_TIME = b"0000-00-00T00:00:00.000000000Z\n"
_HOUR, _TENS = 14, (14, 17)  # where the hour ends, where the tens of minutes and seconds stand
_NOT_SOUND = (ArithmeticError, AttributeError, TypeError, ValueError)


def doubtful(rows: Sequence[Event]) -> Sequence[Event]:
    """The rows that may have a flaw, of some that can be encoded.

    No number and no time of the others has one.
    """
    if len(rows) < FEW:
        return rows
    rare = set(map(type, rows)) - _FREQUENT
    alone = set(filter(_is_alone, rare))
    found: list[Event] = []
    if alone:
        found = [row for row in rows if type(row) in alone]
        rows = [row for row in rows if type(row) not in alone]
    try:
        _as_whole([row.seq for row in rows])
        if not {type(row.extra) for row in rows} <= _EXTRAS:
            raise TypeError
        times = [row.ts_event for row in rows]
        times += {row.ts_recv for row in rows}
        sound = _are_times(times) and _are_exact(rows)
        for kind in rare - alone:
            sound = sound and _is_rest_sound(kind, [row for row in rows if type(row) is kind])
    except _NOT_SOUND:
        sound = False
    return found if sound else [*found, *rows]


@cache
def _is_alone(kind: type[Event]) -> bool:
    return bool(_names(kind, *_ALONE))


@cache
def _names(kind: type[Event], *forms: str) -> tuple[str, ...]:
    """The fields of a type that are of some kinds, without those that all have."""
    common = {name for name, *_ in fields_of(Event)}
    return tuple(name for name, form, _ in fields_of(kind) if form in forms and name not in common)


def _as_whole(numbers: Sequence[Any]) -> None:
    """Raise for a number that is not whole, or beyond 64 bits; one may be absent."""
    if numbers.count(None) < len(numbers):
        array("q", [number for number in numbers if number is not None])


def _are_exact(rows: Sequence[Any]) -> bool:
    """Whether the numbers of trades and quotes fit; raises for some that do not."""
    total: Any = _ZERO
    with localcontext(_EXACT):
        try:
            for row in rows:
                if type(row) is Trade:
                    total = total + row.price + row.size
                elif type(row) is Quote:
                    total = total + row.bid_price + row.bid_size + row.ask_price + row.ask_size
        except TypeError:  # one of them is absent
            return all(
                _is_fine(_numbers(kind, [row for row in rows if type(row) is kind]))
                for kind in _FREQUENT
            )
    return _is_held(total)


def _is_fine(numbers: Iterable[Any]) -> bool:
    with localcontext(_EXACT):
        return _is_held(sum((number for number in numbers if number is not None), _ZERO))


def _is_held(total: Decimal) -> bool:
    """Whether the finest number in a sum is as fine as a column, and none is without end."""
    text = str(total)
    if len(text) <= SCALE and "E" not in text and total.is_finite():
        return True
    exponent = total.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -SCALE


def _numbers(kind: type[Event], rows: Sequence[Any]) -> Iterator[Any]:
    for name in _names(kind, "number"):
        yield from map(attrgetter(name), rows)
    for level in _levels(kind, rows):
        yield level.price
        yield level.size


def _levels(kind: type[Event], rows: Sequence[Any]) -> Iterator[Any]:
    for name in _names(kind, "levels"):
        for levels in filter(None, map(attrgetter(name), rows)):
            yield from levels


def _is_rest_sound(kind: type[Event], rows: Sequence[Any]) -> bool:
    """Whether the fields that an event of some type has are; raises for some that are not."""
    for name in _names(kind, "whole"):
        _as_whole([getattr(row, name) for row in rows])
    _as_whole([level.count for level in _levels(kind, rows)])
    times = [time for name in _names(kind, "time") for time in map(attrgetter(name), rows)]
    return _is_fine(_numbers(kind, rows)) and _are_times(times)


def _are_times(times: list[Any]) -> bool:
    """Whether all are times with nine digits, in UTC, or absent; raises for some that are not."""
    if None in times:
        times = [time for time in times if time is not None]
    if not times:
        return True
    text = "\n".join([*times, ""]).encode()
    if text.translate(_ZEROS) != _TIME * len(times):
        return False
    if any(text[place :: len(_TIME)].strip(b"012345") for place in _TENS):
        return False
    first: str = times[0][:_HOUR]
    same = text.count(first.encode()) == len(times)
    return all(map(_is_hour, (first,) if same else {time[:_HOUR] for time in times}))


@lru_cache(64)
def _is_hour(hour: str) -> bool:
    """Whether it begins a sound time, whatever the minute and all behind it are."""
    return is_time(f"{hour}00:00.000000000Z") and is_time(f"{hour}59:59.999999999Z")
