"""A vendor's server as its clients see it."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from mdc_core.contracts.http import Request, Response
from mdc_core.contracts.provider import Provider
from mdc_core.events import Event


class Sandbox(Provider):
    """A vendor's server as its clients see it; one instance per connection.

    Named by `Stream.sandbox`. The server asks it to `admit` the client, calls `feed` for the events
    that it plays once the client is `subscribed` (and, where nothing is acknowledged, has been
    silent for `settle` seconds), `tick` every `every` seconds, and `expire` when the client has not
    subscribed within `patience` seconds. More than `limits.connections` connections at once are
    answered by `refuse`, whose frames may tell to `wait`, and end the others as well if it
    `ends_all`. It takes the `test_secrets`. `path` is the path and query of the URL that was asked
    for. Its own `Options` are flags of `mdc mock NAME`.

    What a codec asks for by `Fetch` comes to the same host and port by HTTP (a GET; WebSocket
    servers only) and is answered by `respond`: of the connection that began last, and where that
    says 404, of the one before it, so that it knows what it has sent. No two calls of an instance
    overlap. Without a connection, an instance of its own answers.
    """

    patience: ClassVar[float] = 10.0
    ping_every: ClassVar[float | None] = None  # seconds; pings of WebSocket, with a payload
    ping_within: ClassVar[float] = 60.0  # else the connection is closed
    every: ClassVar[float | None] = None
    wait: ClassVar[float | None] = None  # seconds, where the vendor says how many
    ends_all: ClassVar[bool] = False
    settle: ClassVar[float] = 0.0
    # Of what the simulated market's events a channel is made, where they are called otherwise:
    # trade, quote, book, bar (bar:5m), status, luld, imbalance, funding, open_interest,
    # liquidation, news, indicator:NAME.
    simulates: ClassVar[Mapping[str, str]] = MappingProxyType({})
    refused: ClassVar[tuple[str, ...]] = ()  # symbols that it has not, for `StreamSuite` to ask for

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        self.path = path
        self.headers = headers
        self.options = options

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to anything; the feed waits for it."""
        raise NotImplementedError

    @property
    def awaits(self) -> bool:
        """Whether the client is still to ask for what belongs to what it has been sent: a book.

        At the end of the events the server waits for that, at most `patience` seconds.
        """
        return False

    def admit(self) -> int:
        """The HTTP status of the answer to the handshake: 101 lets the client in."""
        return 101

    def greet(self) -> Iterable[str | bytes]:
        """Frames that the server sends first."""
        return ()

    def receive(self, frame: str | bytes) -> Iterable[str | bytes]:
        """The answer to a client's frame; raises HangUp to close the connection after it."""
        raise NotImplementedError

    def feed(self, events: Sequence[Event]) -> Iterable[str | bytes]:
        """Frames for those of the events to which this connection has subscribed."""
        raise NotImplementedError

    def tick(self, now: int) -> Iterable[str | bytes]:
        """Frames that the server sends by itself, such as a heartbeat."""
        return ()

    def respond(self, request: Request) -> Response:
        """The answer to a request by HTTP, whose query is in `params`; 404: not known here."""
        return Response(404)

    def expire(self) -> Iterable[str | bytes]:
        """Last frames for a client that has not authenticated in time."""
        return ()

    def refuse(self) -> Iterable[str | bytes]:
        """Last frames for one connection too many."""
        return ()


class HangUp(Exception):  # noqa: N818 - an instruction, not an error
    """Send these last frames and close the connection (a mock server raises it).

    `code` is WebSocket's reason for it.
    """

    def __init__(self, *frames: str | bytes, code: int = 1000) -> None:
        super().__init__()
        self.frames, self.code = frames, code
