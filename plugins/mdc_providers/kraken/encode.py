"""Events as Kraken's objects: the inverse of `decode`, for the mock server.

Numbers have as many decimals as Kraken gives them, or more where an event's are finer. What the
protocol has no field for does not travel: `extra`, `seq`, venues, bars of other lengths.
"""

from decimal import Decimal
from typing import Any

from msgspec import Raw

from mdc_core.plugin import Bar, Event, Quote, Status, Trade, from_ns, parse_span, to_ns
from mdc_providers.kraken.decode import INTERVALS, STATES

_QUANTITY = 8  # decimals of a quantity
_PRICE = 2  # decimals of a price, at the least
_MINUTE = parse_span("1m")
_MINUTES = {name: minutes for minutes, name in INTERVALS.items()}
_WORDS = {
    **{ours: theirs for theirs, ours in reversed(tuple(STATES.items()))},
    "halted": "cancel_only",
}


def exact(number: Decimal, places: int) -> Decimal:
    """The number with this many decimals, or with its own if those are more."""
    text = f"{number:f}"
    missing = places - len(text.partition(".")[2])
    if missing > 0:
        text += ("" if "." in text else ".") + "0" * missing
    return Decimal(text)


def places_of(numbers: list[Decimal]) -> int:
    """How many decimals the finest of these prices has."""
    return max((len(f"{n:f}".partition(".")[2]) for n in numbers), default=0)


def price(number: Decimal, places: int = _PRICE) -> Decimal:
    """A price with its decimals."""
    return exact(number, max(places, _PRICE))


def quantity(number: Decimal) -> Decimal:
    """A quantity with its decimals."""
    return exact(number, _QUANTITY)


def number(value: Decimal | None) -> Raw | None:
    """A number as it travels: without an exponent."""
    return None if value is None else Raw(f"{value:f}".encode())


def time(text: str | None) -> str:
    """A time as Kraken writes it: to the microsecond, or finer where it is."""
    text = text or ""
    return f"{text[:26]}Z" if text[26:] == "000Z" else text


def item_of(event: Event) -> dict[str, Any] | None:
    """The object for an event; None where the protocol has none."""
    match event:
        case Trade(price=Decimal() as p, size=Decimal() as q):
            return _trade(event, p, q)
        case Quote():
            return _quote(event)
        case Bar(interval=str(interval)) if interval in _MINUTES:
            return _bar(event, _MINUTES[interval])
        case Status():
            word = event.status_code if event.status_code in STATES else None
            return {
                "symbol": event.symbol,
                "status": word or _WORDS.get(event.status or "", "online"),
            }
    return None


def _trade(e: Trade, p: Decimal, q: Decimal) -> dict[str, Any]:
    kind = (e.conditions or ["limit"])[0]
    found: dict[str, Any] = {"symbol": e.symbol, "side": e.aggressor_side}
    found["price"] = number(price(p))
    found |= {"qty": number(quantity(q)), "ord_type": kind, "trade_id": _id(e.trade_id)}
    if e.aggressor_side not in ("buy", "sell"):
        del found["side"]
    if e.trade_id is None:
        del found["trade_id"]
    return {**found, "timestamp": time(e.ts_event)}


def _id(trade_id: str | None) -> int | str | None:
    """A whole number, as Kraken's are; the text itself where it is something else."""
    if trade_id is None or not (trade_id.isascii() and trade_id.isdigit()):
        return trade_id
    return int(trade_id) if len(trade_id) < 19 and str(int(trade_id)) == trade_id else trade_id


def _quote(e: Quote) -> dict[str, Any]:
    """A side that nobody takes has the price 0; a side that did not change is left out."""
    found: dict[str, Any] = {"symbol": e.symbol}
    for name, at, size in (("bid", e.bid_price, e.bid_size), ("ask", e.ask_price, e.ask_size)):
        if at is None and size == 0:
            at = size
        if at is not None:
            found[name] = number(price(at))
        if size is not None:
            found[f"{name}_qty"] = number(quantity(size))
    return {**found, "timestamp": time(e.ts_event)}


def _bar(e: Bar, minutes: int) -> dict[str, Any]:
    found: dict[str, Any] = {"symbol": e.symbol}
    for name in ("open", "high", "low", "close"):
        found[name] = number(getattr(e, name))
    found |= {"trades": e.trade_count, "volume": number(e.volume), "vwap": number(e.vwap)}
    begin = e.ts_event or ""
    end = from_ns(to_ns(begin) + minutes * _MINUTE)
    found |= {"interval_begin": begin, "interval": minutes}
    return found | {"timestamp": time(end)}
