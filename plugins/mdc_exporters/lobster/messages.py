"""The rows of a message file as events, after LOBSTER's page "Output" (lobsterdata.com).

    seconds after midnight, type, order id, size, price x 10000, direction of the resting order

What an order loses, which is what a row tells, is `extra.reduced`; its new size is told where the
file has its beginning.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from mdc_core.plugin import DataError, Delta, Event, Status, Trade, from_ns, scaled

_ROW = re.compile(
    rb"(\d{1,6})(?:\.(\d{1,9}))?,([1-7]),(-?\d{1,18}),(-?\d{1,15}),(-?\d{1,18}),(-?1)\r?\n?"
)
_SIDES = {1: "bid", -1: "ask"}
_TAKERS = {1: "sell", -1: "buy"}  # the direction is that of the order that rested
_HALTS = {
    -1: ("halted", "trading halt"),
    0: ("quoting", "quoting resumes"),
    1: ("trading", "trading resumes"),
}
NEW, REDUCED, DELETED, EXECUTED, HIDDEN, CROSS, HALT = range(1, 8)


class Message(NamedTuple):
    """A row of a message file: nanoseconds since 1970, whole numbers as they stand there."""

    moment: int
    kind: int
    order: int
    size: int
    price: int
    direction: int


def is_message(line: bytes) -> bool:
    """Whether a line looks like a row."""
    return _ROW.fullmatch(line) is not None


def message_of(line: bytes, midnight: int) -> Message:
    """A row; raises DataError for what is none."""
    found = _ROW.fullmatch(line)
    if found is None:
        raise DataError("no row of a message file: seconds, type, order id, size, price, direction")
    seconds, fraction, *numbers = found.groups()
    moment = midnight + int(seconds) * 10**9 + int((fraction or b"").ljust(9, b"0"))
    message = Message(moment, *map(int, numbers))
    if message.kind != HALT and (message.size <= 0 or message.price < 0):
        raise DataError("a size or a price that is none")
    if message.kind == HALT and message.price not in _HALTS:
        raise DataError("a halt that is none of -1, 0 and 1")
    return message


class Orders:
    """The events of messages in their order; sizes of orders are known from their beginning."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._sizes: dict[int, int] = {}

    def events(self, message: Message, number: int) -> Iterator[Event]:
        """The events of the row of this number."""
        head = self.head(message, number)
        if message.kind == HALT:
            status, words = _HALTS[message.price]
            yield Status(**head, status=status, status_code=str(message.price), message=words)
            return
        if message.kind in (EXECUTED, HIDDEN, CROSS):
            yield _trade(message, head)
        if message.kind in (NEW, REDUCED, DELETED, EXECUTED):
            yield self._change(message, head)

    def head(self, message: Message, number: int) -> dict[str, Any]:
        """What all events of a row have."""
        return {
            "symbol": self._symbol,
            "ts_event": from_ns(message.moment),
            "provider": "lobster",
            "venue": "XNAS",
            "channel": "lobster",
            "seq": number,
        }

    def _change(self, message: Message, head: dict[str, Any]) -> Delta:
        order, size = message.order, message.size
        change = Delta(**head, side=_SIDES[message.direction], price=scaled(message.price, 4))
        change.order_id = str(order)
        if message.kind == NEW:
            self._sizes[order] = size
            change.action, change.size = "add", scaled(size, 0)
            return change
        change.extra = {"reduced": size}
        before = self._sizes.get(order)
        left = None if before is None or before < size else before - size
        if message.kind == DELETED:
            left = 0
        change.action = "cancel" if left == 0 else "modify"
        change.size = None if left is None else scaled(left, 0)
        if left:
            self._sizes[order] = left
        else:
            self._sizes.pop(order, None)
        return change


def _trade(message: Message, head: dict[str, Any]) -> Trade:
    trade = Trade(**head, price=scaled(message.price, 4), size=scaled(message.size, 0))
    trade.extra = {"order_id": str(message.order)}
    if message.kind == CROSS:
        trade.aggressor_side, trade.conditions = "none", ["cross"]
        return trade
    trade.aggressor_side = _TAKERS[message.direction]
    if message.kind == HIDDEN:
        trade.conditions = ["hidden"]
    return trade
