"""Events as Binance's messages: the inverse of `decode`, for the mock server.

What the protocol has no field for does not travel: conditions but `X`, the venue, an aggressor
that is unknown (it is sent as a sale), a trade id that is no whole number (it gets the next one).
"""

from decimal import Decimal
from typing import Any

from mdc_core.plugin import Bar, Funding, Level, Liquidation, Quote, Trade, to_ns
from mdc_providers.binance import messages as wire

_ZERO = Decimal(0)


class Clock:
    """Times of events as the connection wants them: milliseconds, or microseconds."""

    def __init__(self, *, micro: bool) -> None:
        self._step = 1_000 if micro else 1_000_000
        self.last = 0

    def __call__(self, text: str | None) -> int:
        """The number of a time."""
        self.last = to_ns(text) // self._step if text else self.last
        return self.last


def trade(e: Trade, number: int, at: Clock, *, is_spot: bool) -> wire.Message | None:
    """A trade."""
    if e.price is None or e.size is None:
        return None
    time, kind = at(e.ts_event), None if is_spot else (e.conditions or ["MARKET"])[0]
    return wire.TradeMessage(
        e="trade",
        E=time,
        T=time,
        s=e.symbol or "",
        t=number,
        p=e.price,
        q=e.size,
        X=kind,
        m=e.aggressor_side != "buy",
        M=True,
    )


def agg_trade(e: Trade, number: int, at: Clock) -> wire.Message | None:
    """A trade as an aggregate of itself alone."""
    if e.price is None or e.size is None:
        return None
    time = at(e.ts_event)
    return wire.AggTradeMessage(
        e="aggTrade",
        E=time,
        a=number,
        s=e.symbol or "",
        p=e.price,
        q=e.size,
        f=number,
        l=number,
        T=time,
        m=e.aggressor_side != "buy",
        M=True,
    )


def quote(e: Quote, number: int, at: Clock, *, is_spot: bool) -> wire.Message:
    """The best bid and offer."""
    time = 0 if is_spot else at(e.ts_event)
    return wire.QuoteMessage(
        u=number,
        s=e.symbol or "",
        b=e.bid_price or _ZERO,
        B=e.bid_size or _ZERO,
        a=e.ask_price or _ZERO,
        A=e.ask_size or _ZERO,
        T=time,
        E=time,
    )


def bar(e: Bar, interval: str, at: Clock) -> wire.Message | None:
    """A bar."""
    if None in (e.open, e.high, e.low, e.close) or e.ts_close is None:
        return None
    assert e.open is not None and e.high is not None and e.low is not None and e.close is not None
    k = wire.Kline(
        t=at(e.ts_event),
        T=at(e.ts_close) - 1,
        s=e.symbol or "",
        i=interval,
        o=e.open,
        c=e.close,
        h=e.high,
        l=e.low,
        v=e.volume or _ZERO,
        n=e.trade_count or 0,
        x=e.is_final is not False,
    )
    return wire.KlineMessage(e="kline", E=k.T, s=k.s, k=k)


def mark_price(e: Funding, at: Clock) -> wire.Message | None:
    """The mark price."""
    if e.mark_price is None:
        return None
    return wire.MarkPriceMessage(
        e="markPriceUpdate",
        E=at(e.ts_event),
        s=e.symbol or "",
        p=e.mark_price,
        i="" if e.index_price is None else f"{e.index_price:f}",
        r="" if e.funding_rate is None else f"{e.funding_rate:f}",
        T=0 if e.next_funding is None else at(e.next_funding),
    )


def liquidation(e: Liquidation, at: Clock) -> wire.Message | None:
    """A position is closed."""
    if e.price is None or e.size is None or e.side is None:
        return None
    time = at(e.ts_event)
    order = wire.Order(
        s=e.symbol or "",
        S=e.side.upper(),
        o="LIMIT",
        f="IOC",
        q=e.size,
        p=e.price,
        ap=e.average_price,
        X="FILLED",
        z=e.filled_size,
        T=time,
    )
    return wire.LiquidationMessage(e="forceOrder", E=time, o=order)


def pairs(levels: list[Level]) -> Any:
    """Levels as pairs."""
    return [(level.price, level.size) for level in levels]
