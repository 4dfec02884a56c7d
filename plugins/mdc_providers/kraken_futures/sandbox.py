"""Kraken Futures' server as its clients see it.

Each product of a feed is answered by itself, and its snapshot comes behind that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from mdc_core.plugin import (
    Book,
    Delta,
    Event,
    Funding,
    Ladder,
    Level,
    OpenInterest,
    Quote,
    Sandbox,
    Status,
    Trade,
    from_ns,
    to_ns,
)
from mdc_providers.kraken_futures.provider import KrakenFuturesProvider

_FEEDS = ("book", "trade", "ticker", "ticker_lite")
_ALL = 1_000_000
_MS = 1_000_000
_encode = msgspec.json.Encoder(decimal_format="number").encode


class KrakenFuturesSandbox(KrakenFuturesProvider, Sandbox):
    """Kraken Futures' server for one connection."""

    simulates = MappingProxyType({"ticker_lite": "quote"})
    every = 1.0
    refused = ("PF_NOSUCHUSD",)

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        super().__init__(path, headers, options)
        self._state: dict[str, dict[str, None]] = {feed: {} for feed in _FEEDS}
        self._has_heartbeat = False
        self._books: dict[str, tuple[Ladder, int]] = {}  # and their time
        self._numbers: dict[tuple[str, str], int] = {}
        self._tickers: dict[str, dict[str, Any]] = {}

    @property
    def subscribed(self) -> bool:
        """Whether to play: feeds are asked for one by one, the last should be heartbeat."""
        return any(self._state.values()) and self._has_heartbeat

    def greet(self) -> Iterable[str]:
        """The version."""
        return [_text(event="info", version=1)]

    def receive(self, frame: str | bytes) -> Iterable[str]:
        """The answers to a change of the subscription."""
        try:
            message = msgspec.json.decode(frame, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return [_text(event="error", message="Json Error")]
        match message:
            case {"event": "subscribe", "feed": "heartbeat"}:
                self._has_heartbeat = True
                return [_text(event="subscribed", feed="heartbeat")]
            case {"event": "subscribe" | "unsubscribe" as what, "feed": str(feed)} if (
                feed in _FEEDS
            ):
                products = message.get("product_ids")
                if isinstance(products, list):
                    return self._change(what, feed, [str(p).upper() for p in products])
        return [_text(event="error", message="Invalid feed")]

    def _change(self, what: str, feed: str, products: list[str]) -> Iterator[str]:
        for product in products:
            if product in self.refused:
                yield _text(event="error", message="Invalid product id")
                continue
            if what == "unsubscribe":
                self._state[feed].pop(product, None)
            else:
                self._state[feed][product] = None
            yield _text(event=f"{what}d", feed=feed, product_ids=[product])
            if what == "subscribe" and feed == "book" and product in self._books:
                yield self._snapshot(product)
            if what == "subscribe" and feed == "trade":
                yield _text(feed="trade_snapshot", product_id=product, trades=[])

    def tick(self, now: int) -> Iterable[str]:
        """A heartbeat each second."""
        return [_text(feed="heartbeat", time=now // _MS)] if self._has_heartbeat else []

    def feed(self, events: Sequence[Event]) -> Iterator[str]:
        """The messages for events to which the client has subscribed."""
        for event in events:
            symbol = event.symbol or ""
            time = to_ns(event.ts_event or from_ns(0)) // _MS
            match event:
                case Book():
                    ladder = Ladder()
                    ladder.snapshot(event.bids or (), event.asks or ())
                    self._books[symbol] = ladder, time
                    self._numbers.setdefault(("book", symbol), 100)
                    if symbol in self._state["book"]:
                        yield self._snapshot(symbol)
                case Delta(price=Decimal() as price, side="bid" | "ask" as side):
                    yield from self._changed(event, symbol, side, price, time)
                case Trade(price=Decimal(), aggressor_side="buy" | "sell"):
                    if symbol in self._state["trade"]:
                        yield self._trade(event, symbol, time)
                case Quote() | Funding() | OpenInterest() | Status():
                    yield from self._ticker(event, symbol, time)

    def _changed(
        self, e: Delta, symbol: str, side: Any, price: Decimal, time: int
    ) -> Iterator[str]:
        size = Decimal(0) if e.action == "cancel" else e.size or Decimal(0)
        if symbol in self._books:
            self._books[symbol][0].change(side, Level(price, size))
            self._books[symbol] = self._books[symbol][0], time
        number = self._number("book", symbol)
        if symbol in self._state["book"]:
            side = "buy" if side == "bid" else "sell"
            what = {"side": side, "seq": number, "price": price, "qty": size}
            yield _text(feed="book", product_id=symbol, **what, timestamp=time)

    def _trade(self, e: Trade, symbol: str, time: int) -> str:
        number = self._number("trade", symbol)
        return _text(
            feed="trade",
            product_id=symbol,
            uid=e.trade_id or f"00000000-0000-4000-8000-{number:012x}",
            side=e.aggressor_side,
            type=(e.conditions or ["fill"])[0],
            seq=number,
            time=time,
            qty=e.size,
            price=e.price,
        )

    def _ticker(self, e: Event, symbol: str, time: int) -> Iterator[str]:
        known = self._tickers.setdefault(symbol, {"suspended": False})
        match e:
            case Quote():
                known |= {"bid": e.bid_price, "bid_size": e.bid_size}
                known |= {"ask": e.ask_price, "ask_size": e.ask_size}
            case Funding():
                known |= {"tag": "perpetual", "relative_funding_rate": e.funding_rate}
                known |= {"markPrice": e.mark_price, "index": e.index_price}
                due = e.next_funding
                known["next_funding_rate_time"] = None if due is None else to_ns(due) // _MS
            case OpenInterest():
                known["openInterest"] = e.open_interest
            case Status():
                known["suspended"] = e.status in ("halted", "paused", "closed")
        told = {name: value for name, value in known.items() if value is not None}
        if symbol in self._state["ticker"]:
            yield _text(feed="ticker", time=time, product_id=symbol, **told)
        if symbol in self._state["ticker_lite"] and isinstance(e, Quote):
            best = {name: told[name] for name in ("bid", "ask") if name in told}
            yield _text(feed="ticker_lite", product_id=symbol, **best)

    def _snapshot(self, symbol: str) -> str:
        ladder, time = self._books[symbol]
        sides = {
            f"{side}s": [{"price": at.price, "qty": at.size} for at in ladder.top(side, _ALL)]
            for side in ("bid", "ask")
        }
        number = self._numbers["book", symbol]
        head = {"product_id": symbol, "timestamp": time, "seq": number, "tickSize": None}
        return _text(feed="book_snapshot", **head, **sides)

    def _number(self, feed: str, symbol: str) -> int:
        self._numbers[feed, symbol] = self._numbers.get((feed, symbol), 100) + 1
        return self._numbers[feed, symbol]


def _text(**values: Any) -> str:
    return _encode(values).decode()
