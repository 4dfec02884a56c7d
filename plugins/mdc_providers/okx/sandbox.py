"""OKX's server of WebSocket v5 as its clients see it, for one connection."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mdc_core.plugin import (
    Book,
    Delta,
    Event,
    HangUp,
    Ladder,
    Level,
    Options,
    Quote,
    Sandbox,
    Trade,
    type_of,
)
from mdc_providers.okx.books import book_checksum
from mdc_providers.okx.encode import ms, told_of
from mdc_providers.okx.messages import encode
from mdc_providers.okx.provider import CHANNELS, OkxProvider
from mdc_providers.okx.requests import LIQUIDATIONS, key_of

_ID = "a4d3ae55"
_ALL = 400
_WHOLE = "books5"  # five levels of each side, whole each time
_BUSINESS = "candle"


class OkxServerOptions(Options, frozen=True, kw_only=True):
    """What this server does wrong, and how old it is."""

    twist: Annotated[int, Meta(ge=0, description="send every so many-th checksum wrong")] = 0
    lose: Annotated[int, Meta(ge=0, description="leave out every so many-th change of a book")] = 0
    checksums: Annotated[bool, Meta(description="books have a checksum, as before 2026-06-23")] = (
        True
    )


class OkxSandbox(OkxProvider, Sandbox):
    """OKX's server for one connection."""

    simulates = MappingProxyType({"mark_price": "funding"})
    Options = OkxServerOptions
    patience = 30.0
    refused = ("NOSUCH-USDT",)

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        super().__init__(path, headers, options)
        self._on: dict[tuple[str, str], None] = {}
        self._books: dict[str, Ladder] = {}
        self._times: dict[str, str] = {}
        self._seq: dict[str, int] = {}
        self._numbers = self._changes = 0

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to anything."""
        return bool(self._on)

    def receive(self, frame: str | bytes) -> Iterable[str]:
        """The answers to a request."""
        if frame in ("ping", b"ping"):
            return ["pong"]
        try:
            request = msgspec.json.decode(frame, type=dict[str, Any])
            op, args = request["op"], request["args"]
        except (msgspec.DecodeError, UnicodeError, RecursionError, LookupError):
            return [_error("60012", "Invalid request")]
        if op not in ("subscribe", "unsubscribe") or not isinstance(args, list):
            return [_error("60012", "Invalid request")]
        if len(frame) > 64 * 1024:
            raise HangUp(_error("60012", "Invalid request: more than 64 KB"))
        return self._change(op, args)

    def feed(self, events: Sequence[Event]) -> Iterable[str]:
        """The events that the client has asked for; changes of a book that are one, at once."""
        for (name, symbol, _), some in groupby(events, _together):
            if name == "delta":
                yield from self._changed(symbol, [e for e in some if isinstance(e, Delta)])
                continue
            for event in some:
                yield from self._told(event)

    def _change(self, op: str, args: list[dict[str, Any]]) -> Iterator[str]:
        for arg in args:
            channel = str(arg.get("channel"))
            name = str(arg.get("instId") or arg.get("instType"))
            kind = "instId" if "instId" in arg else "instType"
            is_bar = channel.startswith(_BUSINESS)
            known = is_bar or channel in (*CHANNELS.values(), _WHOLE)
            if not known or name in self.refused or is_bar != self.path.endswith("/business"):
                text = f"channel:{channel},{kind}:{name} doesn't exist. Please use the correct URL"
                yield _error("60018", f"Wrong URL or {text}")
                continue
            if op == "subscribe":
                self._on[channel, name] = None
            else:
                self._on.pop((channel, name), None)
            yield encode({"event": op, "arg": arg, "connId": _ID}).decode()
            if op == "subscribe" and channel == "books" and name in self._books:
                yield self._snapshot(name)
            if op == "subscribe" and channel == _WHOLE and name in self._books:
                yield self._whole(name)

    def _told(self, event: Event) -> Iterator[str]:
        symbol = event.symbol or ""
        match event:
            case Book():
                ladder = self._books[symbol] = Ladder()
                ladder.snapshot(event.bids or (), event.asks or ())
                self._times[symbol] = _ms(event)
                self._seq[symbol] = self._next()
                if ("books", symbol) in self._on:
                    yield self._snapshot(symbol)
                if (_WHOLE, symbol) in self._on:
                    yield self._whole(symbol)
            case Trade() if ("trades", symbol) in self._on and event.price and event.size:
                yield _push("trades", symbol, [self._trade(event, event.price, event.size)])
            case Quote() if ("tickers", symbol) in self._on:
                yield _push("tickers", symbol, [_ticker(event)])
            case _:
                for told in told_of(event):
                    if (told.channel, told.name) in self._on:
                        kind = "instType" if told.channel == LIQUIDATIONS else "instId"
                        yield _push(told.channel, told.name, [told.item], kind)

    def _trade(self, e: Trade, price: Decimal, size: Decimal) -> dict[str, Any]:
        """A trade; one without a taker's side has none here either."""
        side = {"side": e.aggressor_side} if e.aggressor_side in ("buy", "sell") else {}
        item = {"instId": e.symbol, "tradeId": e.trade_id or str(self._next())}
        item |= {"px": f"{price:f}", "sz": f"{size:f}", **side, "ts": _ms(e)}
        return {**item, "count": "1", "source": "0", "seqId": self._next()}

    def _changed(self, symbol: str, events: Sequence[Delta]) -> Iterator[str]:
        if symbol not in self._books:
            empty = Book(symbol=symbol, ts_event=events[0].ts_event, bids=[], asks=[])
            yield from self._told(empty)
        ladder, rows = self._books[symbol], {"ask": list[list[str]](), "bid": list[list[str]]()}
        for event in events:
            gone = event.action == "cancel" or not event.size
            if event.price is None or event.side is None:
                continue
            at = Level(event.price, Decimal(0) if gone else event.size or Decimal(0))
            ladder.change("bid" if event.side == "bid" else "ask", at)
            rows[event.side].append(_row(at))
        before, self._seq[symbol] = self._seq[symbol], self._next()
        self._times[symbol] = _ms(events[-1])
        if (_WHOLE, symbol) in self._on:
            yield self._whole(symbol)
        if ("books", symbol) not in self._on:
            return
        self._changes += 1
        if self.options.lose and self._changes % self.options.lose == 0:
            return
        item = {"asks": rows["ask"], "bids": rows["bid"], **self._tail(symbol, before)}
        if self.options.twist and self._changes % self.options.twist == 0:
            item["checksum"] ^= 1
        yield _push("books", symbol, [item], action="update")

    def _snapshot(self, symbol: str) -> str:
        ladder = self._books[symbol]
        bids, asks = ([_row(at) for at in ladder.top(s, _ALL)] for s in ("bid", "ask"))
        item = {"asks": asks, "bids": bids, **self._tail(symbol, -1)}
        return _push("books", symbol, [item], action="snapshot")

    def _whole(self, symbol: str) -> str:
        ladder = self._books[symbol]
        bids, asks = ([_row(at) for at in ladder.top(s, 5)] for s in ("bid", "ask"))
        tail = {"instId": symbol, "ts": self._times[symbol], "seqId": self._seq[symbol]}
        return _push(_WHOLE, symbol, [{"asks": asks, "bids": bids, **tail}])

    def _tail(self, symbol: str, before: int) -> dict[str, Any]:
        ladder, total = self._books[symbol], 0
        if self.options.checksums:
            total = int(book_checksum(ladder.top("bid", 25), ladder.top("ask", 25), {}) or 0)
        found = {"ts": self._times[symbol], "checksum": total}
        return {**found, "prevSeqId": before, "seqId": self._seq[symbol]}

    def _next(self) -> int:
        """A number behind all others; OKX leaves some out."""
        self._numbers += 7
        return self._numbers


