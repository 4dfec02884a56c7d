"""The books of a connection: their changes, and the snapshots by REST that they begin with."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from mdc_core.plugin import Bad, Book, DataError, Effect, Event
from mdc_providers.binance import messages as wire
from mdc_providers.binance.books.sync import BookSync
from mdc_providers.binance.moments import Moments
from mdc_providers.binance.requests import Requests

_DIGITS = 18  # before the point, and behind it


class Books:
    """Follows books; `wanted` are the symbols of those that were asked for, None of any."""

    def __init__(self, at: Moments, requests: Requests) -> None:
        self._at, self._requests = at, requests
        self.wanted: frozenset[str] | None = None
        self._left: set[str] = set()  # they were subscribed to
        self._books: dict[str, BookSync] = {}

    def wait(self, symbol: str) -> None:
        """Ask for a snapshot, unless that was done."""
        self._of(symbol).wait()

    def leave(self, symbol: str) -> None:
        """It is not subscribed to any more."""
        self._books.pop(symbol, None)
        self._left.add(symbol)

    def end(self) -> Iterator[Event]:
        """What was held for want of a snapshot is lost."""
        for book in self._books.values():
            yield from book.end()

    def changed(self, m: wire.DepthMessage, now: int) -> Iterator[Event | Effect]:
        """The events of a change, and what it leads to ask for."""
        if not self._is_wanted(m.s):
            if m.s not in self._left:
                raise DataError(f"binance: a change of the book of {m.s}, which was not asked for")
            return  # it was under way when the stream was left
        yield from self._of(m.s).change(m)
        yield from self._requests.due(now)

    def fetched(self, symbol: str, body: bytes, now: int, name: str) -> Iterator[Event | Effect]:
        """A snapshot; what is none is set aside by the name of its symbol, and asked for again."""
        try:
            found = wire.snapshot(body)
            _check(found[0])
        except (ValueError, RecursionError, DataError) as error:
            yield Bad(body, f"binance: no snapshot of the book of {symbol}: {error}", name)
            self._requests.book(symbol, True)
            return
        yield from self._snapshot(symbol, *found, now)

    def bare(self, text: str, now: int) -> Iterator[Event | Effect]:
        """A snapshot among frames; without a symbol it is that of the book that waits for one."""
        m, beyond = wire.snapshot(text)
        _check(m)
        fitting = [b.symbol for b in self._books.values() if b.fits(m.lastUpdateId)]
        symbol = m.symbol or (fitting[0] if len(fitting) == 1 else None)
        if symbol is None:
            many = "fits none of the books" if not fitting else "fits several books"
            yield Bad(text, f"binance: a snapshot that does not say its symbol, and {many}")
            return
        yield from self._snapshot(symbol, m, beyond, now)

    def _is_wanted(self, symbol: str) -> bool:
        return self.wanted is None or symbol in self._books or symbol in self.wanted

    def _of(self, symbol: str) -> BookSync:
        if symbol not in self._books:
            self._books[symbol] = BookSync(symbol, self._at, self._requests.book)
        return self._books[symbol]

    def _snapshot(
        self, symbol: str, m: wire.SnapshotMessage, beyond: dict[str, Any] | None, now: int
    ) -> Iterator[Event | Effect]:
        for event in self._of(symbol).snapshot(m, now):
            if beyond and isinstance(event, Book):
                event.extra = beyond
            yield event


def _check(m: wire.SnapshotMessage) -> None:
    """Raise DataError for a number that no book can have: the changes would stand on nothing."""
    for number in chain.from_iterable(chain(m.bids, m.asks)):
        if not number.is_finite() or abs(number.adjusted()) >= _DIGITS:
            raise DataError(f"{number} is no price and no size")
