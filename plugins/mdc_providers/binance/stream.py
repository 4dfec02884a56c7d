"""Crypto of Binance by its WebSocket streams: spot, USD-M and COIN-M futures.

Protocol: Binance, "WebSocket Streams" of Spot, USD-M and COIN-M Futures. The client subscribes to
streams such as `btcusdt@trade` on a connection of the combined form, and each message is
acknowledged. A name that Binance does not know is accepted in silence, so the symbols are looked
up by REST (`--no-check-symbols` leaves that out). A `book` begins with a snapshot of 1,000 levels
a side by REST; its changes are held until it is there, and after a hole in the update ids, which
is a `gap`, another one is asked for. `trade` and `agg_trade` are the same trades, one by one or
those of an order together. A mark price is a `funding` event. `--market` chooses the market.
The symbol `'*'` is every symbol, of futures: quotes, mark prices (of USD-M) and liquidations; spot
has no such streams.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from mdc_core.plugin import (
    Bad,
    Book,
    DataError,
    Effect,
    Endpoint,
    Event,
    Fetch,
    Items,
    Messages,
    Reconnect,
    Refused,
    Request,
    Response,
    Stream,
    Subscription,
    Unanswered,
    Up,
    UsageError,
)
from mdc_providers.binance import messages as wire
from mdc_providers.binance.books import BookSync
from mdc_providers.binance.decode import EVENT_OF, book_of
from mdc_providers.binance.markets import (
    CHANNELS,
    EVERY,
    FUTURES_ONLY,
    MARKETS,
    channel_of,
    stream_of,
)
from mdc_providers.binance.moments import Moments
from mdc_providers.binance.options import BinanceOptions
from mdc_providers.binance.provider import BinanceProvider
from mdc_providers.binance.requests import Requests
from mdc_providers.binance.sandbox import BinanceSandbox

EXAMPLES = (
    "mdc stream binance BTCUSDT ETHUSDT --type trade,quote | mdc validate | mdc store --root data",
    "mdc stream binance BTCUSDT --market usdm --type mark_price,liquidation,book | mdc store",
)
_PREFIX = '{"stream":"'
_AT = len(_PREFIX)
_NO_SYMBOL = -1121
_FORBIDDEN = (401, 403, 451)
_NO_MESSAGES = "binance: a list without messages"
_SHUTDOWN = "binance shuts this server down"

Make = Callable[[Any, int], Iterable[Event | Effect]]


class Binance(BinanceProvider, Stream):
    """Crypto of Binance by its WebSocket streams: spot, USD-M and COIN-M futures."""

    Options = BinanceOptions
    channels = CHANNELS
    default_channels = ("trade", "quote")
    channel_help: ClassVar[Mapping[str, str]] = {
        "agg_trade": "Trades of one order at one price, as one.",
        "partial_book": "The best levels of the book, whole, every 100 ms.",
        "mark_price": "Mark price and funding rate of futures, every second.",
        "liquidation": "Orders that close positions of futures.",
    }
    sequence = "symbol"
    sparse = True  # a message is of many updates
    checksums = False
    every = 1.0
    sandbox: ClassVar[type[BinanceSandbox]] = BinanceSandbox

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        self._market = MARKETS[options.market]
        self._at = Moments()
        self._requests = Requests(self._market)
        self._wanted = self._streams(subscription)
        self._is_up = False
        self._unanswered = Unanswered("binance", self.login_within)
        self._left: set[str] = set()  # whose books were subscribed to
        self._gone: set[str] = set()  # symbols that there are not
        self._books: dict[str, BookSync] = {}
        self._known: dict[str, tuple[Callable[[str], Any], Make]] = {}
        self._readers: dict[str, Any] = {}

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """Bitcoin, of COIN-M as a perpetual future."""
        return "BTCUSD_PERP" if options.market == "coinm" else "BTCUSDT"

    def symbol_of(self, asked: str) -> str:
        """Binance takes a symbol in any case, and sends it in capitals."""
        return asked.upper()

    def endpoints(self) -> Sequence[Endpoint]:
        """Binance's server of the market."""
        return [Endpoint(self._market.feed)]

    def opened(self, now: int) -> Items:
        """Subscribe."""
        self._requests.control("SUBSCRIBE", self._wanted)
        asked = dict.fromkeys(
            self.subscription.channels or self.default_channels, self.subscription.symbols
        )
        self._unanswered.asked(asked, now)
        return self._requests.due(now)

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The events in a frame, or what an acknowledgement leads to."""
        text = frame.decode() if isinstance(frame, bytes) else frame
        known = self._known.get(text[_AT : text.find('"', _AT)])
        if known is None:
            return self._other(text, now)
        decode, make = known
        try:
            message = decode(text).data
        except msgspec.DecodeError:
            return self._other(text, now)
        return make(message, now)

    def fetched(self, tag: str, response: Response, now: int) -> Items:
        """A snapshot of a book, or the symbols that there are."""
        kind, _, symbol = tag.partition(":")
        if kind == "symbols":
            yield from self._looked_up(response)
        elif response.status != 200:
            yield from self._no_book(symbol, response, now)
        else:
            yield from self._fetched_book(symbol, response.body, now)
        yield from self._requests.due(now)

    def tick(self, now: int) -> Items:
        """What has waited to be sent, and snapshots of books that nothing was heard of."""
        self._requests.second()
        if self._is_up:
            for symbol, channel in filter(None, map(channel_of, self._wanted)):
                if channel == "book" and symbol not in self._gone:
                    self._book(symbol).wait()
        return [*self._unanswered.late(now), *self._requests.due(now)]

    def closed(self, now: int) -> Iterable[Event]:
        """What was held for want of a snapshot is lost."""
        for book in self._books.values():
            yield from book.end()

    def asset_of(self, symbol: str) -> str | None:
        """Crypto, also as a future: traded at all hours."""
        return "crypto"

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Subscribe to what is new, and leave what is no longer wanted."""
        if not self._is_up:
            return None
        before, self._wanted = self._wanted, self._streams(subscription)
        self.subscription = subscription
        self._requests.control("SUBSCRIBE", (s for s in self._wanted if s not in before))
        gone = [s for s in before if s not in self._wanted]
        self._requests.control("UNSUBSCRIBE", gone)
        for symbol, channel in filter(None, map(channel_of, gone)):
            if channel == "book":
                self._books.pop(symbol, None)
                self._left.add(symbol)
        return [Up()] if self._requests.answered else self._requests.due(now)

    def _streams(self, subscription: Subscription) -> dict[str, None]:
        """The names of the streams, in order."""
        chosen = subscription.channels or self.default_channels
        for channel in chosen:
            if channel in FUTURES_ONLY and self._market.is_spot:
                raise UsageError(
                    f"binance's spot market has no {channel}", hint="choose --market usdm or coinm"
                )
        if EVERY in subscription.symbols:
            self._must_have_all(chosen)
        if "bar" in chosen and self.options.interval == "1s" and not self._market.is_spot:
            raise UsageError("binance has bars of 1s for spot alone")
        how = {"interval": self.options.interval, "levels": self.options.partial_levels}
        pairs = ((symbol, channel) for symbol in subscription.symbols for channel in chosen)
        return dict.fromkeys(stream_of(symbol, channel, **how) for symbol, channel in pairs)

    def _must_have_all(self, chosen: Sequence[str]) -> None:
        """Raise UsageError where a channel has no stream of all symbols."""
        there, market = self._market.of_all, self.options.market
        missing = [channel for channel in chosen if channel not in there]
        if missing:
            has = f"it has those of {', '.join(there)}" if there else "name them"
            what = f"binance's market {market} has no stream of all symbols"
            raise UsageError(f"{what}: {', '.join(missing)}", hint=has)

    def _other(self, text: str, now: int) -> Iterable[Event | Effect]:
        """What is not a message of a stream that is known, or has more fields than that."""
        found = wire.envelope(text)
        if found.e == "serverShutdown" or found.stream == "!serverShutdown":
            return [Reconnect(_SHUTDOWN)]
        if found.stream:
            return self._combined(text, found, now)
        if found.e or (found.id is None and found.error is None and found.code is None):
            return self._bare(text, found, now)
        return self._answered(text, found, now)

    def _combined(self, text: str, found: wire.Envelope, now: int) -> list[Event | Effect]:
        """A message of the combined form, and what is beside it that nobody knows."""
        of = channel_of(found.stream)
        if of is None:
            return [Bad(text, f"binance: a stream that is not known: {found.stream}")]
        symbol, channel = of
        more = {k: v for k, v in wire.fields(text).items() if k not in ("stream", "data")}
        data, kind, make = bytes(found.data), self._kind(channel), self._maker(symbol, channel)
        is_list = symbol == EVERY and data[:1] == b"["
        each = wire.each(data) if is_list else [data]
        if not each:
            raise DataError(_NO_MESSAGES)
        events = [e for one in each for e in self._read(symbol, channel, one, more, now)]
        if not more and text.startswith(f'{_PREFIX}{found.stream}"'):
            whole = list[kind] if is_list else kind  # type: ignore[valid-type]
            decode = msgspec.json.Decoder(wire.Combined[whole]).decode  # type: ignore[valid-type]
            self._known[found.stream] = decode, _for_each(make) if is_list else make
        return events

    def _bare(self, text: str, found: wire.Envelope, now: int) -> Iterable[Event | Effect]:
        """A message of the raw form, or a snapshot among the frames of somebody's capture."""
        if found.lastUpdateId is not None:
            return self._bare_snapshot(text, now)
        channel = wire.CHANNEL_OF.get(found.e) if found.e else "quote"
        if channel is None:
            return [Bad(text, f"binance: a message that is not known: {found.e}")]
        return self._read(None, channel, text, {}, now)

    def _read(
        self, symbol: str | None, channel: str, text: str | bytes, more: dict[str, Any], now: int
    ) -> list[Event | Effect]:
        """The events of a message, whose unknown fields go under `extra`."""
        kind = self._kind(channel)
        if channel not in self._readers:
            self._readers[channel] = Messages(kind).read
        message, beyond = self._readers[channel](text)
        events = list(self._maker(symbol, channel)(message, now))
        if more or beyond:
            for event in events:
                if isinstance(event, Event):
                    event.extra = {**(event.extra or {}), **(beyond or {}), **more}
        return events

    def _kind(self, channel: str) -> Any:
        if channel == "partial_book":
            return wire.SnapshotMessage if self._market.is_spot else wire.DepthMessage
        return wire.KIND_OF[channel]

    def _maker(self, symbol: str | None, channel: str) -> Make:
        """What makes the events of a channel's messages."""
        at = self._at
        if channel == "book":
            return self._changed
        if channel == "partial_book":
            return lambda m, now: [self._partial(m, symbol or str(getattr(m, "s", "")), now)]
        make = EVENT_OF[channel]
        return lambda m, now: (make(m, at, now),)

    def _partial(self, m: Any, symbol: str, now: int) -> Event:
        time = m.T or m.E
        book = book_of(m, symbol, self._at(time) if time else self._at.ns(now))
        book.channel = "partial_book"
        return book

    def _changed(self, m: wire.DepthMessage, now: int) -> Iterator[Event | Effect]:
        if self._wanted and not self._wants_book(m.s):
            if m.s not in self._left:
                raise DataError(f"binance: a change of the book of {m.s}, which was not asked for")
            return  # it was under way when the stream was left
        yield from self._book(m.s).change(m)
        yield from self._requests.due(now)

    def _wants_book(self, symbol: str) -> bool:
        return symbol in self._books or stream_of(symbol, "book") in self._wanted

    def _book(self, symbol: str) -> BookSync:
        if symbol not in self._books:
            self._books[symbol] = BookSync(symbol, self._at, self._requests.book)
        return self._books[symbol]

    def _fetched_book(self, symbol: str, body: bytes, now: int) -> Iterator[Event | Effect]:
        """A snapshot; what is none is set aside, and asked for again."""
        try:
            found = wire.snapshot(body)
        except (ValueError, RecursionError) as error:
            named = next((s for s in self.subscription.symbols if s.upper() == symbol), symbol)
            yield Bad(body, f"binance: no snapshot of the book of {symbol}: {error}", named)
            self._requests.book(symbol, True)
            return
        yield from self._snapshot(symbol, *found, now)

    def _snapshot(
        self, symbol: str, m: wire.SnapshotMessage, beyond: dict[str, Any] | None, now: int
    ) -> Iterator[Event | Effect]:
        for event in self._book(symbol).snapshot(m, now):
            if beyond and isinstance(event, Book):
                event.extra = beyond
            yield event

    def _bare_snapshot(self, text: str, now: int) -> Iterator[Event | Effect]:
        """Where it does not say its symbol, the book that waits for one like it."""
        m, beyond = wire.snapshot(text)
        fitting = [b.symbol for b in self._books.values() if b.fits(m.lastUpdateId)]
        symbol = m.symbol or (fitting[0] if len(fitting) == 1 else None)
        if symbol is None:
            many = "fits none of the books" if not fitting else "fits several books"
            yield Bad(text, f"binance: a snapshot that does not say its symbol, and {many}")
            return
        yield from self._snapshot(symbol, m, beyond, now)

    def _answered(self, text: str, found: wire.Envelope, now: int) -> Iterator[Event | Effect]:
        """An acknowledgement; a refused message is halved until the streams are alone."""
        failure = found.error or (wire.Failure(found.code, found.msg) if found.code else None)
        failure = failure or (wire.Failure(0, found.msg) if found.msg else None)
        number = found.id if isinstance(found.id, int) else -1
        asked = self._requests.asked.pop(number, None)
        if asked is None and failure is None:
            yield Up()  # of a capture whose symbols nobody named
            return
        if asked is None:
            yield Bad(text, f"binance says: {failure.msg if failure else text}")
            return
        method, streams = asked
        if failure is not None and len(streams) > 1:
            half = len(streams) // 2
            self._requests.control(method, streams[:half])
            self._requests.control(method, streams[half:])
        elif failure is not None:
            of = channel_of(streams[0])
            told = f"binance says: {failure.msg} (error {failure.code})"
            names = [s for s in self.subscription.symbols if of and s.upper() == of[0]]
            yield Refused(f"{told}: {streams[0]}", tuple(names), (of[1],) if of else ())
        yield from self._requests.due(now)
        if self._requests.answered:
            self._unanswered.answered()
            yield Up()
            yield from self._look_up()

    def _look_up(self) -> Iterator[Effect]:
        """Once on a connection, and of what a change adds, ask which symbols there are."""
        self._is_up = True
        if self.options.check_symbols and any(s != EVERY for s in self.subscription.symbols):
            yield self._ask_symbols()

    def _ask_symbols(self, again: str | None = None) -> Fetch:
        request = Request(f"{self._market.rest}/ticker/price")
        return Fetch(request, "symbols", again=again, may_fail=True)

    def _looked_up(self, response: Response) -> Iterator[Effect]:
        if response.status != 200:
            return  # whatever is wrong, the streams go on
        rows = wire.prices(response.body)
        if not rows:  # that proves nothing
            yield self._ask_symbols(again="symbols")
            return
        there = {EVERY, *(row.symbol for row in rows)}
        gone = tuple(s for s in self.subscription.symbols if s.upper() not in there)
        self._gone |= {symbol.upper() for symbol in gone}
        if gone:
            yield Refused(
                f"binance has no {', '.join(gone)} in its market {self.options.market}", gone
            )

    def _no_book(self, symbol: str, response: Response, now: int) -> Iterator[Effect]:
        """No snapshot: the symbol is refused, or it is asked for again later."""
        failure = wire.failure_of(response.body)
        named = tuple(s for s in self.subscription.symbols if s.upper() == symbol)
        told = f"binance says of the book of {symbol}: {failure.msg or response.status}"
        if failure.code == _NO_SYMBOL:
            self._gone.add(symbol)
            yield Refused(told, named)
        elif response.status in _FORBIDDEN:
            yield Refused(told, named, ("book",))
        else:
            self._requests.book_later(symbol, response, now)


def _for_each(make: Make) -> Make:
    """What makes the events of a list of messages."""

    def of_all(messages: list[Any], now: int) -> list[Event | Effect]:
        if not messages:
            raise DataError(_NO_MESSAGES)
        return [event for one in messages for event in make(one, now)]

    return of_all
