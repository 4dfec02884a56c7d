"""Events of books written by hand, and the plain book of which `mdc book` gives the best levels."""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

Event = dict[str, Any]
Side = list[tuple[Decimal, Decimal]]
OPEN = "2024-01-02T14:30:"


def event(kind: str, second: float, symbol: str = "A", **fields: Any) -> Event:
    """An event of this second behind the opening, received a little later."""
    came = f"{OPEN}{second + 0.01:012.9f}Z"
    head = {"type": kind, "symbol": symbol, "ts_event": f"{OPEN}{second:012.9f}Z", "ts_recv": came}
    return head | {"provider": "venue", "channel": "venue-1"} | fields


def snapshot(second: float, bids: str, asks: str, symbol: str = "A", **fields: Any) -> Event:
    """A book of levels such as `10x1 9.5x2`."""
    sides = {"bids": _levels(bids), "asks": _levels(asks)}
    return event("book", second, symbol, **sides, **fields)


def change(second: float, text: str, symbol: str = "A", **fields: Any) -> Event:
    """A change such as `bid 10x1`; of size 0 it takes the level out."""
    side, _, level = text.partition(" ")
    (at,) = _levels(level)
    action = {"action": "cancel" if at["size"] == 0 else "modify"}
    return event("delta", second, symbol, **(action | {"side": side} | at | fields))


def _levels(text: str) -> list[Event]:
    pairs = (level.split("x") for level in text.split())
    return [{"price": Decimal(price), "size": Decimal(size)} for price, size in pairs]


def lines(events: Iterable[Event]) -> bytes:
    """The events as JSONL, numbers with the digits that they have."""
    return b"".join(json.dumps(row, default=_number).encode() + b"\n" for row in events)


def _number(value: Decimal) -> Any:
    return str(value)  # mdc takes numbers as texts as well


def sides(book: Event) -> tuple[Side, Side]:
    """The levels of a `book` event."""
    bids, asks = (
        [(Decimal(at["price"]), Decimal(at["size"])) for at in book[name]]
        for name in ("bids", "asks")
    )
    return bids, asks


class PlainBook:
    """A book as simple as can be."""

    def __init__(self) -> None:
        self.levels: dict[str, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}

    def apply(self, row: Event) -> None:
        """One snapshot or change more."""
        if row["type"] == "book":
            for side, levels in zip(("bid", "ask"), sides(row), strict=True):
                self.levels[side] = dict(levels)
        elif row["action"] == "clear":
            self.levels = {"bid": {}, "ask": {}}
        else:
            levels = self.levels[row["side"]]
            levels.pop(Decimal(row["price"]), None)
            if row["action"] != "cancel" and Decimal(row["size"]):
                levels[Decimal(row["price"])] = Decimal(row["size"])

    def top(self, count: int) -> tuple[Side, Side]:
        """The best levels of both sides."""
        bids = sorted(self.levels["bid"].items(), reverse=True)
        return bids[:count], sorted(self.levels["ask"].items())[:count]


def states(rows: Iterable[Event], count: int) -> Iterator[tuple[Event, tuple[Side, Side]]]:
    """Each row with the best levels of its symbol behind it."""
    books: dict[str, PlainBook] = {}
    for row in rows:
        book = books.setdefault(row["symbol"], PlainBook())
        book.apply(row)
        yield row, book.top(count)
