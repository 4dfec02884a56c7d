"""Stocks, crypto, forex and indices by the WebSocket of Polygon.io, today Massive.

Protocol: Massive, "WebSocket API" (its hosts were socket.polygon.io and delayed.polygon.io). The
server greets, the client sends its key, the server agrees, the client subscribes, and the
server answers for each channel of each symbol. Symbols are written as the vendor does: SPY,
BTC-USD with `--market crypto`, EUR/USD with `--market forex`, I:SPX with `--market indices`; the
symbol `'*'` is every symbol of the market (quoted, or the shell would take it for file names).
The value of an index and the vendor's fair market value are `indicator` events (`name` is `value`
or `fmv`): nobody trades or quotes at them, they are calculated, and so they are no trades and no
quotes. The vendor's digits are in `extra`, for the value of an indicator is a float.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from mdc_core.plugin import (
    Bad,
    Busy,
    DataError,
    Effect,
    Endpoint,
    Event,
    Items,
    Options,
    Reconnect,
    Refused,
    Sandbox,
    Send,
    Stream,
    Subscription,
    Subscriptions,
    UsageError,
)
from mdc_providers.polygon import messages as wire
from mdc_providers.polygon.codes import ASSETS, DEFAULTS, HOSTS, PREFIXES, USUAL_SYMBOLS, Market
from mdc_providers.polygon.decode import PolygonDecoder
from mdc_providers.polygon.provider import PolygonProvider
from mdc_providers.polygon.requests import WITHIN, Pair, key_of, named_in, requests
from mdc_providers.polygon.sandbox import PolygonSandbox

EXAMPLES = (
    "mdc stream polygon SPY --mock --limit 1000 | mdc validate",
    "mdc stream polygon BTC-USD --market crypto --type trade,book --mock --limit 1000",
)

_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
_COOL_DOWN = 60.0  # seconds after one connection too many
_GRANTED, _LEFT = "subscribed to:", "unsubscribed to:"


class PolygonOptions(Options, frozen=True, kw_only=True):
    """Which of Polygon's feeds."""

    market: Annotated[Market, Meta(description="class of instruments; a connection has one")] = (
        "stocks"
    )
    feed: Annotated[
        Literal["realtime", "delayed"],
        Meta(description="delayed is 15 minutes late, and what smaller plans have"),
    ] = "realtime"


