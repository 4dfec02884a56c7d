"""The protocol of the Coinbase Exchange feed.

Source: Coinbase, "Exchange WebSocket Overview" and "Exchange WebSocket Channels". One message
subscribes to all channels, and the answer is the complete state of the connection. Books have no
numbers, and those of trades and tickers are the product's, with holes. Trade ids have none: by
them, and by the heartbeats, a lost trade is noticed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from mdc_core.plugin import (
    DataError,
    Effect,
    Event,
    Messages,
    Reconnect,
    Refused,
    Send,
    Subscription,
    Unanswered,
    Up,
    from_ns,
)
from mdc_providers.coinbase.exchange import messages as wire
from mdc_providers.coinbase.exchange.decode import (
    TradeNumbers,
    book_of,
    changes_of,
    quote_of,
    trade_of,
)
from mdc_providers.coinbase.login import exchange_login
from mdc_providers.coinbase.products import Products
from mdc_providers.coinbase.refusals import verdict
from mdc_providers.coinbase.wanted import Wanted, added, lacking, missing_of, named, unread

Found = list[Event | Effect]
_NO_PRODUCT = " is not a valid product"


class Exchange:
    """A connection to the Exchange feed."""

    url: ClassVar[str] = "wss://ws-feed.exchange.coinbase.com"
    channels: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "trade": "matches",
            "quote": "ticker",
            "ticker_batch": "ticker_batch",
            "book": "level2_batch",
            "status": "status",
        }
    )

    def __init__(
        self, subscription: Subscription, credentials: Mapping[str, str], unanswered: Unanswered
    ) -> None:
        self._credentials, self._unanswered = credentials, unanswered
        self._fault: str | None = None
        try:
            self._is_signed = bool(exchange_login(credentials, 0))
        except DataError as error:
            self._is_signed, self._fault = False, str(error)
        self._wanted = self._by_channel(subscription)
        self._read = Messages(wire.AnyMessage).read
        self._numbers = TradeNumbers()
        self._products = Products(subscription.symbols)
        self._answers = 0  # that are to come to what was asked for
        self._is_up = self._is_asking = False

    def opened(self, now: int) -> Sequence[Event | Effect]:
        """Subscribe to everything at once."""
        if self._fault is not None:
            return [Refused(self._fault)]
        self._unanswered.asked(named(self._wanted, self.channels), now)
        return self._ask("subscribe", self._wanted, now)

    def receive(self, frame: str | bytes, now: int) -> Found:
        """The events in a frame, and the answers to it."""
        try:
            m, more = self._read(frame)
            if more is None and (found := self._frequent(m)) is not None:
                return found
            out = self._events(m, now)
        except (msgspec.ValidationError, DataError, ArithmeticError) as error:
            return [unread(frame, error)]
        for event in out if more else ():
            if isinstance(event, Event):
                event.extra = {**(event.extra or {}), **(more or {})}
        return out

    def tick(self, now: int) -> Sequence[Event | Effect]:
        """What was asked for and has not come."""
        return self._unanswered.late(now)

    def resubscribe(self, subscription: Subscription, now: int) -> Sequence[Event | Effect] | None:
        """Subscribe to what is new, and leave what is not wanted any more."""
        if not self._is_up:
            return None
        wanted, before = self._by_channel(subscription), self._wanted
        self._wanted, self._products.wanted = wanted, frozenset(subscription.symbols)
        sends = self._ask("subscribe", added(wanted, before), now)
        sends += self._ask("unsubscribe", added(before, wanted), now)
        return sends or [Up()]

    def _by_channel(self, subscription: Subscription) -> Wanted:
        names = {**self.channels, "book": "level2"} if self._is_signed else self.channels
        wanted = {names[name]: subscription.symbols for name in subscription.channels}
        return {**wanted, "heartbeat": subscription.symbols}

    def _ask(self, kind: str, wanted: Wanted, now: int) -> list[Send]:
        channels = [
            {"name": name} if name == "status" else {"name": name, "product_ids": products}
            for name, products in wanted.items()
        ]
        if not channels:
            return []
        self._answers, self._is_asking = self._answers + 1, True
        message: dict[str, Any] = {"type": kind, "channels": channels}
        message |= exchange_login(self._credentials, now)
        return [Send(msgspec.json.encode(message).decode())]

    def _frequent(self, m: wire.Message) -> Found | None:
        """The events of what nearly all messages are, else None."""
        kind = type(m)
        if kind is wire.ChangeMessage:
            return changes_of(m)  # type: ignore[arg-type]
        if kind is wire.TickerMessage and m.time is not None:  # type: ignore[attr-defined]
            return [quote_of(m, "")]  # type: ignore[arg-type]
        return None

    def _events(self, m: wire.Message, now: int) -> Found:
        match m:
            case wire.ChangeMessage():
                return [*changes_of(m)]
            case wire.LastMatchMessage():
                self._numbers.start(m)
                return []
            case wire.MatchMessage():
                trade = trade_of(m)
                return [*self._numbers.traded(m, trade.ts_event or ""), trade]
            case wire.TickerMessage():
                return [quote_of(m, from_ns(now))]
            case wire.SnapshotMessage():
                return [book_of(m, from_ns(now))]
            case wire.HeartbeatMessage():
                return [*self._numbers.heard(m)] if "matches" in self._wanted else []
            case wire.StatusMessage():
                return [*self._products.changed(m.products, from_ns(now))]
            case wire.SubscriptionsMessage():
                return [*self._answered(m)]
            case wire.ErrorMessage():
                return [*self._refused(m, now)]
        raise DataError(f"a message of an unknown type {type(m).__name__}")

    def _answered(self, m: wire.SubscriptionsMessage) -> Iterable[Effect]:
        """The complete state of the connection: `Up` when there is all that was asked for."""
        state = {part.name: tuple(part.product_ids or ()) for part in m.channels}
        if "status" in state:  # it is of all products
            state["status"] = self._wanted.get("status", ())
        missing = missing_of(self._wanted, state)
        self._answers = max(0, self._answers - 1)
        if not self._is_asking or (missing and self._answers):
            return
        self._answers, self._is_asking, self._is_up = 0, False, True
        self._unanswered.answered()
        yield Up()
        yield from lacking(missing, self._wanted, self.channels)

    def _refused(self, m: wire.ErrorMessage, now: int) -> Iterator[Effect]:
        """One unknown product refuses all of a message, so the others are asked for again."""
        product = m.reason.removesuffix(_NO_PRODUCT).strip()
        wanted = {p for products in self._wanted.values() for p in products}
        if m.reason.endswith(_NO_PRODUCT) and product in wanted and self._is_asking:
            yield Refused(f"coinbase says: {m.message}: {m.reason}", (product,))
            self._answers -= 1
            rest = {
                channel: tuple(p for p in products if p != product)
                for channel, products in self._wanted.items()
            }
            self._wanted = {channel: products for channel, products in rest.items() if products}
            yield from self._ask("subscribe", self._wanted, now)
            return
        is_up = self._is_up and not self._is_asking
        effect = verdict(m.message, m.reason, self._wanted, is_up=is_up)
        yield effect
        if isinstance(effect, Refused) and self._is_up and self._is_asking:
            yield Reconnect(effect.text)
