"""Futures by Kraken Futures' WebSocket feed: trades, quotes, books, funding, open interest.

Protocol: Kraken, "Futures WebSocket". No key is needed. Books and trades of each product are
numbered: a number that is missing is a `gap`, and the book is asked for once more. The trades
that come with a subscription are of the time before it, and are left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from mdc_core.plugin import (
    Awaited,
    Bad,
    Busy,
    Effect,
    Endpoint,
    Event,
    Follow,
    Gap,
    Items,
    Messages,
    Missing,
    Reconnect,
    Restarted,
    Send,
    Stream,
    Subscription,
    Subscriptions,
    from_ns,
)
from mdc_providers.kraken_futures import messages as wire
from mdc_providers.kraken_futures.decode import Tickers, book_of, change_of, quote_of, trade_of
from mdc_providers.kraken_futures.provider import KrakenFuturesProvider
from mdc_providers.kraken_futures.sandbox import KrakenFuturesSandbox

EXAMPLES = (
    "mdc stream kraken_futures PF_XBTUSD PF_ETHUSD --mock --limit 1000 | mdc validate",
    "mdc stream kraken_futures PF_XBTUSD --mock --type book --limit 1000 | mdc validate",
)

Found = list[Event | Effect]
_FEEDS: Mapping[str, str] = {"trade": "trade", "book": "book", "ticker_lite": "ticker_lite"}
_PATIENCE = 3.0  # seconds, in which the answers for products come that are not refused
_SILENCE = 15_000_000_000  # ns without a message, where a heartbeat is due each second
_REFUSED = ("subscribed_failed", "unsubscribed_failed", "error", "alert")


class KrakenFutures(KrakenFuturesProvider, Stream):
    """Futures by Kraken Futures' WebSocket feed."""

    channels = ("trade", "quote", "book", "funding", "open_interest", "status", "ticker_lite")
    default_channels = ("trade", "quote")
    channel_help: ClassVar[Mapping[str, str]] = {
        "ticker_lite": "The best prices at once, without sizes and time.",
    }
    every = 1.0
    sequence = "symbol"
    checksums = False
    sandbox: ClassVar[type[KrakenFuturesSandbox]] = KrakenFuturesSandbox

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        wanted = self._pairs(subscription)
        self._subs = Subscriptions(
            "kraken_futures", _asked, wanted, channel=self._words, key=_key_of, within=_PATIENCE
        )
        self._heard: int | None = None
        self._numbers = Follow()
        self._renewing: Awaited[str] = Awaited("kraken_futures")  # books
        self._read = Messages(wire.AnyMessage).read

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """The perpetual future of bitcoin."""
        return "PF_XBTUSD"

    def symbol_of(self, asked: str) -> str:
        """The venue takes a symbol in any case, and sends it in capitals."""
        return asked.upper()

    def endpoints(self) -> Sequence[Endpoint]:
        """The venue's production server."""
        return [Endpoint("wss://futures.kraken.com/ws/v1")]

    def opened(self, now: int) -> Items:
        """Subscribe."""
        self._heard = now
        return [*self._subs.begin(now), Send('{"event":"subscribe","feed":"heartbeat"}')]

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The events in a frame, and the answers to it."""
        self._heard = now
        try:
            m, more = self._read(frame)
        except msgspec.ValidationError as error:
            return self._event_or(frame, error, now)
        found = self._events(m, now)
        if more is None:
            return found
        found = [*found]
        for event in found:
            if isinstance(event, Event) and not isinstance(event, Gap):
                event.extra = {**(event.extra or {}), **(more or {})}
        return found

    def tick(self, now: int) -> Items:
        """A while after a refusal, which names nobody, what is not answered is refused."""
        if self._heard is not None and now - self._heard >= _SILENCE:
            self._heard = None
            return [Reconnect("kraken_futures: no heartbeat for 15 s")]
        return [*self._subs.late(now), *self._renewing.late(now, _renew)]

    def asset_of(self, symbol: str) -> str | None:
        """Crypto as futures: traded at all hours."""
        return "crypto"

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Subscribe to what is new, and leave what is not wanted any more."""
        if self._renewing or not (self._subs.is_up and self._subs.is_settled):
            return None
        return self._subs.change(self._pairs(subscription), now)

    def _pairs(self, subscription: Subscription) -> list[tuple[str, str]]:
        """By feed: all but the other three are parts of the one feed `ticker`."""
        self._chosen = chosen = subscription.channels or self.default_channels
        feeds = dict.fromkeys(_FEEDS.get(name, "ticker") for name in chosen)
        self._tickers = Tickers(chosen)
        return [(feed, symbol) for feed in feeds for symbol in subscription.symbols]

    def _words(self, feed: str) -> tuple[str, ...]:
        """The channels that come by a feed."""
        return tuple(name for name in self._chosen if _FEEDS.get(name, "ticker") == feed)

    def _events(self, m: Any, now: int) -> Iterable[Event | Effect]:
        kind = type(m)
        if kind is wire.TickerMessage:
            return self._tickers.events_of(m)
        if kind is wire.ChangeMessage:
            delta = change_of(m)
            return self._followed(("book", m.product_id), delta, now)
        if kind is wire.TradeMessage:
            trade = trade_of(m)
            return self._followed(("trade", m.product_id), trade, now)
        if kind is wire.SnapshotMessage:
            self._numbers.restart(("book", m.product_id), m.seq)
            self._renewing.came(m.product_id)
            return [book_of(m)]
        if kind is wire.TradesMessage:
            if m.trades:
                last = max(trade.seq for trade in m.trades)
                self._numbers.restart(("trade", m.product_id), last)
            return []
        return [quote_of(m, from_ns(now))] if kind is wire.LiteMessage else []

    def _followed(self, key: tuple[str, str], event: Event, now: int) -> Sequence[Event | Effect]:
        """The event; if this number was not due, what is missing, and the book once more."""
        assert event.seq is not None
        order = self._numbers.expect(key, event.seq, event.ts_event)
        return (
            (event,) if isinstance(order, str) else [*self._missed(key, event, order, now), event]
        )

    def _missed(
        self, key: tuple[str, str], event: Event, order: Missing | Restarted, now: int
    ) -> Iterator[Event | Effect]:
        feed, symbol = key
        end = event.ts_event
        if isinstance(order, Restarted):
            head = {"symbol": symbol, "channel": feed, "ts_event": end, "seq": event.seq}
            yield from order.told(f"{feed} of {symbol}", always=feed == "book", **head)
        else:
            gap = Gap(symbol=symbol, channel=feed, ts_event=end, seq=event.seq, start=order.since)
            gap.end, gap.count, gap.reason = end, order.count, "sequence"
            yield gap
        if feed == "book" and symbol not in self._renewing:
            self._renewing.asked(now, symbol)
            yield from _renew([symbol])

    def _event_or(self, frame: str | bytes, error: Exception, now: int) -> Found:
        """A message about the connection; else one that cannot be read."""
        try:
            m = msgspec.json.decode(frame, type=wire.EventMessage)
        except msgspec.ValidationError:
            return [_unread(frame, error)]
        match m.event:
            case "info" | "pong":
                return []
            case "subscribed":
                return [*self._subs.accept(*((m.feed, name) for name in m.product_ids))]
            case "unsubscribed":
                return [*self._subs.leave(*((m.feed, name) for name in m.product_ids))]
            case event if event in _REFUSED:
                return [*self._refused(m)]
        return [_unread(frame, f"an unknown event {m.event!r}")]

    def _refused(self, m: wire.EventMessage) -> Iterable[Effect]:
        """A refusal, which names nobody as a rule."""
        text = m.message or m.event
        if "limit" in text.lower() or "too many" in text.lower():
            return [Busy(f"kraken_futures says: {text}")]
        return self._subs.refuse(text, *((m.feed, name) for name in m.product_ids))