def _row(at: Level) -> list[str]:
    return [f"{at.price:f}", f"{at.size:f}", "0", str(at.count or 0)]


def _ticker(e: Quote) -> dict[str, Any]:
    """A side that nobody takes has no price."""
    _, kind = key_of((LIQUIDATIONS, e.symbol or ""))
    kind = "SPOT" if kind == "MARGIN" else kind
    found = {"instType": kind, "instId": e.symbol, "last": "", "lastSz": "0"}
    for name, at, size in (("ask", e.ask_price, e.ask_size), ("bid", e.bid_price, e.bid_size)):
        found[f"{name}Px"] = "" if at is None else f"{at:f}"
        found[f"{name}Sz"] = "" if size is None else f"{size:f}"
    return {**found, "ts": _ms(e)}


def _ms(event: Event) -> str:
    return ms(event.ts_event)


def _push(channel: str, name: str, data: list[Any], kind: str = "instId", **more: str) -> str:
    arg = {"channel": channel, kind: name}
    return encode({"arg": arg, **more, "data": data}).decode()


def _error(code: str, text: str) -> str:
    return encode({"event": "error", "code": code, "msg": text, "connId": _ID}).decode()


def _together(event: Event) -> tuple[str, str, str | None]:
    return type_of(event), event.symbol or "", event.ts_event
