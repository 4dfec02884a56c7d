"""The mock server's book of a symbol: its levels, and the ids of its updates."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from mdc_core.plugin import Book, Delta, Event, Ladder, Level
from mdc_providers.binance import messages as wire
from mdc_providers.binance.encode import Clock, pairs

_FIRST = 1_000  # update ids before the first one that a connection is sent
_STEP = 3  # of futures not every update is of this stream
_ALL = 1 << 30
_ZERO = Decimal(0)
Changes = list[tuple[str, Decimal, Decimal]]


class VenueBook:
    """A book, and where its updates are."""

    def __init__(self, symbol: str, *, is_spot: bool) -> None:
        self.symbol, self._is_spot = symbol, is_spot
        self.number = _FIRST  # of the last update, which a quote may have told alone
        self.sent = _FIRST  # of the last update that is in a message of changes
        self.time: str | None = None
        self._ladder = Ladder()

    def changes(self, events: Sequence[Book | Delta]) -> Changes:
        """What events of one moment change."""
        found: Changes = []
        for event in events:
            if isinstance(event, Book):
                found += self._replaced(event.bids or [], event.asks or [])
            elif event.action == "clear":
                found += self._replaced([], [])
            elif event.side in ("bid", "ask") and event.price is not None:
                size = _ZERO if event.action == "cancel" else event.size or _ZERO
                found.append((event.side, event.price, size))
                self._ladder.change(event.side, Level(event.price, size))  # type: ignore[arg-type]
        return found

    def update(self, changes: Changes, time: str | None, at: Clock) -> wire.DepthMessage:
        """The message of these changes: spot counts each, futures skip numbers."""
        before, self.time = self.sent, time
        first = before + 1 if self._is_spot else before + _STEP
        self.sent = self.number = max(self.number, first) + max(len(changes), 1) - 1
        stamp = at(time)
        bids, asks = ([(p, s) for side, p, s in changes if side == kind] for kind in ("bid", "ask"))
        return wire.DepthMessage(
            e="depthUpdate",
            E=stamp,
            T=0 if self._is_spot else stamp,
            s=self.symbol,
            U=first,
            u=self.number,
            pu=None if self._is_spot else before,
            b=bids,
            a=asks,
        )

    def quoted(self) -> int:
        """The number of an update that a quote tells."""
        self.number += 1
        return self.number

    def partial(self, levels: int, at: Clock) -> wire.Message:
        """The best levels."""
        bids, asks = self._top(levels)
        if self._is_spot:
            return wire.SnapshotMessage(lastUpdateId=self.number, bids=bids, asks=asks)
        stamp = at(self.time)
        head: dict[str, Any] = {"e": "depthUpdate", "E": stamp, "T": stamp, "s": self.symbol}
        return wire.DepthMessage(
            **head, U=self.number, u=self.number, pu=self.number, b=bids, a=asks
        )

    def snapshot(self, levels: int, at: Clock) -> bytes:
        """The book as REST gives it."""
        bids, asks = self._top(levels)
        stamp = 0 if self._is_spot else at(self.time)
        found = wire.SnapshotMessage(
            lastUpdateId=self.number, E=stamp, T=stamp, bids=bids, asks=asks
        )
        return wire.encode(found)

    def _top(self, levels: int) -> tuple[Any, Any]:
        return pairs(self._ladder.top("bid", levels)), pairs(self._ladder.top("ask", levels))

    def _replaced(self, bids: list[Level], asks: list[Level]) -> Changes:
        """The changes that make the book this one."""
        found: Changes = []
        for side, levels in (("bid", bids), ("ask", asks)):
            now = {level.price: level.size for level in levels}
            was = {level.price: level.size for level in self._ladder.top(side, _ALL)}  # type: ignore[arg-type]
            found += [(side, price, _ZERO) for price in was if price not in now]
            found += [(side, p, size) for p, size in now.items() if was.get(p) != size]
        self._ladder.snapshot(bids, asks)
        return found


def moments_of(events: Sequence[Event]) -> Iterator[list[Event]]:
    """The events, those changes of a book together that can stand in one message."""
    held: list[Event] = []
    for event in events:
        if held and not _joins(held, event):
            yield held
            held = []
        held.append(event)
    if held:
        yield held


def _joins(held: Sequence[Event], event: Event) -> bool:
    """Bids stand before asks, each level once, of one moment."""
    last = held[-1]
    if not (isinstance(last, Delta) and isinstance(event, Delta)):
        return False
    if (last.symbol, last.ts_event) != (event.symbol, event.ts_event) or "clear" in (
        last.action,
        event.action,
    ):
        return False
    if last.side == "ask" and event.side == "bid":
        return False
    return all((d.side, d.price) != (event.side, event.price) for d in held if isinstance(d, Delta))