class Polygon(PolygonProvider, Stream):
    """Stocks, crypto, forex and indices by the WebSocket of Polygon.io, today Massive."""

    Options = PolygonOptions
    channels = (
        "trade",
        "quote",
        "bar",
        "second_bar",
        "luld",
        "imbalance",
        "book",
        "value",
        "fmv",
    )
    default_channels = ("trade", "quote")
    channel_help: ClassVar[Mapping[str, str]] = {
        "second_bar": "Bars of a second.",
        "luld": "Price bands: limit up, limit down.",
        "value": "Values of an index, as `indicator`.",
        "fmv": "The vendor's fair market values, as `indicator` (plans for businesses).",
    }
    every = 1.0
    sequence = "symbol"
    sparse = True
    checksums = False
    sandbox: ClassVar[type[Sandbox] | None] = PolygonSandbox
    called: ClassVar[str] = "polygon"

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        self._prefixes = self._chosen(subscription)
        words = {prefix: word for table in PREFIXES.values() for word, prefix in table.items()}
        wanted = self._pairs_of(subscription)
        self._subs = Subscriptions(
            self.called, requests, wanted, channel=words.get, key=key_of, within=WITHIN
        )
        self._decode = msgspec.json.Decoder(list[wire.AnyMessage]).decode
        decoder = PolygonDecoder()
        self._event_of = decoder.of.get

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """A symbol of the market."""
        return USUAL_SYMBOLS[options.market]

    def endpoints(self) -> Sequence[Endpoint]:
        """The vendor's server for a market; its name of today."""
        return [Endpoint(f"{HOSTS[self.options.feed]}/{self.options.market}")]

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The events in a frame, and the answers to it, in order."""
        try:
            messages: Sequence[Any] = self._decode(frame)
        except _UNREADABLE:
            messages = self._one_by_one(frame)
        out: list[Event | Effect] = []
        event_of = self._event_of
        for m in messages:
            make = event_of(type(m))
            if make is None:
                out += self._control(m, now)
                continue
            try:
                out.append(make(m))
            except DataError as error:
                out.append(self._unread(wire.encode(m), str(error)))
        return out

    def tick(self, now: int) -> Items:
        """What has no answer in time is refused, where anything was answered."""
        return self._subs.late(now)

    def asset_of(self, symbol: str) -> str | None:
        """That of the market."""
        return ASSETS[self.options.market]

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Subscribe to what is new; when that is accepted, leave what is no longer wanted."""
        if not (self._subs.is_up and self._subs.is_settled):
            return None
        self._prefixes = self._chosen(subscription)
        return self._subs.change(self._pairs_of(subscription), now)

    def _chosen(self, subscription: Subscription) -> dict[str, str]:
        """The prefixes of the channels that are asked for."""
        market = self.options.market
        names = PREFIXES[market]
        chosen = subscription.channels or DEFAULTS[market]
        for channel in chosen:
            if channel not in names:
                raise UsageError(
                    f"{self.called}'s market {market} has no channel {channel!r}",
                    hint=f"it has {', '.join(names)}",
                )
        return {channel: names[channel] for channel in chosen}

    def _pairs_of(self, subscription: Subscription) -> list[Pair]:
        return [(p, symbol) for symbol in subscription.symbols for p in self._prefixes.values()]

    def _control(self, m: Any, now: int) -> Iterable[Event | Effect]:
        """What a message about the connection means."""
        if not isinstance(m, wire.StatusMessage):
            return [m]
        match m.status:
            case "connected" | "auth_required":
                key = next(iter(self.credentials.values()))
                return [Send(wire.encode({"action": "auth", "params": key}).decode())]
            case "auth_success":
                return self._subs.begin(now)
            case "success":
                return self._success(m)
            case "error" if self._subs.open:
                return self._subs.refuse(self._said(m))
            case "auth_failed":
                hint = f"check {self.secrets[0]}, and whether the plan has this --market and --feed"
                return [Refused(f"{self.called} says: {self._said(m)}", hint=hint, cause="login")]
            case "max_connections":
                text = f"{self.called} says: {self._said(m)}"
                hint = "another connection with this key is open: close it, or wait"
                return [Busy(text, _COOL_DOWN, hint)]
            case "slow_consumer":
                text = f"{self.called} says {m.status}: {self._said(m)}"
                return [Reconnect(text, "slow-consumer")]
            case "auth_timeout" | "force_disconnect":
                text = f"{self.called} says {m.status}: {self._said(m)}"
                return [Reconnect(text, "server-close")]
        return [self._unread(wire.encode(m), f"{m.status}: {self._said(m)}")]

    def _success(self, m: wire.StatusMessage) -> Iterable[Event | Effect]:
        if m.message.startswith(_GRANTED):
            return self._subs.accept(*named_in(m.message.removeprefix(_GRANTED)))
        if m.message.startswith(_LEFT):
            return self._subs.leave(*named_in(m.message.removeprefix(_LEFT)))
        return [self._unread(wire.encode(m), "its meaning is unknown")]

    def _said(self, m: wire.StatusMessage) -> str:
        """The vendor's words, without the key."""
        words = m.message
        for secret in self.credentials.values():
            words = words.replace(secret, "***") if secret else words
        return words

    def _one_by_one(self, frame: str | bytes) -> list[Any]:
        """The messages of a frame one by one; what cannot be read is `Bad`."""
        try:
            parts = msgspec.json.decode(frame, type=list[msgspec.Raw])
        except _UNREADABLE as error:
            text = f"{self.called}: a frame that is no list of messages: {error}"
            raise DataError(text) from None
        messages: list[Any] = []
        for part in parts:
            try:
                messages.append(wire.read_loosely(bytes(part)))
            except _UNREADABLE as error:
                messages.append(self._unread(bytes(part), str(error)))
        return messages

    def _unread(self, part: bytes, why: str) -> Bad:
        """A message that became no event; its text is kept."""
        text = part.decode(errors="replace")
        return Bad(text, f"{self.called}: a message that cannot be read: {why}", _symbol(part))


def _symbol(part: bytes) -> str | None:
    """The symbol of a message that cannot be read, if it has one."""
    try:
        known = msgspec.json.decode(part, type=wire.Unread)
    except _UNREADABLE:
        return None
    names = (known.sym, known.pair, known.T, known.p)
    return next((name for name in names if isinstance(name, str)), None)
