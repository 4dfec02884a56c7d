"""Changes and snapshots of books that stand in another order than that in which they came.

An archive is in the order of event time, and a snapshot has one of its own: changes that belong
on it may stand before it, and changes that it has already behind it. Which they are is told by
number and receive time, both of which the sender and the receiver only ever raise: what came
with a snapshot or later, and has a higher number, belongs on it; what came before it, with no
higher number, is in it. In the order in which things came there is nothing of either kind.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.batch import Bools, Int64s, int64_array, integers, unify
from mdc_core.grouped import ForwardFill, GroupRuns, Groups, RunningMax
from mdc_core.orderbook.breaks import MarketRows
from mdc_core.orderbook.rows import NAME

WINDOW = 20_000  # changes, of all books together, among which those of a snapshot are looked for
_NONE = np.iinfo(np.int64).min


class Explained(NamedTuple):
    """Of the changes before a snapshot: how many come again behind it, how many it has already."""

    again: int = 0
    within: int = 0


class _Numbered(NamedTuple):
    """The changes of a batch that have a number and a receive time."""

    batch: pa.RecordBatch
    rows: Int64s
    keys: Int64s
    numbers: Int64s
    received: Int64s

    def of(self, key: int, stop: int | None = None) -> "_Numbered":
        """Those of one book, before a row of the batch."""
        mine = self.keys == key
        if stop is not None:
            mine &= self.rows < stop
        columns = (self.rows, self.keys, self.numbers, self.received)
        return _Numbered(self.batch, *(column[mine] for column in columns))


class _Arrived(NamedTuple):
    """The book of a snapshot, its number, and when it came."""

    key: int
    number: int
    received: int


class Arrivals:
    """Brings the changes about a snapshot behind it; leaves out those that it has already."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._window: deque[_Numbered] = deque()
        self._size = 0
        self._snapshots = ForwardFill(np.int64, np.int64)
        self._latest = _NONE  # receive time of all snapshots
        self.explained: dict[int, Explained] = {}  # by the row of a snapshot in what comes out

    def __call__(self, part: MarketRows) -> MarketRows:
        """The same rows as they belong; one that comes again has no place in the batch, -1."""
        batch, groups = part.batch, self._groups
        self.explained = {}
        changes, books = groups.is_type(batch, "delta"), groups.is_type(batch, "book")
        if not changes.any() and not books.any():
            return part
        received, known = integers(batch, "ts_recv")
        numbers, numbered = integers(batch, "seq")
        known &= numbered
        changes, books = changes & known, books & known
        mine = _changes(batch, groups, changes, numbers, received)
        found = part
        if books.any() or (len(mine.rows) and int(mine.received.min()) < self._latest):
            found = self._ordered(part, mine, books, numbers, received)
        self._remember(mine)
        return found

    def _ordered(
        self, part: MarketRows, mine: _Numbered, books: Bools, numbers: Int64s, received: Int64s
    ) -> MarketRows:
        keys = self._groups.keys(part.batch, *NAME)
        there, told = self._snapshots(GroupRuns(keys), books, numbers, received)
        first, since = (values.astype(np.int64) for values in told)
        self._latest = max(self._latest, int(received[books].max(initial=_NONE)))
        late = np.zeros(len(keys), np.bool_)
        at = mine.rows
        late[at] = there[at] & (mine.numbers <= first[at]) & (mine.received < since[at])
        again = dict[int, pa.RecordBatch]()
        for row in self._below(keys, books, numbers, mine):
            snapshot = _Arrived(int(keys[row]), int(numbers[row]), int(received[row]))
            rows = self._again(mine, row, snapshot)
            if rows is not None:
                again[row] = rows
        return self._put(part, late, again)

    def _below(self, keys: Int64s, books: Bools, numbers: Int64s, mine: _Numbered) -> list[int]:
        """The snapshots whose number is below that of a change before them."""
        if not books.any():
            return []
        values = np.full(len(keys), _NONE)
        values[mine.rows] = mine.numbers
        highest, known = RunningMax()(keys, values)
        highest = np.where(known, highest, _NONE)
        tops = np.full(int(keys.max()) + 1, _NONE)
        for some in self._window:
            few = some.keys < len(tops)
            np.maximum.at(tops, some.keys[few], some.numbers[few])
        found: list[int] = np.flatnonzero(
            books & (np.maximum(highest, tops[keys]) > numbers)
        ).tolist()
        return found

    def _again(self, mine: _Numbered, row: int, snapshot: _Arrived) -> pa.RecordBatch | None:
        """The changes before a snapshot that belong on it, in the order of their numbers."""
        before = [*(some.of(snapshot.key) for some in self._window), mine.of(snapshot.key, row)]
        within = sum(int((some.numbers <= snapshot.number).sum()) for some in before)
        found, order = list[pa.RecordBatch](), list[Int64s]()
        for some in before:
            belongs = (some.numbers > snapshot.number) & (some.received >= snapshot.received)
            if belongs.any():
                found.append(some.batch.take(int64_array(some.rows[belongs])))
                order.append(some.numbers[belongs])
        self.explained[row] = Explained(sum(map(len, order)), within)
        if not found:
            return None
        return unify(found).take(int64_array(np.argsort(np.concatenate(order), kind="stable")))

    def _put(self, part: MarketRows, late: Bools, again: dict[int, pa.RecordBatch]) -> MarketRows:
        """The rows of a batch with these behind those, and without what is late."""
        if not again and not late.any():
            return part
        kept = np.flatnonzero(~late)
        moved = np.repeat(list(again), [rows.num_rows for rows in again.values()])
        at = np.concatenate([kept, moved.astype(np.int64)])
        order = np.argsort(at, kind="stable")  # a snapshot stands before what belongs on it
        rows = unify([part.batch.take(int64_array(kept)), *again.values()])
        places = np.concatenate([part.rows[kept], np.full(len(moved), -1)])
        at = at[order]
        self.explained = {int(np.searchsorted(at, row)): e for row, e in self.explained.items()}
        return MarketRows(rows.take(int64_array(order)), places[order])

    def _remember(self, mine: _Numbered) -> None:
        if not len(mine.rows):
            return
        if self._groups.is_type(mine.batch, "book").any():  # their levels are not held
            rows = np.arange(len(mine.rows))
            mine = mine._replace(batch=mine.batch.take(int64_array(mine.rows)), rows=rows)
        self._window.append(mine)
        self._size += len(mine.rows)
        while self._size - len(self._window[0].rows) >= WINDOW:
            self._size -= len(self._window.popleft().rows)


def _changes(
    batch: pa.RecordBatch, groups: Groups, chosen: Bools, numbers: Int64s, received: Int64s
) -> _Numbered:
    """The chosen rows of a batch."""
    rows = np.flatnonzero(chosen)
    keys = groups.keys(batch, *NAME)[rows] if len(rows) else rows
    return _Numbered(batch, rows, keys, numbers[rows], received[rows])
