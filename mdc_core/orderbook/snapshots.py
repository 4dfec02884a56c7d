"""The snapshots of a batch, read at once, and the checksums of books."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mdc_core.batch import valid
from mdc_core.events import Level
from mdc_core.orderbook.levels import ASK, BID, OrderBook
from mdc_core.orderbook.rows import SNAPSHOT, BookRows
from mdc_core.orderbook.units import whole
from mdc_core.protocol.numbers import scaled

BookChecksum = Callable[[Sequence[Level], Sequence[Level], Mapping[str, Any]], str | None]
_MOST = 25  # levels of a side: enough for all


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


class BookChecksums:
    """Says why a book is not that of which its venue's checksum is.

    `function_of` gives the pure function of a provider, if it has one; see `Stream.book_checksum`.
    """

    def __init__(self, function_of: Callable[[str], BookChecksum | None]) -> None:
        self._function_of = function_of
        self._known: dict[str | None, BookChecksum | None] = {None: None}

    def __call__(self, book: OrderBook, told: str | None, places: int) -> str | None:
        """What is wrong with a book, or nothing: also where nobody can tell."""
        provider = book.name[1]
        if provider not in self._known:
            self._known[provider] = self._function_of(str(provider))
        function = self._known[provider]
        if function is None or told is None:
            return None
        extra = json.loads(book.extra) if book.extra else {}
        bids, asks = (_levels(book, side, places) for side in (BID, ASK))
        found = function(bids, asks, extra)
        return None if found is None or found == told else f"its checksum is {found}, not {told}"


def _levels(book: OrderBook, side: int, places: int) -> list[Level]:
    """The best levels of a side."""
    sizes, sign = book.sizes[side], -1 if side == ASK else 1
    top = book.keys[side][: -_MOST - 1 : -1]
    return [Level(scaled(sign * key, places), scaled(sizes[key], places)) for key in top]
