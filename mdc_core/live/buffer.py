"""The bounded buffer between the thread that reads a feed and the one that writes events.

Capacity counts events. What happens when it is full is stated by a policy:

    block         the reader of the feed waits (the vendor may call us a slow client)
    drop-oldest   the oldest events make room
    drop-newest   the new events do not get in
    spill         the new events wait in a temporary file, and none is lost

Events about instruments are dropped and counted by symbol and channel; events about the data
itself (connection, gap, integrity) never are. What was dropped is told by `gap` events, in the
place where it is missing. Every event that went in comes out, or is in such a count.
"""

import threading
from collections import Counter, deque
from collections.abc import Sequence
from itertools import chain
from queue import SimpleQueue
from time import monotonic
from typing import Literal

from msgspec import Struct

from mdc_core.errors import DataError, WriteError
from mdc_core.events import Event, Gap, Market
from mdc_core.live.spill import BufferSpill
from mdc_core.times import to_ns

Policy = Literal["block", "drop-oldest", "drop-newest", "spill"]
POLICIES: tuple[Policy, ...] = ("block", "drop-oldest", "drop-newest", "spill")
CAPACITY = 50_000
SLOW, FORGET = 2.0, 10.0  # seconds for which a feed is held up that is slow, and is so no more
AT_ONCE = 512  # events that one `take` returns, about: no more than a core's cache holds


class _Hole(Struct):
    """What was dropped of a symbol and channel: from when to when, whatever order it came in."""

    last: Event
    start: str | None
    end: str | None
    count: int = 0

    def add(self, event: Event) -> None:
        """One more was dropped."""
        self.last = event
        self.count += 1
        time = event.ts_event or event.ts_recv
        if time is not None:
            if self.start is None or _is_before(time, self.start):
                self.start = time
            if self.end is None or _is_before(self.end, time):
                self.end = time


def _kept(seconds: float) -> float:
    """How much of a wait counts so many seconds later."""
    return max(1 - seconds / FORGET, 0.0)


def _is_before(time: str, other: str) -> bool:
    if len(time) == len(other) and time[-1] == other[-1] == "Z":
        return time < other
    try:
        return to_ns(time) < to_ns(other)
    except DataError:
        return False  # told where the event is read


