"""When a market is open: the sessions of a calendar, by UTC date.

A session has the date that its market gives it. It may begin in the evening before (UTC), as
those of CME and Sydney do; that it ends on its own date holds for every calendar there is.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from mdc_core.batch import Bools, Int64s
from mdc_core.errors import ConfigError, UsageError
from mdc_core.suggest import unknown
from mdc_core.times import DAY

ALWAYS, WEEKDAYS = "24/7", "weekdays"
_EPOCH = date(1970, 1, 1)
_MONDAY = 4  # the first of 1970 was a Thursday


class Sessions(NamedTuple):
    """UTC days from `first` on (days since 1970): which are open, and from when to when.

    Where the hours are not known, or the market is closed, they are those of the day.
    """

    first: int
    open: Bools
    opens: Int64s
    closes: Int64s
    timed: bool  # whether the hours are known

    @property
    def midnights(self) -> Int64s:
        """When each of the days begins."""
        return (self.first + np.arange(len(self.open), dtype=np.int64)) * DAY


class Calendars:
    """Which calendar is whose: `NAME`, or `PATTERN=NAME` for the symbols of a pattern."""

    def __init__(self, words: Sequence[str]) -> None:
        pairs = [word.rpartition("=")[::2] for word in words]
        names = {named: _checked(named) for _, named in pairs}
        self._of = [(pattern, names[named]) for pattern, named in pairs if pattern]
        self._else = next((names[named] for pattern, named in pairs if not pattern), None)

    def of(self, symbol: str | None) -> str | None:
        """The calendar of a symbol; None: every day is open, its hours are not known."""
        for pattern, name in self._of:
            if symbol is not None and fnmatchcase(symbol, pattern):
                return name
        return self._else


def _checked(word: str) -> str:
    """The name of a calendar in its own spelling; raises UsageError if there is none."""
    for name in (ALWAYS, WEEKDAYS):
        if word.casefold() == name:
            return name
    names: dict[str, str] = {n.upper(): n for n in _library().get_calendar_names()}
    if word.upper() not in names:
        raise UsageError(
            unknown("calendar", word, [ALWAYS, WEEKDAYS, *names.values()]),
            hint="24/7, weekdays, or a name of exchange_calendars: XNYS, XLON, XTKS, CMES, ...",
        )
    return names[word.upper()]


def _library() -> Any:
    try:
        import exchange_calendars  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigError(
            "calendars other than 24/7 and weekdays need the Python module "
            "'exchange_calendars', which is not installed",
            hint="pip install 'market-data-collector[calendar]'",
        ) from None
    return exchange_calendars


def sessions(name: str | None, first: int, count: int) -> Sessions:
    """The sessions of a calendar on so many days."""
    numbers = first + np.arange(count, dtype=np.int64)
    begin = numbers * DAY
    if name in (None, ALWAYS):
        return Sessions(first, np.ones(count, np.bool_), begin, begin + DAY, name == ALWAYS)
    if name == WEEKDAYS:
        return Sessions(first, (numbers - _MONDAY) % 7 < 5, begin, begin + DAY, False)
    assert name is not None
    calendar = _calendar(name, first, first + count - 1)
    dates = calendar.sessions_nanos // DAY
    inside = (dates >= first) & (dates < first + count)
    at = dates[inside] - first
    is_open, opens, closes = np.zeros(count, np.bool_), begin.copy(), begin + DAY
    is_open[at] = True
    opens[at], closes[at] = calendar.opens_nanos[inside], calendar.closes_nanos[inside]
    return Sessions(first, is_open, opens, closes, True)


def _calendar(name: str, first: int, last: int) -> Any:
    """A calendar that knows these days; raises UsageError if it cannot."""
    wanted = date_of(first), date_of(last)
    try:
        calendar = _library().get_calendar(name)
        known = calendar.first_session.date(), calendar.last_session.date()
        if wanted[0] < known[0] or wanted[1] > known[1]:
            start, end = min(wanted[0], known[0]), max(wanted[1], known[1])
            calendar = _library().get_calendar(name, start=str(start), end=str(end))
    except (ValueError, NotImplementedError) as error:
        raise UsageError(
            f"the calendar {name} does not know {wanted[0]} to {wanted[1]}: {error}",
            hint="--from and --to choose other days, --calendar another calendar",
        ) from None
    return calendar


def date_of(day: int) -> date:
    """The date of a day since 1970."""
    return _EPOCH + timedelta(days=day)
