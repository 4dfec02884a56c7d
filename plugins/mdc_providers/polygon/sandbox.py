"""Polygon's server as its clients see it.

Trades and quotes without numbers get some that rise and skip, as the vendor's do, and go on
where a later connection begins; trades of stocks without an id get one in the same way. After
each change of a book its best levels are sent, as the vendor has no changes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from mdc_core.plugin import Book, Delta, Event, HangUp, Ladder, Level, Options, Sandbox, to_ns
from mdc_providers.polygon import messages as wire
from mdc_providers.polygon.codes import PREFIXES, market_of
from mdc_providers.polygon.encode import route
from mdc_providers.polygon.provider import PolygonProvider

_PER_FRAME = 10
_LEVELS = 100  # of a side of a book
_STEP = 3  # from one number to the next
_BEFORE_SLOW = 100  # events that a slow reader gets
_POLICY = 1008  # WebSocket's code for a client that has broken a rule
_TOO_MANY = (
    "Maximum number of websocket connections exceeded. You have reached the connection limit "
    "for your account."
)


class PolygonSandboxOptions(Options, frozen=True, kw_only=True):
    """What the mock server does that a client has to bear."""

    trouble: Annotated[
        Literal["none", "max-connections", "slow-consumer", "force-disconnect"],
        Meta(
            description="end each connection with this status: max-connections once it is "
            f"subscribed, the others after {_BEFORE_SLOW} events"
        ),
    ] = "none"


class PolygonSandbox(PolygonProvider, Sandbox):
    """Polygon's server for one connection."""

    simulates = MappingProxyType(
        {"second_bar": "bar:1s", "value": "indicator:value", "fmv": "indicator:fmv"}
    )
    Options = PolygonSandboxOptions
    refused = ("NOTINPLAN",)

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        super().__init__(path, headers, options)
        self._market = market_of(path) or "stocks"
        self._is_authenticated = False
        self._subscribed: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._ladders: dict[str, Ladder] = {}
        self._sent = 0

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to anything."""
        return bool(self._subscribed)

    def greet(self) -> Iterable[str]:
        """The greeting."""
        return [_status("connected", "Connected Successfully")]

    def receive(self, frame: str | bytes) -> Iterable[str]:
        """The answer to authentication and to each change of the subscription."""
        try:
            request = msgspec.json.decode(frame, type=dict[str, str])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return [_status("error", "invalid request")]
        action, params = request.get("action"), request.get("params", "")
        if action == "auth":
            return [self._authenticate(params)]
        if not self._is_authenticated:
            return [_status("auth_required", "authentication required")]
        if action == "subscribe":
            return self._subscribe(params.split(","))
        if action == "unsubscribe":
            return [_list(self._unsubscribe(name.strip()) for name in params.split(","))]
        return [_status("error", "unknown action")]

    def feed(self, events: Sequence[Event]) -> Iterator[str]:
        """The events to which the client has subscribed, ten messages a frame."""
        messages = [m for event in events if (m := self._message(event)) is not None]
        for start in range(0, len(messages), _PER_FRAME):
            yield wire.encode(messages[start : start + _PER_FRAME]).decode()
            self._sent += _PER_FRAME
            if self._sent >= _BEFORE_SLOW:
                self._disturb()

    def expire(self) -> Iterable[str]:
        """Authentication took too long."""
        return [_status("auth_timeout", "No authentication request received.")]

    def refuse(self) -> Iterable[str]:
        """Another connection with this key is open."""
        return [_status("max_connections", _TOO_MANY)]

    def _authenticate(self, key: str) -> str:
        if key not in self.test_secrets.values():
            raise HangUp(_status("auth_failed", "authentication failed"))
        self._is_authenticated = True
        return _status("auth_success", "authenticated")

    def _subscribe(self, names: Iterable[str]) -> list[str]:
        """One answer for each pair in one frame; a channel that is not known has none."""
        answers = [answer for name in names for answer in self._answer(name.strip())]
        frames = [_list(answers)] if answers else []
        if self.options.trouble == "max-connections" and self._subscribed:
            raise HangUp(*frames, *self.refuse(), code=_POLICY)
        return frames

    def _answer(self, name: str) -> Iterator[wire.StatusMessage]:
        prefix, _, symbol = name.partition(".")
        if prefix not in PREFIXES[self._market].values() or not symbol:
            return
        if symbol in self.refused:
            yield wire.StatusMessage("error", "not authorized")
            return
        self._subscribed.add(name)
        yield wire.StatusMessage("success", f"subscribed to: {name}")

    def _unsubscribe(self, name: str) -> wire.StatusMessage:
        self._subscribed.discard(name)
        return wire.StatusMessage("success", f"unsubscribed to: {name}")

    def _message(self, event: Event) -> wire.Message | None:
        """The message for an event, None where the client has not subscribed to it."""
        event = self._whole(event)
        way = route(event, self._market)
        if way is None or self._subscribed.isdisjoint((f"{way[0]}.{event.symbol}", f"{way[0]}.*")):
            return None
        message = way[1](event)
        if isinstance(message, wire.TradeMessage | wire.QuoteMessage) and message.q is None:
            message.q = self._number(f"{way[0]}.{event.symbol}", event)
            if isinstance(message, wire.TradeMessage) and message.i is None:
                message.i = str(message.q)
        return message

    def _whole(self, event: Event) -> Event:
        """A change of a book as the whole book that it makes."""
        ladder = self._ladders.setdefault(event.symbol or "", Ladder())
        if isinstance(event, Book):
            ladder.snapshot(event.bids or (), event.asks or ())
        if not isinstance(event, Delta):
            return event
        if event.action == "clear":
            ladder.snapshot((), ())
        elif event.price is not None:
            size = event.size if event.size and event.action != "cancel" else Decimal(0)
            ladder.change("bid" if event.side == "bid" else "ask", Level(event.price, size))
        book = Book(symbol=event.symbol, ts_event=event.ts_event, venue=event.venue)
        book.bids, book.asks = ladder.top("bid", _LEVELS), ladder.top("ask", _LEVELS)
        return book

    def _number(self, name: str, event: Event) -> int:
        """The next number of a symbol; the first is made of its time."""
        last = self._numbers.get(name)
        number = to_ns(event.ts_event or "") // 1000 if last is None else last + _STEP
        self._numbers[name] = number
        return number

    def _disturb(self) -> None:
        match self.options.trouble:
            case "slow-consumer":
                text = "Client is too slow to consume messages."
                raise HangUp(_status("slow_consumer", text), code=_POLICY)
            case "force-disconnect":
                raise HangUp(_status("force_disconnect", "The connection was closed."))


def _status(status: str, message: str) -> str:
    return _list([wire.StatusMessage(status, message)])


def _list(messages: Iterable[wire.StatusMessage]) -> str:
    return wire.encode(list(messages)).decode()
