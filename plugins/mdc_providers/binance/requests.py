"""What is sent to Binance, no faster than it allows: subscriptions, and requests by REST.

A connection may send 5 messages a second (pings and pongs count), of at most 1,024 streams; an
address has a budget of request weight by the minute (Binance, "WebSocket Limits", "IP Limits").
"""

from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from mdc_core.plugin import Fetch, Request, Response, Send
from mdc_providers.binance.markets import Market

PER_MESSAGE = 300  # streams
_MESSAGES = 4  # a second: one of five is left for pongs
_AT_ONCE = 20  # requests
_SHARE = 2  # of the weight, the half
LEVELS = 1000
_SECOND = 1_000_000_000
_LATER = (418, 429)  # too many requests: of this minute, or again and again


class Requests:
    """What waits to be sent, of one connection."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._id = 0
        self._controls: deque[Send] = deque()
        self._books: deque[tuple[str, bool]] = deque()
        self._sent = 0  # in this second
        self._room = _AT_ONCE
        self._pause_until = 0
        self.asked: dict[int, tuple[str, list[str]]] = {}  # id -> the method, and its streams

    @property
    def answered(self) -> bool:
        """Whether every message was acknowledged."""
        return not self.asked

    def control(self, method: str, streams: Iterable[str]) -> None:
        """Subscribe to these streams, or leave them."""
        every = list(streams)
        for start in range(0, len(every), PER_MESSAGE):
            self._id += 1
            part = every[start : start + PER_MESSAGE]
            text = {"method": method, "params": part, "id": self._id}
            self.asked[self._id] = method, part
            self._controls.append(Send(msgspec.json.encode(text).decode()))

    def book(self, symbol: str, again: bool) -> None:
        """Ask for the snapshot of a book."""
        self._books.append((symbol, again))

    def book_later(self, symbol: str, response: Response, now: int) -> None:
        """Ask for it again: there was no answer, or a request to wait."""
        if response.status in _LATER:
            self._pause_until = now + int((response.after or 60.0) * _SECOND)
        self.book(symbol, True)

    def due(self, now: int) -> Iterator[Send | Fetch]:
        """What may go out now."""
        while self._controls and self._sent < _MESSAGES:
            self._sent += 1
            yield self._controls.popleft()
        while self._books and self._room > 0 and now >= self._pause_until:
            self._room -= 1
            symbol, again = self._books.popleft()
            params = {"symbol": symbol, "limit": str(LEVELS)}
            request = Request(f"{self._market.rest}/depth", params)
            name = f"book {symbol}" if again else None
            yield Fetch(request, f"book:{symbol}", again=name, may_fail=True)

    def second(self) -> None:
        """A second is over."""
        a_minute = self._market.weight // _SHARE // self._market.book_weight
        self._sent = 0
        self._room = min(self._room + max(a_minute // 60, 1), _AT_ONCE)
