"""Finnhub's messages as they travel, and how they become events.

Finnhub, "WebSocket - Trades" and "WebSocket - News". One frame has trades of several symbols.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from mdc_core.plugin import Event, News, Status, Trade, from_ms

_SECOND = 1000  # milliseconds


class TradeItem(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A trade, or with a volume of 0 a price that is told without one; `t` in milliseconds."""

    c: list[str] | None = None
    p: Decimal
    s: str
    t: int
    v: Decimal


class NewsItem(Struct, forbid_unknown_fields=True):
    """News; `datetime` in seconds, `related` are symbols, with commas between them."""

    datetime: int
    headline: str
    id: int | str | None = None
    category: str | None = None
    image: str | None = None
    related: str | None = None
    source: str | None = None
    summary: str | None = None
    url: str | None = None


class Trades(Struct, forbid_unknown_fields=True):
    """A frame of trades."""

    type: Literal["trade"]
    data: list[TradeItem]


class Frame(Struct, forbid_unknown_fields=True):
    """Any frame, its items still as they stand in it."""

    type: str
    data: list[Raw] | None = None
    msg: str = ""


def trade_of(m: TradeItem) -> Event:
    """A trade; without a volume only a price, which is no trade."""
    symbol = m.s
    venue = symbol.partition(":")[0] if ":" in symbol else None
    if m.v:
        return Trade(
            symbol=symbol,
            ts_event=from_ms(m.t),
            venue=venue,
            price=m.p,
            size=m.v,
            conditions=m.c,
        )
    price = {"price": m.p} | ({"conditions": m.c} if m.c else {})
    return Status(
        symbol=symbol,
        ts_event=from_ms(m.t),
        venue=venue,
        status="other",
        message="last price",
        extra=price,
    )


def _trade(m: TradeItem) -> Sequence[Event]:
    return [trade_of(m)]


def _news(m: NewsItem) -> Sequence[Event]:
    """One event for each symbol that the news is related to."""
    time = from_ms(m.datetime * _SECOND)
    symbols = [name.strip() for name in (m.related or "").split(",") if name.strip()]
    more = {"category": m.category, "image": m.image}
    return [
        News(
            symbol=symbol,
            ts_event=time,
            headline=m.headline,
            summary=m.summary,
            source=m.source,
            url=m.url,
            news_id=None if m.id is None else str(m.id),
            symbols=symbols or None,
            created=time,
            extra={name: value for name, value in more.items() if value} or None,
        )
        for symbol in symbols or (None,)
    ]


KINDS: Mapping[str, tuple[type[Struct], Callable[[Any], Sequence[Event]]]] = MappingProxyType(
    {"trade": (TradeItem, _trade), "news": (NewsItem, _news)}
)
encode = msgspec.json.Encoder(decimal_format="number").encode
