"""US stocks of IEX, crypto and foreign exchange by Tiingo's WebSocket feeds.

Protocol: Tiingo, "Real-time IEX WebSocket API Documentation", "WebSocket crypto", "forex". The
client subscribes, with its token, and the server answers with the number of the subscription,
or with an error. `--market` chooses the feed: `iex` has trades, quotes and trade breaks of one
exchange, to the nanosecond, or (`--type reference`) a reference price, which is a `status` with
the price in `extra`; `crypto` has trades and quotes of several exchanges, each the `venue` of its
events; `fx` has quotes. Tiingo writes symbols in small letters, and they come as you have written
them (those of `'*'`, which is every symbol, in capitals). A symbol that Tiingo does not know is
accepted in silence: nothing comes of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from mdc_core.plugin import (
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
    left_out,
)
from mdc_providers.tiingo import messages as wire
from mdc_providers.tiingo.decode import EVENT_OF
from mdc_providers.tiingo.markets import ASSETS, MARKETS, TYPES, USUAL_SYMBOLS, level_of
from mdc_providers.tiingo.provider import TiingoProvider
from mdc_providers.tiingo.sandbox import TiingoSandbox

EXAMPLES = (
    "mdc stream tiingo --market crypto btcusd ethusd | mdc store",
    "mdc stream tiingo --market iex --type trade SPY AAPL",
)
_HINTS: Mapping[int, str] = {
    400: "check --threshold-level and the symbols",
    401: "check TIINGO_API_TOKEN",
    403: "check TIINGO_API_TOKEN, and what the plan includes: a free key has --market crypto, "
    "--market fx and --market iex --type reference",
}


class TiingoOptions(Options, frozen=True, kw_only=True):
    """Which of Tiingo's feeds, and how much of it."""

    market: Annotated[
        Literal["iex", "crypto", "fx"],
        Meta(description="stocks of one exchange, crypto, or foreign exchange"),
    ] = "iex"
    threshold_level: Annotated[
        int | None,
        Meta(
            description="Tiingo's thresholdLevel: 0 has all quotes of iex, 5 those that matter; "
            "without it the least that has what --type asks for"
        ),
    ] = None