def _key_of(pair: tuple[str, str]) -> tuple[str, str]:
    return pair[0], pair[1].upper()


def _asked(what: str, pairs: Iterable[tuple[str, str]]) -> list[Send]:
    """A message for each feed."""
    feeds: dict[str, list[str]] = {}
    for feed, symbol in pairs:
        feeds.setdefault(feed, []).append(symbol)
    return [_ask(what, feed, symbols) for feed, symbols in feeds.items()]


def _ask(what: str, feed: str, symbols: Iterable[str], again: str | None = None) -> Send:
    message = {"event": what, "feed": feed, "product_ids": [*symbols]}
    return Send(msgspec.json.encode(message).decode(), again)


def _renew(symbols: list[str]) -> Iterator[Send]:
    """The books once more."""
    for symbol in symbols:
        for what in ("unsubscribe", "subscribe"):
            yield _ask(what, "book", [symbol], again=f"book {symbol}")


def _unread(frame: str | bytes, why: object) -> Bad:
    """A message that cannot be read; its text is kept. Raises DecodeError for what is no JSON."""
    known = msgspec.json.decode(frame)
    symbol = known.get("product_id") if isinstance(known, dict) else None
    text = frame if isinstance(frame, str) else frame.decode()
    why = f"kraken_futures: a message that cannot be read: {why}"
    return Bad(text, why, symbol if isinstance(symbol, str) else None)
