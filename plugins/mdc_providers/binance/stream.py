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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from mdc_core.plugin import (
    Bad,
    Effect,
    Endpoint,
    Event,
    Fetch,
    Items,
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
from mdc_providers.binance.books.followed import Books
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
from mdc_providers.binance.reading import PREFIX, Reader
from mdc_providers.binance.requests import Requests
from mdc_providers.binance.sandbox import BinanceSandbox

EXAMPLES = (
    "mdc stream binance BTCUSDT ETHUSDT --type trade,quote | mdc validate | mdc store --root data",
    "mdc stream binance BTCUSDT --market usdm --type mark_price,liquidation,book | mdc store",
)
_AT = len(PREFIX)
_NO_SYMBOL = -1121
_FORBIDDEN = (401, 403, 451)
_SHUTDOWN = "binance shuts this server down"


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
        at = Moments()
        self._requests = Requests(self._market)
        self._books = Books(at, self._requests)
        self._reader = Reader(self._market, at, self._books)
        self._known = self._reader.known
        self._want(subscription)
        self._is_up = False
        self._unanswered = Unanswered("binance", self.login_within)
        self._gone: set[str] = set()  # symbols that there are not

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
            name = next((s for s in self.subscription.symbols if s.upper() == symbol), symbol)
            yield from self._books.fetched(symbol, response.body, now, name)
        yield from self._requests.due(now)

    def tick(self, now: int) -> Items:
        """What has waited to be sent, and snapshots of books that nothing was heard of."""
        self._requests.second()
        if self._is_up:
            for symbol, channel in filter(None, map(channel_of, self._wanted)):
                if channel == "book" and symbol not in self._gone:
                    self._books.wait(symbol)
        return [*self._unanswered.late(now), *self._requests.due(now)]

    def closed(self, now: int) -> Iterable[Event]:
        """What was held for want of a snapshot is lost."""
        return self._books.end()

    def asset_of(self, symbol: str) -> str | None:
        """Crypto, also as a future: traded at all hours."""
        return "crypto"

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Subscribe to what is new, and leave what is no longer wanted."""
        if not self._is_up:
            return None
        before = self._wanted
        self._want(subscription)
        self.subscription = subscription
        self._requests.control("SUBSCRIBE", (s for s in self._wanted if s not in before))
        gone = [s for s in before if s not in self._wanted]
        self._requests.control("UNSUBSCRIBE", gone)
        for symbol, channel in filter(None, map(channel_of, gone)):
            if channel == "book":
                self._books.leave(symbol)
        return [Up()] if self._requests.answered else self._requests.due(now)

    def _want(self, subscription: Subscription) -> None:
        self._wanted = self._streams(subscription)
        of = filter(None, map(channel_of, self._wanted))
        books = frozenset(symbol for symbol, channel in of if channel == "book")
        self._books.wanted = books if self._wanted else None

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
            return self._reader.combined(text, found, now)
        if found.e or (found.id is None and found.error is None and found.code is None):
            return self._reader.bare(text, found, now)
        return self._answered(text, found, now)

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
