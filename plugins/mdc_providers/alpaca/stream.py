"""Stocks, crypto, perpetual futures and news by Alpaca's real-time WebSocket streams.

Protocol: Alpaca, "WebSocket Stream", "Real-time Stock Data", "Real-time Crypto Data", "Real-time
News". The server greets, the client authenticates, the server agrees, the client subscribes, and
the server answers with the complete state of the subscription. The symbol `'*'` is every symbol of
the feed (quoted, or the shell would take it for file names). An item of news is one event for each
symbol that it names. With `--encoding msgpack` less has to be sent; times are as exact as in JSON,
and a price or a size is the shortest decimal of the double that Alpaca sends, which is what it
writes in JSON; whole numbers are exact.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeGuard

import msgspec
from msgspec import Meta

from mdc_core.plugin import (
    Bad,
    Bar,
    Busy,
    DataError,
    Effect,
    Endpoint,
    Event,
    Items,
    Options,
    Reconnect,
    Refused,
    Send,
    Stream,
    Subscription,
    Unanswered,
    Up,
    UsageError,
    left_out,
)
from mdc_providers.alpaca import messages as wire
from mdc_providers.alpaca.codes import (
    BUSY,
    LOGIN,
    PATH_OF_FEED,
    REFUSED,
    SLOW,
    USUAL_SYMBOLS,
    channels_of,
)
from mdc_providers.alpaca.decode import EVENTS_OF, quote_of, trade_of
from mdc_providers.alpaca.messages import QuoteMessage, TradeMessage
from mdc_providers.alpaca.packed import as_json, pack
from mdc_providers.alpaca.packed import read as read_packed
from mdc_providers.alpaca.provider import AlpacaProvider
from mdc_providers.alpaca.sandbox import AlpacaSandbox

EXAMPLES = (
    "mdc stream alpaca SPY AAPL | mdc validate | mdc store",
    "mdc stream alpaca --feed crypto --type trade,book BTC/USD --encoding msgpack",
)
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
_TEXT = (b"[", b"{", b"", b" ", b"\n")  # how a frame begins that is JSON, and no list of msgpack
_REVISED = 10  # bars of a symbol: Alpaca corrects one half a minute behind its end, seldom later


class AlpacaOptions(Options, frozen=True, kw_only=True):
    """Which of Alpaca's feeds."""

    feed: Annotated[
        Literal[
            "iex",
            "sip",
            "delayed_sip",
            "test",
            "boats",
            "overnight",
            "crypto",
            "crypto-us-1",
            "crypto-eu-1",
            "crypto-perps",
            "news",
        ],
        Meta(
            description="iex is free, sip has all exchanges, test is open at all hours "
            "and has one symbol, FAKEPACA; crypto is Alpaca's own, us-1 and eu-1 are Kraken's"
        ),
    ] = "iex"
    encoding: Annotated[
        Literal["json", "msgpack"], Meta(description="how Alpaca is asked to write its messages")
    ] = "json"


