"""An order book by price, with a checksum of its best levels."""

import zlib
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Literal

from mdc_core.events import Level


class Ladder:
    """An order book by price: a snapshot, then its changes."""

    def __init__(self) -> None:
        self._sizes: dict[str, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}
        self._prices: dict[str, list[Decimal]] = {"bid": [], "ask": []}  # lowest first

    def snapshot(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Begin anew with these levels."""
        for side, levels in (("bid", bids), ("ask", asks)):
            self._sizes[side] = {at.price: at.size for at in levels if at.size}
            self._prices[side] = sorted(self._sizes[side])

    def change(self, side: Literal["bid", "ask"], level: Level) -> None:
        """Put a level to its size; 0 takes it out."""
        sizes, prices = self._sizes[side], self._prices[side]
        price, size = level.price, level.size
        if size:
            if price not in sizes:
                insort(prices, price)
            sizes[price] = size
        elif sizes.pop(price, None) is not None:
            del prices[bisect_left(prices, price)]

    def top(self, side: Literal["bid", "ask"], count: int) -> list[Level]:
        """The best levels of a side, best first."""
        prices = self._prices[side]
        best = prices[: -count - 1 : -1] if side == "bid" else prices[:count]
        return [Level(price, self._sizes[side][price]) for price in best]

    def checksum(
        self,
        count: int,
        text: Callable[[Level], str],
        *,
        separator: str = "",
        by_turns: bool = False,
    ) -> int:
        """CRC-32 of the text of the best `count` levels of each side, joined by `separator`.

        All bids, then all asks, best first; or by turns: bid, ask, bid, ask.
        """
        sides = [self.top("bid", count), self.top("ask", count)]
        levels = [level for side in sides for level in side]
        if by_turns:
            places = range(max(map(len, sides)))
            levels = [side[n] for n in places for side in sides if n < len(side)]
        return zlib.crc32(separator.join(map(text, levels)).encode())
