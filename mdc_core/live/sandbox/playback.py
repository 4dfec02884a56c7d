"""The events that a sandbox server plays: from their beginning for each client, or once."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from mdc_core import registry
from mdc_core.contracts import Stream, Subscription
from mdc_core.errors import UsageError
from mdc_core.events import Book, Delta, Event, Market
from mdc_core.times import SECOND, to_ns

_OF_CHANNEL = {"book": "delta"}  # a book is simulated as its changes, from an empty one on
AT_ONCE = 100  # events handed to a sandbox in one list, at most

Lists = Iterable[Sequence[Event]]


class Playback:
    """Events that can be played, again and again if `rewinds`."""

    def __init__(self, open_lists: Callable[[], Lists], *, rewinds: bool = True) -> None:
        self.rewinds = rewinds
        self._open = open_lists
        self._lock = threading.Lock()
        self._once: Iterator[Event] | None = None

    def play(self, skip: int = 0) -> Iterator[Event]:
        """The events from the beginning, or from where the last client left a pipe."""
        if self.rewinds:
            return itertools.islice(self._events(), skip, None)
        with self._lock:
            self._once = self._once or self._events()
        return itertools.islice(self._once, skip, None)

    def _events(self) -> Iterator[Event]:
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


def simulated_tape(
    provider: type[Stream], symbols: tuple[str, ...], channels: tuple[str, ...] = ()
) -> Playback:
    """A simulated market in these symbols, without end, of what a provider's channels carry.

    Raises UsageError where none of these channels has anything that is simulated.
    """
    market = registry.load("stream", "sim")
    wanted = channels or provider.default_channels
    played = dict.fromkeys(_OF_CHANNEL.get(name, name) for name in wanted)
    asked = Subscription(symbols, tuple(name for name in played if name in market.channels))
    if not asked.channels:
        raise UsageError(
            f"there is no simulated market of {', '.join(wanted)}",
            hint="mdc sandbox NAME --data FILE plays your own",
        )
    return Playback(lambda: _with_snapshots(market(asked, market.Options(), {}).events()))


def _with_snapshots(lists: Lists) -> Lists:
    """With a book of nothing in the place of `clear`: a server has to begin with a snapshot."""
    for events in lists:
        yield [_snapshot(e) if isinstance(e, Delta) and e.action == "clear" else e for e in events]


def _snapshot(clear: Delta) -> Book:
    return Book(symbol=clear.symbol, ts_event=clear.ts_event, bids=[], asks=[])
