"""Which states stand at the end of an interval of event time.

A change belongs to the interval of its event time. The interval is over for a book when its next
change is in another one, or when something later than it comes by the same connection.
"""

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.batch import Int64s, integers
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
    """The intervals of a batch's rows, and the next row of the same clock in a later one."""

    intervals: Int64s
    clocks: Int64s
    later: Int64s

    def first_after(self, clock: int, interval: int) -> int | None:
        """The first row of a clock that is in a later interval."""
        found = np.flatnonzero((self.clocks == clock) & (self.intervals > interval))
        return int(found[0]) if len(found) else None


def connection_of(channel: str | None) -> str | None:
    """The connection by which a channel comes: what stands before a slash, colon or tilde."""
    return None if channel is None else _BEHIND.split(channel, maxsplit=1)[0]


def passing(batch: pa.RecordBatch, groups: Groups, clocks: ConnectionClocks, every: int) -> Passing:
    """How time passes in a batch."""
    moments, _ = integers(batch, "ts_event")
    intervals, numbers = moments // every, clocks(batch, groups)
    later = np.full(len(intervals), len(intervals), np.int64)
    for clock in np.unique(numbers).tolist():
        rows = np.flatnonzero(numbers == clock)
        later[rows] = np.append(rows, len(intervals))[_next_greater(intervals[rows])]
    return Passing(intervals, numbers, later)


def _next_greater(values: Int64s) -> Int64s:
    """For each value the place of the next greater one, or the end."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    runs = values[starts].tolist()
    found = [len(values)] * len(runs)
    waiting: list[int] = []
    for number, value in enumerate(runs):
        while waiting and runs[waiting[-1]] < value:
            found[waiting.pop()] = int(starts[number])
        waiting.append(number)
    return np.repeat(np.array(found, np.int64), np.diff(np.append(starts, len(values))))
