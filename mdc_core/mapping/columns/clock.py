"""A zone's wall clock in UTC: whole columns of times at once."""

from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

import numpy as np

from mdc_core.batch import Bools, Int64s
from mdc_core.times import DAY, SECOND

_EPOCH = date(1970, 1, 1)


class _Day(NamedTuple):
    """A day's offsets at its beginning and its end, and the wall clock of the change.

    Where the clock shows a time twice, or skips it, `fold` says which of two offsets is meant:
    that of before the change, or that of after it.
    """

    before: int
    after: int
    change: int
    fold_before: int
    fold_after: int
    fold_change: int

    @property
    def changes(self) -> bool:
        """Whether a change is in it, or near enough for a time to be shown twice or skipped."""
        return len({self.before, self.after, self.fold_before, self.fold_after}) > 1


class WallClock:
    """A wall clock."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._days: dict[int, _Day] = {}

    def __str__(self) -> str:
        return str(self._zone)

    def utc(self, wall: Int64s, again: Bools | None = None) -> Int64s:
        """UTC nanoseconds of wall-clock nanoseconds since 1970.

        A time that occurs twice is the first unless `again`, a skipped one is shifted on.
        """
        first, second = self._offsets(wall)
        utc: Int64s = wall - (first if again is None else np.where(again, second, first))
        return utc

    def odd(self, wall: Int64s) -> tuple[Bools, Bools] | None:
        """Which times the clock shows twice, and which it skips; None if it is not changed."""
        if not any(self._day(int(day)).changes for day in np.unique(wall // DAY)):
            return None
        first, second = self._offsets(wall)
        return first > second, first < second

    def _offsets(self, wall: Int64s) -> tuple[Int64s, Int64s]:
        days = wall // DAY
        starts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
        table = np.array([self._day(int(day)) for day in days[starts]], np.int64)
        lengths = np.diff(starts, append=len(days))
        columns = np.repeat(table.reshape(-1, 6), lengths, axis=0).T
        before, after, change, fold_before, fold_after, fold_change = columns
        first: Int64s = np.where(wall < change, before, after)
        second: Int64s = np.where(wall < fold_change, fold_before, fold_after)
        return first, second

    @staticmethod
    def wall(day: date) -> int:
        """Wall-clock nanoseconds since 1970 of a day's midnight."""
        return (day - _EPOCH).days * DAY

    def start_of(self, day: date) -> int:
        """UTC nanoseconds that nothing of a day is before."""
        found = self._day((day - _EPOCH).days)
        return self.wall(day) - max(found.before, found.fold_before)

    def end_of(self, day: date) -> int:
        """UTC nanoseconds before which everything of a day is."""
        found = self._day((day - _EPOCH).days)
        return self.wall(day) + DAY - min(found.after, found.fold_after)

    def _day(self, number: int) -> _Day:
        if number not in self._days:
            self._days[number] = _Day(*self._change(number, 0), *self._change(number, 1))
        return self._days[number]

    def _change(self, number: int, fold: int) -> tuple[int, int, int]:
        """A day's offset at its beginning, at its end, and the wall clock of the change."""
        first, last = number * DAY, (number + 1) * DAY
        before, after = self._offset(first, fold), self._offset(last, fold)
        while before != after and last - first > SECOND:
            middle = (first + last) // (2 * SECOND) * SECOND
            if self._offset(middle, fold) == before:
                first = middle
            else:
                last = middle
        return before, after, last

    def _offset(self, wall: int, fold: int) -> int:
        moment = datetime(1970, 1, 1) + timedelta(seconds=wall // SECOND)
        offset = moment.replace(tzinfo=self._zone, fold=fold).utcoffset() or timedelta()
        return (offset.days * 86_400 + offset.seconds) * SECOND