class Alpaca(AlpacaProvider, Stream):
    """Stocks, crypto, perpetual futures and news by Alpaca's real-time WebSocket streams."""

    Options = AlpacaOptions
    channels = (
        "trade",
        "quote",
        "bar",
        "updated_bar",
        "daily_bar",
        "status",
        "luld",
        "imbalance",
        "book",
        "funding",
        "news",
    )
    default_channels = ("trade", "quote")
    channel_help: ClassVar[Mapping[str, str]] = {
        "updated_bar": "Minute bars again, after trades that came late.",
        "daily_bar": "The bar of the day so far, every minute.",
        "luld": "Price bands: limit up, limit down.",
        "funding": "Funding rates, prices and open interest of perpetual futures.",
    }
    sequence = None  # its ids are in no order
    checksums = False
    every = 1.0
    sandbox: ClassVar[type[AlpacaSandbox]] = AlpacaSandbox

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        self._path = PATH_OF_FEED[options.feed]
        self._wanted = self._lists(subscription)
        self._is_up = False
        self._unanswered = Unanswered("alpaca", self.login_within)
        self._before: dict[str, list[str]] | None = None  # until a change is accepted
        self._decode: Callable[[str | bytes], Sequence[Any]]
        self._decode = msgspec.json.Decoder(list[wire.Known[str]]).decode
        self._bars: dict[str, dict[str | None, int]] = {}  # how often each was restated

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """A symbol of the feed."""
        return USUAL_SYMBOLS.get(PATH_OF_FEED[options.feed].split("/")[1], "SPY")

    def endpoints(self) -> Sequence[Endpoint]:
        """Alpaca's production server."""
        url = f"wss://stream.data.alpaca.markets/{self._path}"
        if self.options.encoding == "msgpack":
            return [Endpoint(url, headers={"Content-Type": "application/msgpack"})]
        return [Endpoint(url)]

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The events in a frame, and the answers to it, in order."""
        messages: Sequence[Any]
        try:
            messages = read_packed(frame) if _is_packed(frame) else self._decode(frame)
        except (*_UNREADABLE, DataError):
            messages = _one_by_one(as_json(frame) if _is_packed(frame) else frame)
        out: list[Event | Effect] = []
        for m in messages:
            kind = type(m)
            try:
                if kind is QuoteMessage:
                    out.append(quote_of(m))
                elif kind is TradeMessage:
                    out.append(trade_of(m))
                elif kind in EVENTS_OF:
                    out += map(self._revised, EVENTS_OF[kind](m))
                else:
                    out += self._control(m, now)
            except DataError as error:
                out.append(_unread(wire.encode(m), str(error)))
        return out

    def tick(self, now: int) -> Items:
        """What was asked for and is not acknowledged."""
        return self._unanswered.late(now)

    def asset_of(self, symbol: str) -> str | None:
        """That of the feed; perpetual futures are traded as crypto is, at all hours."""
        return (
            None
            if self._path.endswith("/news")
            else "crypto"
            if "/crypto" in self._path
            else "equity"
        )

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Subscribe to what is new; when that is accepted, leave what is no longer wanted."""
        if not self._is_up:
            return None
        self._before, self._wanted = self._wanted, self._lists(subscription)
        added = _added(self._wanted, self._before)
        return [self._send("subscribe", **added)] if added else self._accepted()

    def _send(self, action: str, **values: Any) -> Send:
        text = wire.encode({"action": action, **values}).decode()
        return Send(pack(text) if self.options.encoding == "msgpack" else text)

    def _accepted(self) -> list[Event | Effect]:
        """The vendor has taken the subscription: what it replaces can go."""
        before, self._before = self._before, None
        removed = _added(before, self._wanted) if before is not None else {}
        return [self._send("unsubscribe", **removed)] if removed else [Up()]

    def _lists(self, subscription: Subscription) -> dict[str, list[str]]:
        """Alpaca's lists of symbols, by its names of the channels."""
        names = channels_of(self._path)
        default = [channel for channel in self.default_channels if channel in names]
        chosen = subscription.channels or default or names
        for channel in chosen:
            if channel not in names:
                raise UsageError(
                    f"alpaca's feed {self.options.feed} has no channel {channel!r}",
                    hint=f"it has {', '.join(names)}",
                )
        return {names[channel]: list(subscription.symbols) for channel in chosen}

    def _revised(self, event: Event) -> Event:
        """A minute's bar has the number of its restatements; Alpaca tells only that it is one."""
        if isinstance(event, Bar) and event.revision is not None:
            told = self._bars.setdefault(event.symbol or "", {})
            event.revision = max(event.revision, told.pop(event.ts_event, -1) + 1)
            told[event.ts_event] = event.revision
            if len(told) > _REVISED:
                del told[next(iter(told))]
        return event

    def _control(self, m: Any, now: int) -> Iterable[Event | Effect]:
        match m:
            case wire.Success(msg="connected"):
                key, secret = (self.credentials[name] for name in self.secrets)
                return [self._send("auth", key=key, secret=secret)]
            case wire.Success(msg="authenticated"):
                self._unanswered.asked(self._ours(), now)
                return [self._send("subscribe", **self._wanted)]
            case wire.Acknowledged():
                return self._acknowledged(m)
            case wire.Refusal():
                return [self._refusal(m)]
            case Bad():
                return [m]
        return [_unread(wire.encode(m), "its meaning is unknown")]

    def _ours(self) -> dict[str, list[str]]:
        """What is wanted, by the names of our channels."""
        ours = {name: word for word, name in channels_of(self._path).items()}
        return {ours[name]: symbols for name, symbols in self._wanted.items()}

    def _acknowledged(self, m: wire.Acknowledged) -> Iterator[Event | Effect]:
        self._is_up = True
        self._unanswered.answered()
        yield from self._accepted()
        state = msgspec.to_builtins(m)
        missing: dict[str, list[str]] = {}
        ours = {name: word for word, name in channels_of(self._path).items()}
        for name, symbols in self._wanted.items():
            got = set(state[name] or ())
            if "*" not in got:
                for symbol in symbols:
                    if symbol not in got:
                        missing.setdefault(symbol, []).append(ours[name])
        yield from left_out("alpaca", missing, [ours[name] for name in self._wanted])

    def _refusal(self, m: wire.Refusal) -> Effect:
        """What one of Alpaca's errors means; a driver connects again but for a refusal."""
        words = m.msg
        for secret in self.credentials.values():
            words = words.replace(secret, "***") if secret else words
        text = f"alpaca says: {words} (error {m.code})"
        if m.code in REFUSED:
            if self._before is not None:
                self._wanted, self._before = self._before, None
            cause: Literal["login", "refusal"] = "login" if m.code == LOGIN else "refusal"
            return Refused(text, hint=REFUSED[m.code], cause=cause)
        if m.code in BUSY:
            return Busy(text, hint=BUSY[m.code])
        return Reconnect(text, "slow-consumer" if m.code == SLOW else "protocol")


def _added(now: Mapping[str, list[str]], before: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """What is in the lists of now and was not in those before."""
    found = {
        name: [symbol for symbol in symbols if symbol not in before.get(name, ())]
        for name, symbols in now.items()
    }
    return {name: symbols for name, symbols in found.items() if symbols}


def _is_packed(frame: str | bytes) -> TypeGuard[bytes]:
    """Whether a frame is msgpack: no JSON begins as its lists do."""
    return type(frame) is bytes and frame[:1] not in _TEXT


def _one_by_one(frame: str | bytes) -> list[Any]:
    """The messages of a frame one by one; what cannot be read is `Bad`."""
    try:
        parts: Sequence[Any] = msgspec.json.decode(frame, type=list[msgspec.Raw])
    except RecursionError:  # one of them is nested too deep; the others can be read
        parts = wire.parts_of(frame)
    except _UNREADABLE as error:
        raise DataError(f"alpaca: a frame that is no list of messages: {error}") from None
    messages: list[Any] = []
    for part in parts:
        try:
            messages.append(wire.read_loosely(bytes(part)))
        except _UNREADABLE as error:
            messages.append(_unread(bytes(part), str(error)))
    return messages


def _unread(part: bytes, why: str) -> Bad:
    """A message that became no event; its text is kept."""
    try:
        known = msgspec.json.decode(part, type=wire.Unread)
    except _UNREADABLE:
        known = wire.Unread()
    symbol = known.S if isinstance(known.S, str) else None
    text = part.decode(errors="replace")
    return Bad(text, f"alpaca: a message that cannot be read: {why}", symbol)
