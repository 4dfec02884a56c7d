"""Where the updates of a batch end, and which of the states behind them go out."""

from typing import NamedTuple

import numpy as np

from mdc_core.batch import Bools, Int64s
from mdc_core.orderbook.intervals import Passing
from mdc_core.orderbook.rows import CHECKED, EMITS, ENDS, SNAPSHOT, BookRows


class BookUpdates(NamedTuple):
    """For each row what it ends; where in the stream that is told, and the state given out.

    `open` are the runs whose last update may go on in the next batch.
    """

    ends: Int64s
    closing: Int64s
    giving: Int64s
    open: Bools
    due: Bools


def begins_of(
    rows: BookRows, time: Passing, going_on: dict[int, tuple[int, bool, int]], checked: Bools
) -> Bools:
    """Which rows begin an update; `going_on` are runs with what marks the one that is open.

    Of the runs that are `checked`, an update goes up to its checksum if it has no number: Kraken's
    changes of one message have times of their own.
    """
    sealed = np.repeat(checked, rows.runs.ends - rows.runs.starts) & ~rows.numbered
    alone = (rows.kinds == SNAPSHOT) | rows.single
    begins = np.ones(len(rows.rows), np.bool_)
    begins[1:] = (
        ((rows.moments[1:] != rows.moments[:-1]) & ~sealed[1:])
        | (rows.numbers[1:] != rows.numbers[:-1])
        | (rows.numbered[1:] != rows.numbered[:-1])
        | ((time.later[rows.rows[:-1]] < rows.rows[1:]) & ~sealed[1:])
        | alone[1:]
        | alone[:-1]
        | rows.marked[:-1]
    )
    begins[rows.runs.starts] = True
    for run, mark in going_on.items():
        at = int(rows.runs.starts[run])
        _, *number = rows.mark(at)
        same = mark == rows.mark(at) or (bool(sealed[at]) and [*mark[1:]] == number)
        begins[at] = not same or bool(alone[at])
    return begins


def updates_of(
    rows: BookRows, begins: Bools, base: int, time: Passing, passing: Passing | None, gives: bool
) -> BookUpdates:
    """How the rows of a batch make updates; `passing` are the intervals at whose ends they go."""
    stop = len(time.later)
    ends_run = np.zeros(len(begins), np.bool_)
    ends_run[rows.runs.ends - 1] = True
    last = np.append(begins[1:], True) | ends_run
    own = (rows.kinds == SNAPSHOT) | rows.single | rows.marked
    # The row of the same book that comes next, and the one that shows that an update is over.
    following = np.where(ends_run, stop, np.append(rows.rows[1:], stop))
    over = np.minimum(time.later[rows.rows], following)
    closed = last & (own | (over < stop))
    closing = 2 * base + np.where(own, 2 * rows.rows + 1, 2 * over)
    giving, given, due = closing, closed, np.zeros(len(rows.runs.keys), np.bool_)
    if passing is not None:
        mine = passing.intervals[rows.rows]
        moved = np.append(mine[1:] != mine[:-1], True)
        ended = np.minimum(passing.later[rows.rows], np.where(moved, following, stop))
        given = last & (ended < stop) & (ended <= following)
        giving = 2 * (base + ended)
        due = ~given[rows.runs.ends - 1]
    ends = closed * ENDS + (closed & rows.marked) * CHECKED
    if gives:
        ends = ends + given * EMITS
    return BookUpdates(ends, closing, giving, ~closed[rows.runs.ends - 1], due)
