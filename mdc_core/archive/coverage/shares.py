"""How much of each session is covered: from first to last event, without gaps and breaks."""

import numpy as np
import numpy.typing as npt

from mdc_core.archive.coverage.holdings import Days
from mdc_core.archive.coverage.sessions import Sessions
from mdc_core.batch import Int64s

Shares = npt.NDArray[np.float64]
A_LITTLE, ALMOST = 1e-6, 0.999  # of what is partial: never nothing, and never all


def covered(days: Days, hours: Sessions, length: int | None, lost: list[tuple[int, int]]) -> Shares:
    """The share of each session that is covered; `length` is that of bars, None: of whole days.

    `lost` are gaps that do not touch each other.
    """
    due = np.maximum(hours.ends - hours.opens, 1)
    begins, stops = hours.opens, hours.ends
    if length is not None:
        begins = np.clip(days.first, hours.opens, hours.ends)
        stops = np.clip(np.maximum(days.last, -length) + length, begins, hours.ends)
    since, until = hours.breaks
    breaks = Overlaps(since, until)
    gaps = Overlaps(*np.array(lost, np.int64).reshape(-1, 2).T)
    have = stops - begins - breaks.within(begins, stops) - gaps.within(begins, stops)
    due = np.maximum(due - breaks.within(hours.opens, hours.ends), 1)
    found: Shares = np.where(days.held, np.clip(have / due, 0, 1), 0)
    return found


class Overlaps:
    """Spans that are in order and do not touch: how much of them lies within others."""

    def __init__(self, starts: Int64s, ends: Int64s) -> None:
        self._starts, self._ends = starts, ends
        self._before = np.concatenate([[0], np.cumsum(ends - starts)])

    def within(self, begins: Int64s, stops: Int64s) -> Int64s:
        """How much of the spans lies from each of these moments to the other."""
        return self._until(stops) - self._until(begins)

    def _until(self, moments: Int64s) -> Int64s:
        if not len(self._starts):
            return np.zeros(len(moments), np.int64)
        at = np.searchsorted(self._starts, moments, "right")
        beyond = np.maximum(self._ends[np.maximum(at - 1, 0)] - moments, 0)
        found: Int64s = self._before[at] - np.where(at > 0, beyond, 0)
        return found
