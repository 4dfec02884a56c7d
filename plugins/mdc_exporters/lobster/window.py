"""The book file beside a message file: the best levels of both sides behind each message.

Levels that come into these from below are announced by no message, so they are told as changes.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from mdc_core.plugin import Book, DataError, Delta, Level, scaled
from mdc_exporters.lobster.messages import DELETED, EXECUTED, NEW, REDUCED, Message

_ROW = re.compile(rb"-?\d{1,18}(?:,-?\d{1,18})*\r?\n?")
_NOBODY = 9_999_999_999  # the price, or its negative, of a level that is not there


class Window(NamedTuple):
    """A row of a book file: the levels of both sides, best first, as price and size."""

    asks: list[tuple[int, int]]
    bids: list[tuple[int, int]]
    depth: int

    def holds(self, message: Message) -> bool:
        """Whether it can be the book behind a message: a new order is in it."""
        side = self.bids if message.direction == 1 else self.asks
        fits = (price == message.price and size >= message.size for price, size in side)
        return message.kind != NEW or any(fits)

    def book_before(self, message: Message, head: dict[str, Any]) -> Book:
        """The book that was before the message, as a snapshot, as far as it is known."""
        asks, bids = dict(self.asks), dict(self.bids)
        side = bids if message.direction == 1 else asks
        if message.kind == NEW:
            side[message.price] -= message.size
        elif message.kind in (REDUCED, DELETED, EXECUTED):
            side[message.price] = side.get(message.price, 0) + message.size
        return Book(**head, bids=_levels(bids, reverse=True), asks=_levels(asks))

    def moved(self, before: "Window", message: Message, head: dict[str, Any]) -> Iterator[Delta]:
        """The levels that came in from below, or fell out, and are not those of the message."""
        for side, sign, now, was in (
            ("bid", -1, self.bids, before.bids),
            ("ask", 1, self.asks, before.asks),
        ):
            own = message.price if message.direction == -sign else None
            if len(was) == self.depth:
                worst = sign * was[-1][0]
                for level, (price, size) in enumerate(now):
                    if sign * price > worst and price != own:
                        units = scaled(size, 0)
                        yield _change(head, "modify", side, price, size=units, level=level)
            if len(now) == self.depth:
                worst = sign * now[-1][0]
                for price, _ in was:
                    if sign * price > worst and price != own:
                        yield _change(head, "cancel", side, price, size=scaled(0, 0))


def _change(head: dict[str, Any], action: str, side: str, price: int, **fields: Any) -> Delta:
    return Delta(**head, action=action, side=side, price=scaled(price, 4), **fields)


def is_window(line: bytes) -> bool:
    """Whether a line looks like a row."""
    return _ROW.fullmatch(line) is not None and line.count(b",") % 4 == 3


def window_of(line: bytes) -> Window:
    """A row of a book file; raises DataError for what is none."""
    numbers = list(map(int, line.split(b","))) if is_window(line) else []
    if not numbers or min(numbers[1::2]) < 0:
        raise DataError("no row of a book file: price and size of ask and bid, level by level")
    asks, bids = (
        [at for at in zip(numbers[n::4], numbers[n + 1 :: 4], strict=True) if abs(at[0]) < _NOBODY]
        for n in (0, 2)
    )
    return Window(asks, bids, len(numbers) // 4)


def _levels(side: dict[int, int], *, reverse: bool = False) -> list[Level]:
    found = sorted(side.items(), reverse=reverse)
    return [Level(scaled(price, 4), scaled(size, 0)) for price, size in found if size]
