"""Coinbase's server as its clients see it.

Both protocols by one server: what a client says first tells which it means.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mdc_core.plugin import Event, HangUp, Options, Sandbox
from mdc_providers.coinbase.advanced.server import AdvancedServer
from mdc_providers.coinbase.exchange.server import ExchangeServer
from mdc_providers.coinbase.provider import CoinbaseProvider
from mdc_providers.coinbase.venue import Venue

_QUIET = 90  # seconds without a message, after which Coinbase closes a channel


class CoinbaseServerOptions(Options, frozen=True, kw_only=True):
    """What this server sends."""

    drop: Annotated[
        int,
        Meta(description="lose every so-many-th data message; its number is missing", ge=0),
    ] = 0
    depth: Annotated[
        int,
        Meta(description="levels a side of a book's snapshot, at the least (24000: 5 MB)", ge=0),
    ] = 0


class CoinbaseSandbox(CoinbaseProvider, Sandbox):
    """Coinbase's server for one connection."""

    simulates = MappingProxyType({"bar": "bar:5m", "ticker_batch": "quote"})
    Options = CoinbaseServerOptions
    patience = 5.0
    every = 1.0
    refused = ("NOSUCH-USD",)

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        super().__init__(path, headers, options)
        self._server: AdvancedServer | ExchangeServer | None = None
        self._has_failed = False
        self._quiet = 0

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to data, and has not been refused since."""
        return self._server is not None and self._server.is_ready and not self._has_failed

    @property
    def awaits(self) -> bool:
        """Whether a message is lost behind which the client has not asked for the books again."""
        server = self._server
        return isinstance(server, AdvancedServer) and bool(server.awaited) and not self._has_failed

    def receive(self, frame: str | bytes) -> Iterable[str]:
        """The answer to a change of the subscription; behind an error there is none."""
        if self._has_failed:
            return []
        try:
            message = msgspec.json.decode(frame, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self._error("invalid JSON")
        if self._server is None:
            server = ExchangeServer if "channels" in message else AdvancedServer
            depth, drop = self.options.depth, self.options.drop
            self._server = server(Venue(depth), self.refused, drop)
        answer = self._server.receive(message)
        return self._error(answer) if isinstance(answer, str) else answer

    def feed(self, events: Sequence[Event]) -> Iterable[str]:
        """The events to which the client has subscribed; none behind an error."""
        if self._server is None or self._has_failed:
            return
        for frame in self._server.feed(events):
            self._quiet = 0
            yield frame

    def tick(self, now: int) -> Iterable[str]:
        """Heartbeats; a connection without them is closed when it is quiet for long."""
        frames = [] if self._server is None or self._has_failed else self._server.tick(now)
        self._quiet = 0 if frames else self._quiet + 1
        if self._quiet >= _QUIET:
            raise HangUp
        return frames

    def expire(self) -> Iterable[str]:
        """The client has asked for nothing."""
        return self._error("subscribe or unsubscribe required")

    def _error(self, text: str) -> list[str]:
        """The last message of the connection, but for an Exchange product that there is not."""
        message, _, reason = text.partition(": ")
        self._has_failed = not reason.endswith("is not a valid product")
        told = {"type": "error", "message": message} | ({"reason": reason} if reason else {})
        return [msgspec.json.encode(told).decode()]
