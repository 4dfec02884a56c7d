"""A live feed: its protocol, its effects, and the server of its sandbox."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct

from mdc_core.contracts.options import Plugin
from mdc_core.events import Event


class Subscription(Struct, frozen=True):
    """What a user asks of a live feed: symbols, and kinds of events (empty: the default)."""

    symbols: tuple[str, ...]
    channels: tuple[str, ...] = ()


class Endpoint(Struct, frozen=True):
    """Where a feed is: a ws:// or wss:// URL, and the headers of the handshake."""

    url: str
    headers: Mapping[str, str] = {}


class Send(Struct, frozen=True):
    """Send this frame to the vendor: text, or binary."""

    frame: str | bytes


class Live(Plugin):
    """A live feed: which kinds of events one can subscribe to, and gets without asking."""

    channels: ClassVar[tuple[str, ...]] = ("trade", "quote")
    default_channels: ClassVar[tuple[str, ...]] = ("trade", "quote")

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        self.subscription = subscription
        self.options = options
        self.credentials = credentials


class Stream(Live):
    """A vendor's streaming protocol; one instance per connection, nothing shared.

    `silence` is how many seconds of silence make the driver call `idle()`.
    """

    silence: ClassVar[float] = 10.0
    sandbox: ClassVar[type["Sandbox"] | None] = None

    def endpoint(self) -> Endpoint:
        """Where to connect; `--url` replaces its URL."""
        raise NotImplementedError

    def greet(self) -> Iterable[Send]:
        """What to send as soon as the connection is open."""
        return ()

    def receive(self, frame: str | bytes) -> Sequence[Event | Send]:
        """The events in a frame, and the answers to it, in order.

        Raises DataError for a frame it cannot read (the driver sets it aside and counts
        it), RefusedError or BusyError for what the vendor says no to.
        """
        raise NotImplementedError

    def idle(self) -> Iterable[Send]:
        """What to send after `silence` seconds without a frame."""
        return ()

    def resubscribe(self, subscription: Subscription) -> Iterable[Send] | None:
        """What to send to change what is subscribed; None: only a new connection can."""
        return None


class Source(Live):
    """A feed without a socket of ours: a simulator, or a vendor's own library.

    A `simulated` one can wait for its reader: nothing is received and nothing is dropped,
    so its events get no receive time. `pace` is how many of its events pass in a second,
    None as many as are read.
    """

    simulated: ClassVar[bool] = False
    pace: float | None = None

    def events(self) -> Iterator[Sequence[Event]]:
        """Events in small lists, in the order in which they happened."""
        raise NotImplementedError


class Sandbox(Plugin):
    """A vendor's server as its clients see it; one instance per connection.

    Named by `Stream.sandbox`. The server calls `feed` for the events that it plays once
    the client is `subscribed`, and `expire` when it has not become so within `patience`
    seconds. More than `connection_limit` connections at once are answered by `refuse`.
    """

    test_secrets: ClassVar[Mapping[str, str]] = {}  # what `stream NAME --sandbox` presents
    patience: ClassVar[float] = 10.0
    connection_limit: ClassVar[int | None] = None

    def __init__(self, path: str, headers: Mapping[str, str]) -> None:
        self.path = path
        self.headers = headers

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to anything; the feed waits for it."""
        raise NotImplementedError

    def greet(self) -> Iterable[str | bytes]:
        """Frames that the server sends first."""
        return ()

    def receive(self, frame: str | bytes) -> Iterable[str | bytes]:
        """The answer to a client's frame; raises HangUp to close the connection after it."""
        raise NotImplementedError

    def feed(self, events: Sequence[Event]) -> Iterable[str | bytes]:
        """Frames for those of the events to which this connection has subscribed."""
        raise NotImplementedError

    def expire(self) -> Iterable[str | bytes]:
        """Last frames for a client that has not authenticated in time."""
        return ()

    def refuse(self) -> Iterable[str | bytes]:
        """Last frames for one connection too many."""
        return ()


class HangUp(Exception):  # noqa: N818 - an instruction, not an error
    """Send these last frames and close the connection."""

    def __init__(self, *frames: str | bytes) -> None:
        super().__init__()
        self.frames = frames
