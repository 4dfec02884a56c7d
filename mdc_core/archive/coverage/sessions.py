"""When a market is open: the sessions of a calendar, each with the date that its market gives it.

A date has a span of its own, from one to the next: it begins at the market's midnight, or with
its session where that begins in the evening before, as those of CME do. So each moment is of one
date, whatever UTC days a session lies on.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from mdc_core.archive.coverage.calendars import ALWAYS, WEEKDAYS
from mdc_core.batch import Bools, Int64s
from mdc_core.errors import ConfigError, UsageError
from mdc_core.suggest import unknown
from mdc_core.times import DAY, HOUR, MAX_NS, MIN_NS, SECOND

_EPOCH = date(1970, 1, 1)
_MONDAY = 4  # the first of 1970 was a Thursday
# Their closes are the next opens, but in the last hour of each day nothing is traded: CME Globex
# halts from 16:00 to 17:00 in Chicago. Sessions that close early end when they are said to.
_HALTED = frozenset({"CMES", "us_futures"})


class Sessions(NamedTuple):
    """Dates from `first` on (days since 1970): which are open, and from when to when.

    Without the hours of an exchange, or where it is closed, they are those of the date.
    """

    first: int
    open: Bools
    starts: Int64s  # when each date begins; one more than there are dates
    opens: Int64s
    closes: Int64s
    ends: Int64s  # up to when something is due: the closes, or the last break if it lasts to them
    breaks: tuple[Int64s, Int64s]  # when the market is closed within sessions: from, to

    @property
    def stop(self) -> int:
        """The date behind the last."""
        return self.first + len(self.open)

    def index_of(self, moments: Int64s) -> Int64s:
        """Of which of the dates each moment is; -1 or their number where it is of none."""
        before = np.minimum(moments, MAX_NS - 1)  # the end of all dates is of the last one
        found: Int64s = np.searchsorted(self.starts, before, "right") - 1
        return found

    def of_whole_days(self) -> "Sessions":
        """The sessions for what has one row for all of a date, often at midnight UTC."""
        return self._replace(
            starts=np.minimum(self.starts, midnights(self.first, len(self.starts)))
        )

    def between(self, first: int, stop: int) -> "Sessions":
        """The sessions of fewer dates."""
        low, high = first - self.first, stop - self.first
        return self._replace(
            first=first,
            open=self.open[low:high],
            starts=self.starts[low : high + 1],
            opens=self.opens[low:high],
            closes=self.closes[low:high],
            ends=self.ends[low:high],
        )


class Calendars:
    """Which calendar is whose: `NAME`, or `PATTERN=NAME` for the symbols of a pattern."""

    def __init__(self, words: Sequence[str]) -> None:
        pairs = [word.rpartition("=")[::2] for word in words]
        names = {named: _checked(named) for _, named in pairs}
        self._of = [(pattern, names[named]) for pattern, named in pairs if pattern]
        self._else = next((names[named] for pattern, named in pairs if not pattern), None)
        self._hours: dict[str | None, Sessions] = {}

    def of(self, symbol: str | None) -> str | None:
        """The calendar of a symbol; None: every day is open, all day."""
        for pattern, name in self._of:
            if symbol is not None and fnmatchcase(symbol, pattern):
                return name
        return self._else

    def hours(self, symbol: str | None, first: int, stop: int) -> Sessions:
        """The sessions of a symbol on these dates, and perhaps on others."""
        name = self.of(symbol)
        found = self._hours.get(name)
        if found is None or first < found.first or stop > found.stop:
            if found is not None:
                first, stop = min(first, found.first), max(stop, found.stop)
            found = self._hours[name] = sessions(name, first, stop - first)
        return found


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
    """The sessions of a calendar on so many dates."""
    starts = midnights(first, count + 1)
    is_open = np.ones(count, np.bool_)
    if name == WEEKDAYS:
        is_open = (first + np.arange(count) - _MONDAY) % 7 < 5
    if name in (None, ALWAYS, WEEKDAYS):
        never = np.zeros(0, np.int64)
        opens, closes = starts[:-1], starts[1:]
        return Sessions(first, is_open, starts, opens, closes, closes, (never, never))
    assert name is not None
    return _of_exchange(name, first, count)


def midnights(first: int, count: int) -> Int64s:
    """When UTC days begin; the first and the last that there are have no more than there is."""
    return np.array([_clipped(day * DAY) for day in range(first, first + count)], np.int64)


def _clipped(moment: int) -> int:
    return min(max(moment, MIN_NS), MAX_NS)


def _of_exchange(name: str, first: int, count: int) -> Sessions:
    # One more on either side: a date ends where the next begins, and not before its session.
    first, count = first - 1, count + 2
    calendar = _calendar(name, first, first + count - 1)
    dates = calendar.sessions_nanos // DAY
    inside = (dates >= first) & (dates < first + count)
    at = dates[inside] - first
    is_open = np.zeros(count, np.bool_)
    is_open[at] = True
    opens, closes = np.full(count, MAX_NS), np.full(count, MIN_NS)
    opens[at], closes[at] = calendar.opens_nanos[inside], calendar.closes_nanos[inside]
    before = np.concatenate([[MIN_NS], closes[:-1]])  # when the session before has closed
    starts = np.minimum(_local_midnights(calendar, first, count), opens)
    starts = np.where(opens > before, np.maximum(starts, before + 1), starts)
    opens = np.where(is_open, opens, starts)
    closes = np.where(is_open, closes, np.roll(starts, -1))
    breaks = calendar.break_starts_nanos[inside], calendar.break_ends_nanos[inside]
    if calendar.name in _HALTED:
        breaks = closes[at] - np.where(closes[at] - opens[at] == DAY, HOUR, 0), closes[at]
    known = (breaks[0] > MIN_NS) & (breaks[0] < breaks[1])  # NaT is the least of all numbers
    since, until = breaks[0][known], breaks[1][known]
    ends = closes.copy()
    ends[at[known]] = np.where(until == closes[at[known]], since, ends[at[known]])
    inner = slice(1, -1)
    return Sessions(
        first + 1,
        is_open[inner],
        starts[1:],
        opens[inner],
        closes[inner],
        ends[inner],
        (since, until),
    )


def _local_midnights(calendar: Any, first: int, count: int) -> Int64s:
    """When the dates of a market's clock begin."""
    zone = ZoneInfo(str(calendar.tz))
    dates = map(date_of, range(first, first + count))
    midnights = (datetime.combine(one, datetime.min.time(), zone) for one in dates)
    return np.array([_clipped(int(at.timestamp()) * SECOND) for at in midnights], np.int64)


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
