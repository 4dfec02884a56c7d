"""Kraken's order books: levels by price, the depth that is kept, and the checksum.

Source: Kraken, "Book checksum (WebSocket v2)": CRC-32 of the ten best asks, lowest first, then
of the ten best bids, highest first; of each level the digits of its price and of its quantity
as sent, without the dot and without leading zeros.
"""

import zlib
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mdc_core.plugin import DataError, Level, unscaled

_LONGEST = 100  # digits of a number; one of 1E+999999999 would be as long as that
_BEST = 10  # levels of a side in the checksum, whatever the depth


def digits(number: Decimal) -> str:
    """The digits of a number as sent: no dot, no leading zeros."""
    text = str(number)
    if "E" in text:
        if abs(number.adjusted()) > _LONGEST:
            raise DataError(f"kraken: {number} is a number that nobody can hold")
        text = f"{number:f}"
    return text.replace(".", "").lstrip("0")


def checksum_of(bids: Sequence[Level], asks: Sequence[Level]) -> int:
    """The checksum of a book whose levels stand best first, with the digits that were sent."""
    levels = [digits(at.price) + digits(at.size) for side in (asks, bids) for at in side[:_BEST]]
    return zlib.crc32("".join(levels).encode())


def book_checksum(
    bids: Sequence[Level], asks: Sequence[Level], extra: Mapping[str, Any]
) -> str | None:
    """The checksum of a book whose levels stand best first, their numbers in any spelling.

    `extra` is that of its last snapshot, for the precisions of its numbers. None where it has
    none, as that of an empty book, or where a number is finer.
    """
    price, qty = extra.get("price_precision"), extra.get("qty_precision")
    if not isinstance(price, int) or not isinstance(qty, int):
        return None
    try:
        levels = [
            f"{unscaled(at.price, price)}{unscaled(at.size, qty)}"
            for side in (asks, bids)
            for at in side[:_BEST]
        ]
    except DataError:
        return None
    return str(zlib.crc32("".join(levels).encode()))


class Side:
    """One side of a book; prices ascend, so the best bid is the last and the best ask the first."""

    __slots__ = ("_is_bid", "_texts", "_top", "prices")

    def __init__(self, *, is_bid: bool) -> None:
        self._is_bid = is_bid
        self.prices: list[Decimal] = []
        self._texts: dict[Decimal, str] = {}
        self._top: str | None = None  # the text of the best levels, until one of them changes

    def put(self, price: Decimal, size: Decimal, text: str) -> None:
        """Put a level to its size; 0 takes it out. `text` is its part of the checksum."""
        prices, texts = self.prices, self._texts
        if self._top is not None and self._is_near(price):
            self._top = None
        if not size:
            if texts.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]
            return
        if price not in texts:
            insort(prices, price)
        texts[price] = text

    def _is_near(self, price: Decimal) -> bool:
        """Whether a change at this price is one of the best levels."""
        prices = self.prices
        if len(prices) < _BEST:
            return True
        return price >= prices[-_BEST] if self._is_bid else price <= prices[_BEST - 1]

    def cut(self, depth: int) -> None:
        """Forget what is beyond the depth: the venue tells nothing more of it."""
        if len(self.prices) > depth:
            keep = slice(None, -depth) if self._is_bid else slice(depth, None)
            for price in self.prices[keep]:
                del self._texts[price]
            del self.prices[keep]

    def text(self) -> str:
        """What the best levels are in the checksum."""
        if self._top is None:
            prices = self.prices
            best = prices[: -_BEST - 1 : -1] if self._is_bid else prices[:_BEST]
            self._top = "".join([self._texts[price] for price in best])
        return self._top


class KrakenBook:
    """The book of a symbol as far as the venue keeps it up to date."""

    __slots__ = ("asks", "bids", "depth", "since")

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.bids, self.asks = Side(is_bid=True), Side(is_bid=False)
        self.since: str | None = None  # the time of the last message whose checksum was right

    def checksum(self) -> int:
        """The checksum of the book, cut to its depth."""
        self.bids.cut(self.depth)
        self.asks.cut(self.depth)
        return zlib.crc32((self.asks.text() + self.bids.text()).encode())


def precision_of(numbers: Iterable[Decimal]) -> int | None:
    """How many decimals all of these numbers have; None where they differ."""
    places = {number.as_tuple().exponent for number in numbers}
    (one,) = places if len(places) == 1 else (None,)
    return -one if isinstance(one, int) and one <= 0 else None
