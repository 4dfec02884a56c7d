"""Order books that begin with a snapshot by REST, and go on with changes by WebSocket.

The rule (Binance, "How to manage a local order book correctly"): changes are held until the
snapshot is there. Those that it has already (`u` up to its `lastUpdateId`) are dropped, and the
first one left has to reach back to it, or the snapshot is too old and asked for again. From
then on each change follows the one before: of spot `U` is the last `u` + 1, of futures `pu` is
the last `u`. Where it does not, something is missing, and a new snapshot is asked for.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from mdc_core.plugin import Event, Gap, Integrity, Restarted, SequenceCount
from mdc_providers.binance.decode import book_of, deltas_of
from mdc_providers.binance.messages import DepthMessage, SnapshotMessage
from mdc_providers.binance.moments import Moments

_PASSED = 100  # changes from before a snapshot: 10 s, or more
_KEPT = 3  # changes that are behind
HELD = 10_000  # messages of a symbol, beyond which the oldest are given up

Ask = Callable[[str, bool], None]  # for the snapshot of a symbol; True: once more


class BookSync:
    """The book of one symbol: in step with the venue's, or waiting for a snapshot."""

    def __init__(self, symbol: str, at: Moments, ask: Ask) -> None:
        self.symbol = symbol
        self.last: int | None = None  # the update that it is at, None without a snapshot
        self._at, self._ask = at, ask
        self._since: str | None = None  # when the last update was
        self._held: deque[DepthMessage] = deque()
        self._asked = False
        self._given_up = 0  # levels that were held for too long, or cannot be used
        self._first: str | None = None  # when the first of what is held was
        self._count = SequenceCount()  # of the changes as they come
        self._behind: list[DepthMessage] = []  # the last ones, behind others
        self._old = 0  # changes that came again
        self._passed = 0  # changes in a row that the snapshot has already

    def wait(self) -> None:
        """Ask for the snapshot, unless that was done."""
        if not self._asked:
            self._asked = True
            self._ask(self.symbol, False)

    def change(self, m: DepthMessage) -> list[Event]:
        """The events of a change, in order; none while the snapshot is awaited."""
        if (order := self._count.expect(m.u)) == "late":
            return self._again(m)
        if isinstance(order, Restarted):
            return self._restart(m, order)
        self._behind = []
        return self._take(m)

    def snapshot(self, m: SnapshotMessage, now: int) -> Iterator[Event]:
        """The book, and what was held of its changes; nothing if it is not new enough.

        Without a time of its own it is as old as the change before it.
        """
        if self.last is not None:
            return  # it was not asked for: the book is in step
        held, number = self._held, m.lastUpdateId
        time = None if not held else self._time(held[0])
        while held and held[0].u <= number:
            time = self._time(held.popleft())
        if held and (held[0].U - 1 if held[0].pu is None else held[0].pu) > number:
            self._ask(self.symbol, True)
            return
        rest, self._held, self._asked = held, deque(), False
        self.last, self._given_up, self._first = number, 0, None
        self._since = self._at(m.T or m.E) if m.T or m.E else time or self._at.ns(now)
        yield book_of(m, self.symbol, self._since)
        for change in rest:
            yield from self._take(change)

    def fits(self, number: int) -> bool:
        """Whether a snapshot at this update may be the one that is awaited."""
        if self.last is not None or not self._held:
            return False
        first = self._held[0]
        return number >= first.U - 1 and number - self._held[-1].u < 1_000_000

    def end(self) -> Iterator[Event]:
        """What is held and can be used no more, for the connection is gone; what was old."""
        if self._old > 1:  # the first was told
            yield self._finding(f"{self._old} changes came again, or late, and were left out")
        if self.last is None and self._first is not None:
            count = self._given_up + sum(len(m.b) + len(m.a) for m in self._held)
            last = self._time(self._held[-1])
            text = f"the book of {self.symbol} had no snapshot: {count} changes were not used"
            yield Integrity(
                symbol=self.symbol, ts_event=last, check="book", severity="warning", message=text
            )
            gap = Gap(symbol=self.symbol, ts_event=self._first, start=self._first, end=last)
            gap.count, gap.reason = count, "no snapshot"
            yield gap

    def _take(self, m: DepthMessage) -> list[Event]:
        """A change whose turn it is."""
        last = self.last
        if last is None:
            self._hold(m)
            self.wait()
            return []
        if m.u <= last:
            return self._before(m, last)
        if (m.U - 1 if m.pu is None else m.pu) > last:
            return [self._lose(m, last)]
        self.last, self._passed = m.u, 0
        events = deltas_of(m, self._at)
        self._since = events[0].ts_event if events else self._time(m)
        return events

    def _again(self, m: DepthMessage) -> list[Event]:
        """A change that is behind those that came before it."""
        self._behind = [*self._behind, m][-_KEPT:]
        self._old += 1
        if self._old > 1:
            return []
        return [self._finding("a change came again, or late, and is left out", self._time(m))]

    def _before(self, m: DepthMessage, last: int) -> list[Event]:
        """A change from before the snapshot; of too many the snapshot is not of this count."""
        self._passed += 1
        if self._passed < _PASSED:
            return []
        self._passed = 0
        found = self._finding(f"{_PASSED} changes are from before its snapshot", self._time(m))
        gap = self._lose(m, last)
        gap.count = None
        return [found, gap]

    def _restart(self, m: DepthMessage, order: Restarted) -> list[Event]:
        """The update ids began anew: the book waits for a snapshot of the new count."""
        head: dict[str, Any] = {"symbol": self.symbol, "ts_event": self._time(m)}
        finding = next(order.told(f"the book of {self.symbol}", **head))
        gap = Gap(symbol=self.symbol, ts_event=self._since, start=self._since, end=self._time(m))
        gap.reason = "sequence"
        self._given_up += sum(len(held.b) + len(held.a) for held in self._held)
        self._held.clear()
        since = [held for held in self._behind if held.u >= order.first]
        self._old -= len(since)
        for change in (*since, m):
            self._hold(change)
        self.last, self._behind, self._asked = None, [], True
        self._ask(self.symbol, True)
        return [finding, gap]

    def _finding(self, text: str, time: str | None = None) -> Integrity:
        found = Integrity(symbol=self.symbol, ts_event=time or self._since, check="sequence")
        found.severity, found.about = "warning", "delta"
        found.message = f"the book of {self.symbol}: {text}"
        return found

    def _hold(self, m: DepthMessage) -> None:
        self._first = self._first or self._time(m)
        self._held.append(m)
        if len(self._held) > HELD:
            gone = self._held.popleft()
            self._given_up += len(gone.b) + len(gone.a)

    def _lose(self, m: DepthMessage, last: int) -> Gap:
        """Something is missing before this change: the book waits for another snapshot."""
        gap = Gap(symbol=self.symbol, start=self._since, end=self._time(m), reason="sequence")
        gap.ts_event = self._since
        gap.count = m.U - 1 - last if m.pu is None else None
        gap.extra = {"after": last, "before": m.U}
        self.last, self._asked = None, True
        self._hold(m)
        self._ask(self.symbol, True)
        return gap

    def _time(self, m: DepthMessage) -> str:
        return self._at(m.T or m.E)
