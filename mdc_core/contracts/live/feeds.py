"""A live feed: what is asked of it, where it is, and its codec."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from msgspec import Struct

from mdc_core.contracts.http import Response
from mdc_core.contracts.live.effects import Items
from mdc_core.contracts.live.sandbox import Sandbox
from mdc_core.contracts.provider import Provider
from mdc_core.events import Event, Level

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

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """A symbol that is there at all times with these options: `providers check` asks for it.

        None: the user has to name one.
        """
        return None

    def symbol_of(self, asked: str) -> str:
        """The symbol of the events that come of this name, by which a gap in them is told.

        Another one where a vendor takes `btcusdt` and sends `BTCUSDT`.
        """
        return asked


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
    is taken to reach from the moment when the connection came up to its `ts_event`. Core dates
    it before the events that come behind it in the same call, as an archive has to have it.

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

    def asset_of(self, symbol: str) -> str | None:
        """The class of a symbol's instrument, an `Asset`, by how it is written; None: not known.

        The driver keeps to the hours of a class, and notices when all of it goes silent.
        """
        return self.assets[0] if len(self.assets) == 1 else None

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
