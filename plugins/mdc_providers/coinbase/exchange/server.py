"""The mock server's side of the Exchange feed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mdc_core.plugin import Book, Delta, Event, Quote, Status, Trade, from_ns
from mdc_providers.coinbase.venue import Venue, messages_of, plain, wire_time

_PUBLIC = ("matches", "ticker", "ticker_batch", "level2_batch", "heartbeat", "status")
_SIGNED = ("level2", "full")
_MAKER: Mapping[str | None, str] = {"buy": "sell", "sell": "buy"}
_STATUS: Mapping[str | None, str] = {"trading": "online", "halted": "offline", "closed": "delisted"}


class ExchangeServer:
    """A connection to the Exchange feed; `drop` leaves out every so-many-th data message.

    A trade whose aggressor is unknown cannot be said, and is left out.
    """

    def __init__(self, venue: Venue, refused: Iterable[str], drop: int) -> None:
        self._venue, self._refused, self._drop = venue, tuple(refused), drop
        self.state: dict[str, list[str]] = {}
        self._played = self._sequence = 0
        self._last: dict[str, dict[str, Any]] = {}
        self._status: dict[str, str] = {}

    @property
    def is_ready(self) -> bool:
        """Whether to play."""
        return any(name != "heartbeat" for name in self.state)

    def receive(self, message: Mapping[str, Any]) -> list[str] | str:
        """The answer to a client's message; a text is an error."""
        kind, parts = message.get("type"), message.get("channels")
        if kind not in ("subscribe", "unsubscribe") or not isinstance(parts, list):
            return "Malformed JSON"
        asked: dict[str, list[str]] = {}
        for part in parts:
            part = {"name": part} if isinstance(part, str) else part
            asked[str(part.get("name"))] = (
                part.get("product_ids") or message.get("product_ids") or []
            )
        if (reason := self._reason(asked, message)) is not None:
            return f"Failed to subscribe: {reason}"
        state = {name: [*products] for name, products in self.state.items()}
        for name, products in asked.items():
            has = state.get(name, [])
            if kind == "subscribe":
                state[name] = [*dict.fromkeys([*has, *products])]
            else:
                state[name] = [p for p in has if p not in products]
        self.state = {name: has for name, has in state.items() if has or name == "status"}
        channels = [{"name": name, "product_ids": has} for name, has in self.state.items()]
        before = self._before(asked) if kind == "subscribe" else ()
        return [*before, _text({"type": "subscriptions", "channels": channels})]

    def _reason(self, asked: Mapping[str, list[str]], message: Mapping[str, Any]) -> str | None:
        """Why a subscription is refused as a whole."""
        if not asked:
            return "No channels provided"
        for name, products in asked.items():
            if name in _SIGNED and not message.get("signature"):
                return f"{name} channel requires authentication"
            if name not in (*_PUBLIC, *_SIGNED):
                return f"{name} is not a valid channel"
            for product in products:
                if product in self._refused:
                    return f"{product} is not a valid product"
        if message.get("signature"):
            return "authentication failure"  # it knows nobody
        return None

    def _before(self, asked: Mapping[str, list[str]]) -> Iterator[str]:
        """What there was before the subscription."""
        for product in asked.get("matches", ()):
            if product in self._last:
                yield _text(self._last[product] | {"type": "last_match"})
        for product in asked.get("level2_batch", ()):
            if self._venue.book(product) is not None:
                yield self._book(product)

    def feed(self, events: Sequence[Event]) -> Iterator[str]:
        """The messages for events."""
        for group in messages_of(events):
            for event in group:
                self._venue.see(event)
            for message in self._messages(group):
                self._played += 1
                if not self._drop or self._played % self._drop:
                    yield message

    def tick(self, now: int) -> list[str]:
        """A heartbeat of each product, if it is subscribed to, and the state of all products."""
        time = wire_time(from_ns(now))
        beats = [
            {
                "type": "heartbeat",
                "sequence": self._sequence,
                "last_trade_id": self._venue.last_ids.get(product, 0),
                "product_id": product,
                "time": time,
            }
            for product in self.state.get("heartbeat", ())
        ]
        if "status" in self.state and self._status:
            products = [
                {"id": p, "status": s, "status_message": None} for p, s in self._status.items()
            ]
            beats.append({"type": "status", "products": products, "currencies": []})
        return [_text(beat) for beat in beats]

    def _messages(self, group: list[Event]) -> Iterator[str]:
        event = group[0]
        symbol = event.symbol or ""
        match event:
            case Trade():
                for trade in group:
                    if (message := self._match(trade)) and self._has("matches", symbol):
                        yield _text(message)
            case Quote():
                yield from self._ticker(event, symbol)
            case Book() if self._has("level2_batch", symbol):
                yield self._book(symbol)
            case Delta() if self._has("level2_batch", symbol):
                yield from _changes(group, symbol)
            case Status(status=str(state)) if state in _STATUS:
                self._status[symbol] = _STATUS[state]

    def _has(self, channel: str, symbol: str) -> bool:
        return symbol in self.state.get(channel, ())

    def _number(self) -> int:
        self._sequence += 3  # of orders, of which these channels tell nothing
        return self._sequence

    def _match(self, e: Event) -> dict[str, Any] | None:
        if not isinstance(e, Trade) or e.price is None or e.size is None:
            return None
        if e.aggressor_side not in _MAKER:
            return None
        number = self._venue.number(e)
        message = {
            "type": "match",
            "trade_id": number,
            "maker_order_id": f"00000000-0000-4000-8000-{number:012x}",
            "taker_order_id": f"00000000-0000-4000-9000-{number:012x}",
            "side": _MAKER[e.aggressor_side],
            "size": plain(e.size),
            "price": plain(e.price),
            "product_id": e.symbol,
            "sequence": self._number(),
            "time": wire_time(e.ts_event),
        }
        self._last[e.symbol or ""] = message
        return message

    def _ticker(self, e: Quote, symbol: str) -> Iterator[str]:
        last = self._last.get(symbol)
        message: dict[str, Any] = {
            "type": "ticker",
            "sequence": self._number(),
            "product_id": symbol,
            "price": last["price"] if last else "0",
            "best_bid": plain(e.bid_price),
            "best_bid_size": plain(e.bid_size),
            "best_ask": plain(e.ask_price),
            "best_ask_size": plain(e.ask_size),
            "time": wire_time(e.ts_event),
        }
        if last:
            taker = "sell" if last["side"] == "buy" else "buy"
            message |= {"side": taker, "trade_id": last["trade_id"], "last_size": last["size"]}
        if self._has("ticker", symbol) or self._has("ticker_batch", symbol):
            yield _text(message)

    def _book(self, symbol: str) -> str:
        bids, asks = self._venue.book(symbol) or ((), ())
        sides = {
            "asks": [[plain(at.price), plain(at.size)] for at in asks],
            "bids": [[plain(at.price), plain(at.size)] for at in bids],
        }
        time = wire_time(self._venue.times.get(symbol))
        return _text({"type": "snapshot", "product_id": symbol, **sides, "time": time})


def _changes(group: list[Event], symbol: str) -> Iterator[str]:
    """Changes of one time are one message."""
    rows: list[list[str]] = []
    for number, event in enumerate(group):
        if isinstance(event, Delta) and event.price is not None and event.side is not None:
            size = None if event.action == "cancel" else event.size
            rows.append(["buy" if event.side == "bid" else "sell", plain(event.price), plain(size)])
        is_last = number + 1 == len(group) or group[number + 1].ts_event != event.ts_event
        if rows and is_last:
            time = wire_time(event.ts_event)
            yield _text({"type": "l2update", "product_id": symbol, "changes": rows, "time": time})
            rows = []


def _text(message: Mapping[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
