"""Crypto and derivatives of OKX by WebSocket v5.

Protocol: OKX, "API guide", WebSocket: each channel of each instrument is subscribed to and
answered by itself; one that is refused is told, the others come. A book is followed by the
numbers of its messages, and by its checksum where there is one; one that is wrong is asked for
again. `funding` is the funding rate and `mark_price` the price behind it, both `funding` events.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Raw

from mdc_core.plugin import (
    Bad,
    Busy,
    DataError,
    Effect,
    Endpoint,
    Event,
    Items,
    Level,
    Options,
    Reconnect,
    Send,
    Stream,
    Subscription,
    Subscriptions,
)
from mdc_providers.okx import messages as wire
from mdc_providers.okx.books import OkxBooks, book_checksum
from mdc_providers.okx.decode import BARS, EVENTS_OF, bar_of, quote_of, trade_of
from mdc_providers.okx.provider import CHANNELS, OkxProvider, ours
from mdc_providers.okx.requests import Pair, key_of, named_in, requests
from mdc_providers.okx.sandbox import OkxSandbox

EXAMPLES = (
    "mdc stream okx BTC-USDT ETH-USDT-SWAP | mdc store",
    "mdc stream okx BTC-USDT --type book,trade | mdc validate | mdc store",
    "mdc stream okx BTC-USDT-SWAP --type funding,open_interest,liquidation",
)
_URL = "wss://ws.okx.com:8443/ws/v5/"
_QUIET = 20_000_000_000  # nanoseconds; OKX closes a connection that is silent for 30 s
_TRADES = ('{"arg":{"channel":"trades"', b'{"arg":{"channel":"trades"')
_TICKERS = ('{"arg":{"channel":"tickers', b'{"arg":{"channel":"tickers')
_HEAD = len(_TRADES[0])
_UNREADABLE = (msgspec.MsgspecError, DataError, LookupError, ArithmeticError, ValueError, TypeError)
_TOO_MANY = ("60014", "60023")  # requests too frequent


class OkxOptions(Options, frozen=True, kw_only=True):
    """How deep a book, how long a bar."""

    depth: Annotated[
        Literal[400, 5], Meta(description="levels of each side of a book; 5 are whole each time")
    ] = 400
    interval: Annotated[
        Literal["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "1d", "1w"],
        Meta(description="length of the bars"),
    ] = "1m"


class Okx(OkxProvider, Stream):
    """OKX's public channels by WebSocket v5."""

    Options = OkxOptions
    channels = tuple(CHANNELS)
    default_channels = ("trade", "quote")
    channel_help: ClassVar[Mapping[str, str]] = {
        "mark_price": "The mark price of derivatives, as funding.",
    }
    every = 5.0
    silence = 45.0
    sequence = "symbol"
    sparse = True
    checksums = True
    sandbox: ClassVar[type[OkxSandbox]] = OkxSandbox

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        self._subs = Subscriptions("okx", requests, self._pairs(), channel=ours, key=key_of)
        self._books, self._heard = OkxBooks(), 0
        self._renewed: set[str] = set()

    @staticmethod
    def book_checksum(
        bids: Sequence[Level], asks: Sequence[Level], extra: Mapping[str, Any]
    ) -> str | None:
        """The signed CRC-32 of the best 25 levels by turns."""
        return book_checksum(bids, asks, extra)

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """The perpetual future of bitcoin, which all channels have."""
        return "BTC-USDT-SWAP"

    def endpoints(self) -> Sequence[Endpoint]:
        """OKX's servers: bars come by another one than everything else."""
        chosen = self.subscription.channels or self.default_channels
        others = tuple(name for name in chosen if name != "bar")
        symbols = self.subscription.symbols
        shares = {"public": others, "business": tuple(n for n in chosen if n == "bar")}
        return [
            Endpoint(_URL + path, share=Subscription(symbols, names))
            for path, names in shares.items()
            if names
        ]

    def opened(self, now: int) -> Items:
        """Subscribe to everything at once."""
        self._heard = now
        return self._subs.begin(now)

    def tick(self, now: int) -> Items:
        """Tell what is not answered; ask for a sign of life before OKX gives us up."""
        yield from self._subs.late(now)
        if now - self._heard >= _QUIET:
            self._heard = now
            yield Send("ping")

    def asset_of(self, symbol: str) -> str | None:
        """Crypto, also as futures and options: traded at all hours."""
        return "crypto"

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Subscribe to what is new; when that is answered, leave what is no longer wanted."""
        if not (self._subs.is_up and self._subs.is_settled):
            return None
        self.subscription = subscription
        return self._subs.change(self._pairs(), now)

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The events in a frame, and the answers to it, in order."""
        self._heard = now
        if (found := self._whole(frame)) is not None:
            return found
        more: dict[str, Any] = {}
        try:
            push = wire.read_push(frame)
        except msgspec.ValidationError:
            fields = msgspec.json.decode(frame, type=dict[str, Raw])
            if "event" in fields:
                return self._word(wire.read_word(frame))
            known = {name: fields.pop(name) for name in ("arg", "data", "action") if name in fields}
            more = {name: wire.read_any(raw) for name, raw in fields.items()}
            push = wire.read_push(wire.encode(known))
        except msgspec.DecodeError:
            if frame in ("pong", b"pong"):
                return ()
            raise
        return self._pushed(push, more)

    def _whole(self, frame: str | bytes) -> Sequence[Event] | None:
        """The trades or the quotes of a frame in which nothing is unusual, else None."""
        head = frame[:_HEAD]
        make: Any = trade_of if head in _TRADES else quote_of if head in _TICKERS else None
        if make is None:
            return None
        try:
            push = (wire.read_trades if make is trade_of else wire.read_tickers)(frame)
            return [make(item) for item in push.data]
        except _UNREADABLE:
            return None  # object by object

    def _pairs(self) -> list[Pair]:
        options, chosen = self.options, self.subscription.channels or self.default_channels
        sized = {
            "book": "books" if options.depth == 400 else f"books{options.depth}",
            "bar": f"candle{BARS[options.interval]}",
        }
        channels = [sized.get(name, CHANNELS[name]) for name in chosen]
        return [(name, symbol) for name in channels for symbol in self.subscription.symbols]

    def _pushed(self, push: wire.Push, envelope: dict[str, Any]) -> Iterator[Event | Effect]:
        """The objects of a message one by one; what is not known of them goes under `extra`."""
        channel, symbol = push.arg.channel, push.arg.inst_id or ""
        messages = wire.ITEMS.get(wire.family(channel))
        if messages is None:
            raise DataError(f"okx: a message of the channel {channel!r}, which is not known")
        for raw in push.data:
            try:
                item, others = messages.read(raw)
                more = {**envelope, **(others or {})}
                for found in self._found(item, channel, symbol, push.action):
                    if more and isinstance(found, Event):
                        found.extra = {**(found.extra or {}), **more}
                    yield found
            except _UNREADABLE as error:
                text = f"okx: an object of {channel} that cannot be read: {error}"
                yield Bad(bytes(raw).decode(errors="replace"), text, symbol or None)
        if self._books.again is not None:
            again, self._books.again = self._books.again, None
            self._renewed.add(again)
            yield from requests("unsubscribe", [(channel, again)], f"book {again}")

    def _found(
        self, item: Any, channel: str, symbol: str, action: str | None
    ) -> Iterable[Event | Effect]:
        if type(item) is wire.TradeItem:
            return (trade_of(item),)
        if isinstance(item, wire.BookItem):
            return self._books.take(item, symbol, channel, action)
        if isinstance(item, list):
            return (bar_of(item, symbol, channel),)
        found = EVENTS_OF[type(item)](item)
        if isinstance(item, wire.LiquidationItem):  # which comes of all instruments of a type
            return [event for event in found if event.symbol in self.subscription.symbols]
        return found

    def _word(self, word: wire.Word) -> Iterable[Effect]:
        """A message about the connection."""
        arg = word.arg
        pair = None if arg is None else (arg.channel, arg.inst_id or arg.inst_type or "")
        text = f"{word.msg} (error {word.code})"
        match word.event:
            case "subscribe" if pair is not None:
                return self._subs.accept(pair)
            case "unsubscribe" if pair is not None:
                if pair[0].startswith("books") and pair[1] in self._renewed:
                    self._renewed.discard(pair[1])
                    return requests("subscribe", [pair], f"book {pair[1]} again")
                return self._subs.leave(pair)
            case "error" if word.code in _TOO_MANY:
                return [Busy(f"okx says: {text}")]
            case "error":
                return self._subs.refuse(text, *named_in(text))
            case "notice":
                return [Reconnect(f"okx says: {word.msg} ({word.code})")]
            case "channel-conn-count":
                return ()
            case "channel-conn-count-error":
                return self._subs.refuse("too many connections with this channel")
        raise DataError(f"okx: an event {word.event!r}, which is not known")
