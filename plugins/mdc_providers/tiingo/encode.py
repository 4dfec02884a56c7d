"""Events as Tiingo's rows: the inverse of `decode`, for the mock server.

What the protocol has no place for does not travel: ids, sides, venues of stocks, and of times
all behind the microsecond but those of IEX.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from mdc_core.plugin import Cancel, Event, Quote, Trade, to_ns
from mdc_providers.tiingo import messages as wire
from mdc_providers.tiingo.decode import FLAGS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000


def row_of(market: str, level: int, event: Event) -> Any:
    """The row for an event, None where the service has none at this level."""
    ticker = (event.symbol or "").lower()
    match market, event:
        case "iex", Trade() if level == 6:
            return wire.IexReference(_new_york(event), ticker, event.price or Decimal(0))
        case "iex", Trade() | Quote() | Cancel() if level != 6:
            return _iex(event, ticker)
        case "crypto", Trade() if event.price is not None and event.size is not None:
            where = event.venue or "gdax"
            return wire.CryptoTrade(ticker, _utc(event), where, event.size, event.price)
        case "crypto", Quote() if level == 2:
            return wire.CryptoQuote(ticker, _utc(event), event.venue or "gdax", *_sides(event))
        case "fx", Quote():
            return wire.FxQuote(ticker, _utc(event), *_sides(event))
    return None


def _iex(event: Trade | Quote | Cancel, ticker: str) -> wire.IexRow:
    head = _new_york(event), to_ns(event.ts_event or ""), ticker
    said = event.conditions if not isinstance(event, Cancel) else None
    given: Mapping[str, int] = dict.fromkeys(said or (), 1)
    halted, late, *rest = (given.get(word, 0) for word in FLAGS)
    if isinstance(event, Quote):
        bid_size, bid_price, middle, ask_size, ask_price = _sides(event)
        sides = bid_size, bid_price, middle, ask_price, ask_size
        return wire.IexQuote(*head, *sides, None, None, halted, late, None, None, None)
    last = (None, None, None, None, None, event.price, event.size)
    if isinstance(event, Cancel):
        return wire.IexBreak(*head, *last, None, None, None, None, None)
    return wire.IexTrade(*head, *last, None, late, *rest)


def _sides(e: Quote) -> tuple[Decimal | None, ...]:
    """Bid size and price, the middle, ask size and price; null where there is no such side."""
    bid = (None, None) if e.bid_price is None else (e.bid_size, e.bid_price)
    ask = (None, None) if e.ask_price is None else (e.ask_size, e.ask_price)
    both = e.bid_price is not None and e.ask_price is not None
    middle = (e.bid_price + e.ask_price) / 2 if both else None  # type: ignore[operator]
    return *bid, middle, *ask


def _utc(event: Event) -> str:
    """A time as those of crypto and fx: microseconds and an offset of nothing."""
    return (event.ts_event or "")[:26] + "+00:00"


def _new_york(event: Event) -> str:
    """A time as those of IEX: nanoseconds, and the offset of New York."""
    seconds, rest = divmod(to_ns(event.ts_event or ""), _SECOND)
    moment = (_EPOCH + timedelta(seconds=seconds)).astimezone(ZoneInfo("America/New_York"))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}{moment.isoformat()[19:]}"
