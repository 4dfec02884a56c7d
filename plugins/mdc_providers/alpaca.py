"""Stocks and crypto by Alpaca's real-time WebSocket streams.

Protocol: Alpaca, "WebSocket Stream", "Real-time Stock Data", "Real-time Crypto Data". The
server greets, the client authenticates, the server agrees, the client subscribes, and the
server answers with the complete state of the subscription.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from mdc_core.plugin import (
    BusyError,
    Connection,
    DataError,
    Endpoint,
    Event,
    Integrity,
    MdcError,
    Options,
    RefusedError,
    Send,
    Stream,
    Subscription,
    UnavailableError,
    UsageError,
)
from mdc_providers import alpaca_messages as wire
from mdc_providers.alpaca_codes import BUSY, PATH_OF_FEED, REFUSED, channels_of
from mdc_providers.alpaca_decode import EVENTS_OF, quote_of, trade_of
from mdc_providers.alpaca_messages import QuoteMessage, TradeMessage
from mdc_providers.alpaca_sandbox import AlpacaSandbox

_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


class AlpacaOptions(Options, frozen=True, kw_only=True):
    """Which of Alpaca's feeds."""

    feed: Annotated[
        Literal["iex", "sip", "delayed_sip", "test", "boats", "overnight", "crypto"],
        Meta(
            description="iex is free, sip has all exchanges, test is open at all hours "
            "and has one symbol, FAKEPACA"
        ),
    ] = "iex"


class Alpaca(Stream):
    """Stocks and crypto by Alpaca's real-time WebSocket streams."""

    Options = AlpacaOptions
    secrets = ("ALPACA_KEY_ID", "ALPACA_SECRET_KEY")
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
    )
    default_channels = ("trade", "quote")
    sandbox: ClassVar[type[AlpacaSandbox]] = AlpacaSandbox

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        self._path = PATH_OF_FEED[options.feed]
        self._wanted = self._lists(subscription)
        self._is_up = False
        self._decode = msgspec.json.Decoder(list[wire.AnyMessage]).decode

    def endpoint(self) -> Endpoint:
        """Alpaca's production server."""
        return Endpoint(f"wss://stream.data.alpaca.markets/{self._path}")

    def receive(self, frame: str | bytes) -> Sequence[Event | Send]:
        """The events in a frame, and the answers to it, in order."""
        try:
            messages: Sequence[Any] = self._decode(frame)
        except _UNREADABLE:
            messages = _one_by_one(frame)
        out: list[Event | Send] = []
        for m in messages:
            kind = type(m)
            try:
                if kind is QuoteMessage:
                    out.append(quote_of(m))
                elif kind is TradeMessage:
                    out.append(trade_of(m))
                elif kind in EVENTS_OF:
                    out += EVENTS_OF[kind](m)
                else:
                    out += self._control(m)
            except DataError as error:
                out.append(_unread(wire.encode(m), str(error)))
        return out

    def resubscribe(self, subscription: Subscription) -> Iterator[Send] | None:
        """Subscribe to what is new first, then leave what is no longer wanted."""
        before, self._wanted = self._wanted, self._lists(subscription)
        if not self._is_up:
            return None
        return self._changes(before)

    def _changes(self, before: Mapping[str, list[str]]) -> Iterator[Send]:
        now = self._wanted
        for action, new, old in (("subscribe", now, before), ("unsubscribe", before, now)):
            changed = {
                name: [symbol for symbol in symbols if symbol not in old.get(name, ())]
                for name, symbols in new.items()
            }
            if any(changed.values()):
                yield _send(action, **{name: some for name, some in changed.items() if some})

    def _lists(self, subscription: Subscription) -> dict[str, list[str]]:
        """Alpaca's lists of symbols, by its names of the channels."""
        names = channels_of(self._path)
        chosen = subscription.channels or self.default_channels
        for channel in chosen:
            if channel not in names:
                raise UsageError(
                    f"alpaca's feed {self.options.feed} has no channel {channel!r}",
                    hint=f"it has {', '.join(names)}",
                )
        return {names[channel]: list(subscription.symbols) for channel in chosen}

    def _control(self, m: Any) -> Sequence[Event | Send]:
        match m:
            case wire.Success(msg="connected"):
                key, secret = (self.credentials[name] for name in type(self).secrets)
                return [_send("auth", key=key, secret=secret)]
            case wire.Success(msg="authenticated"):
                return [_send("subscribe", **self._wanted)]
            case wire.Acknowledged():
                return list(self._acknowledged(m))
            case wire.Refusal():
                raise self._error(m)
            case Integrity():
                return [m]
        return [_unread(wire.encode(m), "its meaning is unknown")]

    def _acknowledged(self, m: wire.Acknowledged) -> Iterator[Event]:
        if not self._is_up:
            self._is_up = True
            yield Connection(state="up")
        state = msgspec.to_builtins(m)
        missing = []
        for name, symbols in self._wanted.items():
            got = set(state[name] or ())
            if "*" not in got:
                missing += [f"{symbol} ({name})" for symbol in symbols if symbol not in got]
        if missing:
            text = f"alpaca left out of the subscription: {', '.join(missing)}"
            yield Integrity(check="subscription", severity="warning", message=text)

    def _error(self, m: wire.Refusal) -> MdcError:
        """The error of ours for one of Alpaca's; a driver retries all but RefusedError."""
        words = m.msg
        for secret in self.credentials.values():
            words = words.replace(secret, "***") if secret else words
        text = f"alpaca says: {words} (error {m.code})"
        if m.code in REFUSED:
            return RefusedError(text, hint=REFUSED[m.code])
        if m.code in BUSY:
            return BusyError(text, hint=BUSY[m.code])
        return UnavailableError(text)


def _send(action: str, **values: Any) -> Send:
    return Send(wire.encode({"action": action, **values}).decode())


def _one_by_one(frame: str | bytes) -> list[Any]:
    """The messages of a frame one by one; what cannot be read is a finding."""
    try:
        parts = msgspec.json.decode(frame, type=list[msgspec.Raw])
    except _UNREADABLE as error:
        raise DataError(f"alpaca: a frame that is no list of messages: {error}") from None
    messages: list[Any] = []
    for part in parts:
        try:
            messages.append(msgspec.json.decode(part, type=wire.AnyMessage))
        except _UNREADABLE as error:
            messages.append(_unread(bytes(part), str(error)))
    return messages


def _unread(part: bytes, why: str) -> Integrity:
    """The finding for a message that became no event; its text is kept."""
    text = part.decode(errors="replace")
    try:
        known = msgspec.json.decode(part, type=wire.Unread)
    except _UNREADABLE:
        known = wire.Unread()
    return Integrity(
        symbol=known.S if isinstance(known.S, str) else None,
        check="protocol",
        severity="error",
        message=f"alpaca: a message that cannot be read: {why}",
        extra={"raw": text},
    )
