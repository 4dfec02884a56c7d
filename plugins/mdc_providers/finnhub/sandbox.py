"""Finnhub's server as its clients see it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

import msgspec

from mdc_core.plugin import Event, News, Sandbox, Status, Trade, to_ns
from mdc_providers.finnhub.messages import NewsItem, encode
from mdc_providers.finnhub.provider import FinnhubProvider

_PER_FRAME = 10
_PING = '{"type":"ping"}'
_OF_ACTION: Mapping[str, str] = {"subscribe": "trade", "subscribe-news": "news"}


class FinnhubSandbox(FinnhubProvider, Sandbox):
    """Finnhub's stream server for one connection: no greeting, no acknowledgement."""

    symbol_limit: ClassVar[int] = 50
    every = 60.0
    ends_all = True
    settle = 0.25

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        super().__init__(path, headers, options)
        self._asked: dict[tuple[str, str], None] = {}
        self._is_quiet = False  # since the last tick

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to anything."""
        return bool(self._asked)

    def admit(self) -> int:
        """Whether the key in the query is right: HTTP 401 if it is not."""
        (key,) = self.test_secrets.values()
        return 101 if f"token={key}" in self.path.partition("?")[2].split("&") else 401

    def receive(self, frame: str | bytes) -> Iterable[str]:
        """Nothing, but for an error: Finnhub answers nothing else."""
        try:
            message = msgspec.json.decode(frame, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return [_error("Invalid message")]
        action, symbol = str(message.get("type")), message.get("symbol")
        name = _OF_ACTION.get(action.removeprefix("un"))
        if not isinstance(symbol, str) or name is None:
            return [_error("Invalid message")]
        if action.startswith("un"):
            self._asked.pop((name, symbol), None)
            return []
        symbols = {one for _, one in self._asked} | {symbol}
        if len(symbols) > self.symbol_limit:
            return [_error("Subscribing to too many symbols")]
        self._asked[name, symbol] = None
        return []

    def feed(self, events: Sequence[Event]) -> Iterable[str]:
        """The trades to which the client has subscribed, ten a frame, and news."""
        wanted = [event for event in events if self._is_wanted(event)]
        for kind, some in groupby(wanted, lambda event: isinstance(event, News)):
            items = [_news(e) if isinstance(e, News) else _trade(e) for e in some]
            for start in range(0, len(items), _PER_FRAME):
                self._is_quiet = False
                batch = {"data": items[start : start + _PER_FRAME]}
                yield encode({**batch, "type": "news" if kind else "trade"}).decode()

    def tick(self, now: int) -> Iterable[str]:
        """A ping, if a minute has passed without a frame."""
        was_quiet, self._is_quiet = self._is_quiet, True
        return [_PING] if was_quiet else []

    def _is_wanted(self, event: Event) -> bool:
        match event:
            case Trade(price=price, size=size) if price is not None and size is not None:
                name = "trade"
            case Status(message="last price"):
                name = "trade"
            case News():
                name = "news"
            case _:
                return False
        return (name, event.symbol or "") in self._asked


def _trade(e: Any) -> dict[str, Any]:
    """A trade; of what has no conditions, crypto says null and others nothing."""
    told = (e.extra or {}) if isinstance(e, Status) else {"price": e.price, "size": e.size}
    conditions = told.get("conditions") if isinstance(e, Status) else e.conditions
    item = {} if conditions is None and ":" not in e.symbol else {"c": conditions}
    ms = to_ns(e.ts_event) // 1_000_000
    return {**item, "p": told.get("price"), "s": e.symbol, "t": ms, "v": told.get("size", 0)}


def _news(e: News) -> NewsItem:
    seconds = to_ns(e.ts_event or "") // 1_000_000_000
    more = e.extra or {}
    return NewsItem(
        seconds,
        e.headline or "",
        id=e.news_id,
        category=more.get("category"),
        image=more.get("image"),
        related=e.symbol,
        source=e.source,
        summary=e.summary,
        url=e.url,
    )


def _error(words: str) -> str:
    return encode({"msg": words, "type": "error"}).decode()
