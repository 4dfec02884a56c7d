"""Order books of many symbols, rebuilt batch after batch.

An update of a book is what its sender says belongs together: the rows of one event time and one
number that follow each other, up to one with a checksum; where changes have checksums and no
number, all up to the next checksum. When they were received is no part of it. Of rows without a
receive time and a number, each order is an update of its own. It is over when the book gets
another one, or when something later comes by the same connection: only then is the book judged,
and its state given out, so that how the rows are cut into batches makes no difference.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.batch import Bools, integers
from mdc_core.grouped import Groups
from mdc_core.orderbook.arrivals import Arrivals
from mdc_core.orderbook.breaks import BookBreak, MarketRows, stretches
from mdc_core.orderbook.intervals import ConnectionClocks, Passing, passing
from mdc_core.orderbook.levels import OrderBook
from mdc_core.orderbook.notes import BookNote, note, of_rows
from mdc_core.orderbook.replay import BookReplay, Verify, crossing, frozen
from mdc_core.orderbook.rows import NAME, BookRows, book_rows
from mdc_core.orderbook.shots import Shots, Statistic, head_of
from mdc_core.orderbook.snapshots import BookSnapshots
from mdc_core.orderbook.units import NARROW, WIDE, BeyondUnit
from mdc_core.orderbook.updates import BookUpdates, begins_of, updates_of

_NO_CLOCK = -1  # that of no book


class BooksMade(NamedTuple):
    """What a batch leads to: books as they were, each at its place, and what is to say."""

    books: list[tuple[pa.RecordBatch, list[tuple[int, int]]]]
    notes: list[BookNote]


class BookBuilder:
    """Books by symbol, provider and channel; with `levels`, their states are given out.

    `every` is the length of an interval in nanoseconds, at whose ends they are; None: after each
    update.
    """

    def __init__(
        self,
        levels: int | None = None,
        every: int | None = None,
        columns: Iterable[Statistic] = (),
        verify: Verify = lambda book, text, places: None,
    ) -> None:
        self._gives, self._every, self._verify = levels is not None, every, verify
        self._shots = Shots(levels or 0, tuple(columns))
        self._made = BooksMade([], [])
        self._books: dict[int, OrderBook] = {}
        self._waiting: dict[int, OrderBook] = {}  # those that are open or due
        self._clocks = ConnectionClocks()
        self._groups = Groups()
        self._arrivals = Arrivals(self._groups)
        self._places = NARROW
        self._at = 0  # how many rows there have been

    def __call__(self, batch: pa.RecordBatch) -> BooksMade:
        """What a batch leads to; events about the data may be in it."""
        for part in stretches(batch, self._groups) if batch.num_rows else ():
            if isinstance(part, BookBreak):
                self._break(part)
                self._at += 1
                continue
            part = self._arrivals(part)
            if len(part.rows):
                self._market(part)
                self._at += len(part.rows)
        return self._take()

    def flush(self, *, intervals: bool = True) -> BooksMade:
        """What there is to say and to give out if nothing more comes for now.

        Without `intervals` those that are not over go on.
        """
        for number, book in list(self._waiting.items()):
            self._end_update(number, book, 2 * self._at)
            if intervals:
                self._give_due(number, book, 2 * self._at)
        for book in self._books.values():
            if book.unsaid is not None:
                self._made.notes.append(book.unsaid)
                book.unsaid = None
        self._collect(None)
        return self._take()

    def _take(self) -> BooksMade:
        made, self._made = self._made, BooksMade([], [])
        made.notes.sort(key=lambda note: note.place)
        return made

    def _market(self, part: MarketRows) -> None:
        """Rows about the market, in which nothing breaks off."""
        batch = part.batch
        rows, snapshots = self._rows(batch)
        moments, clocks = integers(batch, "ts_event")[0], self._clocks(batch, self._groups)
        time = passing(moments, clocks, 1)
        every = None
        if self._every is not None:
            # A trade or a quote tells no time here: it may be dated by another clock.
            told = np.full(len(clocks), _NO_CLOCK)
            if rows is not None:
                told[rows.rows] = clocks[rows.rows]
            every = passing(moments, told, self._every)
        if rows is None or snapshots is None:
            self._end_waiting({}, time, every)
        else:
            self._replay(part, rows, snapshots, time, every)
        self._collect(batch)

    def _replay(
        self,
        part: MarketRows,
        rows: BookRows,
        snapshots: BookSnapshots,
        time: Passing,
        every: Passing | None,
    ) -> None:
        """Put the rows about books into their books."""
        runs = rows.runs
        books = [self._book(rows, run) for run in range(len(runs.keys))]
        heads = rows.rows[runs.starts].tolist()
        open_ones = {
            run: book.mark
            for run, book in enumerate(books)
            if book.open and heads[run] <= time.first_after(book.clock, book.mark[0])
        }
        begins = begins_of(rows, time, open_ones, _checked(rows, books))
        firsts = zip(heads, begins[runs.starts].tolist(), strict=True)
        self._end_waiting(dict(zip(runs.keys.tolist(), firsts, strict=True)), time, every)
        updates = updates_of(rows, begins, self._at, time, every, self._gives)
        replay = BookReplay(
            rows,
            snapshots,
            updates,
            self._places,
            self._at,
            self._shots,
            self._verify,
            self._arrivals.explained,
        )
        for book, stop in zip(books, runs.ends.tolist(), strict=True):
            replay.book(book, stop)
        self._leave_waiting(rows, updates, books, every)
        self._made.notes.extend(of_rows(said, part.rows) for said in replay.notes)

    def _rows(self, batch: pa.RecordBatch) -> tuple[BookRows | None, BookSnapshots | None]:
        """The rows about books, in a unit that is fine enough for all of them."""
        try:
            rows = book_rows(batch, self._groups, self._places)
            return rows, rows and BookSnapshots(rows, self._places)
        except BeyondUnit:
            for book in self._books.values():
                book.rescale(10 ** (WIDE - self._places))
            self._places = WIDE
            return self._rows(batch)

    def _book(self, rows: BookRows, run: int) -> OrderBook:
        number = int(rows.runs.keys[run])
        book = self._books.get(number)
        if book is None:
            at = int(rows.runs.starts[run])
            book = OrderBook(tuple(rows.text(name, at) for name in NAME))
            book.clock = self._clocks.number(*book.name[1:])
            self._books[number] = book
        return book

    def _end_waiting(
        self, firsts: dict[int, tuple[int, bool]], time: Passing, every: Passing | None
    ) -> None:
        """Updates that went on from the batch before are over, or go on; so are intervals."""
        base, stop = self._at, len(time.later)
        for number, book in list(self._waiting.items()):
            first, begins = firsts.get(number, (stop, True))
            if begins:
                over = min(time.first_after(book.clock, book.mark[0]), first)
                if over < stop:
                    self._end_update(number, book, 2 * (base + over))
            if every is None or book.due is None:
                continue
            ended = every.first_after(book.clock, book.due)
            if first < stop and every.intervals[first] != book.due:
                ended = min(ended, first)
            if ended < stop and ended <= first:
                self._give_due(number, book, 2 * (base + ended))

    def _end_update(self, number: int, book: OrderBook, place: int) -> None:
        """The last update of a book is over: now it is judged."""
        if not book.open:
            return
        book.open = False
        if book.depth is not None:
            book.cut()
        if book.crossed:
            why = frozen(crossing(book, self._places))
            self._made.notes.append(note(place, "error", why, book, book.head, 0, of_row=False))
            book.freeze()
        elif self._gives and self._every is None:
            self._shots.take(place, book.row, book, -1)
        if book.due is None:
            self._waiting.pop(number)
            book.head = None

    def _give_due(self, number: int, book: OrderBook, place: int) -> None:
        """The interval of a book is over."""
        if book.due is None:
            return
        if self._gives:
            self._shots.take(place, book.row, book, -1)
        book.due = None
        if not book.open:
            self._waiting.pop(number, None)
            book.head = None

    def _leave_waiting(
        self, rows: BookRows, updates: BookUpdates, books: list[OrderBook], every: Passing | None
    ) -> None:
        """Remember whose last update may go on, and whose interval is not over."""
        ends = rows.runs.ends - 1
        for run, (number, book) in enumerate(zip(rows.runs.keys.tolist(), books, strict=True)):
            live, at = book.state == "live", int(ends[run])
            row = int(rows.rows[at])
            book.open = live and bool(updates.open[run])
            book.due = None
            if live and every is not None and updates.due[run]:
                book.due = int(every.intervals[row])
            if not book.open and book.due is None:
                self._waiting.pop(number, None)
                continue
            self._waiting[number] = book
            book.mark = rows.mark(at)
            book.row = self._at + row
            book.head = head_of(rows.batch, np.array([row]))

    def _break(self, part: BookBreak) -> None:
        """Books that are broken off are not known any more; all others were judged before."""
        place = 2 * self._at
        for number, book in list(self._waiting.items()):
            self._end_update(number, book, place)
        self._collect(None)
        for number, book in self._books.items():
            if book.state == "live" and part.hits(book):
                book.freeze()
                self._waiting.pop(number, None)
                self._made.notes.append(
                    note(
                        place + 1,
                        "warning",
                        frozen(part.what),
                        book,
                        part.batch,
                        part.row,
                        of_row=False,
                    )
                )

    def _collect(self, batch: pa.RecordBatch | None) -> None:
        """Keep what was taken of books as columns."""
        made = self._shots.batch(batch, self._places)
        if made is not None:
            self._made.books.append((made, self._shots.places))
        self._shots.clear()


def _checked(rows: BookRows, books: list[OrderBook]) -> Bools:
    """Which runs are of books whose updates have checksums, in this batch or before."""
    for book, some in zip(
        books, np.logical_or.reduceat(rows.marked, rows.runs.starts), strict=True
    ):
        book.checked = book.checked or bool(some)
    return np.array([book.checked for book in books], np.bool_)
