"""A day of orders, as LOBSTER's two files have it: the venue's own full book cut to some levels."""

import random
from collections import Counter
from typing import NamedTuple

DAY = "ABC_2024-07-02_34200000_57600000"
NOBODY = 9_999_999_999


class Resting(NamedTuple):
    """An order that waits: its side, 1 to buy and -1 to sell, and its price."""

    direction: int
    price: int


class Venue:
    """A venue with orders deeper than what its files show; `lines` are those of both files."""

    def __init__(self, seed: int, depth: int) -> None:
        self._rng, self._depth = random.Random(seed), depth
        self._orders: dict[int, Resting] = {}
        self._sizes: dict[int, int] = {}
        self._clock = 34_200 * 10**9
        self.messages: list[str] = []
        self.books: list[str] = []
        for number in range(60):  # there before the files begin
            self._place(number)

    def _place(self, number: int) -> None:
        direction = self._rng.choice((1, -1))
        at = Resting(direction, 1_000_000 - direction * 100 * self._rng.randint(1, 12))
        self._orders[number], self._sizes[number] = at, self._rng.randint(1, 9) * 100

    def window(self, direction: int) -> list[tuple[int, int]]:
        """The levels of a side that the files show, best first."""
        levels: Counter[int] = Counter()
        for number, (side, price) in self._orders.items():
            if side == direction:
                levels[price] += self._sizes[number]
        return sorted(levels.items(), reverse=direction == 1)[: self._depth]

    def run(self, steps: int) -> None:
        """So many things happen; those beyond the levels that are shown are in no file."""
        for number in range(1_000, 1_000 + steps):
            self._clock += self._rng.randint(0, 3) * 1_234_567
            if self._rng.random() < 0.5 or len(self._orders) < 40:
                self._place(number)
                self._tell(1, number, self._sizes[number])
                continue
            picked = self._rng.choice(list(self._orders))
            kind = self._rng.choice((2, 3, 4))
            most = self._sizes[picked]
            taken = most if kind == 3 else self._rng.choice((100, most))
            kind = 3 if kind == 2 and taken == most else kind
            shown = self._orders[picked].price in dict(self.window(self._orders[picked].direction))
            self._sizes[picked] -= taken
            self._tell(kind, picked, taken, shown)
            if not self._sizes[picked]:
                del self._orders[picked], self._sizes[picked]

    def _tell(self, kind: int, number: int, size: int, shown: bool | None = None) -> None:
        direction, price = self._orders[number]
        if self._sizes[number] == 0:
            self._orders[number] = Resting(0, price)  # in no window any more
        if shown is None:
            shown = price in dict(self.window(direction))
        if not shown:
            return
        seconds, rest = divmod(self._clock, 10**9)
        self.messages.append(f"{seconds}.{rest:09d},{kind},{number},{size},{price},{direction}")
        sides = [self.window(-1), self.window(1)]
        row: list[int] = []
        for level in range(self._depth):
            for sign, side in zip((1, -1), sides, strict=True):
                row += side[level] if level < len(side) else (sign * NOBODY, 0)
        self.books.append(",".join(map(str, row)))
