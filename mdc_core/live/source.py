"""The line of a Source: a simulator, or a vendor's library that has its own socket."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mdc_core import registry
from mdc_core.contracts import Source, Subscription
from mdc_core.errors import RefusedError, UnavailableError, UsageError
from mdc_core.events import Connection, Event
from mdc_core.live.session.asked import OLD_GOES_ON, Resubscribed
from mdc_core.live.session.outage import Outage, lost
from mdc_core.live.session.stamp import Stamp
from mdc_core.live.teller import down
from mdc_core.live.upkeep.loss import Loss
from mdc_core.live.upkeep.upkeep import PutEvents, says_up
from mdc_core.logs import Mask

if TYPE_CHECKING:
    from mdc_core.live.sandbox.playback import PlaybackPace

MakeSource = Callable[[Subscription], Source]
_LIST = 4096  # events that a simulator's lists are gathered to
_LOOK = 0.2  # seconds for which it waits without a word
_MOMENT = 0.02  # seconds at least between two lists of a paced simulator


class Simulation:
    """The events of a simulator: nothing is received, so nothing is stamped or dropped.

    They pass `speed` times as fast as they happen in it; None is as fast as they are read.
    """

    def __init__(
        self,
        name: str,
        make_source: MakeSource,
        subscription: Subscription,
        stop: threading.Event,
        speed: float | None = None,
    ) -> None:
        self._name, self._make, self._stop, self._speed = name, make_source, stop, speed
        self._source, self._subscription = make_source(subscription), subscription
        self._runs = 1
        self._changed = False

    def resubscribe(self, subscription: Subscription) -> bool:
        """Begin anew with this subscription, on another channel; False: it is what there is."""
        if subscription == self._subscription:
            return False
        self._source, self._subscription = self._make(subscription), subscription
        self._runs += 1
        self._changed = True
        return True

    def __iter__(self) -> Iterator[list[Event]]:
        self._changed = True
        while self._changed:
            self._changed = False
            yield from self._run(f"{self._name}-{self._runs}")

    def _run(self, channel: str) -> Iterator[list[Event]]:
        """The events of one subscription, each when it is due."""
        name = self._name
        for events in self._due() if self._speed is not None else _gathered(name, self._source):
            for event in events:
                event.provider = name
                if event.channel is None:
                    event.channel = channel
            yield events
            if self._is_over:
                break
        self._changed = self._changed and not self._stop.is_set()

    @property
    def _is_over(self) -> bool:
        return self._changed or self._stop.is_set()

    def _due(self) -> Iterator[list[Event]]:
        """The events as they come due; empty lists meanwhile, so that the clock is looked at."""
        from mdc_core.live.sandbox.playback import PlaybackPace

        pace = PlaybackPace(self._speed, time.monotonic)
        for events in _lists(self._name, self._source):
            due: list[Event] = []
            for event in events:
                if pace.delay(event) > 0:
                    yield due
                    due = []
                    yield from self._waiting(pace, event)
                    if self._is_over:
                        return
                due.append(event)
            yield due

    def _waiting(self, pace: "PlaybackPace", event: Event) -> Iterator[list[Event]]:
        """Wait until an event is due, and for a moment at least: others come due with it."""
        left = max(pace.delay(event), _MOMENT)
        while left > 0 and not self._stop.wait(min(left, _LOOK)) and not self._changed:
            left = pace.delay(event)
            if left > 0:
                yield []


def _lists(name: str, source: Source) -> Iterator[Sequence[Event]]:
    """What a source gives; raises PluginError for what is no list of events."""
    for events in source.events():
        if not isinstance(events, (list, tuple)):
            text = f"events() gives a {type(events).__name__}, not lists of events"
            raise registry.misused("stream", name, text)
        for kind in set(map(type, events)):
            if not issubclass(kind, Event):
                text = f"events() gives a {kind.__name__} in a list, not an event"
                raise registry.misused("stream", name, text)
        yield events


def _gathered(name: str, source: Source) -> Iterator[list[Event]]:
    """A simulator's events in large lists."""
    stream = itertools.chain.from_iterable(_lists(name, source))
    while events := list(itertools.islice(stream, _LIST)):
        yield events


