"""What a feed's connections bring, as stamped events: the same live and in a replay.

The driver says when a connection opened, what frames came and when it was lost. A
connection counts as up when the codec says so with a `connection` event, or at the latest
with its first market event. What lies between two connections is a `gap` that starts
with the last frame before and ends with the frame in which the new one is up.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from mdc_core.contracts import Send, Stream, Subscription
from mdc_core.errors import DataError
from mdc_core.events import Connection, Event, Gap, Integrity, Market
from mdc_core.live.stamp import Stamp
from mdc_core.logs import Log, Mask
from mdc_core.wire.quarantine import Quarantine

MakeStream = Callable[[Subscription], Stream]


class Answer(Struct, gc=False):
    """What a frame led to: events to pass on, and frames to send."""

    events: Sequence[Event]
    sends: Sequence[Send] = ()


class FeedSession:
    """One feed from its first connection to its last."""

    def __init__(
        self,
        name: str,
        make_stream: MakeStream,
        subscription: Subscription,
        *,
        mask: Mask,
        say: Log,
        quarantine: Quarantine | None = None,
    ) -> None:
        self.subscription = subscription
        self.rejected = 0
        self.connections = 0
        self._name = name
        self._make_stream = make_stream
        self._mask = mask
        self._say = say
        self._quarantine = quarantine
        self._stamp = Stamp()
        self._channel = f"{name}-1"
        self._stream: Stream | None = None
        self._up = False
        self._down_told = False
        self._last: str | None = None  # time of the last frame, or else of the opening
        self._gap_start: str | None = None
        self._gap_open = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, up or on its way."""
        return self._stream is not None

    def new_stream(self) -> Stream:
        """The codec of the next connection."""
        return self._make_stream(self.subscription)

    def opened(self, stream: Stream, ns: int | None) -> None:
        """A connection is open, and this codec serves it."""
        self._stream = stream
        self._up = False
        self.connections += 1
        self._channel = f"{self._name}-{self.connections}"
        if ns is not None:
            self._last = self._stamp(ns)

    def receive(self, frame: str | bytes, ns: int | None) -> Answer:
        """The events in a frame, stamped, and what to send; never raises DataError."""
        stream = self._stream
        assert stream is not None
        stamp = None if ns is None else self._stamp(ns)
        try:
            items = stream.receive(frame)
        except DataError as error:
            self._last = stamp
            return Answer([self._set_aside(frame, stamp, error)])
        answer = self._sort(items, stamp)
        self._last = stamp
        return answer

    def _sort(self, items: Sequence[Any], stamp: str | None) -> Answer:
        """Stamp the events and part them from what is to be sent."""
        name, channel = self._name, self._channel
        sends: list[Send] = []
        for item in items:
            if type(item) is Send:
                sends.append(item)
                continue
            if item.ts_recv is None:
                item.ts_recv = stamp
            item.provider = name
            if item.channel is None:
                item.channel = channel
        events: Sequence[Event] = items
        if sends:
            events = [item for item in items if type(item) is not Send]
        if not self._up:
            events = self._announce(events, stamp)
        return Answer(events, sends)

    def _announce(self, events: Sequence[Event], stamp: str | None) -> Sequence[Event]:
        """Put `connection` and `gap` where the connection turns out to be up."""
        place = next((i for i, event in enumerate(events) if _shows_up(event)), None)
        if place is None:
            return events
        self._up = True
        state = "resubscribed" if self.connections > 1 else "up"
        news: list[Event] = [self._about_us(Connection(state=state), stamp)]
        if self._gap_open:
            self._gap_open = False
            news.append(self._gap(end=stamp, recv=stamp))
        told = isinstance(events[place], Connection)
        return [*events[:place], *news, *events[place + told :]]

    def lost(self, ns: int | None, reason: str) -> list[Event]:
        """The connection is lost, or could not be made."""
        stamp = None if ns is None else self._stamp(ns)
        if self._stream is not None and not self._gap_open:
            self._gap_open, self._gap_start = True, self._last
        self._stream = None
        if self._down_told and not self._up:
            return []  # one more failure on the way up again
        self._down_told, self._up = True, False
        return [self._about_us(Connection(state="down", reason=self._mask(reason)), stamp)]

    def finish(self) -> list[Event]:
        """The feed ends; a gap that is still open has no known end."""
        if not self._gap_open:
            return []
        self._gap_open = False
        return [self._gap(end=None, recv=None)]

    def resubscribe(self, subscription: Subscription) -> Sequence[Send] | None:
        """What to send for another subscription; None: only a new connection will do."""
        self.subscription = subscription
        sends = None if self._stream is None else self._stream.resubscribe(subscription)
        return None if sends is None else list(sends)

    def idle(self) -> Sequence[Send]:
        """What to send after a silence."""
        return [] if self._stream is None else list(self._stream.idle())

    def _gap(self, end: str | None, recv: str | None) -> Gap:
        gap = Gap(start=self._gap_start, end=end, reason="disconnect")
        gap.extra = {"symbols": list(self.subscription.symbols)}
        gap.ts_event, gap.ts_recv = self._gap_start, recv
        gap.provider, gap.channel = self._name, self._channel
        return gap

    def _about_us(self, event: Event, stamp: str | None) -> Event:
        event.ts_event = event.ts_recv = stamp
        event.provider, event.channel = self._name, self._channel
        return event

    def _set_aside(self, frame: str | bytes, stamp: str | None, error: DataError) -> Event:
        self.rejected += 1
        reason = self._mask(str(error))
        self._say.detail(f"{self._name}: a frame that cannot be read: {reason}")
        if self._quarantine is not None:
            text = self._mask(frame).encode() if isinstance(frame, str) else frame
            where = {"provider": self._name, "channel": self._channel, "ts_recv": stamp}
            self._quarantine.add(text, reason, **where)
        finding = Integrity(check="frame", severity="error", message=reason)
        return self._about_us(finding, stamp)


def _shows_up(event: Event) -> bool:
    if isinstance(event, Connection):
        return event.state != "down"
    return isinstance(event, Market)
