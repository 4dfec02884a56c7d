"""Sequence numbers of a venue, and its scaled decimals."""

from collections.abc import Hashable, Iterator, Mapping
from decimal import Context, Decimal
from typing import Any, Literal

from msgspec import Struct

from mdc_core.errors import DataError
from mdc_core.events import Gap

_EXACT = Context(prec=100)


def scaled(number: int, places: int) -> Decimal:
    """A whole number of units as a decimal, exactly: `scaled(4721650, 4)` is 472.1650.

    Raises DataError for what is no whole number, such as a float or a text.
    """
    if type(number) is not int:
        raise DataError(f"{number!r} is no whole number of units")
    return Decimal(number).scaleb(-places, _EXACT)


def unscaled(value: Decimal, places: int) -> int:
    """A decimal as a whole number of units; raises DataError if it is finer than that."""
    units = value.scaleb(places, _EXACT)
    if units != int(units):
        raise DataError(f"{value} is finer than {places} decimals")
    return int(units)


class Missing(Struct, frozen=True):
    """Numbers that did not come: the first, how many, and when the one before them was."""

    first: int
    count: int
    since: str | None = None


class Follow:
    """Follows sequence numbers, those of each channel by themselves.

    A channel is whatever has numbers of its own: a name, a symbol, a pair. `first` is the number
    with which each begins; without it, any will do. What cannot be used before something is
    asked for again, such as changes of a book, is held:

        order = self.numbers.expect(symbol, number, moment)
        if isinstance(order, Missing):
            yield Gap(symbol=symbol, start=order.since, end=moment, count=order.count)
            self.numbers.hold(symbol)  # from here on, until the snapshot that is asked for
        if self.numbers.holds(symbol):
            self.numbers.hold(symbol, (number, message))
        ...
        for message in self.numbers.release(symbol, snapshot_number):
            yield from self.change(message)
    """

    def __init__(self, first: int | None = None) -> None:
        self._first = first
        self._next: dict[Hashable, int] = {}
        self._when: dict[Hashable, str | None] = {}
        self._held: dict[Hashable, list[tuple[int, Any]]] = {}

    def expect(
        self, channel: Hashable, number: int, when: str | None = None
    ) -> Literal["ok", "late"] | Missing:
        """What this number is: the next one, one that is behind, or one ahead of others.

        `when` is the event's time; what is missing happened `since` that of the one before. A
        late one (a number again, or one that was overtaken) changes nothing; behind one that is
        ahead, the next is expected.
        """
        due = self._next.get(channel, self._first)
        if due is not None and number < due:
            return "late"
        since, self._when[channel] = self._when.get(channel), when
        self._next[channel] = number + 1
        if due is None or number == due:
            return "ok"
        return Missing(due, number - due, since)

    def gaps(self, channel: Hashable, head: Mapping[str, Any]) -> Iterator[Gap]:
        """A `Gap` if numbers are missing before the event of these fields, `seq` among them."""
        end = head.get("ts_event")
        order = self.expect(channel, head["seq"], end)
        if isinstance(order, Missing):
            found = {**head, "extra": None, "start": order.since, "end": end, "count": order.count}
            yield Gap(**found, reason="sequence")

    def restart(self, channel: Hashable, number: int) -> None:
        """This number is the last that counts, whatever came before: that of a snapshot."""
        self._next[channel] = number + 1

    def hold(self, channel: Hashable, *items: tuple[int, Any]) -> None:
        """Hold these, each with its number, until `release`; with none, what is yet to come."""
        self._held.setdefault(channel, []).extend(items)

    def holds(self, channel: Hashable) -> bool:
        """Whether what comes has to be held."""
        return channel in self._held

    def release(self, channel: Hashable, number: int) -> list[Any]:
        """What was held and is numbered beyond this, in order; the channel is held no more."""
        held = sorted(self._held.pop(channel, ()), key=lambda pair: pair[0])
        return [item for its, item in held if its > number]
