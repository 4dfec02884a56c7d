"""Kraken's WebSocket v1, which is frozen: captures of it are decoded, and nothing is sent.

Source: Kraken, "Spot WebSocket v1": arrays of a channel's number, one or two payloads, the
channel's name and the pair; objects with `event` for everything else. All numbers are text.
Pairs are as v1 writes them, XBT/USD. The checksum stands on changes of a book only, and its
trades have no id.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from mdc_core.plugin import (
    Bar,
    DataError,
    Effect,
    Event,
    Quote,
    Refused,
    Trade,
    from_ns,
    unscaled,
)
from mdc_providers.kraken.decode import INTERVALS, states_of_venue
from mdc_providers.kraken.messages import BookItem, LevelItem
from mdc_providers.kraken.provider import VENUE
from mdc_providers.kraken.verified import VerifiedBooks

_SIDES: Mapping[str, str] = MappingProxyType({"b": "buy", "s": "sell"})
_ORDERS: Mapping[str, str] = MappingProxyType({"m": "market", "l": "limit"})
_MINUTE = 60_000_000_000
_decode = msgspec.json.Decoder(list[Any] | dict[str, Any], float_hook=Decimal).decode


class KrakenLegacy:
    """The codec of version 1, for one connection."""

    def __init__(self) -> None:
        self._books = VerifiedBooks(10)
        self._pairs: dict[str, None] = {}
        self._system = "online"

    def receive(self, frame: str | bytes, now: int) -> Iterator[Event | Effect]:
        """The events in a frame."""
        found = _decode(frame)
        if isinstance(found, dict):
            yield from self._event(found, now)
            return
        _, *payloads, name, pair = found
        channel, _, detail = name.partition("-")
        match channel:
            case "trade":
                yield from [_trade(pair, row) for row in payloads[0]]
            case "ticker":
                yield _ticker(pair, payloads[0], from_ns(now))
            case "spread":
                yield _spread(pair, *payloads[0])
            case "ohlc":
                yield _bar(pair, int(detail or 1), *payloads[0])
            case "book":
                yield from self._book(pair, int(detail or 10), payloads)
            case _:
                raise DataError(f"kraken: an unknown channel {name!r} of version 1")

    def _event(self, m: dict[str, Any], now: int) -> Iterator[Event | Effect]:
        match m:
            case {"event": "heartbeat" | "pong"}:
                return
            case {"event": "systemStatus", "status": str(system)}:
                if system != self._system:
                    yield from states_of_venue(system, {}, self._pairs, from_ns(now))
                self._system = system
            case {"event": "subscriptionStatus", "status": "error"}:
                pair = m.get("pair")
                text = f"kraken refuses {pair}: {m.get('errorMessage')}"
                yield Refused(text, (pair,) if pair else ())
            case {"event": "subscriptionStatus", "pair": str(pair)}:
                self._pairs[pair] = None
            case _:
                raise DataError(f"kraken: an unknown event {m.get('event')!r} of version 1")

    def _book(self, pair: str, depth: int, payloads: list[Any]) -> Iterator[Event]:
        self._books.is_asked_for(pair, depth)
        whole = {name: value for payload in payloads for name, value in payload.items()}
        is_snapshot = "as" in whole or "bs" in whole
        bids, asks = (whole.get(n, []) for n in (("bs", "as") if is_snapshot else ("b", "a")))
        item = BookItem(pair, _levels(bids), _levels(asks))
        item.checksum = int(whole["c"]) if "c" in whole else None
        time = max((_time(row[2]) for row in (*bids, *asks)), default=None)
        if time is None:
            raise DataError("kraken: a book of version 1 without a level")
        if is_snapshot:
            yield from self._books.snapshot(item, time)
        else:
            asks_first = "a" in payloads[0]
            events = self._books.change(item, time, asks_first=asks_first)
            for row in asks + bids if asks_first else bids + asks:
                yield _with_time(next(events), row)
            yield from events
        self._books.wants_again()  # in a capture there is nobody to ask


def _with_time(event: Event, row: list[Any]) -> Event:
    """A change with its own time; a level that came into sight again is as old as that says."""
    if len(row) > 3:
        event.extra = {"republished": row[3] == "r", "since": _time(row[2])}
    else:
        event.ts_event = _time(row[2])
    return event


def _levels(rows: Any) -> list[LevelItem]:
    return [LevelItem(Decimal(row[0]), Decimal(row[1])) for row in rows]


def _time(seconds: Any) -> str:
    """The text of a time in seconds, up to nine decimals."""
    return from_ns(unscaled(Decimal(seconds), 9))


def _trade(pair: str, row: list[Any]) -> Trade:
    price, volume, time, side, order, *more = row
    return Trade(
        symbol=pair,
        ts_event=_time(time),
        venue=VENUE,
        channel="trade",
        price=Decimal(price),
        size=Decimal(volume),
        aggressor_side=_SIDES[side],
        conditions=[_ORDERS.get(order, order)],
        extra={"misc": more[0]} if more and more[0] else None,
    )


def _ticker(pair: str, m: dict[str, Any], now: str) -> Quote:
    """Of each pair of statistics the first is of today, the second of the last 24 hours."""
    quote = Quote(symbol=pair, ts_event=now, venue=VENUE, channel="ticker")
    quote.bid_price, quote.bid_size = Decimal(m["b"][0]), Decimal(m["b"][2])
    quote.ask_price, quote.ask_size = Decimal(m["a"][0]), Decimal(m["a"][2])
    quote.extra = {name: value for name, value in m.items() if name not in ("a", "b")}
    return quote


def _spread(pair: str, bid: str, ask: str, time: str, bids: str, asks: str) -> Quote:
    quote = Quote(symbol=pair, ts_event=_time(time), venue=VENUE, channel="spread")
    quote.bid_price, quote.bid_size = Decimal(bid), Decimal(bids)
    quote.ask_price, quote.ask_size = Decimal(ask), Decimal(asks)
    return quote


def _bar(
    pair: str,
    minutes: int,
    time: str,
    end: str,
    opened: str,
    high: str,
    low: str,
    close: str,
    vwap: str,
    volume: str,
    count: int,
) -> Bar:
    """A candle; `time` is that of its last trade, `end` that of its end."""
    close_ns = unscaled(Decimal(end), 9)
    return Bar(
        symbol=pair,
        ts_event=from_ns(close_ns - minutes * _MINUTE),
        venue=VENUE,
        channel="ohlc",
        interval=INTERVALS[minutes],
        ts_close=from_ns(close_ns),
        open=Decimal(opened),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(close),
        volume=Decimal(volume),
        vwap=Decimal(vwap),
        trade_count=count,
        is_final=False,
        extra={"last_trade": _time(time)},
    )
