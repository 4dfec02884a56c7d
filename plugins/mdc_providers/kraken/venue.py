"""The venue's side of an order book, for the mock server: what a client of some depth is told.

A client sees the best levels only. It is told what changes there, and what comes into sight;
what falls out of sight it has to forget by itself.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

from mdc_core.plugin import Book, Delta, Ladder, Level
from mdc_providers.kraken.books import checksum_of
from mdc_providers.kraken.encode import number, places_of, price, quantity, time

Side = Literal["bid", "ask"]
_SIDES: tuple[Side, ...] = ("bid", "ask")
_BEST = 10


class VenueBook:
    """The book of a symbol, with all of its levels."""

    def __init__(self) -> None:
        self._ladder = Ladder()
        self._places = 0
        self._time: str | None = None

    def begin(self, event: Book) -> None:
        """The book is this one."""
        self._time = event.ts_event
        sides = [event.bids or [], event.asks or []]
        self._places = places_of([at.price for side in sides for at in side])
        bids, asks = ([self._exact(at.price, at.size) for at in side] for side in sides)
        self._ladder.snapshot(bids, asks)

    def change(self, events: Sequence[Delta], depth: int) -> dict[str, Any]:
        """Change the book; what a client of this depth is told of it."""
        self._time = events[-1].ts_event
        before = {side: self._prices(side, depth) for side in _SIDES}
        said: dict[Side, list[Level]] = {side: [] for side in _SIDES}
        for event in events:
            side: Side = "bid" if event.side == "bid" else "ask"
            if event.price is None:
                continue
            gone = event.action == "cancel" or not event.size
            at = self._exact(event.price, Decimal(0) if gone else event.size or Decimal(0))
            self._ladder.change(side, at)
            said[side].append(at)
        for side, levels in said.items():
            after = self._ladder.top(side, depth)
            seen = before[side] | {at.price for at in after}
            told = {at.price for at in levels}
            come = [at for at in after if at.price not in before[side] | told]
            said[side] = [at for at in levels if at.price in seen] + come
        return self._said(said["bid"], said["ask"])

    def snapshot(self, depth: int) -> dict[str, Any]:
        """The book as it is, to this depth."""
        return self._said(self._ladder.top("bid", depth), self._ladder.top("ask", depth))

    def _prices(self, side: Side, depth: int) -> set[Decimal]:
        return {at.price for at in self._ladder.top(side, depth)}

    def _said(self, bids: Sequence[Level], asks: Sequence[Level]) -> dict[str, Any]:
        best = self._ladder.top("bid", _BEST), self._ladder.top("ask", _BEST)
        sides = {"bids": _levels(bids), "asks": _levels(asks)}
        return {
            **sides,
            "checksum": checksum_of(*best),
            "timestamp": time(self._time),
        }

    def _exact(self, at: Decimal, size: Decimal) -> Level:
        """A level with the digits that it has on the wire."""
        return Level(price(at, self._places), quantity(size))


def _levels(levels: Sequence[Level]) -> list[dict[str, Any]]:
    return [{"price": number(at.price), "qty": number(at.size)} for at in levels]
