"""Sequence numbers of a venue, and its scaled decimals."""

from collections.abc import Hashable, Iterator, Mapping
from decimal import Context, Decimal
from typing import Any, Literal

from msgspec import Struct

from mdc_core.errors import DataError
from mdc_core.events import Gap, Integrity

_EXACT = Context(prec=100)
_OVERTAKEN = 1000  # numbers of a hole that may come yet
_SURE = 3  # numbers in a row that are behind


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


class Restarted(Struct, frozen=True):
    """Numbers that began anew: at `first`, behind `last`; `missing` of them did not come."""

    last: int
    first: int
    missing: int
    since: str | None = None

    def told(self, of: str, *, always: bool = False, **head: Any) -> Iterator[Integrity | Gap]:
        """The finding, and a `Gap` if numbers are missing, or `always`; `head` are their fields."""
        text = f"the numbers of {of} began anew at {self.first}, behind {self.last}"
        yield Integrity(**head, check="sequence", severity="warning", message=text)
        if self.missing or always:
            gap = Gap(**head, start=self.since, end=head.get("ts_event"), reason="sequence")
            gap.count = self.missing or None
            yield gap


class SequenceCount:
    """Follows the numbers of one channel; `next` is due, and `when` was the one before.

    A number that is behind is late: it came again, or was overtaken. Three in a row, each above
    the one before, mean that the count began anew, at the first of them; what fills a hole of up
    to 1,000 numbers that was told does not count, for it was overtaken.
    """

    __slots__ = ("_behind", "_hole", "next", "when")

    def __init__(self, first: int | None = None) -> None:
        self.next: int | None = first
        self.when: str | None = None
        self._hole = 0, 0  # the last one that was told
        self._behind: list[int] = []  # numbers in a row

    def expect(self, number: int, when: str | None = None) -> "Order":
        """What this number is; see `Follow.expect`."""
        due = self.next
        if due is not None and number < due:
            return self._late(number, when)
        since, self.when = self.when, when
        self.next = number + 1
        if self._behind:
            self._behind = []
        if due is None or number == due:
            return "ok"
        self._hole = self._told(due, number)
        return Missing(due, number - due, since)

    def reach(self, number: int, when: str | None = None) -> "Order":
        """All up to this number were due: `Missing` if they have not come."""
        due, since = self.next, self.when
        if due is not None and number < due:
            return "ok"
        self.restart(number)
        self.when = when
        if due is None:
            return "ok"
        self._hole = self._told(due, number + 1)
        return Missing(due, number + 1 - due, since)

    def restart(self, number: int) -> None:
        """This number is the last that counts, whatever came before."""
        self.next, self._hole, self._behind = number + 1, (0, 0), []

    @staticmethod
    def _told(first: int, end: int) -> tuple[int, int]:
        """The hole that may be filled yet."""
        return (first, end) if end - first <= _OVERTAKEN else (0, 0)

    def _late(self, number: int, when: str | None) -> "Order":
        behind, (low, high) = self._behind, self._hole
        if low <= number < high or (behind and number == behind[-1]):
            return "late"
        if behind and number < behind[-1]:
            behind.clear()
        behind.append(number)
        if len(behind) < _SURE or self.next is None:
            return "late"
        missing = number - behind[0] + 1 - len(behind)
        found = Restarted(self.next - 1, behind[0], missing, self.when)
        self.when = when
        self.restart(number)
        return found


Order = Literal["ok", "late"] | Missing | Restarted


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
        self._counts: dict[Hashable, SequenceCount] = {}
        self._held: dict[Hashable, list[tuple[int, Any]]] = {}

    def expect(self, channel: Hashable, number: int, when: str | None = None) -> Order:
        """What this number is: the next one, one that is behind, or one ahead of others.

        `when` is the event's time; what is missing happened `since` that of the one before. A
        late one (a number again, or one that was overtaken) changes nothing; behind one that is
        ahead, the next is expected. The third of a row that is behind is `Restarted`: the count
        began anew, and the number behind it is expected.
        """
        count = self._counts.get(channel)
        if count is None:
            count = self._counts[channel] = SequenceCount(self._first)
        return count.expect(number, when)

    def gaps(self, channel: Hashable, head: Mapping[str, Any]) -> Iterator[Gap | Integrity]:
        """A `Gap` if numbers are missing before the event of these fields, `seq` among them.

        Where they begin anew, that is a finding.
        """
        end = head.get("ts_event")
        order = self.expect(channel, head["seq"], end)
        if isinstance(order, Missing):
            found = {**head, "extra": None, "start": order.since, "end": end, "count": order.count}
            yield Gap(**found, reason="sequence")
        elif isinstance(order, Restarted):
            yield from order.told(str(head.get("symbol") or channel), **{**head, "extra": None})

    def restart(self, channel: Hashable, number: int) -> None:
        """This number is the last that counts, whatever came before: that of a snapshot."""
        self._counts.setdefault(channel, SequenceCount()).restart(number)

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