class SourceLine:
    """Passes on what a Source yields, stamped."""

    def __init__(
        self,
        name: str,
        make_source: MakeSource,
        subscription: Subscription,
        *,
        mask: Mask,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.subscription = subscription
        self._name = name
        self._make = make_source
        self._mask = mask
        self._now = now
        self._stamp = Stamp()
        self._runs = 0
        self._outage = Outage()
        self._symbol_of: Callable[[str], str] = str  # until there is a library
        self._loss = Loss("")
        self._is_up, self._failed = False, 0  # tries since it was up
        self._wanted: Subscription | None = None
        self._before: Subscription | None = None  # what goes on if a change is refused
        self._hung_up = threading.Event()
        self._over = False

    @property
    def asked(self) -> Subscription | None:
        """What it asks for, or will as soon as it can; None: it has ended."""
        return None if self._over else self._wanted or self.subscription

    @property
    def granted(self) -> bool | None:
        """Whether it has what it was told last to ask for; None: that is not known yet."""
        return None if self._wanted is not None or self._before is not None else True

    @property
    def refusals(self) -> None:
        """A library says of no change what became of it."""

    def run(self, put: PutEvents) -> None:
        """Pass events on; returns when the source has come to its end."""
        try:
            self._run(put)
        except (RefusedError, UsageError) as error:
            if self._before is None:
                raise
            self.subscription, self._before = self._before, None
            raise UnavailableError(f"{error}; {OLD_GOES_ON}", cause="refusal") from error

    def _run(self, put: PutEvents) -> None:
        outage = self._outage
        outage.tried(self._stamp(self._now()))  # from here on the library may lose something
        source = self._make(self.subscription)
        self._symbol_of = source.symbol_of
        first = True
        for events in _lists(self._name, source):
            if self._hung_up.is_set():
                return
            stamp = self._stamp(self._now())
            if first:
                first, self._before = False, None
                put(self._up(stamp))
            # The line tells by itself that it is up.
            events = [event for event in events if not says_up(event)]
            outage.last = stamp
            outage.took(events, stamp)
            name, channel = self._name, self._channel
            for event in events:
                if event.ts_recv is None:
                    event.ts_recv = stamp
                event.provider = name
                if event.channel is None:
                    event.channel = channel
            put(events)
            if self._wanted is not None:
                self._before, self.subscription = self.subscription, self._wanted
                self._wanted = None
                raise Resubscribed("starting again for other symbols")

    def lost(self, put: PutEvents, loss: Loss) -> None:
        """Account for a source that broke off."""
        stamp = self._stamp(self._now())
        self._outage.begin(stamp)
        self._loss, self._failed = loss, 0 if self._is_up else self._failed + 1
        self._is_up = False
        put([self._about_us(down(stamp, self._failed + 1, loss, self._mask), stamp)])

    def half_open(self, put: PutEvents) -> None:
        """Tell that the circuit breaker lets it be started once."""
        stamp = self._stamp(self._now())
        loss = replace(self._loss, breaker="half-open", retry_in=0.0)
        put([self._about_us(down(stamp, self._failed + 1, loss, self._mask), stamp)])

    def refused(self, put: PutEvents, error: RefusedError) -> None:
        """There is no other line that would go on."""

    def finish(self, put: PutEvents) -> None:
        """Account for a gap whose end is not known."""
        self._over = True
        if self._outage.is_open:
            put(self._lost(None))

    def resubscribe(self, subscription: Subscription) -> None:
        """Ask for this instead; done with the next events."""
        self._wanted = subscription

    def renew(self) -> bool:
        """Its connection is the library's own."""
        return False

    def hang_up(self) -> bool:
        """Take no more; whether the source is waiting for something, nobody can know."""
        self._hung_up.set()
        return False

    @property
    def _channel(self) -> str:
        return f"{self._name}-{max(self._runs, 1)}"

    def _up(self, stamp: str) -> Sequence[Event]:
        self._runs += 1
        state = "resubscribed" if self._runs > 1 else "up"
        up = Connection(state=state, attempt=self._failed + 1, breaker="closed")
        self._is_up = True
        news = [self._about_us(up, stamp)]
        if self._outage.is_open:
            news += self._lost(stamp)
        return news

    def _lost(self, end: str | None) -> list[Event]:
        gaps: list[Event] = []
        names = self.subscription.symbols
        for gap in lost(self._outage.end(), end, names, self._symbol_of):
            self._about_us(gap, end)
            gap.ts_event = gap.start
            gaps.append(gap)
        return gaps

    def _about_us(self, event: Event, stamp: str | None) -> Event:
        event.ts_event = event.ts_recv = stamp
        event.provider, event.channel = self._name, self._channel
        return event
