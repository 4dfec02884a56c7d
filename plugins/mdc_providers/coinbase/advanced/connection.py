"""The protocol of Coinbase Advanced Trade.

Source: Coinbase, "Advanced Trade WebSocket Overview" and "WebSocket Channels". The client says
what it wants, a message for each channel; snapshots come before the answer, which is the
complete state of the connection. All messages of a connection are numbered: a number that is
missing is a `Gap`, behind which books are asked for once more.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec
from msgspec import structs

from mdc_core.plugin import (
    Awaited,
    Bad,
    Book,
    DataError,
    Delta,
    Effect,
    Event,
    Gap,
    Missing,
    Reconnect,
    Refused,
    Restarted,
    Send,
    SequenceCount,
    Subscription,
    Trade,
    Unanswered,
    Up,
    utc,
)
from mdc_providers.coinbase.advanced import messages as wire
from mdc_providers.coinbase.advanced.decode import Decoder
from mdc_providers.coinbase.advanced.rows import Single, head_of, singly
from mdc_providers.coinbase.login import Signer
from mdc_providers.coinbase.refusals import verdict
from mdc_providers.coinbase.wanted import (
    Wanted,
    added,
    lacking,
    missing_of,
    named,
    names_of,
    unread,
)

Found = list[Event | Effect]
_DATED = (Delta, Trade)  # by the venue's moment, which is before that of the message
_MANY = 1 << 63  # what is beyond 64 bits is no count


class AdvancedTrade:
    """A connection to Advanced Trade."""

    url: ClassVar[str] = "wss://advanced-trade-ws.coinbase.com"
    channels: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "trade": "market_trades",
            "quote": "ticker",
            "ticker_batch": "ticker_batch",
            "book": "level2",
            "bar": "candles",
            "status": "status",
        }
    )

    def __init__(
        self, subscription: Subscription, credentials: Mapping[str, str], unanswered: Unanswered
    ) -> None:
        self._signer = Signer(credentials)
        self._wanted = self._by_channel(subscription)
        self._decode = msgspec.json.Decoder(wire.AnyMessage).decode
        self._events = Decoder()
        self._numbers = SequenceCount(first=0)
        self._unanswered = unanswered
        self._books: Awaited[str] = Awaited("coinbase")  # products whose books are asked for again
        self._symbols = subscription.symbols
        self._answers = 0  # that are to come to what was asked for
        self._is_up = self._is_asking = self._is_renewing = False

    def opened(self, now: int) -> Sequence[Event | Effect]:
        """Subscribe; heartbeats, the last, keep the quiet channels open."""
        if (refused := self._signer.fault()) is not None:
            return [refused]
        self._unanswered.asked(named(self._wanted, self.channels), now)
        return self._ask("subscribe", {**self._wanted, "heartbeats": ()}, now)

    def receive(self, frame: str | bytes, now: int) -> Found:
        """The events in a frame, and the answers to it."""
        try:
            m = self._decode(frame)
        except msgspec.ValidationError:
            return self._carefully(frame, now)
        out: Found = []
        if (order := self._numbers.expect(m.sequence_num, m.timestamp)) != "ok":
            out += self._follow(order, m.timestamp, now)
        try:
            out += self._answered(m) if type(m) is wire.SubscriptionsMessage else self._events(m)
        except (DataError, ValueError, ArithmeticError):
            out += self._singly(frame)
        if out and isinstance(last := out[-1], _DATED) and last.ts_event is not None:
            self._numbers.when = min(last.ts_event, utc(m.timestamp))
        return self._renewed(out) if self._books else out

    def tick(self, now: int) -> Sequence[Event | Effect]:
        """What was asked for and has not come."""
        late = self._books.late(now, lambda _: self._renew(now))
        return [*self._unanswered.late(now), *late]

    def resubscribe(self, subscription: Subscription, now: int) -> Sequence[Event | Effect] | None:
        """Subscribe to what is new, and leave what is not wanted any more."""
        if not self._is_up or self._is_renewing or self._books:
            return None
        wanted, before = self._by_channel(subscription), self._wanted
        self._wanted, self._symbols = wanted, subscription.symbols
        sends = self._ask("subscribe", added(wanted, before), now)
        sends += self._ask("unsubscribe", added(before, wanted), now)
        return sends or [Up()]

    def _by_channel(self, subscription: Subscription) -> Wanted:
        return {self.channels[name]: subscription.symbols for name in subscription.channels}

    def _ask(self, kind: str, wanted: Wanted, now: int, again: str | None = None) -> list[Send]:
        """A message for each channel, each with a signature of its own."""
        sends = []
        for channel, products in wanted.items():
            message: dict[str, Any] = {"type": kind, "product_ids": products, "channel": channel}
            if not products:
                del message["product_ids"]
            message |= self._signer.jwt(now)
            sends.append(Send(msgspec.json.encode(message).decode(), again))
        if again is None:
            self._answers += len(sends)
            self._is_asking = self._is_asking or bool(sends)
        return sends

    def _follow(self, order: str | Missing | Restarted, when: str, now: int) -> Found:
        """What is missing before a number that was not due, and books once more."""
        if isinstance(order, str):
            return []
        end, symbols = utc(when), {"symbols": list(self._symbols)}
        start = utc(order.since) if order.since else None
        out: Found = []
        if isinstance(order, Restarted):
            order = structs.replace(order, since=start)
            out += order.told("the connection", always=True, ts_event=end, extra=symbols)
        else:
            gap = Gap(ts_event=end, start=start, end=end, count=None)
            gap.count = order.count if order.count < _MANY else None
            gap.reason, gap.extra = "sequence", symbols
            out.append(gap)
        if self._is_asking:
            out.append(Reconnect("coinbase: a message is missing before all was answered"))
        elif books := self._wanted.get("level2"):
            self._is_renewing = True
            self._books.asked(now, *books)
            out += self._renew(now)
        return out

    def _renew(self, now: int) -> list[Send]:
        """Ask for the books once more."""
        books = {"level2": self._wanted.get("level2", ())}
        kinds = ("unsubscribe", "subscribe")
        return [send for kind in kinds for send in self._ask(kind, books, now, again="level2")]

    def _renewed(self, found: Found) -> Found:
        """These came; books among them are there again."""
        came = {event.symbol for event in found if isinstance(event, Book)}
        for product in [*self._books]:
            if not came.isdisjoint(names_of(product)):
                self._books.came(product)
        return found

    def _answered(self, m: wire.SubscriptionsMessage) -> Found:
        """The complete state of the connection: `Up` when there is all that was asked for."""
        state = {name: has or () for part in m.events for name, has in part.subscriptions.items()}
        missing = missing_of(self._wanted, state)
        self._is_renewing = self._is_renewing and bool(missing)
        self._answers = max(0, self._answers - 1)
        has_all = not missing and "heartbeats" in state
        if not self._is_asking or (self._answers and not has_all):
            return []
        self._answers, self._is_asking, self._is_up = 0, False, True
        self._unanswered.answered()
        return [Up(), *lacking(missing, self._wanted, self.channels)]

    def _carefully(self, frame: str | bytes, now: int) -> Found:
        """What is no message that we know: one with more, a damaged one, or an error."""
        try:
            head = head_of(frame)
        except msgspec.ValidationError:
            return self._refused(msgspec.json.decode(frame, type=wire.ErrorMessage))
        order = self._numbers.expect(head.sequence_num, head.timestamp)
        out = [*self._follow(order, head.timestamp, now), *self._singly(frame)]
        return self._renewed(out) if self._books else out

    def _singly(self, frame: str | bytes) -> Found:
        """The events of a message, row by row; what cannot be read is set aside alone."""
        out: Found = []
        try:
            for item in singly(frame):
                out += [item] if isinstance(item, Bad) else self._of_row(item)
        except (DataError, LookupError, ValueError, msgspec.MsgspecError) as error:
            out.append(unread(frame, error))
        return out

    def _of_row(self, single: Single) -> Found:
        """The events of one row, with the fields that nobody here knows."""
        try:
            found: Found = [*self._events(single.message)]
        except (DataError, ValueError, ArithmeticError) as error:
            return [unread(single.raw, error)]
        for event in found if single.more else ():
            if isinstance(event, Event):
                event.extra = {**(event.extra or {}), **single.more}
        return found

    def _refused(self, m: wire.ErrorMessage) -> Found:
        """Behind an error nothing more comes, so a refused change needs another connection."""
        is_up = self._is_up and not self._is_asking
        effect = verdict(m.message, m.reason, self._wanted, is_up=is_up)
        if isinstance(effect, Refused) and self._is_up and self._is_asking:
            return [effect, Reconnect(effect.text)]
        return [effect]
