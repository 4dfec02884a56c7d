"""A live feed: its protocol, its effects, and its mock server."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import DecimalException
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from msgspec import MsgspecError, Struct

from mdc_core.contracts.http import Request, Response
from mdc_core.contracts.provider import Provider
from mdc_core.errors import DataError
from mdc_core.events import Event, Level

# What a damaged frame may raise: it is set aside. Anything else is a fault of the plugin.
UNREADABLE = (
    DataError,
    MsgspecError,
    LookupError,
    ValueError,
    TypeError,
    DecimalException,
    RecursionError,
)
SCHEMES = ("ws", "wss", "tcp", "tls", "udp", "mem")  # of an endpoint's URL; each is a transport
Scope = Literal["connection", "channel", "symbol"]


class Subscription(Struct, frozen=True):
    """What a user asks of a live feed: symbols, and kinds of events (empty: the default)."""

    symbols: tuple[str, ...]
    channels: tuple[str, ...] = ()


class Lines(Struct, frozen=True):
    """Frames of text that end with LF or CR LF; what is sent gets this `end`.

    The end is no part of a frame. A line that is no UTF-8 comes as bytes.
    """

    end: Literal["\n", "\r\n"] = "\n"


class Lengths(Struct, frozen=True):
    """Frames of bytes that stand behind their length, a whole number of `size` bytes."""

    size: int = 4
    little_endian: bool = False
    counts_itself: bool = False


Framing = Literal["lines", "raw"] | Lines | Lengths


class Endpoint(Struct, frozen=True):
    """Where a feed is; the scheme of the URL (ws wss tcp tls udp mem) chooses the transport.

    `framing` tells the frames of tcp and tls apart: "lines" are `Lines()`, "raw" pieces as they
    come. A feed of several endpoints gives each its `share` of the subscription; None is all of it.
    `query` is what the URL has of secrets: it is sent behind it, and shown nowhere.
    """

    url: str
    headers: Mapping[str, str] = {}
    framing: Framing = "lines"
    subprotocols: tuple[str, ...] = ()
    share: Subscription | None = None
    query: Mapping[str, str] = {}

    def address(self) -> str:
        """The URL with its query, for a transport: nobody is to be shown it."""
        if not self.query:
            return self.url
        place = urlsplit(self.url)
        query = "&".join(filter(None, [place.query, urlencode(self.query)]))
        return urlunsplit(place._replace(query=query))


class Send(Struct, frozen=True):
    """Send this frame to the vendor: text, or binary.

    What asks for something once more, such as the book of a symbol, names it by `again`. The
    driver sends the first of a name at once and the next 1, 2, 4, ... 60 seconds behind the one
    before; of those that wait the latest stands for all.
    """

    frame: str | bytes
    again: str | None = None


class Fetch(Struct, frozen=True):
    """Ask by HTTP; the answer comes back by `fetched` with the same tag; `again` as of `Send`.

    With --mock or --url the server behind it is asked, with this path and query (http for ws,
    https for wss), or the one of --http-url. An answer that does not come ends the connection,
    or, of what `may_fail`, is one of status 0.
    """

    request: Request
    tag: str = ""
    again: str | None = None
    may_fail: bool = False


class Up(Struct, frozen=True):
    """The login was accepted, and the subscription: from here on events come.

    Where the vendor answers nothing, `opened` says so; then the first frame shows that it is true.
    """


class Refused(Struct, frozen=True):
    """The vendor says no: to these symbols, or (none named) to the whole request.

    `channels` says that only these of the symbols' channels are refused. What is missing in an
    acknowledgement is refused as well. The cause "login" says that it is the credentials: the
    driver reads them once more, for they may have been changed, and then ends with 77.
    """

    text: str
    symbols: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    hint: str | None = None
    cause: Literal["refusal", "login"] = "refusal"


class Busy(Struct, frozen=True):
    """The vendor asks for patience; the driver connects again, `after` seconds at the least.

    Without `after` it waits long, longer each time: a limit of connections or requests counts
    each try. The cause "slow-consumer" says that we read too slowly, and is not waited for.
    """

    text: str
    after: float | None = None
    hint: str | None = None
    cause: Literal["limit", "slow-consumer"] = "limit"


class Maintenance(Struct, frozen=True):
    """The vendor closes for a while; the driver connects again when that is over.

    `until` is its end in nanoseconds since 1970; without, the driver tries from time to time.
    """

    text: str
    until: int | None = None


class Reconnect(Struct, frozen=True):
    """This connection is of no more use; the driver makes another.

    The cause is "server-close" where the vendor says that it will end the connection.
    """

    reason: str
    cause: Literal["protocol", "server-close", "slow-consumer", "stall"] = "protocol"


class Bad(Struct, frozen=True):
    """A message that cannot be read: the driver sets it aside and counts it."""

    raw: str | bytes
    text: str
    symbol: str | None = None


Effect = Send | Fetch | Up | Refused | Busy | Maintenance | Reconnect | Bad
Items = Iterable[Event | Effect]


class Live(Provider):
    """A live feed: which kinds of events one can subscribe to, and gets without asking.

    `channels` are words of the vendor's or types of events, as users are to write them in
    `--type`; what comes of one may be of several types (of a book: `book` and `delta`).
    `channel_help` says what those are that are no types of events.
    """

    channels: ClassVar[tuple[str, ...]] = ("trade", "quote")
    default_channels: ClassVar[tuple[str, ...]] = ("trade", "quote")
    channel_help: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        self.subscription = subscription
        self.options = options
        self.credentials = credentials


class Stream(Live):
    """A vendor's streaming protocol; one instance per connection, nothing shared.

    Each method returns events and effects, in order; a generator will do. `now` is the time
    of this host in nanoseconds since 1970. A connection that has not said `Up`, or given an
    event about an instrument, within `login_within` seconds is a failed attempt. A frame at
    which a method raises is set aside, and the feed goes on: a damaged one may raise DataError,
    LookupError, ValueError, TypeError or DecimalException, so a codec need not catch anything. A
    feed of which 1,000 frames are set aside before anything is read ends with an error. A
    refusal is an effect, never an exception.

    A `Gap` has `start` and `end` (`Follow` tells since when numbers are missing); without, it
    is taken to reach from the moment when the connection came up to its `ts_event`.

    `sequence` is within what `seq` counts: "symbol" (each symbol of a channel by itself),
    "channel" or "connection"; None says that the vendor numbers nothing. Where numbers are
    missing a codec says a `Gap` (see `Follow.gaps`); where they are `sparse` none is missed.
    `checksums` says whether the vendor's books have one, which the codec then checks, and which
    `book_checksum` computes. A codec names the `channel` of an event where the vendor has several
    on a connection; core puts the connection's name before it, with a slash where the channel has
    its own numbers, else with a colon. A codec fills `venue` where it is known: nobody else does.
    Events that come unasked, such as halts, need no channel. Fields of a message that a codec
    does not know go under `extra` of its events (see `Messages`).
    """

    every: ClassVar[float | None] = None  # seconds from one `tick` to the next
    silence: ClassVar[float | None] = None  # seconds without a frame: the connection is dead
    login_within: ClassVar[float] = 10.0
    sequence: ClassVar[Scope | None] = "symbol"
    sparse: ClassVar[bool] = False  # numbers of a symbol rise, and are skipped: a jump is no loss
    checksums: ClassVar[bool | None] = None
    sandbox: ClassVar[type["Sandbox"] | None] = None

    @staticmethod
    def book_checksum(
        bids: Sequence[Level], asks: Sequence[Level], extra: Mapping[str, Any]
    ) -> str | None:
        """The vendor's checksum of a book, as `book` and `delta` have it; None: it cannot be told.

        Levels stand best first, their numbers in any spelling; `extra` is that of the last `book`.
        """
        return None

    def endpoints(self) -> Sequence[Endpoint]:
        """Where to connect, one connection each at the least; `--url` replaces the URL."""
        raise NotImplementedError

    def opened(self, now: int) -> Items:
        """What to do as soon as the connection is open, such as to log in."""
        return ()

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The events in a frame, and the answers to it."""
        raise NotImplementedError

    def tick(self, now: int) -> Items:
        """What to do every `every` seconds, whatever arrives."""
        return ()

    def fetched(self, tag: str, response: Response, now: int) -> Items:
        """What an answer to a `Fetch` of this tag leads to."""
        return ()

    def closed(self, now: int) -> Iterable[Event]:
        """Last events when the connection is gone, such as a `Gap` of what was held until then."""
        return ()

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """What to send to change what is subscribed; None: only a new connection can.

        `Up` says that the change was accepted, `Refused` that the old subscription goes on; with
        neither within `login_within` seconds the driver connects again. It asks for one change
        at a time.
        """
        return None


class Source(Live):
    """A feed without a socket of ours: a simulator, or a vendor's own library.

    A `simulated` one can wait for its reader: nothing is received and nothing is dropped,
    so its events get no receive time. They pass as fast as they are read, or, with `--speed`,
    as their event times say.
    """

    simulated: ClassVar[bool] = False

    def events(self) -> Iterator[Sequence[Event]]:
        """Events in small lists, in the order in which they happened."""
        raise NotImplementedError


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
        """Whether the client is still to ask by HTTP for what belongs to what it has been sent.

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


def reason_of(error: BaseException) -> str:
    """Why a frame cannot be read, for people."""
    is_plain = isinstance(error, DataError | MsgspecError)
    return str(error) if is_plain else f"{type(error).__name__}: {error}"
