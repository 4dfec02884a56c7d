"""The snapshots and changes of a batch, brought together by book, in whole numbers of a unit."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.batch import Bools, Int64s, int64_array, integers, valid
from mdc_core.grouped import GroupRuns, Groups
from mdc_core.orderbook.levels import SIDES
from mdc_core.orderbook.units import whole

# What a row is. The rows of one kind that follow each other are worked on together.
LEVEL, ORDER, SNAPSHOT, CLEAR, FAULT = range(5)
# What a change by price does, beside its side: 2 takes a level out, 4 says that it is new.
REMOVE, NEW = 2, 4
# What a row ends: an update, one whose state goes out, one that has a checksum.
ENDS, EMITS, CHECKED = 1, 2, 4
NAME = ("symbol", "provider", "channel")  # what is a book of its own
_ACTIONS = ("add", "modify", "cancel", "clear")
_ADD, _MODIFY, _CANCEL, _CLEAR, _UNKNOWN = range(5)


class BookRows(NamedTuple):
    """The rows about books, those of each book together; `rows` are their places in the batch."""

    batch: pa.RecordBatch
    rows: Int64s
    runs: GroupRuns  # of what was chosen, in the order of the batch
    kinds: Int64s
    ops: Int64s
    keys: Any  # of levels
    sizes: Any
    has_size: Bools
    places: Bools  # whether side and price are given
    numbers: Int64s
    numbered: Bools
    received: Int64s
    came: Bools  # whether the receive time is known
    marked: Bools  # a checksum: the update ends here
    single: Bools  # an order of which nothing says what came with it
    moments: Int64s  # their event times

    def mark(self, at: int) -> tuple[int, bool, int]:
        """What the rows of one update have in common: the event time, and the number if any."""
        return int(self.moments[at]), bool(self.numbered[at]), int(self.numbers[at])

    def text(self, name: str, at: int) -> str | None:
        """The text of a column in the row that stands in this place."""
        found: str | None = self.value(name, at)
        return found

    def value(self, name: str, at: int) -> Any:
        """The value of a column in the row that stands in this place."""
        index = self.batch.schema.get_field_index(name)
        return None if index < 0 else self.batch.column(index)[int(self.rows[at])].as_py()


def book_rows(batch: pa.RecordBatch, groups: Groups, places: int) -> BookRows | None:
    """The rows about books in a batch, if there are any; raises BeyondUnit."""
    chosen = np.flatnonzero(groups.is_type(batch, "book", "delta"))
    if not len(chosen):
        return None
    runs = GroupRuns(groups.keys(batch, *NAME)[chosen])
    rows = chosen[runs.order]
    few = batch if len(rows) == batch.num_rows and len(runs.keys) == 1 else None
    if few is None:
        few = batch.take(int64_array(rows))
    changes = _Changes(few, places)
    received, came = integers(few, "ts_recv")
    numbers, numbered = integers(few, "seq")
    orders = changes.kinds == ORDER
    return BookRows(
        batch,
        rows,
        runs,
        changes.kinds,
        changes.ops,
        changes.keys,
        changes.sizes,
        changes.has_size,
        changes.placed,
        numbers,
        numbered,
        received,
        came,
        _known(few, "checksum") & (changes.kinds != SNAPSHOT),
        orders & ~came & ~numbered,
        integers(few, "ts_event")[0],
    )


class _Changes:
    """What each row changes."""

    def __init__(self, few: pa.RecordBatch, places: int) -> None:
        groups = Groups()
        book = groups.is_type(few, "book")
        actions = _codes(groups, few, "action", _ACTIONS)
        sides = _codes(groups, few, "side", SIDES)
        prices, priced = _numbers(few, "price", places)
        self.sizes, self.has_size = _numbers(few, "size", places)
        self.placed = priced & (sides < 2)
        self.keys = np.where(sides == 1, -prices, prices)
        gone = (actions == _CANCEL) | (self.has_size & (self.sizes == 0))
        self.ops = (sides & 1) + np.where(gone, REMOVE, np.where(actions == _ADD, NEW, 0))
        ordered = _known(few, "order_id")
        fault = (actions == _UNKNOWN) | (self.has_size & (self.sizes < 0))
        fault |= ~ordered & ~(self.placed & (self.has_size | gone))
        fault |= ordered & (actions == _ADD) & ~(self.placed & self.has_size)
        kinds = np.where(ordered, ORDER, LEVEL)
        kinds = np.where(fault, FAULT, kinds)
        kinds = np.where(actions == _CLEAR, CLEAR, kinds)
        self.kinds = np.where(book, SNAPSHOT, kinds)


def _codes(groups: Groups, batch: pa.RecordBatch, name: str, words: tuple[str, ...]) -> Int64s:
    """The place of each row's word among these, or behind them where it is another."""
    codes, found = groups.codes(batch, name)
    table = [words.index(word) if word in words else len(words) for word in found]
    return np.array(table, np.int64)[codes] if len(table) else np.zeros(len(codes), np.int64)


def _numbers(batch: pa.RecordBatch, name: str, places: int) -> tuple[Any, Bools]:
    index = batch.schema.get_field_index(name)
    if index < 0:
        return np.zeros(batch.num_rows, np.int64), np.zeros(batch.num_rows, np.bool_)
    column = batch.column(index)
    return whole(column, places), valid(column)


def _known(batch: pa.RecordBatch, name: str) -> Bools:
    index = batch.schema.get_field_index(name)
    return np.zeros(batch.num_rows, np.bool_) if index < 0 else valid(batch.column(index))
