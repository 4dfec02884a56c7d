"""Tiingo's rows as events: one pure function for each kind.

The middle between bid and ask, which Tiingo computes, is left out. A side with neither price
nor size is one that nobody takes: a row has both sides, or says that there is none.
"""

from collections.abc import Callable, Mapping
from itertools import compress, product
from types import MappingProxyType
from typing import Any

from mdc_core.plugin import Cancel, Event, Quote, Status, Trade, from_ns, scaled, utc
from mdc_providers.tiingo import messages as wire

_IEX = "IEXG"
_NOTHING = scaled(0, 0)
FLAGS = ("halted", "after_hours", "intermarket_sweep", "odd_lot", "nms_rule_611_exempt")
# The words for each combination of flags; what is neither yes nor no is not in it.
_CONDITIONS: Mapping[tuple[Any, ...], tuple[str, ...] | None] = MappingProxyType(
    {
        flags: None if flags == (None,) * len(FLAGS) else tuple(compress(FLAGS, flags))
        for flags in product((None, 0, 1), repeat=len(FLAGS))
    }
)


def _conditions(m: wire.IexRow) -> list[str] | None:
    words = _CONDITIONS[m.halted, m.after_hours, m.sweep, m.odd_lot, m.exempt]
    return None if words is None else [*words]


def _quote(m: Any, symbol: str, time: str, venue: str | None) -> Quote:
    """The quote with both sides of a row; nobody takes one without a price and a size."""
    quote = Quote(
        symbol=symbol,
        ts_event=time,
        venue=venue,
        bid_price=m.bid_price,
        bid_size=m.bid_size,
        ask_price=m.ask_price,
        ask_size=m.ask_size,
    )
    if not m.bid_price and not m.bid_size:
        quote.bid_price, quote.bid_size = None, _NOTHING
    if not m.ask_price and not m.ask_size:
        quote.ask_price, quote.ask_size = None, _NOTHING
    return quote


def _iex_quote(m: wire.IexQuote, symbol: str) -> Event:
    quote = _quote(m, symbol, from_ns(m.ns), _IEX)
    quote.conditions = _conditions(m)
    return quote


def _iex_trade(m: wire.IexTrade, symbol: str) -> Event:
    if m.last_price is None or m.last_size is None:
        raise ValueError("a trade without a price or a size")
    return Trade(
        symbol=symbol,
        ts_event=from_ns(m.ns),
        venue=_IEX,
        price=m.last_price,
        size=m.last_size,
        conditions=_conditions(m),
    )


def _iex_break(m: wire.IexBreak, symbol: str) -> Event:
    words = _conditions(m)
    return Cancel(
        symbol=symbol,
        ts_event=from_ns(m.ns),
        venue=_IEX,
        price=m.last_price,
        size=m.last_size,
        reason="break",
        extra={"conditions": words} if words else None,
    )


def _iex_reference(m: wire.IexReference, symbol: str) -> Event:
    return Status(
        symbol=symbol,
        ts_event=utc(m.date),
        venue=_IEX,
        status="other",
        message="reference price",
        extra={"price": m.price},
    )


def _crypto_trade(m: wire.CryptoTrade, symbol: str) -> Event:
    return Trade(
        symbol=symbol,
        ts_event=utc(m.date),
        venue=m.exchange,
        price=m.last_price,
        size=m.last_size,
    )


def _crypto_quote(m: wire.CryptoQuote, symbol: str) -> Event:
    return _quote(m, symbol, utc(m.date), m.exchange)


def _fx_quote(m: wire.FxQuote, symbol: str) -> Event:
    return _quote(m, symbol, utc(m.date), None)


EVENT_OF: Mapping[type, Callable[[Any, str], Event]] = MappingProxyType(
    {
        wire.IexQuote: _iex_quote,
        wire.IexTrade: _iex_trade,
        wire.IexBreak: _iex_break,
        wire.IexReference: _iex_reference,
        wire.CryptoTrade: _crypto_trade,
        wire.CryptoQuote: _crypto_quote,
        wire.FxQuote: _fx_quote,
    }
)
