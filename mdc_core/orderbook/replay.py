"""The rows of a batch put into one book after another."""

import json
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from mdc_core.batch import int64_array, plain
from mdc_core.errors import DataError
from mdc_core.orderbook.arrivals import WINDOW, Explained
from mdc_core.orderbook.levels import ASK, BID, SIDES, ImpossibleChange, OrderBook
from mdc_core.orderbook.notes import BookNote, note
from mdc_core.orderbook.rows import (
    CHECKED,
    CLEAR,
    EMITS,
    FAULT,
    LEVEL,
    NEW,
    REMOVE,
    SNAPSHOT,
    BookRows,
)
from mdc_core.orderbook.shots import Shots
from mdc_core.orderbook.snapshots import BookSnapshots
from mdc_core.orderbook.updates import BookUpdates
from mdc_core.protocol.numbers import unscaled

Verify = Callable[[OrderBook, str | None, int], str | None]
_UNEXPLAINED = Explained()


class BookReplay:
    """Puts the rows of one batch into their books."""

    def __init__(
        self,
        rows: BookRows,
        snapshots: BookSnapshots,
        plan: BookUpdates,
        places: int,
        base: int,
        shots: Shots,
        verify: Verify,
        explained: Mapping[int, Explained],
    ) -> None:
        self.notes: list[BookNote] = []
        self._explained = explained
        self._rows, self._places, self._base = rows, places, base
        self._shots, self._verify = shots, verify
        self._at = rows.rows.tolist()
        self._ops, self._keys, self._sizes = (
            rows.ops.tolist(),
            rows.keys.tolist(),
            rows.sizes.tolist(),
        )
        self._ends = plan.ends.tolist()
        self._closing, self._giving = plan.closing.tolist(), plan.giving.tolist()
        self._snapshots = snapshots
        begins = np.ones(len(rows.kinds), np.bool_)
        begins[1:] = rows.kinds[1:] != rows.kinds[:-1]
        begins[rows.runs.starts] = True
        self._stretches = [*np.flatnonzero(begins).tolist(), len(rows.kinds)]
        self._kinds = rows.kinds[begins].tolist()
        self._next = 0
        self._texts: dict[str, list[str | None]] = {}

    def book(self, book: OrderBook, stop: int) -> None:
        """Put the next rows, up to this one, into a book."""
        number = self._next
        while (start := self._stretches[number]) < stop:
            end, kind = self._stretches[number + 1], self._kinds[number]
            number += 1
            if kind == SNAPSHOT:
                for at in range(start, end):
                    self._snapshot(book, at)
            elif kind == CLEAR:
                for at in range(start, end):
                    self._clear(book, at)
            elif book.state != "live":
                self._pass_over(book, start, end)
            elif kind == LEVEL:
                self._levels(book, start, end)
            else:
                self._one_by_one(book, start, end, kind)
        self._next = number

    def _levels(self, book: OrderBook, start: int, stop: int) -> None:
        """Changes by price: the loop that has to be fast."""
        both_keys, both_sizes = book.keys, book.sizes
        bids, asks = both_keys
        plain_end = book.depth is None
        explicit, has_orders = book.explicit, book.orders is not None
        rows = zip(
            range(start, stop),
            self._ops[start:stop],
            self._keys[start:stop],
            self._sizes[start:stop],
            self._ends[start:stop],
            strict=True,
        )
        for at, op, key, size, end in rows:
            side = op & 1
            sizes = both_sizes[side]
            if has_orders:
                book.forget(side, key)
            if op < REMOVE:
                if key not in sizes:
                    if explicit:
                        return self._freeze(book, at, stop, self._absent("changed", side, key))
                    insort(both_keys[side], key)
                sizes[key] = size
            elif op < NEW:
                if sizes.pop(key, None) is not None:
                    keys = both_keys[side]
                    del keys[bisect_left(keys, key)]
                elif explicit:
                    return self._freeze(book, at, stop, self._absent("removed", side, key))
            else:
                explicit = book.explicit = True
                if key in sizes:
                    why = f"{SIDES[side]} {self._price(side, key)} is added, and is there already"
                    return self._freeze(book, at, stop, why)
                insort(both_keys[side], key)
                sizes[key] = size
            if end:
                if plain_end and end < CHECKED:
                    if bids and asks and bids[-1] + asks[-1] > 0:
                        return self._crossed(book, at, stop)
                    if end & EMITS:
                        self._give(book, at)
                elif not self._settled(book, at, end):
                    book.passed_over += stop - at - 1
                    return None
        return None

    def _one_by_one(self, book: OrderBook, start: int, stop: int, kind: int) -> None:
        """Orders, or what cannot be."""
        for at in range(start, stop):
            try:
                if kind == FAULT:
                    raise ImpossibleChange(self._fault(at))
                self._order(book, at)
            except ImpossibleChange as error:
                return self._freeze(book, at, stop, error.text(self._places))
            end = self._ends[at]
            if end and not self._settled(book, at, end):
                book.passed_over += stop - at - 1
                return None
        return None

    def _order(self, book: OrderBook, at: int) -> None:
        """One order is added, changed or taken out."""
        rows, op = self._rows, self._ops[at]
        order, place = str(self._text("order_id", at)), None
        if rows.places[at]:
            place = (op & 1, self._keys[at])
        size = self._sizes[at] if rows.has_size[at] else None
        if op >= NEW:
            assert place is not None
            book.add(order, *place, size or 0)
            return
        if op >= REMOVE:
            size = 0
        known = book.orders is not None and order in book.orders
        taken = None if known and size is not None else self._taken(at)
        book.change(order, place, size, taken)

    def _taken(self, at: int) -> int | None:
        """How much an order loses, where its sender says that: `extra.reduced`."""
        text = self._text("extra", at)
        number = json.loads(text, parse_float=str, parse_int=str).get("reduced") if text else None
        try:
            return None if number is None else unscaled(Decimal(str(number)), self._places)
        except (DataError, InvalidOperation, ValueError):
            raise ImpossibleChange(f"extra.reduced is {number!s:.40}") from None

    def _snapshot(self, book: OrderBook, at: int) -> None:
        """All of a book, or of a side where the other is absent."""
        before, passed_over = book.state, book.passed_over
        book.state, book.explicit, book.passed_over = "live", False, 0
        try:
            self._snapshots.load(book, at)
            if book.crossed:
                raise ImpossibleChange(crossing(book, self._places))
            why = self._verify(book, self._text("checksum", at), self._places)
            if why is not None:
                raise ImpossibleChange(why)
        except ImpossibleChange as error:
            self._freeze(book, at, at + 1, error.text(self._places))
            book.passed_over = passed_over
            return
        book.since = int(self._rows.received[at]) if self._rows.came[at] else None
        explained = self._explained.get(self._at[at], _UNEXPLAINED)
        self._known_again(book, at, before, passed_over, explained)
        self._settled(book, at, self._ends[at])

    def _clear(self, book: OrderBook, at: int) -> None:
        """Nothing is in the book from here on: that is to know all of it."""
        side = self._rows.text("side", at)
        if side in SIDES and book.state != "live":
            self._pass_over(book, at, at + 1)
            return
        before, passed_over = book.state, book.passed_over
        book.state, book.passed_over = "live", 0
        book.empty([SIDES.index(side)] if side in SIDES else (BID, ASK))
        self._known_again(book, at, before, passed_over)
        if self._ends[at]:
            self._settled(book, at, self._ends[at])

    def _known_again(
        self,
        book: OrderBook,
        at: int,
        before: str,
        passed_over: int,
        explained: Explained = _UNEXPLAINED,
    ) -> None:
        """Say since when a book is known; not of one whose changes are all in it."""
        unsaid, book.unsaid = book.unsaid, None
        passed_over -= explained.again + (explained.within if before == "new" else 0)
        if before == "new" and passed_over > 0 and unsaid is not None:
            self.notes.append(unsaid)
        if before == "frozen" or (before == "new" and passed_over > 0):
            changes = f"{passed_over} change{'s' * (passed_over != 1)}"
            self._say(book, at, "info", f"known from here on; {changes} passed over before")

    def _pass_over(self, book: OrderBook, start: int, stop: int) -> None:
        """Changes that nothing is known of; a snapshot that comes late may explain the first."""
        if book.state == "new" and not book.passed_over:
            why = "no snapshot has come: nothing is known of this book until one does"
            self._say(book, start, "warning", why)
            if self._rows.numbered[start] and self._rows.came[start]:
                book.unsaid = self.notes.pop()._replace(row=None)
        book.passed_over += stop - start
        if book.unsaid is not None and book.passed_over > WINDOW:
            self.notes.append(book.unsaid)
            book.unsaid = None

    def _settled(self, book: OrderBook, at: int, end: int) -> bool:
        """Whether a book can be as it is at the end of an update; what goes out is taken."""
        if book.depth is not None:
            book.cut()
        if book.crossed:
            self._crossed(book, at, at + 1)
            return False
        if end & CHECKED:
            why = self._verify(book, self._text("checksum", at), self._places)
            if why is not None:
                self._freeze(book, at, at + 1, why)
                return False
        if end & EMITS:
            self._give(book, at)
        return True

    def _give(self, book: OrderBook, at: int) -> None:
        self._shots.take(self._giving[at], self._base + self._at[at], book, self._at[at])

    def _crossed(self, book: OrderBook, at: int, stop: int) -> None:
        why = crossing(book, self._places)
        row, batch = self._at[at], self._rows.batch
        book.freeze()
        book.passed_over = stop - at - 1
        self.notes.append(
            note(self._closing[at], "error", frozen(why), book, batch, row, of_row=False)
        )

    def _freeze(self, book: OrderBook, at: int, stop: int, why: str) -> None:
        """The row at fault ends what is known of a book, and of the rows behind it."""
        book.freeze()
        book.passed_over = stop - at - 1
        self._say(book, at, "error", frozen(why))

    def _say(self, book: OrderBook, at: int, severity: Any, text: str) -> None:
        row = self._at[at]
        place = 2 * (self._base + row) + 1
        self.notes.append(note(place, severity, text, book, self._rows.batch, row))

    def _text(self, name: str, at: int) -> str | None:
        """The text of a column in a row; all of them are read at once."""
        if name not in self._texts:
            batch, rows = self._rows.batch, self._rows.rows
            index = batch.schema.get_field_index(name)
            column = batch.column(index).take(int64_array(rows)) if index >= 0 else None
            self._texts[name] = [None] * len(rows) if column is None else column.to_pylist()
        return self._texts[name][at]

    def _absent(self, what: str, side: int, key: int) -> str:
        return f"{SIDES[side]} {self._price(side, key)} is {what}, and is not there"

    def _price(self, side: int, key: int) -> str:
        return plain(-key if side == ASK else key, self._places)

    def _fault(self, at: int) -> str:
        """What is wrong with a change that can be none."""
        rows = self._rows
        if rows.has_size[at] and self._sizes[at] < 0:
            return "a size is negative"
        if rows.text("action", at) not in ("add", "modify", "cancel"):
            return "a change without an action"
        return f"a change without a {'size' if rows.places[at] else 'side and price'}"


def frozen(why: str) -> str:
    """What is said of a book that is not known from here on."""
    return f"frozen until the next snapshot: {why}"


def crossing(book: OrderBook, places: int) -> str:
    """What is said of a crossed book."""
    bids, asks = book.keys
    bid, ask = plain(bids[-1], places), plain(-asks[-1], places)
    return f"crossed: bid {bid} over ask {ask}"
