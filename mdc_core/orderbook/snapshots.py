"""The snapshots of a batch, read at once."""

from typing import Any

from mdc_core.batch import valid
from mdc_core.orderbook.levels import ASK, BID, OrderBook
from mdc_core.orderbook.rows import SNAPSHOT, BookRows
from mdc_core.orderbook.units import whole


class BookSnapshots:
    """The levels of all `book` events of a batch."""

    def __init__(self, rows: BookRows, places: int) -> None:
        self._rows = rows
        self._sides: list[Any] = [None, None]
        if not (rows.kinds == SNAPSHOT).any():
            return
        for side, name in ((BID, "bids"), (ASK, "asks")):
            index = rows.batch.schema.get_field_index(name)
            if index < 0:
                continue
            column: Any = rows.batch.column(index)
            offsets = column.offsets.to_numpy()
            first, last = int(offsets[0]), int(offsets[-1])
            levels = column.values.slice(first, last - first)
            keys = whole(levels.field("price"), places)
            keys = (-keys if side == ASK else keys).tolist()
            sizes = whole(levels.field("size"), places).tolist()
            self._sides[side] = valid(column), offsets - first, keys, sizes

    def load(self, book: OrderBook, at: int) -> None:
        """Put a snapshot in place of what a book is; a side that is absent stays."""
        row = int(self._rows.rows[at])
        for side in (BID, ASK):
            if self._sides[side] is None:
                continue
            known, offsets, keys, sizes = self._sides[side]
            if known[row]:
                start, stop = offsets[row], offsets[row + 1]
                book.load(side, keys[start:stop], sizes[start:stop])
        book.extra = self._rows.text("extra", at)
        depth = self._rows.value("depth", at)
        book.depth = depth if depth else None
