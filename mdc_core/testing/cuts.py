"""One sequence of events, cut into batches in many ways."""

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pyarrow as pa

from mdc_core.batch import from_rows
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES, Event
from mdc_core.testing.suites.format_suite import odd_rows

TIMES = 12


def cut(rows: Sequence[Event]) -> Iterator[list[tuple[int, pa.RecordBatch]]]:
    """The events one by one, by twos, then cut anywhere: batches with their first rows.

    A batch has the columns of its own events, or of all. It is the same each time.
    """
    rng = random.Random(20240102)
    whole = from_rows(rows)
    for number in range(TIMES):
        if number < 2:
            places = list(range(number + 1, len(rows), number + 1))
        else:
            size = rng.randint(0, min(len(rows) - 1, 12))
            places = sorted(rng.sample(range(1, len(rows)), size))
        ends = pairwise([0, *places, len(rows)])
        yield [
            (start, whole.slice(start, stop - start))
            if rng.random() < 0.5
            else (start, from_rows(rows[start:stop]))
            for start, stop in ends
        ]


def strange_rows() -> list[Event]:
    """Events of every type, with whatever their fields may hold."""
    kinds = [name for name in EVENT_TYPES if name not in CONTROL_TYPES]
    by_type = [odd_rows(name) for name in kinds]
    return [row for turn in zip(*by_type, strict=True) for row in turn]
