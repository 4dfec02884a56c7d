"""OKX's objects as events: one pure function for each kind."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from mdc_core.plugin import (
    Bar,
    Book,
    DataError,
    Delta,
    Event,
    Funding,
    Level,
    Liquidation,
    OpenInterest,
    Quote,
    Trade,
    from_ms,
    parse_span,
    rest_of,
)
from mdc_providers.okx import messages as wire
from mdc_providers.okx.provider import VENUE

_SIDES = ("buy", "sell")
_EMPTY = ("",)
_rest_of_trade = rest_of(
    wire.TradeItem, "inst_id", "trade_id", "px", "sz", "side", "ts", "seq_id", empty=_EMPTY
)
_rest_of_quote = rest_of(
    wire.TickerItem, "inst_id", "ask_px", "ask_sz", "bid_px", "bid_sz", "ts", empty=_EMPTY
)
_rest_of_funding = rest_of(
    wire.FundingItem, "inst_id", "ts", "funding_rate", "funding_time", empty=_EMPTY
)
_rest_of_mark = rest_of(wire.MarkItem, "inst_id", "ts", "mark_px", empty=_EMPTY)
_rest_of_interest = rest_of(wire.InterestItem, "inst_id", "ts", "oi", "oi_usd", empty=_EMPTY)
_rest_of_liquidations = rest_of(wire.LiquidationItem, "inst_id", "details", empty=_EMPTY)
_rest_of_detail = rest_of(wire.LiquidationDetail, "side", "bk_px", "sz", "ts", empty=_EMPTY)
# OKX's lengths of candles that are the same everywhere, by our names; days are those of UTC.
BARS: Mapping[str, str] = MappingProxyType(
    {
        "1s": "1s",
        "1m": "1m",
        "3m": "3m",
        "5m": "5m",
        "15m": "15m",
        "30m": "30m",
        "1h": "1H",
        "2h": "2H",
        "4h": "4H",
        "1d": "1Dutc",
        "1w": "1Wutc",
    }
)


def number(text: str | None) -> Decimal | None:
    """A number, absent where its text is empty."""
    return Decimal(text) if text else None


def time(ms: str) -> str:
    """A time of milliseconds since 1970."""
    return from_ms(int(ms))


def _side(word: str) -> str:
    if word not in _SIDES:
        raise DataError(f"okx: {word!r} is no side")
    return word


def trade_of(m: wire.TradeItem) -> Trade:
    """A trade, on the side of its taker."""
    return Trade(
        symbol=m.inst_id,
        ts_event=from_ms(int(m.ts)),
        venue=VENUE,
        channel="trades",
        seq=m.seq_id,
        price=m.px,
        size=m.sz,
        aggressor_side=m.side if m.side in _SIDES or m.side is None else _side(m.side),
        trade_id=m.trade_id,
        extra=_rest_of_trade(m),
    )


def quote_of(m: wire.TickerItem) -> Quote:
    """The best bid and offer; a side that nobody takes has an empty price."""
    return Quote(
        symbol=m.inst_id,
        ts_event=from_ms(int(m.ts)),
        venue=VENUE,
        channel="tickers",
        bid_price=Decimal(m.bid_px) if m.bid_px else None,
        bid_size=Decimal(m.bid_sz or 0),
        ask_price=Decimal(m.ask_px) if m.ask_px else None,
        ask_size=Decimal(m.ask_sz or 0),
        extra=_rest_of_quote(m),
    )


def _funding(m: wire.FundingItem) -> Iterator[Event]:
    event = Funding(symbol=m.inst_id, ts_event=time(m.ts), venue=VENUE, channel="funding-rate")
    event.funding_rate, event.next_funding = number(m.funding_rate), time(m.funding_time)
    if m.next_funding_time:
        hours, rest = divmod(int(m.next_funding_time) - int(m.funding_time), 3_600_000)
        event.interval = f"{hours}h" if hours > 0 and not rest else None
    event.extra = _rest_of_funding(m)
    yield event


def _mark(m: wire.MarkItem) -> Iterator[Event]:
    event = Funding(symbol=m.inst_id, ts_event=time(m.ts), venue=VENUE, channel="mark-price")
    event.mark_price, event.extra = m.mark_px, _rest_of_mark(m)
    yield event


def _interest(m: wire.InterestItem) -> Iterator[Event]:
    event = OpenInterest(
        symbol=m.inst_id, ts_event=time(m.ts), venue=VENUE, channel="open-interest"
    )
    event.open_interest, event.notional = m.oi, number(m.oi_usd)
    event.extra = _rest_of_interest(m)
    yield event


def _liquidations(m: wire.LiquidationItem) -> Iterator[Event]:
    more = _rest_of_liquidations(m) or {}
    for one in m.details:
        event = Liquidation(
            symbol=m.inst_id, ts_event=time(one.ts), venue=VENUE, channel="liquidation-orders"
        )
        event.side, event.price, event.size = _side(one.side), one.bk_px, one.sz
        event.extra = {**more, **(_rest_of_detail(one) or {})}
        yield event


EVENTS_OF: Mapping[type, Callable[[Any], Iterator[Event]]] = MappingProxyType(
    {
        wire.TradeItem: lambda m: iter([trade_of(m)]),
        wire.TickerItem: lambda m: iter([quote_of(m)]),
        wire.FundingItem: _funding,
        wire.MarkItem: _mark,
        wire.InterestItem: _interest,
        wire.LiquidationItem: _liquidations,
    }
)


def bar_of(row: list[str], symbol: str, channel: str) -> Bar:
    """A candle: start, open, high, low, close, three volumes, and whether it is complete."""
    start, opened, high, low, close, volume, coins, money, confirm = row
    interval = next((n for n, theirs in BARS.items() if channel == f"candle{theirs}"), None)
    if interval is None:
        raise DataError(f"okx: candles of the channel {channel!r}")
    end = int(start) + parse_span(interval.replace("w", "d")) // 1_000_000 * (
        7 if interval.endswith("w") else 1
    )
    return Bar(
        symbol=symbol,
        ts_event=time(start),
        venue=VENUE,
        channel=channel,
        interval=interval,
        ts_close=from_ms(end),
        open=Decimal(opened),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(close),
        volume=Decimal(volume),
        is_final=confirm == "1",
        extra={"volCcy": coins, "volCcyQuote": money},
    )


def book_of(m: wire.BookItem, symbol: str, channel: str) -> Book:
    """A whole book, with the number of orders of each level."""
    book = Book(symbol=symbol, ts_event=time(m.ts), venue=VENUE, channel=channel, seq=m.seq_id)
    book.bids = [Level(price, size, int(orders) or None) for price, size, _, orders in m.bids]
    book.asks = [Level(price, size, int(orders) or None) for price, size, _, orders in m.asks]
    book.checksum = str(m.checksum) if m.checksum else None
    return book


def deltas_of(m: wire.BookItem, symbol: str, channel: str) -> list[Delta]:
    """Changes of a book, bids first; the last one has the checksum."""
    when, out = time(m.ts), list[Delta]()
    sides: tuple[tuple[Any, Any], ...] = (("bid", m.bids), ("ask", m.asks))
    for side, levels in sides:
        for price, size, _, orders in levels:
            delta = Delta(symbol=symbol, ts_event=when, venue=VENUE, channel=channel, seq=m.seq_id)
            delta.action, delta.side = "modify" if size else "cancel", side
            delta.price, delta.size, delta.extra = price, size, {"orders": int(orders)}
            out.append(delta)
    if out and m.checksum:
        out[-1].checksum = str(m.checksum)
    return out
