"""Kraken's messages as events: one pure function for each kind of object.

A ticker without a time gets that of its receipt, and so does the state of a pair or an asset,
which never has one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from msgspec import Raw

from mdc_core.plugin import (
    Bad,
    Bar,
    Book,
    DataError,
    Delta,
    Effect,
    Event,
    Gap,
    Integrity,
    Level,
    Maintenance,
    Quote,
    Status,
    Trade,
    from_ns,
    parse_span,
    to_ns,
    utc,
)
from mdc_providers.kraken.books import precision_of
from mdc_providers.kraken.messages import (
    BookItem,
    CandleItem,
    LevelItem,
    StateItem,
    TickerItem,
    TradeItem,
)
from mdc_providers.kraken.provider import VENUE

UNREADABLE = (msgspec.MsgspecError, DataError, LookupError, ValueError, RecursionError)
_MINUTE = parse_span("1m")
# Names of the intervals that Kraken offers, by its minutes.
INTERVALS: Mapping[int, str] = MappingProxyType(
    {
        1: "1m",
        5: "5m",
        15: "15m",
        30: "30m",
        60: "1h",
        240: "4h",
        1_440: "1d",
        10_080: "1w",
        21_600: "15d",
    }
)
# States of the engine ("Status") and of a pair ("Instrument"). Without matching nothing trades:
# cancel_only takes orders back, post_only takes in those that wait. Any other word is "other".
STATES: Mapping[str, str] = MappingProxyType(
    {
        "online": "trading",
        "cancel_only": "halted",
        "maintenance": "halted",
        "post_only": "quoting",
        "delisted": "closed",
    }
)


def trade_of(m: TradeItem) -> Trade:
    """A trade, on the side of its taker."""
    return Trade(
        symbol=m.symbol,
        ts_event=utc(m.timestamp),
        venue=VENUE,
        channel="trade",
        price=m.price,
        size=m.qty,
        aggressor_side=m.side,
        trade_id=None if m.trade_id is None else str(m.trade_id),
        conditions=None if m.ord_type is None else [m.ord_type],
    )


def quote_of(m: TickerItem, now: int) -> Quote:
    """The best bid and offer; the statistics of 24 hours are in `extra`."""
    quote = Quote(
        symbol=m.symbol,
        ts_event=from_ns(now) if m.timestamp is None else utc(m.timestamp),
        venue=VENUE,
        channel="ticker",
        bid_price=m.bid,
        bid_size=m.bid_qty,
        ask_price=m.ask,
        ask_size=m.ask_qty,
        extra={
            "last": m.last,
            "volume": m.volume,
            "vwap": m.vwap,
            "low": m.low,
            "high": m.high,
            "change": m.change,
            "change_pct": m.change_pct,
        },
    )
    if m.last is None or m.trades is not None:  # not all of them are there, or one more
        stats = {**(quote.extra or {}), "trades": m.trades}
        quote.extra = {name: value for name, value in stats.items() if value is not None} or None
    if not m.bid and not m.bid_qty:  # nobody bids: the size says that the side is gone
        quote.bid_price = None
    if not m.ask and not m.ask_qty:
        quote.ask_price = None
    return quote


def bar_of(m: CandleItem, *, is_final: bool) -> Bar:
    """A candle; `is_final` is not in the message, the next one tells it."""
    if (interval := INTERVALS.get(m.interval)) is None:
        raise DataError(f"a candle of {m.interval} minutes")
    return Bar(
        symbol=m.symbol,
        ts_event=utc(m.interval_begin),
        venue=VENUE,
        channel="ohlc",
        interval=interval,
        ts_close=from_ns(to_ns(m.interval_begin) + m.interval * _MINUTE),
        open=m.open,
        high=m.high,
        low=m.low,
        close=m.close,
        volume=m.volume,
        vwap=m.vwap,
        trade_count=m.trades,
        is_final=is_final,
    )


class Candles:
    """The candle so far of each pair; one is final when the next begins: nothing else says so."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int], CandleItem] = {}

    def bars(self, m: CandleItem, is_closed: bool) -> Iterator[Bar]:
        """The candle, behind the one before it where that is final now."""
        key = m.symbol, m.interval
        before = self._last.pop(key, None)
        if before is not None and before.interval_begin < m.interval_begin:
            yield bar_of(before, is_final=True)
        yield bar_of(m, is_final=is_closed)
        if not is_closed:
            self._last[key] = m