class Tiingo(TiingoProvider, Stream):
    """US stocks of IEX, crypto and foreign exchange by Tiingo's WebSocket feeds."""

    Options = TiingoOptions
    channels = ("trade", "quote", "reference")
    default_channels = ("trade", "quote")
    channel_help: ClassVar[Mapping[str, str]] = {
        "reference": "The reference price of a stock of iex, as a status; a free key has it.",
    }
    sequence = None
    checksums = False
    every = 1.0
    silence = 90.0  # a heartbeat comes every 30 s
    sandbox: ClassVar[type[TiingoSandbox]] = TiingoSandbox

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        self._market = MARKETS[options.market]
        self._level, self._left_out = self._levels(subscription)
        self._read = wire.reader(options.market, self._level).read
        self._names = _Names(subscription.symbols)
        self._asked = list(self._names)
        self._before: tuple[_Names, list[str]] | None = None  # until a change is accepted
        self._id: int | None = None
        self._unanswered = Unanswered("tiingo", self.login_within)

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """A symbol of the market."""
        return USUAL_SYMBOLS[options.market]

    def endpoints(self) -> Sequence[Endpoint]:
        """Tiingo's production server."""
        return [Endpoint(f"wss://api.tiingo.com/{self._market.path}")]

    def opened(self, now: int) -> Items:
        """Subscribe; that is the login."""
        chosen = self.subscription.channels or self.default_channels
        self._unanswered.asked(dict.fromkeys(chosen, self._names.values()), now)
        return [self._send("subscribe", thresholdLevel=self._level, tickers=self._asked)]

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The event in a frame, or what an answer means."""
        m, extra = self._read(frame)
        make = EVENT_OF.get(type(m.data))
        if make is None or m.message_type != "A":
            return self._control(m)
        if m.service != self._market.service:
            raise DataError(f"data of the service {m.service}, which was not asked for")
        event = make(m.data, self._names[m.data.ticker])
        if extra is not None:
            event.extra = {**(event.extra or {}), **_beyond(extra, m.data)}
        return () if type(event) in self._left_out else (event,)

    def tick(self, now: int) -> Items:
        """What was asked for and is not acknowledged."""
        return self._unanswered.late(now)

    def asset_of(self, symbol: str) -> str | None:
        """That of the market."""
        return ASSETS[self.options.market]

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Subscribe to what is new; when that is accepted, leave what is no longer wanted."""
        level, left_out = self._levels(subscription)
        if self._id is None or level != self._level:
            return None
        self._left_out = left_out
        names = _Names(subscription.symbols)
        self._before = self._names, self._asked
        added = [ticker for ticker in names if ticker not in self._asked]
        self._names, self._asked = names, list(names)
        if not added:
            return self._accepted(None)
        change = {"subscriptionId": self._id, "thresholdLevel": level, "tickers": added}
        return [self._send("subscribe", **change)]

    def _levels(self, subscription: Subscription) -> tuple[int, frozenset[type[Event]]]:
        """The level, and the types of events that it brings and nobody has asked for."""
        asked = subscription.channels
        own = self._market.levels
        default = [name for name in self.default_channels if name in own]
        level = level_of(self.options.market, asked or default)
        if self.options.threshold_level is not None:
            level = self.options.threshold_level
        gone = [kind for name in own if asked and name not in asked for kind in TYPES[name]]
        return level, frozenset(gone)

    def _control(self, m: Any) -> Items:
        """What a frame without data means."""
        answer = m.response
        match m.message_type:
            case "I" | "E" | "H" if answer is None:
                raise DataError("an answer without a code")
            case "I" | "E" if answer.code != 200:
                return [self._refusal(answer)]
            case "I" if isinstance(m.data, dict):
                told = msgspec.convert(m.data, wire.Subscribed)
                self._id = self._id if told.subscription_id is None else told.subscription_id
                return self._accepted(told.tickers)
            case "H":
                if answer.code != 200:
                    return [self._refusal(answer)]
                return ()
        raise DataError(f"a message of type {m.message_type[:20]} whose meaning is unknown")

    def _accepted(self, tickers: list[str] | None) -> list[Event | Effect]:
        """The subscription is taken: what it replaces can go; what it lacks is refused."""
        self._unanswered.answered()
        before, self._before = self._before, None
        removed = [t for t in before[1] if t not in self._names] if before is not None else []
        if removed:
            return [self._send("unsubscribe", subscriptionId=self._id, tickers=removed)]
        out: list[Event | Effect] = [Up()]
        if tickers is not None and "*" not in tickers:
            got = {ticker.lower() for ticker in tickers}
            gone = [self._names[t] for t in self._asked if t not in got]
            out += left_out("tiingo", dict.fromkeys(gone, ()), ())
        return out

    def _refusal(self, answer: wire.Answer) -> Effect:
        token = self.credentials[self.secrets[0]]
        words = answer.message.replace(token, "***") if token else answer.message
        text = f"tiingo says: {words} (error {answer.code})"
        if answer.code == 429:
            return Busy(text)
        if answer.code >= 500:
            return Reconnect(text)
        if self._before is not None:
            (self._names, self._asked), self._before = self._before, None
        cause: Literal["login", "refusal"] = "login" if answer.code == 401 else "refusal"
        return Refused(text, hint=_HINTS.get(answer.code), cause=cause)

    def _send(self, name: str, **data: Any) -> Send:
        token = self.credentials[self.secrets[0]]
        message = {"eventName": name, "authorization": token, "eventData": data}
        return Send(msgspec.json.encode(message).decode())


def _beyond(extra: Mapping[str, Any], row: msgspec.Struct) -> dict[str, Any]:
    """What of a frame nobody here knows; of an array the places behind those that are known."""
    if "data" not in extra:
        return {**extra}
    config = row.__struct_config__
    known = len(row.__struct_fields__) + (config.tag is not None)
    return {**extra, "data": extra["data"][known:]}


class _Names(dict[str, str]):
    """The symbols as they were asked for, by Tiingo's small letters; others are in capitals."""

    def __init__(self, symbols: Iterable[str]) -> None:
        super().__init__((symbol.lower(), symbol) for symbol in symbols)

    def __missing__(self, ticker: str) -> str:
        return self.get(ticker.lower()) or ticker.upper()
