"""Which of many events may have a flaw: a look at all of them, at a fraction of the cost of each.

A number that is too fine, too long or none shows in the sum of all, a whole number in an array
of 64 bits, a time in the text of all times one behind the other.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, localcontext
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

from mdc_core.events import Event, Quote, Trade
from mdc_core.flaws import is_time
from mdc_core.schema import PRECISION, SCALE, fields_of

FEW, MANY = 2, 32  # events, and times, up to which each is as soon looked at by itself
# A sum loses no digit, or raises. None on the way reaches 10**17, so that nothing that is added
# reaches 10**18, whatever the signs.
_EXACT = Context(
    prec=PRECISION, Emax=PRECISION - SCALE - 2, traps=[Inexact, InvalidOperation, Overflow]
)
_ZERO = Decimal(0)
_ALONE = ("date", "float", "json")  # kinds of fields for which an event is looked at by itself
_MARKS = '"    -  -  T  :  :  .         Z",'  # what stands around the digits of times in a list
_STRIDE = len(_MARKS)
_PLACES = [(place, mark.encode()) for place, mark in enumerate(_MARKS) if mark != " "]
_LEFT = _MARKS.replace(" ", "").encode()  # of a time without its digits
_DIGITS, _TO_FIVE = b"0123456789", b"012345"
_HOUR, _TENS = 14, (15, 18)  # where the hour ends, where the tens of minutes and seconds stand
_NOT_SOUND = (ArithmeticError, AttributeError, TypeError, ValueError)


def doubtful(rows: Sequence[Event]) -> Sequence[Event]:
    """The rows that may have a flaw; no number and no time of the others has one."""
    if len(rows) < FEW:
        return rows
    kinds = set(map(type, rows))
    alone = {kind for kind in kinds if _names(kind, *_ALONE)}
    found: list[Event] = []
    if alone:
        found = [row for row in rows if type(row) in alone]
        rows = [row for row in rows if type(row) not in alone]
    try:
        found += _with_extra(rows)
        sound = _are_exact(rows) and _are_times([row.ts_event for row in rows])
        for kind in kinds - alone - {Trade, Quote}:
            sound = sound and _is_rest_sound(kind, [row for row in rows if type(row) is kind])
    except _NOT_SOUND:
        sound = False
    return found if sound else [*found, *rows]


@cache
def _names(kind: type[Event], *forms: str) -> tuple[str, ...]:
    """The fields of a type that are of some kinds, without those that all have."""
    common = {name for name, *_ in fields_of(Event)}
    return tuple(name for name, form, _ in fields_of(kind) if form in forms and name not in common)


def _with_extra(rows: Sequence[Event]) -> list[Event]:
    """The rows that have some; raises for a `seq` or a time of receipt that is none."""
    if not _are_times(list({row.ts_recv for row in rows})):
        raise ValueError("a time of receipt that is none")
    seqs = [row.seq for row in rows if row.extra is None]
    if seqs.count(None) < len(seqs):
        _as_whole(seqs)
    if len(seqs) == len(rows):
        return []
    return [row for row in rows if row.extra is not None]


def _as_whole(numbers: Sequence[Any]) -> None:
    """Raise for a number that is not whole, or beyond 64 bits."""
    try:
        array("q", numbers)
    except TypeError:
        array("q", [number for number in numbers if number is not None])


def _are_exact(rows: Sequence[Any]) -> bool:
    """Whether the numbers of trades and quotes fit; raises for some that do not."""
    with localcontext(_EXACT):
        total: Any = _ZERO
        try:
            for row in rows:
                if type(row) is Trade:
                    total = total + row.price + row.size
                elif type(row) is Quote:
                    total = total + row.bid_price + row.bid_size + row.ask_price + row.ask_size
        except TypeError:  # one of them is absent
            return all(
                _is_fine(_numbers(kind, [row for row in rows if type(row) is kind]))
                for kind in (Trade, Quote)
            )
    return _is_held(total)


def _is_fine(numbers: Iterable[Any]) -> bool:
    with localcontext(_EXACT):
        return _is_held(sum((number for number in numbers if number is not None), _ZERO))


def _is_held(total: Decimal) -> bool:
    """Whether the finest number in a sum is as fine as a column, and none is without end."""
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


def _are_times(times: Sequence[Any]) -> bool:
    """Whether all are times with nine digits, in UTC, or absent."""
    if len(times) < MANY:
        return all(time is None or is_time(time) for time in times)
    text = msgspec.json.encode(times)[1:-1] + b","
    if len(text) != _STRIDE * len(times):
        if None not in times:
            return not times
        return _are_times([time for time in times if time is not None])
    if text.translate(None, _DIGITS) != _LEFT * len(times):
        return False
    # Where all marks are in their places, all else are digits.
    if any(text[place::_STRIDE] != mark * len(times) for place, mark in _PLACES):
        return False
    if any(text[place::_STRIDE].translate(None, _TO_FIVE) for place in _TENS):
        return False
    heads = (text[place::_STRIDE] for place in range(1, _HOUR))
    same = all(head == head[:1] * len(times) for head in heads)
    hours = {time[: _HOUR - 1] for time in (times[:1] if same else times)}
    ends = (f"{hour}:{rest}" for hour in hours for rest in ("00:00.000000000Z", "59:59.999999999Z"))
    return all(map(is_time, ends))
