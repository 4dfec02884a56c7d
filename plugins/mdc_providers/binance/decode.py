"""Binance's messages as events: one pure function for each kind of message.

`m` says that the buyer was the maker, so the aggressor sold. What has no field of its own goes
under `extra` by the vendor's letter: the first update of a change of a book, and the one before
it (`U`, `pu`; the last is its `seq`), the first and the last trade of an aggregate (`f`, `l`),
the volumes of a bar by the quote asset and by takers (`q`, `V`, `Q`), its trades (`f`, `L`),
the estimated settlement price (`P`).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
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
    Quote,
    Trade,
)
from mdc_providers.binance import messages as wire
from mdc_providers.binance.moments import Moments

_SIDES = {"BUY": "buy", "SELL": "sell"}
_ZERO = Decimal(0)


def trade_of(m: wire.TradeMessage, at: Moments, now: int) -> Trade:
    """A trade; a condition is what `X` says, unless it is `MARKET`."""
    trade = Trade(
        symbol=m.s,
        ts_event=at(m.T or m.E),
        price=m.p,
        size=m.q,
        aggressor_side="sell" if m.m else "buy",
        trade_id=str(m.t),
    )
    if m.X is not None and m.X != "MARKET":
        trade.conditions = [m.X]
    return trade


def agg_trade_of(m: wire.AggTradeMessage, at: Moments, now: int) -> Trade:
    """Several trades as one, whose ids are `f` to `l`."""
    return Trade(
        symbol=m.s,
        ts_event=at(m.T),
        channel="agg_trade",
        price=m.p,
        size=m.q,
        aggressor_side="sell" if m.m else "buy",
        trade_id=str(m.a),
        extra={"f": m.f, "l": m.l} if m.nq is None else {"f": m.f, "l": m.l, "nq": str(m.nq)},
    )


def quote_of(m: wire.QuoteMessage, at: Moments, now: int) -> Quote:
    """The best bid and offer; a side that nobody takes has a price and a size of 0."""
    quote = Quote(
        symbol=m.s,
        ts_event=at(m.T) if m.T else at.ns(now),
        bid_price=m.b,
        bid_size=m.B,
        ask_price=m.a,
        ask_size=m.A,
        seq=m.u,
        channel="quote",
    )
    if not m.b and not m.B:
        quote.bid_price = None
    if not m.a and not m.A:
        quote.ask_price = None
    return quote


def deltas_of(m: wire.DepthMessage, at: Moments) -> list[Event]:
    """The levels that changed, bids first; sizes are absolute, and 0 removes."""
    time, extra = at(m.T or m.E), {"U": m.U}
    if m.pu is not None:
        extra["pu"] = m.pu
    return [
        Delta(
            symbol=m.s,
            ts_event=time,
            action="modify" if size else "cancel",
            side=side,
            price=price,
            size=size,
            seq=m.u,
            channel="book",
            extra=extra,
        )
        for side, levels in (("bid", m.b), ("ask", m.a))
        for price, size in levels
    ]


def book_of(m: wire.SnapshotMessage | wire.DepthMessage, symbol: str, time: str) -> Book:
    """A whole book, or the best levels of one."""
    if isinstance(m, wire.SnapshotMessage):
        bids, asks, number = m.bids, m.asks, m.lastUpdateId
    else:
        bids, asks, number = m.b, m.a, m.u
    return Book(
        symbol=symbol,
        ts_event=time,
        bids=[Level(price, size) for price, size in bids],
        asks=[Level(price, size) for price, size in asks],
        seq=number,
        channel="book",
    )


def bar_of(m: wire.KlineMessage, at: Moments, now: int) -> Bar:
    """A bar; its close is the last moment within it at Binance, and the next one here."""
    k = m.k
    extra = {"f": k.f, "L": k.L, "q": k.q, "V": k.V, "Q": k.Q}
    return Bar(
        symbol=k.s,
        ts_event=at(k.t),
        interval="1mo" if k.i == "1M" else k.i,
        ts_close=at(k.T + 1),
        open=k.o,
        high=k.h,
        low=k.l,
        close=k.c,
        volume=k.v,
        trade_count=k.n,
        is_final=k.x,
        revision=0 if k.x else None,
        extra={name: value for name, value in extra.items() if value is not None},
    )


def funding_of(m: wire.MarkPriceMessage, at: Moments, now: int) -> Funding:
    """The mark price, and what is paid when; a future with a term has no funding."""
    extra = {"P": m.P, "ap": m.ap}
    return Funding(
        symbol=m.s,
        ts_event=at(m.E),
        funding_rate=_number(m.r),
        next_funding=at(m.T) if m.T else None,
        mark_price=m.p,
        index_price=_number(m.i),
        extra={name: value for name, value in extra.items() if value is not None} or None,
    )


def liquidation_of(m: wire.LiquidationMessage, at: Moments, now: int) -> Liquidation:
    """A position is closed: the side is that of the order."""
    o = m.o
    if o.S not in _SIDES:
        raise DataError(f"binance: a side that is neither BUY nor SELL: {o.S!r}")
    extra = {"o": o.o, "f": o.f, "X": o.X, "l": o.l}
    return Liquidation(
        symbol=o.s,
        ts_event=at(o.T),
        side=_SIDES[o.S],
        price=o.p,
        size=o.q,
        average_price=o.ap,
        filled_size=o.z,
        extra={name: value for name, value in extra.items() if value is not None} or None,
    )


def _number(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        return Decimal(text)
    except DecimalException:
        raise DataError(f"binance: {text[:40]!r} is no number") from None


EVENT_OF: Mapping[str, Callable[[Any, Moments, int], Event]] = {
    "trade": trade_of,
    "agg_trade": agg_trade_of,
    "quote": quote_of,
    "bar": bar_of,
    "mark_price": funding_of,
    "liquidation": liquidation_of,
}