def is_closed(items: Sequence[Any], place: int) -> bool:
    """Whether a later candle stands behind the one in this place."""
    item = items[place]
    return isinstance(item, CandleItem) and any(
        isinstance(its, CandleItem)
        and (its.symbol, its.interval) == (item.symbol, item.interval)
        and its.interval_begin > item.interval_begin
        for its in items[place + 1 :]
    )


def book_of(m: BookItem, time: str, depth: int) -> Book:
    """A whole book, with the precisions that its numbers have."""
    book = Book(symbol=m.symbol, ts_event=time, venue=VENUE, channel="book")
    book.bids = [Level(at.price, at.qty) for at in m.bids]
    book.asks = [Level(at.price, at.qty) for at in m.asks]
    book.depth = depth
    levels = [*m.bids, *m.asks]
    price, qty = precision_of(at.price for at in levels), precision_of(at.qty for at in levels)
    if price is not None and qty is not None:
        book.extra = {"price_precision": price, "qty_precision": qty}
    book.checksum = None if m.checksum is None else str(m.checksum)
    return book


def deltas_of(m: BookItem, time: str, *, asks_first: bool = False) -> list[Delta]:
    """Changes of a book, in the order of the message; the last one has the checksum."""
    bids = [_delta(m.symbol, time, "bid", at) for at in m.bids]
    asks = [_delta(m.symbol, time, "ask", at) for at in m.asks]
    out = asks + bids if asks_first else bids + asks
    if out and m.checksum is not None:
        out[-1].checksum = str(m.checksum)
    return out


def _delta(symbol: str, time: str, side: Literal["bid", "ask"], at: LevelItem) -> Delta:
    # Quantities are absolute, so nothing tells a new level from a changed one.
    return Delta(
        symbol=symbol,
        ts_event=time,
        venue=VENUE,
        channel="book",
        action="modify" if at.qty else "cancel",
        side=side,
        price=at.price,
        size=at.qty,
    )


def state_of(m: StateItem, more: dict[str, Any], time: str) -> Status:
    """The state of a pair or of an asset; what else is said of it is in `extra`."""
    if m.status is None:
        raise DataError("a pair or an asset without a status")
    return _status(m.symbol or m.id, "instrument", m.status, more, time)


def states_of_venue(
    system: str, more: dict[str, Any], symbols: Iterable[str], time: str
) -> Iterator[Event | Effect]:
    """The state of the engine is that of each symbol; a maintenance is waited for elsewhere."""
    for symbol in symbols:
        yield _status(symbol, "status", system, more, time)
    if system == "maintenance":
        yield Maintenance("kraken is closed for maintenance")


def _status(symbol: str | None, channel: str, word: str, more: dict[str, Any], time: str) -> Status:
    status = Status(symbol=symbol, ts_event=time, venue=VENUE, channel=channel)
    status.status, status.status_code = STATES.get(word, "other"), word
    status.extra = dict(more) or None
    return status


def with_more(more: dict[str, Any], found: Iterable[Event | Effect]) -> Iterator[Event | Effect]:
    """These, with more under `extra` of the events about an instrument."""
    for item in found:
        if more and isinstance(item, Event) and not isinstance(item, Gap | Integrity):
            item.extra = {**(item.extra or {}), **more}
        yield item


def unread(raw: bytes | Raw, error: Exception) -> Bad:
    """An object that became no event; its text is kept."""
    try:
        symbol = msgspec.json.decode(raw, type=dict[str, Any]).get("symbol")
    except UNREADABLE:
        symbol = None
    told = f"kraken: an object that cannot be read: {error}"
    text = bytes(raw).decode(errors="replace")
    return Bad(text, told, symbol if isinstance(symbol, str) else None)
