"""Events as Alpaca's messages: the inverse of `decode`, for the mock server.

What the protocol has no field for does not travel: `extra`, `seq`, bars of other intervals
than a minute and a day, the taker's side of a stock trade, and of an imbalance all but its
price. An id that is no plain whole number travels as text, a status without a code gets its
plan's.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from mdc_core.plugin import (
    Bar,
    Book,
    Cancel,
    Correction,
    Delta,
    Event,
    Funding,
    Imbalance,
    Level,
    News,
    OpenInterest,
    Quote,
    Status,
    Trade,
)
from mdc_providers.alpaca import messages as wire
from mdc_providers.alpaca.codes import LETTER_OF_MIC, STATUS_OF_CODE

_ZERO = Decimal(0)
_SIDES: Mapping[str | None, str] = MappingProxyType({"buy": "B", "sell": "S", "none": "-"})
_ACTIONS: Mapping[str | None, str] = MappingProxyType({"cancel": "C", "error": "E"})
_UTP: Mapping[str | None, str] = MappingProxyType(
    {status: code for code, status in STATUS_OF_CODE.items() if code in "HPQT"}
)
_CTA: Mapping[str | None, str] = MappingProxyType(
    {s: code for code, s in reversed(tuple(STATUS_OF_CODE.items())) if code not in "HPQT"}
)


def route(event: Event) -> tuple[str | None, Callable[[Any], Any] | None]:
    """The channel by which an event travels, and how it becomes a message."""
    name, convert = _ROUTES.get(type(event), (None, None))
    if isinstance(event, Bar):
        name = _bar_channel(event)
    elif isinstance(event, Status) and _is_band(event):
        name, convert = "lulds", _band
    return name, convert


def _head(event: Event) -> tuple[str, str]:
    """Symbol, and time as Alpaca writes it: without the zeros at its end."""
    return event.symbol or "", _time(event.ts_event or "") or ""


def _time(text: str | None) -> str | None:
    if text is None:
        return None
    seconds, _, digits = text.removesuffix("Z").partition(".")
    digits = digits.rstrip("0")
    return f"{seconds}.{digits}Z" if digits else f"{seconds}Z"


def _letter(venue: str | None) -> str | None:
    return None if venue is None else LETTER_OF_MIC.get(venue, venue)


def _id(trade_id: str | None) -> int | str | None:
    """A whole number as Alpaca's are, the text itself where it is something else."""
    if trade_id is None or not (trade_id.isascii() and trade_id.isdigit()):
        return trade_id
    return int(trade_id) if len(trade_id) < 19 and str(int(trade_id)) == trade_id else trade_id


def _trade(e: Trade) -> wire.TradeMessage[str] | None:
    if e.price is None or e.size is None:
        return None
    side = None if e.aggressor_side is None else _SIDES[e.aggressor_side]
    return wire.TradeMessage(
        *_head(e),
        i=_id(e.trade_id),
        x=_letter(e.venue),
        p=e.price,
        s=e.size,
        c=e.conditions,
        z=e.tape,
        tks=side,
    )


def _quote(e: Quote) -> wire.QuoteMessage[str]:
    message = wire.QuoteMessage(
        *_head(e),
        _letter(e.bid_venue),
        e.bid_price,
        e.bid_size,
        _letter(e.ask_venue),
        e.ask_price,
        e.ask_size,
        e.conditions,
        e.tape,
    )
    if e.bid_price is None and e.bid_size == 0:
        message.bx, message.bp = " ", _ZERO
    if e.ask_price is None and e.ask_size == 0:
        message.ax, message.ap = " ", _ZERO
    return message


def _bar_channel(e: Bar) -> str | None:
    if e.interval == "1m":
        return "updatedBars" if e.revision else "bars"
    return "dailyBars" if e.interval == "1d" else None


