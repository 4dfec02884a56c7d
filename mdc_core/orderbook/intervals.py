"""How event time passes: which states stand at the end of a moment, or of an interval.

A change belongs to the interval of its event time. The interval is over for a book when its next
change is in another one, or when a later change of any book comes by the same connection. When it
was received says nothing: that is a matter of the network, and of how fast it is played again.
"""

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.batch import Int64s
from mdc_core.grouped import Groups

_BEHIND = re.compile("[/:~]")


class ConnectionClocks:
    """Numbers for connections, which have a clock each: rows of one tell the time of its books."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str | None], int] = {}

    def number(self, provider: str | None, channel: str | None) -> int:
        """The clock of a channel's connection."""
        key = provider, connection_of(channel)
        return self._known.setdefault(key, len(self._known))

    def __call__(self, batch: pa.RecordBatch, groups: Groups) -> Int64s:
        """The clock of each row."""
        providers, names = groups.codes(batch, "provider")
        channels, words = groups.codes(batch, "channel")
        table = np.array([[self.number(name, word) for word in words] for name in names], np.int64)
        numbers: Int64s = table[providers, channels]
        return numbers


class Passing(NamedTuple):
    """The intervals of a batch's rows, and the next row of the same clock in a later one.

    `tops` has the rows of each clock, and the latest interval up to each of them.
    """

    intervals: Int64s
    later: Int64s
    tops: dict[int, tuple[Int64s, Int64s]]

    def first_after(self, clock: int, interval: int) -> int:
        """The first row of a clock that is in a later interval, or the end."""
        if clock not in self.tops:
            return len(self.intervals)
        rows, latest = self.tops[clock]
        at = int(np.searchsorted(latest, interval, "right"))
        return int(rows[at]) if at < len(rows) else len(self.intervals)


def connection_of(channel: str | None) -> str | None:
    """The connection by which a channel comes: what stands before a slash, colon or tilde."""
    return None if channel is None else _BEHIND.split(channel, maxsplit=1)[0]


def passing(moments: Int64s, clocks: Int64s, every: int) -> Passing:
    """How time passes in a batch, from the event times of its rows and their clocks."""
    intervals, stop = moments // every, len(moments)
    later, tops = np.full(stop, stop, np.int64), {}
    for clock in np.unique(clocks).tolist():
        rows = np.flatnonzero(clocks == clock)
        mine = intervals[rows]
        later[rows] = np.append(rows, stop)[_next_greater(mine)]
        tops[clock] = rows, np.maximum.accumulate(mine)
    return Passing(intervals, later, tops)


def _next_greater(values: Int64s) -> Int64s:
    """For each value the place of the next greater one, or the end."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    ends = np.append(starts[1:], len(values))
    if bool((np.diff(values[starts]) > 0).all()):
        return np.repeat(ends, ends - starts)
    runs = values[starts].tolist()
    found = [len(values)] * len(runs)
    waiting: list[int] = []
    for number, value in enumerate(runs):
        while waiting and runs[waiting[-1]] < value:
            found[waiting.pop()] = int(starts[number])
        waiting.append(number)
    return np.repeat(np.array(found, np.int64), ends - starts)
