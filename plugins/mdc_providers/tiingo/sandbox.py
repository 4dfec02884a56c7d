"""Tiingo's server as its clients see it.

Of the order of fields, and of blanks behind colons, one is as likely as another.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mdc_core.plugin import Event, HangUp, Options, Sandbox
from mdc_providers.tiingo import messages as wire
from mdc_providers.tiingo.encode import row_of
from mdc_providers.tiingo.markets import MARKETS
from mdc_providers.tiingo.provider import TiingoProvider

_ID = 49_804_739
_BEAT = '{"response": {"code": 200, "message": "HeartBeat"}, "messageType": "H"}'


class TiingoServerOptions(Options, frozen=True, kw_only=True):
    """What the account of the mock server's clients may see."""

    iex_agreement: Annotated[
        bool, Meta(description="whether trades and quotes of IEX are allowed, not only level 6")
    ] = True


class TiingoSandbox(TiingoProvider, Sandbox):
    """Tiingo's stream server for one connection."""

    simulates = MappingProxyType({"reference": "trade"})
    Options = TiingoServerOptions
    every = 30.0

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        super().__init__(path.partition("?")[0].strip("/"), headers, options)
        self._tickers: list[str] | None = None
        self._level = 0
        self._rows = 0

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to anything."""
        return bool(self._tickers)

    def receive(self, frame: str | bytes) -> Iterable[str]:
        """The answer to a subscription, and to each change of it."""
        try:
            message = msgspec.json.decode(frame, type=dict[str, Any])
            name, data = message.get("eventName"), dict(message.get("eventData") or {})
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, TypeError):
            return [_error(400, "invalid message")]
        if self.path not in MARKETS:
            raise HangUp(_error(404, "no such service"))
        if message.get("authorization") not in self.test_secrets.values():
            raise HangUp(_error(401, "Invalid API token"))
        tickers = data.get("tickers", ["*"])
        if not isinstance(tickers, list) or not all(isinstance(t, str) for t in tickers):
            return [_error(400, "tickers not valid")]
        if name == "subscribe":
            return self._subscribe(data, tickers)
        if name == "unsubscribe" and data.get("subscriptionId") == _ID and self._tickers:
            self._tickers = [t for t in self._tickers if t not in map(str.lower, tickers)]
            return [self._state()]
        return [_error(400, "eventName or subscriptionId not valid")]

    def feed(self, events: Sequence[Event]) -> Iterable[str]:
        """The events to which the client has subscribed, a frame each."""
        tickers = self._tickers or ()
        for event in events:
            if "*" not in tickers and (event.symbol or "").lower() not in tickers:
                continue
            row = row_of(self.path, self._level, event)
            if row is not None:
                self._rows += 1
                service = MARKETS[self.path].service
                message: msgspec.Struct = wire.Row(service, "A", row)
                if self._rows % 2:
                    message = wire.RowByTheBook("A", service, row)
                yield wire.encode(message).decode()

    def tick(self, now: int) -> Iterable[str]:
        """A heartbeat."""
        return [_BEAT]

    def _subscribe(self, data: Mapping[str, Any], tickers: list[str]) -> Iterable[str]:
        level = data.get("thresholdLevel", 0)
        if isinstance(level, str) and level.isdecimal():  # as documented; the examples have numbers
            level = int(level)
        levels = {n for some in MARKETS[self.path].levels.values() for n in some}
        if level not in levels:
            return [_error(400, "thresholdLevel not valid")]
        if self.path == "iex" and level != 6 and not self.options.iex_agreement:
            return [_error(403, "Not authorized for service: iex")]
        self._level = level
        new = [ticker.lower() for ticker in tickers]
        if self._tickers is not None and data.get("subscriptionId") == _ID:
            self._tickers = list(dict.fromkeys([*self._tickers, *new]))
            return [self._state()]
        self._tickers = list(dict.fromkeys(new))
        said = {"response": _answer(200, "Success"), "data": {"subscriptionId": _ID}}
        return [_spaced({**said, "messageType": "I"}), _BEAT]

    def _state(self) -> str:
        """The complete list, which answers a change."""
        state = {"tickers": self._tickers, "thresholdLevel": str(self._level)}
        answer = _answer(200, "Success")
        return wire.encode({"data": state, "messageType": "I", "response": answer}).decode()


def _answer(code: int, words: str) -> dict[str, Any]:
    return {"code": code, "message": words}


def _error(code: int, words: str) -> str:
    return wire.encode({"response": _answer(code, words), "messageType": "E"}).decode()


def _spaced(message: dict[str, Any]) -> str:
    """A message with blanks behind colons and commas, as some of Tiingo's are."""
    return json.dumps(message)
