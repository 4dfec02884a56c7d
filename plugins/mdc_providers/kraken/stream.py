"""Crypto and currencies of Kraken's spot market by WebSocket v2.

Protocol: Kraken, "Spot WebSocket v2". The client subscribes to each channel, the server answers
for each symbol by itself: one that it refuses is told, the others come. A book is checked by its
checksum at every change; one that is wrong is asked for again. `bar` is a candle as it grows, at
each trade, and once more when the next one begins, then final. `status` is the state of a pair
and all that Kraken says of it. Captures of WebSocket v1 are decoded too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from msgspec import Raw

from mdc_core.plugin import (
    Bad,
    Busy,
    DataError,
    Effect,
    Endpoint,
    Event,
    Items,
    Send,
    Stream,
    Subscription,
    Subscriptions,
    from_ns,
    utc,
)
from mdc_providers.kraken import messages as wire
from mdc_providers.kraken.books import book_checksum
from mdc_providers.kraken.decode import (
    INTERVALS,
    UNREADABLE,
    Candles,
    is_closed,
    quote_of,
    state_of,
    states_of_venue,
    trade_of,
    unread,
    with_more,
)
from mdc_providers.kraken.legacy import KrakenLegacy
from mdc_providers.kraken.options import KrakenOptions
from mdc_providers.kraken.provider import CHANNELS, NAMES, KrakenProvider
from mdc_providers.kraken.requests import HINT, STATES, KrakenRequests, about, pairs_of
from mdc_providers.kraken.sandbox import KrakenSandbox
from mdc_providers.kraken.verified import VerifiedBooks

EXAMPLES = (
    "mdc stream kraken BTC/USD ETH/USD | mdc store",
    "mdc stream kraken BTC/USD --type book --depth 100 | mdc validate | mdc store",
    "mdc stream kraken BTC/USD --type bar --interval 5m",
)
_QUIET = 10_000_000_000  # nanoseconds without the heartbeat, which comes once a second
_PING = Send('{"method":"ping"}')


class Kraken(KrakenProvider, Stream):
    """Kraken's spot market by WebSocket v2."""

    Options = KrakenOptions
    channels = tuple(CHANNELS)
    default_channels = ("trade", "quote")
    channel_help: ClassVar[Mapping[str, str]] = {
        "status": "States of pairs, with their precisions and limits.",
    }
    every = 1.0
    silence = 20.0
    sequence = None  # a trade's id is one, and nothing else has a number
    checksums = True
    book_checksum = staticmethod(book_checksum)
    sandbox: ClassVar[type[KrakenSandbox]] = KrakenSandbox

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        minutes = {name: number for number, name in INTERVALS.items()}
        params: dict[str, dict[str, Any]] = {
            "ticker": {"event_trigger": options.trigger},
            "book": {"depth": options.depth},
            "ohlc": {"interval": minutes[options.interval]},
        }
        self._requests = KrakenRequests(params)
        wanted = pairs_of(subscription, self.default_channels)
        self._subs = Subscriptions("kraken", self._requests, wanted, channel=NAMES.get, hint=HINT)
        self._books = VerifiedBooks(options.depth)
        self._candles = Candles()
        self._system = "online"
        self._decode = msgspec.json.Decoder(wire.AnyMessage).decode
        self._legacy: KrakenLegacy | None = None
        self._heard = 0

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """Bitcoin."""
        return "BTC/USD"

    def endpoints(self) -> Sequence[Endpoint]:
        """Kraken's production server; there is no other without a key."""
        return [Endpoint("wss://ws.kraken.com/v2")]

    def opened(self, now: int) -> Items:
        """Subscribe to everything at once; the greeting need not be waited for."""
        self._heard = now
        return self._subs.begin(now)

    def tick(self, now: int) -> Items:
        """Tell what is not answered, and ask for a sign of life where there is none."""
        yield from self._subs.late(now)
        if now - self._heard >= _QUIET:
            self._heard = now
            yield _PING

    def asset_of(self, symbol: str) -> str | None:
        """Crypto, and currencies, which Kraken trades at all hours as well."""
        return "crypto"

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Subscribe to what is new; when that is answered, leave what is no longer wanted."""
        wanted = pairs_of(subscription, self.default_channels)
        if any(channel == STATES for channel, _ in wanted) and self._subs.is_settled:
            # The channel goes on for the others.
            gone = [pair for pair in self._subs.granted if pair not in wanted]
            self._subs.forget(*(pair for pair in gone if pair[0] == STATES))
        return self._subs.change(wanted, now)

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The events in a frame, and the answers to it, in order."""
        self._heard = now
        try:
            m: Any = self._decode(frame)
        except msgspec.ValidationError:
            return self._unusual(frame, now)
        return self._message(m, now)

    def _message(self, m: Any, now: int) -> Sequence[Event | Effect]:
        """The events in a message of a channel."""
        kind = type(m)
        try:
            if kind is wire.TradeMessage:
                return [trade_of(item) for item in m.data]
            if kind is wire.TickerMessage:
                return [quote_of(item, now) for item in m.data]
        except DataError:
            pass  # one of them cannot be read: one by one
        if kind is wire.HeartbeatMessage:
            return ()
        if kind is wire.InstrumentMessage:
            return [*self._states(m, now)]
        if kind is wire.StatusMessage:
            return [*self._system_is(m, now)]
        out: list[Event | Effect] = []
        for place, item in enumerate(m.data):
            try:
                out += self._found(item, m.type, now, is_closed(m.data, place))
            except DataError as error:
                out.append(unread(wire.encode(item), error))
        return out

    def _found(self, item: Any, kind: str, now: int, is_closed: bool) -> Iterable[Event | Effect]:
        """What an object of a message leads to."""
        match item:
            case wire.TradeItem():
                return [trade_of(item)]
            case wire.TickerItem():
                return [quote_of(item, now)]
            case wire.CandleItem():
                return self._candles.bars(item, is_closed)
        time = from_ns(now) if item.timestamp is None else utc(item.timestamp)
        take = self._books.snapshot if kind == "snapshot" else self._books.change
        found: list[Event | Effect] = [*take(item, time)]
        if (symbol := self._books.wants_again()) is not None:
            found += self._requests("unsubscribe", [("book", symbol)], f"book {symbol}")
        return found

    def _states(self, m: wire.InstrumentMessage, now: int) -> Iterator[Event | Effect]:
        """The states of the pairs that are asked for, and of the assets that they are made of."""
        symbols = {symbol for channel, symbol in self._subs.wanted if channel == STATES}
        wanted = {"pairs": symbols, "assets": {s for pair in symbols for s in pair.split("/")}}
        seen, time = {"*"}, from_ns(now)
        more = wire.others(m.data, wanted)
        for name, names in wanted.items():
            for raw in m.data.get(name, ()):
                try:
                    item, others = wire.read_state(raw)
                    symbol = item.symbol or item.id or ""
                    if symbol in names or "*" in names:
                        seen.add(symbol)
                        yield state_of(item, {**more, **others}, time)
                except UNREADABLE as error:
                    yield unread(raw, error)
        for symbol in sorted(symbols) if m.type == "snapshot" else ():
            if symbol in seen:
                yield from self._subs.accept((STATES, symbol))
            else:
                yield from self._subs.refuse("there is no such pair", (STATES, symbol))

    def _system_is(self, m: wire.StatusMessage, now: int) -> Iterator[Event | Effect]:
        """The state of the engine, where it is another than before, or not the usual one."""
        for raw in m.data:
            item, more = wire.read_state(raw)
            if item.system is None:
                raise DataError("kraken: a status that does not say of what state the engine is")
            if item.system != self._system:
                self._system = item.system
                symbols = dict.fromkeys(symbol for _, symbol in self._subs.wanted)
                yield from states_of_venue(item.system, more, symbols, from_ns(now))

    def _unusual(self, frame: str | bytes, now: int) -> Iterable[Event | Effect]:
        """An answer, a message of version 1, or one with something that is not expected."""
        fields = {} if frame.lstrip()[:1] in ("[", b"[") else wire.fields_of(frame)
        if not fields or "event" in fields:
            self._legacy = self._legacy or KrakenLegacy()
            return self._legacy.receive(frame, now)
        if "method" in fields:
            return self._answered(wire.read_answer(frame))
        if "channel" in fields:
            return self._loosely(fields, now)
        if (raw := fields.get("error") or fields.get("Error")) is not None:
            return [Busy(f"kraken says: {wire.read_text(raw)}")]
        raise DataError("kraken: a message that is neither an answer nor of a channel")

    def _loosely(self, fields: Mapping[str, Raw], now: int) -> Iterator[Event | Effect]:
        """The objects of a message one by one; what is not known of them goes under `extra`."""
        channel = wire.read_text(fields["channel"])
        more = wire.others(fields, ("channel", "type", "data", "timestamp"))
        if channel in ("status", "instrument", "heartbeat"):
            known = {name: raw for name, raw in fields.items() if name not in more}
            found = self._message(self._decode(wire.encode(known)), now)
            yield from with_more(more, found)
            return
        messages, kind = wire.ITEMS.get(channel), wire.read_text(fields["type"])
        if messages is None or kind not in ("snapshot", "update"):
            raise DataError(f"kraken: a {kind} of the channel {channel!r}, which is not known")
        read: list[tuple[Any, dict[str, Any]]] = []
        raws = wire.read_list(fields["data"])
        for raw in raws:
            try:
                item, others = messages.read(raw)
                read.append((item, {**more, **(others or {})}))
            except UNREADABLE as error:
                read.append((unread(raw, error), {}))
        items = [item for item, _ in read]
        for place, (item, others) in enumerate(read):
            if isinstance(item, Bad):
                yield item
                continue
            try:
                yield from with_more(others, self._found(item, kind, now, is_closed(items, place)))
            except UNREADABLE as error:
                yield unread(raws[place], error)

    def _answered(self, answer: wire.Answer) -> Iterable[Event | Effect]:
        """An answer to a request of ours."""
        channel = self._requests.channel_of(answer)
        symbol = answer.symbol
        if answer.result is not None:
            symbol = answer.result.symbol or symbol
        if answer.method == "subscribe" and answer.success:
            if channel is None or symbol is None:
                return ()  # of the instruments, whose snapshot says which there are
            if answer.result is not None and answer.result.depth is not None:
                self._books.is_asked_for(symbol, answer.result.depth)
            return self._subs.accept((channel, symbol))
        if answer.method == "subscribe":
            return self._refused(channel, symbol, answer.error or "no reason given")
        if answer.method == "unsubscribe" and channel is not None:
            if channel == "book" and symbol is not None and self._books.is_left(symbol):
                return self._requests("subscribe", [(channel, symbol)], f"book {symbol} again")
            return self._subs.leave(*about(self._subs.granted, channel, symbol))
        if answer.error is not None:
            return self._refused(None, symbol, answer.error)
        return ()

    def _refused(self, channel: str | None, symbol: str | None, text: str) -> Iterable[Effect]:
        """A pair is refused; where it is not named, all of those that it may be about."""
        pairs = about(self._subs.open, channel, symbol)
        if not pairs and channel is not None and symbol is not None:
            pairs = [(channel, symbol)]  # asked for once more, in vain
        return self._subs.refuse(text, *pairs)
