"""What a plugin may be. The entry-point group is the verb, its name the word after it.

    mdc.stream    Stream (or Source)   a live feed        mdc stream NAME SYMBOL...
    mdc.backfill  History              a historical API   mdc backfill NAME SYMBOL...
    mdc.validate  Check                a judgement        mdc validate --check NAME
    mdc.filter    Filter               events to events   mdc NAME
    mdc.store     PartFormat           files of a format  mdc store --format NAME
    mdc.import    Importer             files to events    mdc import --profile NAME PATH

A plugin is pure: it returns effects (`Send`, `Request`, `Finding`) and never performs
them. No socket, clock, environment or log in it; the drivers have those. What goes wrong
is an error from `errors.py`; anything else is a bug and stops the command.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal, Protocol

from msgspec import Struct

from mdc_core.events import Event

if TYPE_CHECKING:
    import pyarrow as pa


class Options(Struct, frozen=True, kw_only=True):
    """A plugin's options: one field each, with type, default and `Meta(description=...)`.

    Types: str, int, float, bool, Decimal, Path, a Literal of strings, or tuple[str, ...];
    any of them `| None`. Core makes flags, MDC_... names, mdc.toml keys and help of them.
    """


class Plugin:
    """What all plugins share."""

    Options: ClassVar[type[Options]] = Options
    secrets: ClassVar[tuple[str, ...]] = ()  # environment names; the values are `credentials`
    requires: ClassVar[tuple[str, ...]] = ()  # modules of an extra that it imports


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


class HistoryRequest(Struct, frozen=True):
    """What a user asks of a historical API: [start, end) in nanoseconds since 1970, UTC."""

    symbol: str
    channel: str
    start: int
    end: int
    interval: str | None = None


class Request(Struct, frozen=True):
    """One HTTP request."""

    url: str
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    method: str = "GET"
    body: bytes = b""


class Page(Struct, frozen=True):
    """The events of one answer, and the cursor of the next (None: that was all)."""

    events: Sequence[Event]
    cursor: str | None = None


class History(Plugin):
    """A vendor's historical API; one instance per symbol, channel and range."""

    channels: ClassVar[tuple[str, ...]] = ("trade", "bar")

    def __init__(
        self, request: HistoryRequest, options: Any, credentials: Mapping[str, str]
    ) -> None:
        self.wanted = request
        self.options = options
        self.credentials = credentials

    def request(self, cursor: str | None) -> Request:
        """The request for the first page (cursor None), or for the page of a cursor."""
        raise NotImplementedError

    def decode(self, body: bytes) -> Page:
        """The events in an answer's body; raises DataError where it cannot be read."""
        raise NotImplementedError


Severity = Literal["info", "warning", "error"]


class Finding(Struct, frozen=True):
    """What a check found at a row of the batch (0 is the first)."""

    row: int
    message: str
    severity: Severity = "warning"


class Check(Plugin):
    """A judgement on events: called with each batch in turn, state carried between them."""

    def __init__(self, options: Any) -> None:
        self.options = options

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        """The findings in this batch, in any order; the batch stays as it is."""
        raise NotImplementedError


class Filter(Plugin):
    """Events to events: called with each batch in turn, state carried between them."""

    def __init__(self, options: Any) -> None:
        self.options = options

    def __call__(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """What comes out for this batch; the same object, if nothing changes."""
        raise NotImplementedError

    def close(self) -> "pa.RecordBatch | None":
        """What comes out at the end of the input."""
        return None


class Part(Protocol):
    """The rows of one part of the archive, all of one event type, in time order."""

    rows: int
    schema: "pa.Schema"

    def tables(self) -> "Iterator[pa.Table]":
        """The rows in tables of bounded size, from the beginning each time it is called."""


class PartFormat(Plugin):
    """A file format of the archive: how one part is written."""

    suffix: str = ""  # of its files; options may decide it
    grows: ClassVar[bool] = False  # whether files one behind another are a file again

    def __init__(self, options: Any) -> None:
        self.options = options

    def write(self, part: Part, metadata: Mapping[bytes, bytes], file: BinaryIO) -> None:
        """Write a whole part; the driver names, syncs and renames the file.

        The metadata says where the rows come from, for formats that have room for it.
        """
        raise NotImplementedError


class ImportRequest(Struct, frozen=True):
    """What a user asks of an importer; [start, end) in nanoseconds since 1970, UTC."""

    path: Path
    symbols: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None


class Importer(Plugin):
    """A file format of others, read as events."""

    def __init__(self, request: ImportRequest, options: Any) -> None:
        self.wanted = request
        self.options = options

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """The events in the files; raises DataError for a file of a kind it cannot read."""
        raise NotImplementedError
