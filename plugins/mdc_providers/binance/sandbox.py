"""Binance's server as its clients see it: streams by WebSocket, and books by REST.

A book that is played is sent as the changes that make it so, as Binance does: whoever wants the
whole asks by REST, at the update that this connection has been sent by then.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from mdc_core.plugin import (
    Bar,
    Book,
    Delta,
    Event,
    Funding,
    HangUp,
    Liquidation,
    Quote,
    Request,
    Response,
    Sandbox,
    Trade,
)
from mdc_providers.binance import encode
from mdc_providers.binance import messages as wire
from mdc_providers.binance.markets import EVERY, channel_of
from mdc_providers.binance.options import BinanceSandboxOptions
from mdc_providers.binance.provider import BinanceProvider
from mdc_providers.binance.venue import VenueBook, moments_of

_MESSAGES = 5  # a second
_STREAMS = 1024
_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))  # of a snapshot, by its levels
_BUDGET = 6000  # of weight a minute
_MINUTE = 60
_TOO_MANY = 1008


class Control(msgspec.Struct):
    """What a client sends."""

    method: str = ""
    params: list[Any] = []
    id: int | str | None = None


class BinanceSandbox(BinanceProvider, Sandbox):
    """Binance's stream server for one connection, and the REST API beside it."""

    simulates = MappingProxyType(
        {"agg_trade": "trade", "partial_book": "book", "mark_price": "funding"}
    )
    Options = BinanceSandboxOptions
    every = 1.0
    refused = ("NOSUCHUSDT",)
    ping_every: ClassVar[float | None] = 20.0
    ping_within: ClassVar[float] = 60.0

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        super().__init__(path, headers, options)
        place = urlsplit(path)
        query = {name.lower(): values[0] for name, values in parse_qs(place.query).items()}
        self._is_combined = place.path.startswith("/stream")
        self._is_spot = options.market == "spot"
        self._at = encode.Clock(micro=query.get("timeunit", "").lower() == "microsecond")
        named = unquote(query.get("streams", "")) if self._is_combined else place.path[4:]
        self._streams: dict[str, None] = dict.fromkeys(filter(None, named.split("/")))
        self._books: dict[str, VenueBook] = {}
        self._quotes: dict[str, Quote] = {}
        self._begun: set[str] = set()
        self._awaited: set[str] = set()
        self._ids = 0
        self._seconds = self._heard = self._weight = self._played = self._changes = 0

    @property
    def subscribed(self) -> bool:
        """Whether the client has subscribed to anything."""
        return bool(self._streams)

    @property
    def awaits(self) -> bool:
        """Whether a book is sent of which the client has not asked for the snapshot."""
        return bool(self._awaited)

    def receive(self, frame: str | bytes) -> Iterable[str]:
        """The answer to a message; more than five in a second end the connection."""
        self._heard += 1
        if self._heard > _MESSAGES:
            raise HangUp(code=_TOO_MANY)
        try:
            asked = msgspec.json.decode(frame, type=Control)
        except msgspec.ValidationError as error:
            return [_said(code=2, msg=f"Invalid request: {error}")]
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return [_said(code=3, msg="Invalid JSON: expected value at line 1 column 1")]
        match asked.method:
            case "SUBSCRIBE" | "UNSUBSCRIBE":
                return [self._change(asked)]
            case "LIST_SUBSCRIPTIONS":
                return [_said(result=list(self._streams), id=asked.id)]
            case "SET_PROPERTY" | "GET_PROPERTY":
                return [self._property(asked)]
        return [_said(code=2, msg="Invalid request: unknown variant", id=asked.id)]

    def feed(self, events: Sequence[Event]) -> Iterator[str]:
        """The events to which the client has subscribed, changes of a moment in one message."""
        for some in moments_of(events):
            first = some[0]
            if first.symbol in self.refused:
                continue
            self._played += len(some)
            if isinstance(first, Book | Delta):
                yield from self._book_frames(first.symbol or "", some)
            else:
                yield from self._frames(first)
            if 0 < self.options.shutdown_event <= self._played:
                notice = {"e": "serverShutdown", "E": self._at.last}
                raise HangUp(self._frame("!serverShutdown", notice))

    def tick(self, now: int) -> Iterable[str]:
        """A second is over."""
        self._heard = 0
        self._seconds += 1
        if self._seconds % _MINUTE == 0:
            self._weight = 0
        if self._seconds >= self.options.lifetime:
            raise HangUp
        return ()

    def respond(self, request: Request) -> Response:
        """What the REST API answers: depth, prices, time and the symbols that there are."""
        match urlsplit(request.url).path.rpartition("/")[2]:
            case "depth":
                return self._depth(request.params)
            case "price":
                # The vendor lists all that it has, of which somebody asks for a few.
                others = {"BTCUSD_PERP" if self.options.market == "coinm" else "BTCUSDT"}
                names = [*self._symbols(), *(others - {*self._symbols(), *self.refused})]
                return _json([{"symbol": symbol, "price": "1.00"} for symbol in names])
            case "ping":
                return _json({})
            case "time":
                return _json({"serverTime": self._at.last})
            case "exchangeInfo":
                rows = [{"symbol": symbol, "status": "TRADING"} for symbol in self._symbols()]
                return _json({"timezone": "UTC", "serverTime": self._at.last, "symbols": rows})
        return Response(404, {}, b"")

    def _symbols(self) -> list[str]:
        found = (of[0] for of in map(channel_of, self._streams) if of)
        return [s for s in dict.fromkeys(found) if s not in (EVERY, *self.refused)]

    def _depth(self, params: Mapping[str, str]) -> Response:
        symbol, limit = params.get("symbol", ""), params.get("limit", "100")
        if symbol in self.refused:
            return _failed(400, -1121, "Invalid symbol.")
        if not limit.isdecimal() or not 0 < int(limit) <= _WEIGHTS[-1][0]:
            return _failed(400, -1100, "Illegal characters found in parameter 'limit'.")
        if symbol not in self._symbols():
            return _failed(404, -1121, "Invalid symbol.")
        self._weight += next(w for most, w in _WEIGHTS if int(limit) <= most)
        if self._weight > _BUDGET:
            text = "Too much request weight used; please use WebSocket Streams"
            return _failed(429, -1003, text, {"retry-after": "1"})
        self._awaited.discard(symbol)
        answer = self._book(symbol).snapshot(int(limit), self._at)
        headers = {"content-type": "application/json", "x-mbx-used-weight-1m": str(self._weight)}
        return Response(200, headers, answer)

    def _change(self, asked: Control) -> str:
        names = [name for name in asked.params if isinstance(name, str)]
        if len(names) != len(asked.params) or not names:
            return _said(code=2, msg="Invalid request: invalid params", id=asked.id)
        if asked.method == "UNSUBSCRIBE":
            for name in names:
                self._streams.pop(name, None)
            return _said(result=None, id=asked.id)
        if len({**self._streams, **dict.fromkeys(names)}) > _STREAMS:
            return _said(code=2, msg="Invalid request: too many streams", id=asked.id)
        self._streams |= dict.fromkeys(names)
        return _said(result=None, id=asked.id)

    def _property(self, asked: Control) -> str:
        if asked.params[:1] != ["combined"]:
            return _said(code=0, msg="Unknown property", id=asked.id)
        if asked.method == "GET_PROPERTY":
            return _said(result=self._is_combined, id=asked.id)
        if len(asked.params) != 2 or not isinstance(asked.params[1], bool):
            return _said(code=1, msg="Invalid value type: expected Boolean", id=asked.id)
        self._is_combined = asked.params[1]
        return _said(result=None, id=asked.id)

    def _book(self, symbol: str) -> VenueBook:
        if symbol not in self._books:
            self._books[symbol] = VenueBook(symbol, is_spot=self._is_spot)
        return self._books[symbol]

    def _book_frames(self, symbol: str, events: Sequence[Any]) -> Iterator[str]:
        book = self._book(symbol)
        message = book.update(book.changes(events), events[0].ts_event, self._at)
        self._changes += 1
        is_lost = self.options.lose_nth and self._changes % self.options.lose_nth == 0
        if is_lost:
            self._awaited.add(symbol)
        for name in self._names(symbol, "depth") if not is_lost else ():
            if name.partition("@")[2].partition("@")[0] != "depth":
                levels = int(name.partition("@depth")[2].partition("@")[0])
                yield self._frame(name, book.partial(levels, self._at))
                continue
            if symbol not in self._begun:
                self._begun.add(symbol)
                self._awaited.add(symbol)
            yield self._frame(name, message)

    def _frames(self, e: Event) -> Iterator[str]:
        """The messages of an event, by each of its streams."""
        symbol, at = e.symbol or "", self._at
        match e:
            case Trade():
                number = self._number(e.trade_id)
                is_one = not (e.channel or "").endswith("agg_trade")
                made = encode.trade(e, number, at, is_spot=self._is_spot) if is_one else None
                yield from self._by(symbol, "trade", lambda: made)
                yield from self._by(symbol, "aggTrade", lambda: encode.agg_trade(e, number, at))
            case Quote():
                whole = self._whole(e)
                number = self._book(symbol).quoted()
                yield from self._by(
                    symbol,
                    "bookTicker",
                    lambda: encode.quote(whole, number, at, is_spot=self._is_spot),
                )
            case Bar():
                interval = "1M" if e.interval == "1mo" else e.interval or ""
                yield from self._by(
                    symbol, f"kline_{interval}", lambda: encode.bar(e, interval, at)
                )
            case Funding():
                yield from self._by(symbol, "markPrice", lambda: encode.mark_price(e, at))
            case Liquidation():
                yield from self._by(symbol, "forceOrder", lambda: encode.liquidation(e, at))

    def _by(self, symbol: str, what: str, make: Callable[[], wire.Message | None]) -> Iterator[str]:
        for name in self._names(symbol, what):
            if name.partition("@")[2].partition("@")[0] == what and (message := make()) is not None:
                yield self._frame(name, message)
        for name in self._streams:
            if name.startswith(f"!{what}") and (message := make()) is not None:
                yield self._frame(name, [message] if what == "markPrice" else message)

    def _names(self, symbol: str, what: str) -> list[str]:
        """The streams of a symbol whose names begin so."""
        prefix = f"{symbol.lower()}@{what}"
        return [name for name in self._streams if name.startswith(prefix)]

    def _number(self, trade_id: str | None) -> int:
        self._ids += 1
        given = trade_id is not None and trade_id.isascii() and trade_id.isdecimal()
        return int(trade_id or 0) if given else self._ids

    def _whole(self, e: Quote) -> Quote:
        """A quote with the side that it leaves out as it was before."""
        before = self._quotes.get(e.symbol or "", e)
        if e.bid_size is None:
            e = msgspec.structs.replace(e, bid_price=before.bid_price, bid_size=before.bid_size)
        if e.ask_size is None:
            e = msgspec.structs.replace(e, ask_price=before.ask_price, ask_size=before.ask_size)
        self._quotes[e.symbol or ""] = e
        return e

    def _frame(self, stream: str, message: Any) -> str:
        data = wire.encode(message).decode()
        return f'{{"stream":"{stream}","data":{data}}}' if self._is_combined else data


def _said(**values: Any) -> str:
    return wire.encode(values).decode()


def _json(value: Any) -> Response:
    return Response(200, {"content-type": "application/json"}, wire.encode(value))


def _failed(
    status: int, code: int, text: str, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(status, headers or {}, wire.encode({"code": code, "msg": text}))
