"""The events that a mock server plays: from their beginning for each client, or once."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from mdc_core.events import Book, Delta, Event, Level, Market
from mdc_core.protocol.ladder import Ladder
from mdc_core.times import SECOND, to_ns

AT_ONCE = 100  # events handed to a mock server in one list, at most

_ALL = 1 << 30  # levels of a side
_NONE = Decimal(0)

Lists = Iterable[Sequence[Event]]


class VenueBooks:
    """The venue's book of each symbol, as it is behind the events that have passed.

    There is none before its first snapshot (or `clear`), and none of single orders.
    """

    def __init__(self) -> None:
        self._ladders: dict[str | None, Ladder] = {}
        self._times: dict[str | None, str | None] = {}

    def see(self, event: Event) -> None:
        """An event passes."""
        ladder = self._ladders.get(event.symbol)
        match event:
            case Book():
                self._begin(event.symbol, event.bids or (), event.asks or ())
            case Delta(action="clear", side=None):
                self._begin(event.symbol, (), ())
            case Delta(action="clear", side=side) if ladder is not None:
                bids, asks = ladder.top("bid", _ALL), ladder.top("ask", _ALL)
                self._begin(event.symbol, *((), asks) if side == "bid" else (bids, ()))
            case Delta(side="bid" | "ask" as side, order_id=None, price=Decimal() as price) if (
                ladder
            ):
                size = _NONE if event.action == "cancel" else event.size or _NONE
                ladder.change(side, Level(price, size))
            case _:
                return
        self._times[event.symbol] = event.ts_event

    def snapshots(self) -> list[Event]:
        """The books as they are."""
        return [
            Book(
                symbol=symbol,
                ts_event=self._times[symbol],
                bids=ladder.top("bid", _ALL),
                asks=ladder.top("ask", _ALL),
            )
            for symbol, ladder in self._ladders.items()
        ]

    def _begin(self, symbol: str | None, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        self._ladders[symbol] = ladder = Ladder()
        ladder.snapshot(bids, asks)


class Performance(NamedTuple):
    """What one client is played: the books as they are by then, and the events from there on."""

    books: list[Event]
    events: Iterator[Event]


class Playback:
    """Events that can be played, again and again if `rewinds`."""

    def __init__(self, open_lists: Callable[[], Lists], *, rewinds: bool = True) -> None:
        self.rewinds = rewinds
        self.limit: int | None = None  # of the events; without one all are played
        self._open = open_lists
        self._lock = threading.Lock()
        self._once: Iterator[Event] | None = None
        self._books = VenueBooks()  # behind what was read of a pipe

    def play(self, skip: int = 0) -> Performance:
        """The events from the beginning, or from where the last client left a pipe."""
        if self.rewinds:
            books, events = VenueBooks(), self._events()
            for event in itertools.islice(events, skip):
                books.see(event)
            return Performance(books.snapshots(), events)
        with self._lock:
            self._once = self._once or self._seen()
            for _ in itertools.islice(self._once, skip):
                pass
        return Performance(self._books.snapshots(), self._once)

    def _seen(self) -> Iterator[Event]:
        for event in self._events():
            self._books.see(event)
            yield event

    def _events(self) -> Iterator[Event]:
        return itertools.islice(self._all(), self.limit)

    def _all(self) -> Iterator[Event]:
        for events in self._open():
            for event in events:
                if isinstance(event, Market):  # a vendor knows nothing of our own events
                    yield event


class PlaybackPace:
    """When an event is due: `speed` times as fast as it happened, or at once."""

    def __init__(self, speed: float | None, clock: Callable[[], float]) -> None:
        self._speed = speed
        self._clock = clock
        self._began: tuple[int, float] | None = None

    def delay(self, event: Event) -> float:
        """Seconds to wait before this event is played, 0 if it is due."""
        if self._speed is None or event.ts_event is None:
            return 0.0
        happened = to_ns(event.ts_event)
        if self._began is None:
            self._began = happened, self._clock()
        first, began = self._began
        due = began + (happened - first) / SECOND / self._speed
        return max(due - self._clock(), 0.0)
