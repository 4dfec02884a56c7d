"""Kraken's server of WebSocket v2 as its clients see it, for one connection.

It says the state of the engine first, answers a request for each symbol by itself, sends the
book behind the answer, and a heartbeat every second as long as anything is subscribed to.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mdc_core.plugin import (
    Book,
    Delta,
    Event,
    Options,
    Sandbox,
    Status,
    Symbols,
    from_ns,
    type_of,
)
from mdc_providers.kraken.encode import item_of, time
from mdc_providers.kraken.messages import encode
from mdc_providers.kraken.provider import CHANNELS, KrakenProvider
from mdc_providers.kraken.venue import VenueBook

_BEGAN = "2024-01-02T14:30:00.000000Z"  # as long as no heartbeat has told the time
_ALLOWED: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "book": ("depth", (10, 25, 100, 500, 1000)),
    "ohlc": ("interval", (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)),
    "ticker": ("event_trigger", ("trades", "bbo")),
}
_LISTED = ("BTC/USD", "DOGE/USD", "ETH/USD", "SOL/USD", "USDT/USD", "XRP/USD")
_PAIR = {
    "price_precision": 2,
    "qty_precision": 8,
    "price_increment": msgspec.Raw(b"0.01"),
    "qty_increment": msgspec.Raw(b"0.00000001"),
    "qty_min": msgspec.Raw(b"0.00005000"),
    "marginable": True,
}


class KrakenServerOptions(Options, frozen=True, kw_only=True):
    """What this server does wrong, and in what state it is."""

    twist: Annotated[int, Meta(ge=0, description="send every so many-th checksum wrong")] = 0
    ignore: Annotated[Symbols, Meta(description="symbols whose requests are never answered")] = ()
    system: Annotated[str, Meta(description="state of the engine, such as maintenance")] = "online"


class KrakenSandbox(KrakenProvider, Sandbox):
    """Kraken's server for one connection."""

    Options = KrakenServerOptions
    patience = 60.0  # a connection without a subscription is closed
    settle = 0.2
    every = 1.0
    refused = ("XBT/USD",)

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        super().__init__(path, headers, options)
        self._on: dict[str, dict[str, Any]] = {name: {} for name in CHANNELS.values()}
        self._books: dict[str, VenueBook] = {}
        self._states: dict[str, str] = {}
        self._now = _BEGAN
        self._changes = 0

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to anything."""
        return any(self._on.values())

    def greet(self) -> Iterable[str]:
        """The state of the engine."""
        state: dict[str, Any] = {"version": "2.0.10", "system": self.options.system}
        state |= {"api_version": "v2", "connection_id": 16174536464690282295}
        return [_say("status", "update", [{**state, "upcoming_maintenance": [], "emergency": []}])]

    def receive(self, frame: str | bytes) -> Iterable[str]:
        """The answers to a request."""
        try:
            request = msgspec.json.decode(frame, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return [self._answer({}, success=False, error="Malformed request")]
        params = request.get("params") or {}
        match request.get("method"):
            case "ping":
                return [self._answer(request)]
            case "subscribe" | "unsubscribe" if params.get("channel") in self._on:
                return self._change(request, params, request["method"] == "subscribe")
        return [self._answer(request, success=False, error="Method or channel not supported")]

    def feed(self, events: Sequence[Event]) -> Iterable[str]:
        """The events that the client has asked for; changes of a book that are one, at once."""
        for (name, symbol, _), some in groupby(events, _together):
            if name == "delta":
                yield from self._changed(symbol, [e for e in some if isinstance(e, Delta)])
                continue
            for event in some:
                yield from self._told(event)

    def tick(self, now: int) -> Iterable[str]:
        """The heartbeat."""
        self._now = time(from_ns(now // 1000 * 1000))
        return ['{"channel":"heartbeat"}'] if self.subscribed else []

    def _change(
        self, request: dict[str, Any], params: dict[str, Any], is_on: bool
    ) -> Iterator[str]:
        """One answer for each symbol; behind it what there is of it already."""
        channel = params["channel"]
        symbols = params.get("symbol")
        if channel == "instrument":
            result = {"channel": channel, "snapshot": True}
            yield self._answer(request, result=result, success=True)
            self._on[channel] = {"*": params} if is_on else {}
            if is_on:
                yield self._instruments()
            return
        if not isinstance(symbols, list) or not all(isinstance(s, str) for s in symbols):
            yield self._answer(request, success=False, error="Field 'symbol' is not a list")
            return
        for symbol in symbols:
            if symbol in self.options.ignore:
                continue
            error = self._problem(channel, symbol, params, is_on)
            if error is not None:
                yield self._answer(request, error=error, success=False, symbol=symbol)
                continue
            yield from self._agreed(request, channel, symbol, params, is_on)

    def _agreed(
        self,
        request: dict[str, Any],
        channel: str,
        symbol: str,
        params: dict[str, Any],
        is_on: bool,
    ) -> Iterator[str]:
        option, values = _ALLOWED.get(channel, ("", ()))
        kept = {option: params.get(option, values[0])} if option else {}
        result = {"channel": channel, **kept, "symbol": symbol}
        if is_on:
            result["snapshot"] = params.get("snapshot", channel != "trade")
            self._on[channel][symbol] = kept.get(option)
            if channel == "ohlc":
                result["warnings"] = ["timestamp is deprecated, use interval_begin"]
        else:
            del self._on[channel][symbol]
        yield self._answer(request, result=result, success=True)
        if is_on and channel == "book" and symbol in self._books and result["snapshot"]:
            yield self._book(symbol, "snapshot", self._books[symbol].snapshot(kept["depth"]))

    def _problem(
        self, channel: str, symbol: str, params: dict[str, Any], is_on: bool
    ) -> str | None:
        """Why a symbol is refused."""
        base, slash, _ = symbol.partition("/")
        if symbol in self.refused or not slash or symbol != symbol.upper():
            return f"Currency pair not supported {symbol}"
        if base in ("XBT", "XDG"):
            return f"Currency pair not supported {symbol}"
        option, values = _ALLOWED.get(channel, ("", ()))
        if option in params and params[option] not in values:
            return f"Subscription {option} not supported"
        if is_on and symbol in self._on[channel]:
            return "Already subscribed"
        if not is_on and symbol not in self._on[channel]:
            return "Subscription Not Found"
        return None

    def _told(self, event: Event) -> Iterator[str]:
        """The frame for an event that is no change of a book."""
        name, symbol = type_of(event), event.symbol or ""
        if isinstance(event, Book):
            book = self._books[symbol] = VenueBook()
            book.begin(event)
            if symbol in self._on["book"]:
                depth = self._on["book"][symbol]
                yield self._book(symbol, "snapshot", book.snapshot(depth))
        elif isinstance(event, Status):
            self._states[symbol] = (item_of(event) or {})["status"]
            if self._on["instrument"]:
                pairs = [{**self._pair(symbol), **(item_of(event) or {})}]
                yield _say("instrument", "update", {"assets": [], "pairs": pairs})
        elif name in CHANNELS and symbol in (on := self._on[CHANNELS[name]]):
            item = item_of(event)
            if item is not None and on[symbol] in (None, "bbo", "trades", item.get("interval")):
                yield _say(CHANNELS[name], "update", [item])

    def _changed(self, symbol: str, events: Sequence[Delta]) -> Iterator[str]:
        """The frame for changes of a book, which begins empty where nobody has said anything."""
        depth = self._on["book"].get(symbol)
        if symbol not in self._books or any(e.action == "clear" for e in events):
            empty = Book(symbol=symbol, ts_event=events[0].ts_event, bids=[], asks=[])
            yield from self._told(empty)
        said = self._books[symbol].change(events, depth or 10)
        if depth is not None and (said["bids"] or said["asks"]):
            self._changes += 1
            if self.options.twist and self._changes % self.options.twist == 0:
                said["checksum"] ^= 1
            yield self._book(symbol, "update", said)

    def _book(self, symbol: str, kind: str, said: dict[str, Any]) -> str:
        return _say("book", kind, [{"symbol": symbol, **said}])

    def _instruments(self) -> str:
        """All pairs that this server knows: some that are listed, and those that were named."""
        names = {symbol for on in self._on.values() for symbol in on if symbol != "*"}
        pairs = [self._pair(symbol) for symbol in sorted({*names, *self._states, *_LISTED})]
        assets = [
            {"id": name, "status": "enabled", "precision": 8}
            for name in sorted({part for pair in pairs for part in pair["symbol"].split("/")})
        ]
        return _say("instrument", "snapshot", {"assets": assets, "pairs": pairs})

    def _pair(self, symbol: str) -> dict[str, Any]:
        base, _, quote = symbol.partition("/")
        status = self._states.get(symbol, "online")
        return {"symbol": symbol, "base": base, "quote": quote, "status": status, **_PAIR}

    def _answer(self, request: Mapping[str, Any], **values: Any) -> str:
        method = {"ping": "pong"}.get(request.get("method", ""), request.get("method"))
        found = {"method": method, **values}
        if "req_id" in request:
            found["req_id"] = request["req_id"]
        return encode({**found, "time_in": self._now, "time_out": self._now}).decode()


def _together(event: Event) -> tuple[str, str, str | None]:
    return type_of(event), event.symbol or "", event.ts_event


def _say(channel: str, kind: str, data: Any) -> str:
    return encode({"channel": channel, "type": kind, "data": data}).decode()
