"""Kraken's books, each checked at every message, and what to do where one is wrong.

The changes go out whatever the checksum says, for they are what Kraken said. A book that is
wrong is told, with the gap since it was right, and asked for again: from then on its changes are
not checked until its next snapshot, which ends the second gap.
"""

from collections.abc import Iterator

from mdc_core.plugin import Event, Gap, Integrity
from mdc_providers.kraken.books import KrakenBook, digits
from mdc_providers.kraken.decode import book_of, deltas_of
from mdc_providers.kraken.messages import BookItem
from mdc_providers.kraken.provider import VENUE


class VerifiedBooks:
    """The books of a connection."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._depths: dict[str, int] = {}
        self._books: dict[str, KrakenBook] = {}
        self._wrong: dict[str, str | None] = {}  # since when, until the next snapshot
        self._leaving: set[str] = set()  # to be subscribed to anew
        self._again: str | None = None

    def is_asked_for(self, symbol: str, depth: int) -> None:
        """The venue keeps this many levels of a side up to date."""
        self._depths[symbol] = depth

    def wants_again(self) -> str | None:
        """The symbol whose book has to be asked for again, once."""
        symbol, self._again = self._again, None
        return symbol

    def is_left(self, symbol: str) -> bool:
        """Whether a book was unsubscribed from to be subscribed to anew; true once."""
        was = symbol in self._leaving
        self._leaving.discard(symbol)
        return was

    def snapshot(self, item: BookItem, time: str) -> Iterator[Event]:
        """A book begins anew; what was missing of it is over."""
        symbol = item.symbol
        book = KrakenBook(self._depths.get(symbol, self._depth))
        if symbol in self._wrong:
            yield _gap(symbol, self._wrong.pop(symbol), time)
        yield book_of(item, time, book.depth)
        self._books[symbol] = book
        yield from self._check(book, item, time)

    def change(self, item: BookItem, time: str, *, asks_first: bool = False) -> Iterator[Event]:
        """Changes of a book, to be taken all at once; what is wrong with them comes first."""
        symbol = item.symbol
        if symbol in self._wrong:
            self._wrong[symbol] = time
        elif (book := self._books.get(symbol)) is not None:
            yield from self._check(book, item, time)
        else:
            yield _finding(symbol, time, "changes of a book that never came")
            yield from self._is_wrong(symbol, None, time)
        yield from deltas_of(item, time, asks_first=asks_first)

    def _check(self, book: KrakenBook, item: BookItem, time: str) -> Iterator[Event]:
        """Take what is in a message, and compare the checksum."""
        sides = ((book.bids, item.bids), (book.asks, item.asks))
        told = [(s, at, digits(at.price) + digits(at.qty)) for s, levels in sides for at in levels]
        for side, at, text in told:
            side.put(at.price, at.qty, text)
        found = book.checksum()
        if item.checksum is None or found == item.checksum:
            book.since = time
        else:
            text = f"the checksum is {item.checksum}, of our book it is {found}"
            yield _finding(item.symbol, time, text)
            yield from self._is_wrong(item.symbol, book.since, time)

    def _is_wrong(self, symbol: str, since: str | None, time: str) -> Iterator[Event]:
        yield _gap(symbol, since, time)
        self._books.pop(symbol, None)
        self._wrong[symbol] = time
        self._leaving.add(symbol)
        self._again = symbol


def _finding(symbol: str, time: str, text: str) -> Integrity:
    found = Integrity(symbol=symbol, ts_event=time, venue=VENUE, channel="book", check="book")
    found.severity, found.about, found.message = "warning", "delta", text
    return found


def _gap(symbol: str, start: str | None, end: str) -> Gap:
    gap = Gap(symbol=symbol, ts_event=end, venue=VENUE, channel="book", reason="checksum")
    gap.start, gap.end = start, end
    return gap
