"""The mock server's side of Advanced Trade.

Snapshots come before the answer to a subscription; all messages of the connection are numbered.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mdc_core.plugin import Bar, Book, Delta, Event, Level, Quote, Status, Trade, from_ns, to_ns
from mdc_providers.coinbase.venue import Venue, go_time, messages_of, plain, wire_time

_SECOND = 1_000_000_000
_BATCH = 5 * _SECOND  # between two messages of ticker_batch
_CHANNELS = (
    "heartbeats",
    "market_trades",
    "ticker",
    "ticker_batch",
    "level2",
    "candles",
    "status",
)
_MAKER: Mapping[str | None, str] = {"buy": "SELL", "sell": "BUY"}
_STATUS: Mapping[str | None, str] = {"trading": "online", "halted": "offline", "closed": "delisted"}


class AdvancedServer:
    """A connection to Advanced Trade; `drop` leaves out every so-many-th data message."""

    def __init__(self, venue: Venue, refused: Iterable[str], drop: int) -> None:
        self._venue, self._refused, self._drop = venue, tuple(refused), drop
        self.state: dict[str, list[str]] = {}
        self.awaited: set[str] = set()  # products whose books the client has to begin anew
        self._ticks = 0  # since there was something to play
        self._number = self._played = self._beats = 0
        self._time = from_ns(0)
        self._trades: dict[str, list[dict[str, Any]]] = {}
        self._prices: dict[str, str] = {}
        self._batches: dict[str, int] = {}

    @property
    def is_ready(self) -> bool:
        """Whether to play: channels are asked for one by one, the last should be heartbeats."""
        data = [name for name in self.state if name != "heartbeats"]
        return bool(data) and ("heartbeats" in self.state or self._ticks > 1)

    def receive(self, message: Mapping[str, Any]) -> list[str] | str:
        """The answer to a client's message; a text is an error."""
        match message:
            case {"type": "subscribe" | "unsubscribe" as kind, "channel": str(channel)}:
                products = message.get("product_ids") or []
            case _:
                return "missing channel or type"
        if channel not in _CHANNELS:
            return f"unknown channel {channel}"
        if not isinstance(products, list) or not all(isinstance(p, str) for p in products):
            return "invalid product_ids"
        if "jwt" in message and not _is_sound(message["jwt"]):
            return "authentication failure"
        if kind == "unsubscribe":
            left = [p for p in self.state.get(channel, ()) if products and p not in products]
            self.state = {**self.state, channel: left}
            if not left:
                del self.state[channel]
            return [self._answer()]
        granted = [p for p in products if p not in self._refused]
        if channel == "heartbeats":
            granted = ["heartbeats"]
        if channel == "level2":
            self.awaited.difference_update(granted)
        before = self.state.get(channel, [])
        self.state = {**self.state, channel: [*dict.fromkeys([*before, *granted])]}
        return [*self._snapshots(channel, granted), self._answer()]

    def feed(self, events: Sequence[Event]) -> Iterator[str]:
        """The messages for events."""
        for group in messages_of(events):
            for event in group:
                self._venue.see(event)
                self._time = event.ts_event or self._time
            for channel, part in self._parts(group):
                self._played += 1
                text = self._message(channel, [part])
                if not self._drop or self._played % self._drop:
                    yield text
                else:
                    self.awaited.update(self.state.get("level2", ()))

    def tick(self, now: int) -> list[str]:
        """A heartbeat each second, if it is subscribed to."""
        self._ticks += bool(self.state)
        if "heartbeats" not in self.state:
            return []
        self._beats += 1
        self._time = from_ns(now)
        beat = {"current_time": go_time(now, self._beats), "heartbeat_counter": self._beats}
        return [self._message("heartbeats", [beat])]

    def _answer(self) -> str:
        return self._message("subscriptions", [{"subscriptions": self.state}])

    def _message(self, channel: str, parts: list[Any]) -> str:
        message = {
            "channel": channel,
            "timestamp": wire_time(self._time),
            "sequence_num": self._number,
            "events": parts,
        }
        self._number += 1
        return msgspec.json.encode(message).decode()

    def _snapshots(self, channel: str, products: Sequence[str]) -> Iterator[str]:
        """What there was before the subscription."""
        if channel == "market_trades":
            rows = [row for p in products for row in self._trades.get(p, ())]
            yield self._message(channel, [{"type": "snapshot", "trades": rows[::-1]}])
        for product in products if channel == "level2" else ():
            if (book := self._venue.book(product)) is not None:
                yield self._message("l2_data", [self._book(product, *book)])

    def _book(self, symbol: str, bids: Iterable[Level], asks: Iterable[Level]) -> dict[str, Any]:
        time = wire_time(self._venue.times[symbol])
        rows = [_level("bid", time, at) for at in bids]
        rows += [_level("offer", time, at) for at in asks]
        return {"type": "snapshot", "product_id": symbol, "updates": rows}

    def _parts(self, group: list[Event]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The channels by which these events travel, and how."""
        event = group[0]
        symbol = event.symbol or ""
        match event:
            case Trade():
                rows = [row for trade in group if (row := self._trade(trade)) is not None]
                if rows and self._has("market_trades", symbol):
                    yield "market_trades", {"type": "update", "trades": rows[::-1]}
            case Quote():
                yield from self._tickers(event, symbol)
            case Book() if self._has("level2", symbol):
                yield "l2_data", self._book(symbol, *(self._venue.book(symbol) or ((), ())))
            case Delta() if self._has("level2", symbol):
                rows = [row for delta in group if (row := _change(delta)) is not None]
                if rows:
                    yield "l2_data", {"type": "update", "product_id": symbol, "updates": rows}
            case Bar(interval="5m") if self._has("candles", symbol):
                yield "candles", {"type": "update", "candles": [_candle(event)]}
            case Status(status=str(state)) if state in _STATUS and self._has("status", symbol):
                product = {"id": symbol, "status": _STATUS[state], "status_message": ""}
                yield "status", {"type": "update", "products": [product]}

    def _has(self, channel: str, symbol: str) -> bool:
        return symbol in self.state.get(channel, ())

    def _trade(self, e: Event) -> dict[str, Any] | None:
        if not isinstance(e, Trade) or e.price is None or e.size is None:
            return None
        row = {
            "product_id": e.symbol,
            "trade_id": str(self._venue.number(e)),
            "price": plain(e.price),
            "size": plain(e.size),
            "time": wire_time(e.ts_event),
            "side": _MAKER.get(e.aggressor_side, "UNKNOWN_ORDER_SIDE"),
        }
        self._prices[e.symbol or ""] = plain(e.price)
        self._trades.setdefault(e.symbol or "", []).append(row)
        del self._trades[e.symbol or ""][:-100]
        return row

    def _tickers(self, e: Quote, symbol: str) -> Iterator[tuple[str, dict[str, Any]]]:
        row = {"type": "ticker", "product_id": symbol, "price": self._prices.get(symbol, "0")}
        best = {
            "best_bid": plain(e.bid_price),
            "best_ask": plain(e.ask_price),
            "best_bid_quantity": plain(e.bid_size),
            "best_ask_quantity": plain(e.ask_size),
        }
        if self._has("ticker", symbol):
            yield "ticker", {"type": "update", "tickers": [row | best]}
        moment = to_ns(e.ts_event or from_ns(0))
        if self._has("ticker_batch", symbol) and moment >= self._batches.get(symbol, moment):
            self._batches[symbol] = moment + _BATCH
            yield "ticker_batch", {"type": "update", "tickers": [row]}


def _level(side: str, time: str, at: Level) -> dict[str, str]:
    return {
        "side": side,
        "event_time": time,
        "price_level": plain(at.price),
        "new_quantity": plain(at.size),
    }


def _change(e: Event) -> dict[str, str] | None:
    if not isinstance(e, Delta) or e.price is None or e.side is None:
        return None
    size = None if e.action == "cancel" else e.size
    side = "bid" if e.side == "bid" else "offer"
    return {
        "side": side,
        "event_time": wire_time(e.ts_event),
        "price_level": plain(e.price),
        "new_quantity": plain(size),
    }


def _candle(e: Bar) -> dict[str, str]:
    start = str(to_ns(e.ts_event or from_ns(0)) // _SECOND)
    prices = {name: plain(getattr(e, name)) for name in ("high", "low", "open", "close", "volume")}
    return {"start": start, **prices, "product_id": e.symbol or ""}


def _is_sound(token: Any) -> bool:
    """Whether a token has the parts of a JWT, and says what it has to."""
    try:
        head, claims, _ = (_decoded(part) for part in str(token).split("."))
        head, claims = msgspec.json.decode(head), msgspec.json.decode(claims)
        names = head["kid"] == claims["sub"] and claims["iss"] == "cdp"
        return bool(names and head["nonce"] and claims["exp"] - claims["nbf"] == 120)
    except (ValueError, KeyError, TypeError, msgspec.DecodeError):
        return False


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
