"""Sessions of an exchange by the library exchange_calendars, where the extra `calendar` has it."""

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter


class ExchangeSpan(NamedTuple):
    """What an exchange does around a moment, and up to when, in nanoseconds."""

    name: str  # session, break or closed
    until: int


class ExchangeSessions:
    """The sessions of one exchange, with their breaks, holidays and half days."""

    def __init__(self, calendar: Any) -> None:
        self._opens = [int(ns) for ns in calendar.opens_nanos]
        self._closes = [int(ns) for ns in calendar.closes_nanos]
        # A session without a break has the least of numbers there.
        self._breaks = [int(ns) for ns in calendar.break_starts_nanos]
        self._ends = [int(ns) for ns in calendar.break_ends_nanos]

    def at(self, ns: int) -> ExchangeSpan | None:
        """What it does then; None beyond the days that the library knows, about a year ahead."""
        at = bisect_right(self._opens, ns) - 1
        if at < 0 or at + 1 >= len(self._opens):
            return None
        if ns >= self._closes[at]:
            return ExchangeSpan("closed", self._opens[at + 1])
        if self._breaks[at] > 0 and ns < self._ends[at]:
            is_before = ns < self._breaks[at]
            return ExchangeSpan(
                "session" if is_before else "break", (self._breaks if is_before else self._ends)[at]
            )
        return ExchangeSpan("session", self._closes[at])


@lru_cache(maxsize=8)
def sessions_of(names: tuple[str, ...]) -> ExchangeSessions | None:
    """Those of the one exchange among these that the library knows; None: none, or several."""
    if not names or find_spec("exchange_calendars") is None:
        return None
    found = {calendar.name: calendar for calendar in _calendars(names)}
    return ExchangeSessions(*found.values()) if len(found) == 1 else None


def _calendars(names: Iterable[str]) -> Iterable[Any]:
    with catch_warnings():  # of its own, about what it is made with
        simplefilter("ignore")
        library = import_module("exchange_calendars")
        known = library.get_calendar_names()
        return [library.get_calendar(name) for name in names if name in known]