def _bar(e: Bar) -> wire.BarMessage[str] | None:
    if e.open is None or e.high is None or e.low is None or e.close is None:
        return None
    kinds: Mapping[str | None, type[wire.BarMessage[str]]]
    kinds = {"updatedBars": wire.UpdatedBarMessage, "dailyBars": wire.DailyBarMessage}
    kind = kinds.get(_bar_channel(e), wire.BarMessage)
    return kind(*_head(e), e.open, e.high, e.low, e.close, e.volume, e.trade_count, e.vwap)


def _is_band(e: Status) -> bool:
    return e.status == "limit_band" and e.status_code is None


def _status(e: Status) -> wire.StatusMessage[str]:
    codes = _UTP if e.tape == "C" else _CTA
    code = e.status_code or codes.get(e.status) or _UTP.get(e.status)
    return wire.StatusMessage(*_head(e), code, e.message, e.reason_code, e.reason, e.tape)


def _band(e: Status) -> wire.BandMessage[str]:
    return wire.BandMessage(*_head(e), e.limit_up, e.limit_down, e.indicator, e.tape)


def _correction(e: Correction) -> wire.CorrectionMessage[str]:
    return wire.CorrectionMessage(
        *_head(e),
        _letter(e.venue),
        _id(e.original_trade_id),
        e.original_price,
        e.original_size,
        e.original_conditions,
        _id(e.trade_id),
        e.price,
        e.size,
        e.conditions,
        e.tape,
    )


def _cancel(e: Cancel) -> wire.CancelMessage[str]:
    return wire.CancelMessage(
        *_head(e),
        _id(e.trade_id),
        _letter(e.venue),
        e.price,
        e.size,
        None if e.reason is None else _ACTIONS.get(e.reason, e.reason),
        e.tape,
    )


def _imbalance(e: Imbalance) -> wire.ImbalanceMessage[str]:
    return wire.ImbalanceMessage(*_head(e), e.price, e.tape)


def _levels(levels: Iterable[Level] | None) -> list[wire.LevelMessage]:
    return [wire.LevelMessage(level.price, level.size) for level in levels or ()]


def _book(e: Book) -> wire.BookMessage[str]:
    return wire.BookMessage(*_head(e), _levels(e.bids), _levels(e.asks), True)


def _delta(e: Delta) -> wire.BookMessage[str] | None:
    if e.action == "clear":
        return wire.BookMessage(*_head(e), [], [], True)
    size = _ZERO if e.action == "cancel" else e.size
    if e.price is None or size is None:
        return None
    level = [wire.LevelMessage(e.price, size)]
    if e.side == "bid":
        return wire.BookMessage(*_head(e), level, [])
    return wire.BookMessage(*_head(e), [], level)


def _pricing(e: Funding | OpenInterest) -> wire.PricingMessage[str]:
    message = wire.PricingMessage(*_head(e), _letter(e.venue))
    if isinstance(e, OpenInterest):
        message.oi = e.open_interest
    else:
        message.fr, message.mp, message.ip = e.funding_rate, e.mark_price, e.index_price
        message.ft = _time(e.next_funding)
    return message


def _news(e: News) -> wire.NewsMessage[str] | None:
    created = _time(e.created or e.ts_event)
    if e.headline is None or created is None:
        return None
    return wire.NewsMessage(
        _id(e.news_id),
        e.headline,
        created,
        _time(e.updated),
        e.summary,
        e.author,
        e.url,
        e.content,
        e.symbols or ([] if e.symbol is None else [e.symbol]),
        e.source,
    )


_ROUTES: Mapping[type, tuple[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        Trade: ("trades", _trade),
        Quote: ("quotes", _quote),
        Bar: ("bars", _bar),
        Status: ("statuses", _status),
        Imbalance: ("imbalances", _imbalance),
        Correction: ("trades", _correction),
        Cancel: ("trades", _cancel),
        Book: ("orderbooks", _book),
        Delta: ("orderbooks", _delta),
        Funding: ("pricing", _pricing),
        OpenInterest: ("pricing", _pricing),
        News: ("news", _news),
    }
)