class Buffer:
    """Lists of events from some threads to another, at most `capacity` events at a time."""

    def __init__(self, capacity: int = CAPACITY, policy: Policy = "block") -> None:
        self.policy = policy
        self.capacity = max(capacity, 1)
        self.accepted = 0
        self.dropped: Counter[str] = Counter()
        self._lists: deque[Sequence[Event]] = deque()
        self._size = 0
        self._holes: dict[tuple[str | None, str | None], _Hole] = {}
        self._spill: BufferSpill | None = None
        self._closed = self._discarding = False
        self._lock = threading.Lock()
        # Let go for a taker that waits. Not a queue: up to Python 3.12, one that a signal
        # interrupts in the main thread may wait for ever, whatever its timeout. Nor an event: that
        # is a lock as well, and a twentieth of the time for which a trade is under way.
        self._filled = threading.Lock()
        self._filled.acquire()
        self._emptied: SimpleQueue[None] = SimpleQueue()
        self._taker_waits = False
        self._putters_waiting = 0
        self._held = self._held_until = 0.0  # seconds, up to when

    @property
    def holds_up(self) -> bool:
        """Whether the feed was held up by its reader for long, a moment ago."""
        held = self._held * _kept(monotonic() - self._held_until)
        return held > 0 and held >= SLOW

    def _has_waited(self, began: float) -> None:
        now = monotonic()
        self._held = self._held * _kept(began - self._held_until) + now - began
        self._held_until = now

    @property
    def waiting(self) -> int:
        """How many events are in memory now."""
        return self._size

    def put(self, events: Sequence[Event]) -> None:
        """Add events; may wait, drop or spill when there is no room for them."""
        while True:
            with self._lock:
                if self._admit(events):
                    self.accepted += len(events)
                    return
                self._putters_waiting += 1
            began = monotonic()
            self._emptied.get()
            self._has_waited(began)
            if self._closed:
                self._emptied.put(None)  # for the other threads that wait

    def tell(self, events: Sequence[Event]) -> None:
        """Add events about the data itself: at once, and even when there is no room."""
        with self._lock:
            self.accepted += len(events)
            if self._spill is not None:
                self._to_file(events)
                return
            if self._holes and self.policy != "drop-oldest":
                self._append(self._gaps())
            self._append(events)

    def take(self, timeout: float | None = None) -> list[Event] | None:
        """The next events; [] after `timeout` seconds, None at the end."""
        with self._lock:
            events = self._next()
            if events or self._closed:
                return events or None
            self._filled.acquire(blocking=False)  # of a wait that had ended by then
            self._taker_waits = True
        if not self._filled.acquire(timeout=-1 if timeout is None else timeout):
            return []
        with self._lock:
            return self._next()

    def close(self) -> None:
        """No more events will be put; those that are here can still be taken."""
        with self._lock:
            self._closed = True
            self._wake_taker()
        self._emptied.put(None)

    def discard(self) -> None:
        """Throw away what is here and what comes, for a taker that has seen enough."""
        self.close()
        with self._lock:
            self._discarding = True
            self._lists.clear()
            self._holes.clear()
            self._size = 0
            if self._spill is not None:
                self._spill.close()
                self._spill = None

    def _admit(self, events: Sequence[Event]) -> bool:
        """Take events in, or do with them what the policy says; False: wait for room."""
        if self._spill is None and self._size + len(events) <= self.capacity and not self._closed:
            if self._holes and self.policy == "drop-newest":
                self._append(self._gaps())
            self._append(events)
            return True
        return self._overflow(events)

    def _append(self, events: Sequence[Event]) -> None:
        self._lists.append(events)
        self._size += len(events)
        self._wake_taker()

    def _wake_taker(self) -> None:
        if self._taker_waits:
            self._taker_waits = False
            self._filled.release()

    def _overflow(self, events: Sequence[Event]) -> bool:
        if self._discarding:
            pass  # nobody wants more
        elif self._closed:
            self._drop(events)  # nothing waits any longer, and all is counted
        elif self.policy == "spill":
            self._to_file(events)
        elif self._size == 0 and self.policy == "block":
            self._append(events)  # one list larger than the whole buffer
        elif self.policy == "block" or self._size >= 2 * self.capacity:
            # What is never dropped could pile up; then even a dropper waits.
            return False
        elif self.policy == "drop-oldest":
            self._append(events)
            self._drop_oldest()
        else:
            self._drop_newest(events)
        return True

    def _to_file(self, events: Sequence[Event]) -> None:
        try:
            self._spill = self._spill or BufferSpill()
            self._spill.write(events)
        except OSError as error:
            self._drop(events)
            raise WriteError(
                f"cannot spill to a temporary file: {error.strerror or error}",
                hint="make room where TMPDIR points, or choose another --overflow",
            ) from error
        self._wake_taker()

    def _drop_oldest(self) -> None:
        kept: list[Event] = []
        excess = self._size - self.capacity
        while excess > 0 and self._lists:
            events = self._lists.popleft()
            droppable = [e for e in events if isinstance(e, Market)][:excess]
            excess -= len(droppable)
            gone = set(map(id, droppable))
            self._drop(droppable)
            self._size -= len(droppable)
            rest = [e for e in events if id(e) not in gone]
            if excess > 0:
                kept += rest
            else:
                self._lists.appendleft(rest)
        if kept:
            self._lists.appendleft(kept)

    def _drop_newest(self, events: Sequence[Event]) -> None:
        room = max(self.capacity - self._size, 0)
        admitted: list[Event] = []
        for event in events:
            data = isinstance(event, Market)
            if data and not room:
                self._drop([event])
                continue
            if self._holes:
                admitted += self._gaps()  # what is missing belongs before this one
            admitted.append(event)
            room -= data
        if admitted:
            self._append(admitted)

    def _drop(self, events: Sequence[Event]) -> None:
        for event in events:
            if not isinstance(event, Market):
                continue
            key = event.symbol, event.channel
            hole = self._holes.get(key)
            if hole is None:
                hole = self._holes[key] = _Hole(event, None, None)
            hole.add(event)
            self.dropped[event.symbol or ""] += 1

    def _gaps(self) -> list[Event]:
        """A gap for each symbol and channel of which something was dropped since the last call."""
        gaps: list[Event] = [
            Gap(
                symbol=symbol,
                ts_event=hole.start,
                ts_recv=hole.last.ts_recv,
                provider=hole.last.provider,
                channel=channel,
                start=hole.start,
                end=hole.end,
                count=hole.count,
                reason="overflow",
            )
            for (symbol, channel), hole in self._holes.items()
        ]
        self._holes.clear()
        return gaps

    def _next(self) -> list[Event]:
        chosen: list[Sequence[Event]] = []
        count = 0
        if self._holes and self.policy == "drop-oldest":
            chosen.append(self._gaps())
        while self._lists and count < AT_ONCE:
            chosen.append(self._lists.popleft())
            count += len(chosen[-1])
        self._size -= count
        if self._spill is not None and not self._lists:
            while not self._spill.empty and count < AT_ONCE:
                chosen.append(self._spill.read())
                count += len(chosen[-1])
            if self._spill.empty:
                self._spill.close()
                self._spill = None
        if self._holes and not self._lists and self._spill is None:
            chosen.append(self._gaps())
        for _ in range(self._putters_waiting):
            self._emptied.put(None)
        self._putters_waiting = 0
        return list(chain.from_iterable(chosen))
