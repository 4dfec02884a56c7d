"""The state of one order book, and what changes it."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any, Literal

from mdc_core.batch import plain

State = Literal["new", "live", "frozen"]
BID, ASK = 0, 1
SIDES = ("bid", "ask")


class ImpossibleChange(Exception):  # noqa: N818 - a verdict on a change, caught where it is made
    """A change that cannot be: the book is not as it is at the venue. Numbers are units."""

    def text(self, places: int) -> str:
        """What is wrong, with units as numbers."""
        return "".join(plain(a, places) if isinstance(a, int) else str(a) for a in self.args)


class OrderBook:
    """The levels of both sides, and the orders in them where the venue tells of each.

    A level's key is its price, that of an ask its negative: on both sides the highest key is the
    best, and stands last. A level of orders holds those that are known by their ids, and a rest
    that a snapshot by price has told of.
    """

    __slots__ = (
        "checked",
        "clock",
        "depth",
        "due",
        "explicit",
        "extra",
        "head",
        "keys",
        "mark",
        "name",
        "open",
        "orders",
        "passed_over",
        "queues",
        "row",
        "since",
        "sizes",
        "state",
        "unsaid",
    )

    def __init__(self, name: tuple[str | None, ...]) -> None:
        self.name = name  # symbol, provider, channel
        self.state: State = "new"
        self.keys: tuple[list[int], list[int]] = ([], [])
        self.sizes: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.orders: dict[str, tuple[int, int]] | None = None  # side and key by id
        self.queues: tuple[dict[int, dict[str, int]], dict[int, dict[str, int]]] = ({}, {})
        self.depth: int | None = None  # levels a side that the venue keeps up to date
        self.extra: str | None = None  # of the last snapshot, for its checksums
        self.explicit = False  # the venue says which levels are new
        self.passed_over = 0  # changes that came while it was not live
        self.open = False  # its last update may go on in the next row
        self.mark = 0, False, 0  # event time of its last update; whether it has a number, and which
        self.checked = False  # its venue ends each update with a checksum
        self.clock = 0  # which connection's time is its own
        self.since: int | None = None  # receive time of its snapshot
        self.unsaid: Any = None  # that it is not known, while a snapshot may explain it
        self.due: int | None = None  # the interval whose state has not been given out yet
        self.head: Any = None  # the last row of what is open or due
        self.row = 0  # and where it stood in the stream

    def freeze(self) -> None:
        """Nothing is known from here on, until a snapshot comes."""
        self.state, self.due, self.open, self.head = "frozen", None, False, None
        self.empty()

    def empty(self, sides: Iterable[int] = (BID, ASK)) -> None:
        """Take all levels and orders out of these sides."""
        for side in sides:
            self.keys[side].clear()
            self.sizes[side].clear()
            self.queues[side].clear()
        if self.orders:
            self.orders = {i: at for i, at in self.orders.items() if at[0] not in set(sides)}

    def load(self, side: int, keys: list[int], sizes: list[int]) -> None:
        """Put these levels in place of a side's; raises ImpossibleChange."""
        self.empty([side])
        if min(sizes, default=0) < 0:
            raise ImpossibleChange("a level of the snapshot has a negative size")
        levels = dict(zip(keys, sizes, strict=True))
        if len(levels) < len(keys):
            raise ImpossibleChange("a price stands twice in the snapshot")
        self.sizes[side].update((key, size) for key, size in levels.items() if size)
        self.keys[side].extend(sorted(self.sizes[side]))

    def set(self, side: int, key: int, size: int) -> None:
        """Put a level to its size; 0 takes it out, with what is known of its orders."""
        sizes = self.sizes[side]
        if size:
            if key not in sizes:
                insort(self.keys[side], key)
            sizes[key] = size
        elif sizes.pop(key, None) is not None:
            keys = self.keys[side]
            del keys[bisect_left(keys, key)]

    def forget(self, side: int, key: int) -> None:
        """Know a level by its size alone."""
        if self.orders is not None:
            for order in self.queues[side].pop(key, ()):
                del self.orders[order]

    def cut(self) -> None:
        """Take out what fell out of the levels that the venue keeps up to date."""
        if self.depth is None:
            return
        for side in (BID, ASK):
            keys, sizes = self.keys[side], self.sizes[side]
            for key in keys[: -self.depth]:
                del sizes[key]
                self.forget(side, key)
            del keys[: -self.depth]

    @property
    def crossed(self) -> bool:
        """Whether the best bid is above the best ask."""
        bids, asks = self.keys
        return bool(bids and asks and bids[-1] + asks[-1] > 0)

    def add(self, order: str, side: int, key: int, size: int) -> None:
        """A new order."""
        if self.orders is None:
            self.orders = {}
        if order in self.orders:
            raise ImpossibleChange(f"order {order} is added, and is there already")
        self.orders[order] = side, key
        self.queues[side].setdefault(key, {})[order] = size
        self.set(side, key, self.sizes[side].get(key, 0) + size)

    def change(
        self, order: str, to: tuple[int, int] | None, size: int | None, taken: int | None
    ) -> None:
        """An order gets another size, or another place; `taken` is what it loses, if that is told.

        A size of None is not known; where that of an order is, `taken` may be left out.
        """
        at = self.orders.get(order) if self.orders else None
        if at is None:
            self._take_from_rest(order, to, taken)
            return
        side, key = at
        before = self.queues[side][key].pop(order)
        if size is None:
            if taken is None:
                raise ImpossibleChange(f"order {order} changes, without a size")
            size = before - taken
        if size < 0:
            raise ImpossibleChange(f"order {order} of ", before, " loses ", before - size)
        if not self.queues[side][key]:
            del self.queues[side][key]
        assert self.orders is not None
        del self.orders[order]
        self.set(side, key, self.sizes[side][key] - before)
        if size:
            self.add(order, *(to or at), size)

    def _take_from_rest(self, order: str, at: tuple[int, int] | None, taken: int | None) -> None:
        """An order that was there before a snapshot by price, and is known as part of a level."""
        if at is None or taken is None:
            raise ImpossibleChange(f"order {order} is not known")
        side, key = at
        total = self.sizes[side].get(key, 0)
        rest = total - sum(self.queues[side].get(key, {}).values())
        if not rest:
            raise ImpossibleChange(f"order {order} is not known")
        if taken < 0 or taken > rest:
            raise ImpossibleChange(
                f"order {order} loses ", taken, ", and orders not known have ", rest, " there"
            )
        self.set(side, key, total - taken)

    def count(self, side: int, key: int) -> int | None:
        """How many orders a level has, where all are known."""
        queue = self.queues[side].get(key)
        if not queue or sum(queue.values()) != self.sizes[side][key]:
            return None
        return len(queue)

    def rescale(self, by: int) -> None:
        """Count in another unit."""
        for side in (BID, ASK):
            self.keys[side][:] = [key * by for key in self.keys[side]]
            levels = {key * by: size * by for key, size in self.sizes[side].items()}
            queues = {
                key * by: {order: size * by for order, size in queue.items()}
                for key, queue in self.queues[side].items()
            }
            for old, new in ((self.sizes[side], levels), (self.queues[side], queues)):
                old.clear()
                old.update(new)  # type: ignore[arg-type]
        if self.orders:
            self.orders = {order: (side, key * by) for order, (side, key) in self.orders.items()}
