"""Trades of US stocks, crypto and foreign exchange, and news, by Finnhub's WebSocket.

Protocol: Finnhub, "WebSocket - Trades" and "WebSocket - News". The key is part of the URL, and
is shown nowhere; with a wrong one the handshake is refused. Finnhub greets nobody and acknowledges
nothing: the feed counts as up when the handshake is through and what is asked for was sent, and a
symbol that Finnhub does not know is silence. One symbol too many is answered by an error that does
not name it: it is taken for the last one that was asked for. Foreign exchange, and some crypto,
come with a volume of 0, as prices without trades: such a price is a `status` with the price in
`extra`, for it is no trade. Times have milliseconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from msgspec import Raw

from mdc_core.plugin import (
    Bad,
    DataError,
    Effect,
    Endpoint,
    Event,
    Items,
    Messages,
    Refused,
    Send,
    Stream,
    Subscription,
    Up,
)
from mdc_providers.finnhub import messages as wire
from mdc_providers.finnhub.provider import FinnhubProvider
from mdc_providers.finnhub.sandbox import FinnhubSandbox

EXAMPLES = ("mdc stream finnhub AAPL BINANCE:BTCUSDT | mdc validate | mdc store",)
_SUBSCRIBE: Mapping[str, str] = {"trade": "subscribe", "news": "subscribe-news"}
_FX = ("OANDA", "FXCM", "IC MARKETS")
_LIMIT = "too many symbols"  # in the words of the error
_LOGIN = ("api key", "token")
_UNREADABLE = (msgspec.MsgspecError, DataError, UnicodeError, ValueError, RecursionError)


class Finnhub(FinnhubProvider, Stream):
    """Trades of US stocks, crypto and foreign exchange, and news, by Finnhub's WebSocket."""

    channels = ("trade", "news")
    default_channels = ("trade",)
    channel_help: ClassVar[Mapping[str, str]] = {
        "news": "News about companies; a paid plan has it."
    }
    sequence = None
    checksums = False
    silence = 150.0  # a ping comes about once a minute where nothing else does
    sandbox: ClassVar[type[FinnhubSandbox]] = FinnhubSandbox

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        self._channels = subscription.channels or self.default_channels
        self._asked = dict.fromkeys(subscription.symbols)  # in the order in which they were
        self._trades = msgspec.json.Decoder(wire.Trades).decode
        self._frames = Messages(wire.Frame)
        self._items = {name: Messages(kind) for name, (kind, _) in wire.KINDS.items()}

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """A stock."""
        return "AAPL"

    def endpoints(self) -> Sequence[Endpoint]:
        """Finnhub's server; the key travels in the query, which nobody is shown."""
        return [
            Endpoint("wss://ws.finnhub.io/", query={"token": self.credentials[self.secrets[0]]})
        ]

    def opened(self, now: int) -> Items:
        """Subscribe; there is no answer to wait for."""
        if "*" in self._asked:
            return [Refused("finnhub has no '*' for all symbols", ("*",))]
        return [*self._sends(self._channels, self._asked), Up()]

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The trades in a frame, the news, or what an error means."""
        try:
            return list(map(wire.trade_of, self._trades(frame).data))
        except _UNREADABLE:
            return self._loosely(frame)

    def asset_of(self, symbol: str) -> str | None:
        """By the exchange before the colon; a stock has none."""
        venue, colon, _ = symbol.partition(":")
        if not colon:
            return "equity"
        return "fx" if venue in _FX else "crypto" if venue in self.venues else None

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Leave what is no longer wanted, which frees its place, and ask for what is new."""
        channels = subscription.channels or self.default_channels
        before, self._asked = self._asked, dict.fromkeys(subscription.symbols)
        was, self._channels = self._channels, channels
        gone = [symbol for symbol in before if symbol not in self._asked]
        new = [symbol for symbol in self._asked if symbol not in before]
        kept = [symbol for symbol in self._asked if symbol in before]
        return [
            *self._sends(was, gone, "un"),
            *self._sends([name for name in was if name not in channels], kept, "un"),
            *self._sends([name for name in channels if name not in was], kept),
            *self._sends(channels, new),
            Up(),
        ]

    def _sends(self, channels: Sequence[str], symbols: Any, prefix: str = "") -> Iterator[Send]:
        for name in channels:
            for symbol in symbols:
                message = {"type": prefix + _SUBSCRIBE[name], "symbol": symbol}
                yield Send(wire.encode(message).decode())

    def _loosely(self, frame: str | bytes) -> list[Event | Effect]:
        """A frame that is no plain list of trades: its items one by one."""
        m, more = self._frames.read(frame)
        if m.type == "ping":
            return []
        if m.type == "error":
            return [self._error(m.msg, frame)]
        if m.type not in wire.KINDS:
            raise DataError(f"a message of type {m.type[:40]!r} whose meaning is unknown")
        if m.data is None:
            raise DataError(f"a message of type {m.type} without data")
        out: list[Event | Effect] = []
        for item in m.data:
            out += self._item(m.type, item, more)
        return out

    def _item(
        self, name: str, raw: Raw, more: Mapping[str, Any] | None
    ) -> Sequence[Event | Effect]:
        try:
            item, extra = self._items[name].read(bytes(raw))
            events = wire.KINDS[name][1](item)
        except _UNREADABLE as error:
            return [Bad(bytes(raw), f"finnhub: an item that cannot be read: {error}")]
        for event in events:
            event.extra = {**(event.extra or {}), **(extra or {}), **(more or {})} or None
        return events

    def _error(self, words: str, frame: str | bytes) -> Effect:
        """What an error means; one that nobody knows is set aside, and the feed goes on."""
        for secret in self.credentials.values():
            words = words.replace(secret, "***") if secret else words
        text = f"finnhub says: {words}"
        if _LIMIT in words.lower() and self._asked:
            symbol, _ = self._asked.popitem()
            return Refused(f"{text}; taken to be about {symbol}", (symbol,))
        if any(word in words.lower() for word in _LOGIN):
            return Refused(text, hint=f"check {self.secrets[0]}", cause="login")
        named = tuple(symbol for symbol in self._asked if symbol in words)
        if named:
            return Refused(text, named)
        return Bad(frame, text)
