"""What has a line of its own in a coverage, and by which dates and sessions it is told."""

from typing import NamedTuple

import numpy as np

from mdc_core import times
from mdc_core.archive.catalog.part_stats import WITH_INTERVAL
from mdc_core.archive.coverage.sessions import Calendars, Sessions
from mdc_core.archive.coverage.windows import Length, Windows, length_of
from mdc_core.batch import Bools, Int64s
from mdc_core.events import CONTROL_TYPES
from mdc_core.times import DAY

# What tells of the data, and is not itself expected on any day.
ABOUT_DATA = frozenset({"gap", "connection", "integrity", *CONTROL_TYPES})
# What happens when it happens: its absence says nothing, so it is shown by name only.
IRREGULAR = frozenset(
    {
        "status",
        "correction",
        "cancel",
        "dividend",
        "split",
        "news",
        "liquidation",
        "funding",
        "open_interest",
    }
)
PER_EVENT = frozenset({"trade", "quote", "book", "delta"})


class CoverageKey(NamedTuple):
    """What has a line of its own: a symbol and an event type; bars by their interval."""

    symbol: str | None
    type_name: str
    interval: str | None = None

    @property
    def kind(self) -> str:
        """Type and interval, for people."""
        return f"{self.type_name} {self.interval}" if self.interval else self.type_name

    @property
    def length(self) -> Length:
        """How long its bars are."""
        return length_of(self.interval)

    @property
    def has_ends(self) -> bool:
        """Whether it can begin late and end early: not what has a row for all of a day."""
        return self.type_name in PER_EVENT or self.length.ns > 0


class SessionView(NamedTuple):
    """The dates and sessions that events of a kind are told by."""

    hours: Sessions
    windows: Windows
    judged: bool  # whether they may begin late and end early
    reach: int  # how long after its moment an event still happens
    first: int  # the dates that are asked for, by index
    last: int

    def dates(self, moments: Int64s) -> Int64s:
        """The dates of moments; of those that are not asked for, the UTC days."""
        at = self.hours.index_of(moments)
        known = (at >= 0) & (at < len(self.hours.open))
        return np.where(known, self.hours.first + at, moments // DAY)

    def until(self, moments: Int64s) -> Int64s:
        """On which date something has ended, by index."""
        return self.hours.index_of(np.minimum(moments, times.MAX_NS - self.reach) + self.reach)

    def asked(self, at: Int64s, until: Int64s) -> Bools:
        """What of some spans is asked for."""
        found: Bools = (until >= max(self.first, 0)) & (
            at <= min(self.last, len(self.hours.open) - 1)
        )
        return found


class SessionViews:
    """The view of each calendar and interval."""

    def __init__(
        self, calendars: Calendars, tolerance: int, first: int | None, last: int | None
    ) -> None:
        self._calendars, self._tolerance = calendars, tolerance
        self._first, self._last = first, last
        self._known: dict[tuple[str | None, str | None, bool], tuple[Sessions, SessionView]] = {}

    def of(self, key: CoverageKey, begins: int, ends: int) -> SessionView:
        """The view of something; moments between these two that are asked for are in it."""
        longest = key.length.days + 31 * key.length.months
        first = begins // DAY - 1 if self._first is None else self._first - longest
        last = ends // DAY + 1 if self._last is None else self._last
        hours = self._calendars.hours(key.symbol, first, max(last, first) + 1)
        name = self._calendars.of(key.symbol), key.interval, key.has_ends
        known = self._known.get(name)
        if known is not None and known[0] is hours:
            return known[1]
        of_days = key.type_name in WITH_INTERVAL and not key.has_ends
        told = hours.of_whole_days() if of_days else hours
        view = SessionView(
            told,
            Windows(told, key.length.ns, self._tolerance),
            key.has_ends,
            max(key.length.ns - 1, 0),
            0 if self._first is None else first - hours.first,
            len(hours.open) if self._last is None else last - hours.first,
        )
        self._known[name] = hours, view
        return view
