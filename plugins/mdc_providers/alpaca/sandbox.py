"""Alpaca's server as its clients see it.

A trade without an id gets a number that does not repeat on a later connection.
"""

import base64
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from mdc_core.plugin import Event, HangUp, News, Options, Sandbox, to_ns
from mdc_providers.alpaca import messages as wire
from mdc_providers.alpaca.codes import channels_of
from mdc_providers.alpaca.encode import route
from mdc_providers.alpaca.packed import pack
from mdc_providers.alpaca.provider import AlpacaProvider

_PER_FRAME = 10
_PAID = ("/sip", "/boats", "/overnight")
_MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        400: "invalid syntax",
        401: "not authenticated",
        402: "auth failed",
        403: "already authenticated",
        404: "auth timeout",
        405: "symbol limit exceeded",
        406: "connection limit exceeded",
        409: "insufficient subscription",
        410: "invalid subscribe action for this feed",
    }
)


class AlpacaServerOptions(Options, frozen=True, kw_only=True):
    """What the account of the mock server's clients may see."""

    plan: Annotated[
        Literal["paid", "free"],
        Meta(description="free has not the feeds sip, boats and overnight"),
    ] = "paid"


class AlpacaSandbox(AlpacaProvider, Sandbox):
    """Alpaca's stream server for one connection."""

    simulates = MappingProxyType({"updated_bar": "bar:1m:revised", "daily_bar": "bar:1d"})
    Options = AlpacaServerOptions
    symbol_limit: ClassVar[int] = 30  # of trades and quotes on the free feed, iex
    book_limit: ClassVar[int] = 10  # of order books

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        path = path.partition("?")[0]
        super().__init__(path, {k.lower(): v for k, v in headers.items()}, options)
        self._is_authenticated = self._is_refused = False
        self._names = tuple(channels_of(self.path).values())
        self._state: dict[str, list[str]] = {name: [] for name in self._names}
        self._ids: itertools.count[int] | None = None
        self._news: tuple[Any, ...] = ()  # the item that was sent last
        self._is_packed = "msgpack" in self.headers.get("content-type", "")

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to anything."""
        return any(self._state.values())

    def greet(self) -> Iterable[str | bytes]:
        """The greeting, and the verdict on credentials in the handshake's headers."""
        return map(self._written, self._greeting())

    def _greeting(self) -> Iterable[str]:
        yield _control("success", msg="connected")
        given = self._credentials()
        if given is not None:
            self._is_authenticated = self._are_right(*given)
            self._is_refused = not self._is_authenticated
            yield _error(402) if self._is_refused else _control("success", msg="authenticated")

    def receive(self, frame: str | bytes) -> Iterable[str | bytes]:
        """The answer to authentication and to each change of the subscription."""
        try:
            return [self._written(text) for text in self._answers(frame)]
        except HangUp as last:
            raise HangUp(*map(self._written, last.frames)) from None

    def _written(self, text: Any) -> str | bytes:
        """A frame in the encoding that the client asked for."""
        return pack(text) if self._is_packed else str(text)

    def _answers(self, frame: str | bytes) -> Iterable[str]:
        if self._is_refused:
            raise HangUp
        try:
            if self._is_packed and isinstance(frame, bytes):
                message = msgspec.msgpack.decode(frame, type=dict[str, Any])
            else:
                message = msgspec.json.decode(frame, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return [_error(400)]
        match message.pop("action", None):
            case "auth":
                return [self._authenticate(message)]
            case "subscribe" | "unsubscribe" if not self._is_authenticated:
                return [_error(401)]
            case "subscribe" if self.options.plan == "free" and self.path.endswith(_PAID):
                return [_error(409)]
            case "subscribe":
                return [self._change(message, _united)]
            case "unsubscribe":
                return [self._change(message, _without)]
        return [_error(400)]

    def feed(self, events: Sequence[Event]) -> Iterable[str | bytes]:
        """The events to which the client has subscribed, ten messages a frame."""
        messages = [m for event in events if (m := self._message(event)) is not None]
        for start in range(0, len(messages), _PER_FRAME):
            yield self._written(wire.encode(messages[start : start + _PER_FRAME]).decode())

    def expire(self) -> Iterable[str | bytes]:
        """Authentication took too long."""
        return [self._written(_error(404))]

    def refuse(self) -> Iterable[str | bytes]:
        """Another session is open."""
        return [self._written(_error(406))]

    def _credentials(self) -> tuple[str, str] | None:
        """Key and secret in the handshake's headers."""
        scheme, _, rest = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                key, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
            except ValueError:
                return "", ""
            return key, secret
        if "apca-api-key-id" not in self.headers:
            return None
        return self.headers["apca-api-key-id"], self.headers.get("apca-api-secret-key", "")

    def _are_right(self, key: Any, secret: Any) -> bool:
        return [key, secret] == list(self.test_secrets.values())

    def _authenticate(self, message: Mapping[str, Any]) -> str:
        if self._is_authenticated:
            return _error(403)
        if not self._are_right(message.get("key"), message.get("secret")):
            raise HangUp(_error(402))
        self._is_authenticated = True
        return _control("success", msg="authenticated")

    def _change(
        self,
        message: Mapping[str, Any],
        combine: Callable[[list[str], list[str]], list[str]],
    ) -> str:
        """Change the subscription as a whole or not at all, and tell its complete state."""
        state = dict(self._state)
        for name, symbols in message.items():
            if symbols is None:  # as Alpaca's own client in Go says that there are none
                continue
            if not isinstance(symbols, list) or not all(isinstance(s, str) for s in symbols):
                return _error(400)
            if name not in self._names:
                return _error(410)
            state[name] = combine(state[name], [s for s in symbols if self._has(s)])
        counted = {*state.get("trades", ()), *state.get("quotes", ())}
        if self.path.endswith("/iex") and len(counted) > self.symbol_limit:
            return _error(405)
        if len(state.get("orderbooks", ())) > self.book_limit:
            return _error(405)
        self._state = state
        told = dict(state)
        if "statuses" in state:
            told |= {"corrections": state["trades"], "cancelErrors": state["trades"]}
        return _control("subscription", **told)

    def _has(self, symbol: str) -> bool:
        """The test feed has one symbol; what else is asked for is left out of the answer."""
        return not self.path.endswith("/test") or symbol in ("FAKEPACA", "*")

    def _message(self, event: Event) -> Any:
        """The message for an event, None where the client has not subscribed to it."""
        name, convert = route(event)
        symbols = self._state.get(name or "", ())
        named = (event.symbol, *((event.symbols or ()) if isinstance(event, News) else ()))
        if convert is None or not ("*" in symbols or any(one in symbols for one in named)):
            return None
        if isinstance(event, News) and self._is_said(event):
            return None
        if not self._has(event.symbol or ""):
            return None
        message = convert(event)
        if isinstance(message, wire.TradeMessage):
            self._complete(message, event)
        return message

    def _is_said(self, event: News) -> bool:
        """Whether this item was sent already, for another of its symbols."""
        item = event.news_id, event.ts_event, event.headline
        was, self._news = self._news, item
        return item == was and event.symbols is not None

    def _complete(self, message: wire.TradeMessage[str], event: Event) -> None:
        if message.i is None:
            # Counted from the time of the first, so that no later connection says it again.
            if self._ids is None:
                self._ids = itertools.count(to_ns(event.ts_event or "") // 1000)
            message.i = next(self._ids)
        if "orderbooks" not in self._names:
            message.tks = None


def _control(kind: str, **values: Any) -> str:
    return wire.encode([{"T": kind, **values}]).decode()


def _error(code: int) -> str:
    return _control("error", code=code, msg=_MESSAGES[code])


def _united(old: list[str], new: list[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def _without(old: list[str], new: list[str]) -> list[str]:
    return [symbol for symbol in old if symbol not in new]
