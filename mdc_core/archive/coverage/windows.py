"""When a session has begun in the data, and when it has come to its end."""

import re
from typing import NamedTuple

import numpy as np

from mdc_core.archive.coverage.sessions import Sessions
from mdc_core.batch import Bools, Int64s
from mdc_core.errors import DataError
from mdc_core.times import DAY, MAX_NS, MIN_NS, parse_span

LONGEST = 36_525  # days: a hundred years
_MONTHS = re.compile(r"(\d{1,4})mo", re.ASCII)


class Length(NamedTuple):
    """How long the bars of an interval are: shorter than a day, or days, or months."""

    ns: int = 0
    days: int = 0
    months: int = 0

    def ends(self, dates: Int64s) -> Int64s:
        """The dates behind those that bars are of, by the dates on which they begin."""
        if not self.months:
            return dates + max(self.days, 1)
        begin = dates.astype("datetime64[D]")
        month = begin.astype("datetime64[M]")
        ends = (month + self.months).astype("datetime64[D]") + (begin - month)
        found: Int64s = ends.astype(np.int64)
        return found


def length_of(interval: str | None) -> Length:
    """The length of an interval; nothing of it if it is not known."""
    if match := _MONTHS.fullmatch(interval or ""):
        return Length(months=int(match[1]))
    try:
        span = parse_span(interval or "")
    except DataError:
        return Length()
    return Length(ns=span) if span < DAY else Length(days=min(-(-span // DAY), LONGEST))


class Windows:
    """In which times something must be held, for a session not to begin late or end early.

    A moment counts if it lies in the session; of a bar, of which it is the start, if any of it
    does. All ends are inclusive.
    """

    def __init__(self, hours: Sessions, length: int, tolerance: int) -> None:
        tolerance = min(tolerance, LONGEST * DAY)
        reach = tolerance + length
        self.first = np.maximum(hours.opens, MIN_NS + length) - max(length - 1, 0)
        self.last = hours.closes - bool(length)
        self.begun = np.minimum(np.minimum(hours.opens, MAX_NS - tolerance) + tolerance, self.last)
        self.ending = np.maximum(np.maximum(hours.ends, MIN_NS + reach) - reach, self.first)
        self._open = hours.open

    def inside(self, moments: Int64s, at: Int64s) -> Bools:
        """Which of these count, in the session of this index."""
        found: Bools = self._open[at] & (moments >= self.first[at]) & (moments <= self.last[at])
        return found

    def unanswered(self, begins: Int64s, ends: Int64s, at: Int64s) -> Bools:
        """Which of some spans may have something in a time in which no span surely has."""
        asked = np.zeros(len(at), np.bool_)
        for low, high in ((self.first, self.begun), (self.ending, self.last)):
            sure = ((begins >= low[at]) & (begins <= high[at])) | (
                (ends >= low[at]) & (ends <= high[at])
            )
            answered = np.zeros(len(self._open), np.bool_)
            answered[at[sure]] = True
            asked |= (begins < low[at]) & (ends > high[at]) & ~answered[at]
        unanswered: Bools = asked & self._open[at]
        return unanswered
