"""Events as Polygon's messages: the inverse of `decode`, for the mock server.

What the protocol has no field for does not travel: the taker's side of a stock trade, bars of
other intervals than a second and a minute, sizes of forex, digits of a time beyond the
millisecond. A venue that has no number at the vendor's is left out.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from mdc_core.plugin import (
    Bar,
    Book,
    Event,
    Imbalance,
    Indicator,
    Level,
    Quote,
    Status,
    Trade,
    to_ns,
)
from mdc_providers.polygon import messages as wire
from mdc_providers.polygon.codes import (
    CODE_OF_TAPE,
    CONDITION_OF_SIDE,
    ID_OF_MIC,
    PREFIXES,
    TYPE_OF_AUCTION,
    Market,
)

_ZERO = Decimal(0)
_MS = 1_000_000
_BARS: Mapping[str | None, str] = {"1m": "bar", "1s": "second_bar"}
_BAR_MESSAGES: Mapping[str, type[Any]] = {
    "AM": wire.MinuteMessage,
    "A": wire.SecondMessage,
    "XA": wire.PairMinuteMessage,
    "XAS": wire.PairSecondMessage,
    "CA": wire.ForexMinuteMessage,
    "CAS": wire.ForexSecondMessage,
}


def route(event: Event, market: Market) -> tuple[str, Callable[[Any], wire.Message | None]] | None:
    """The channel by which an event travels, as its prefix, and how it becomes a message."""
    channel = _channel(event)
    prefix = PREFIXES[market].get(channel or "")
    if prefix is None:
        return None
    if isinstance(event, Bar):
        return prefix, lambda e: _bar(e, prefix)
    return prefix, _CONVERT[prefix]


def _channel(event: Event) -> str | None:
    match event:
        case Trade():
            return "trade"
        case Quote():
            return "quote"
        case Bar():
            return _BARS.get(event.interval)
        case Book():
            return "book"
        case Imbalance():
            return "imbalance"
        case Status(status="limit_band"):
            return "luld"
        case Indicator(name="value" | "fmv"):
            return event.name
    return None


def milliseconds(text: str | None) -> int:
    """A time as the vendor writes it."""
    return to_ns(text or "") // _MS


def _venue(venue: str | None) -> int | None:
    known = ID_OF_MIC.get(venue or "")
    return int(venue) if known is None and venue and venue.isascii() and venue.isdigit() else known


def _tape(tape: str | None) -> int | None:
    return CODE_OF_TAPE.get(tape or "")


def _codes(conditions: list[str] | None) -> list[int] | None:
    """The vendor's codes are whole numbers; those of others do not travel."""
    if conditions is None:
        return None
    return [int(code) for code in conditions if code.isascii() and code.isdigit()]


def _number(trade_id: str | None) -> int | str | None:
    """Ids of crypto are whole numbers or text, as the exchange has them."""
    if trade_id is None or not (trade_id.isascii() and trade_id.isdigit()):
        return trade_id
    return int(trade_id) if len(trade_id) < 19 and str(int(trade_id)) == trade_id else trade_id


def _trade(e: Trade) -> wire.Message | None:
    if e.price is None or e.size is None:
        return None
    return wire.TradeMessage(
        sym=e.symbol or "",
        x=_venue(e.venue),
        i=e.trade_id,
        z=_tape(e.tape),
        p=e.price,
        s=e.size,
        c=_codes(e.conditions),
        t=milliseconds(e.ts_event),
        q=e.seq,
    )


def _sides(e: Quote) -> dict[str, Any]:
    sides = {"bp": e.bid_price, "bs": e.bid_size, "ap": e.ask_price, "as_": e.ask_size}
    if e.bid_price is None and e.bid_size == 0:
        sides["bp"] = _ZERO
    if e.ask_price is None and e.ask_size == 0:
        sides["ap"] = _ZERO
    return sides


def _quote(e: Quote) -> wire.Message:
    codes = _codes(e.conditions)
    return wire.QuoteMessage(
        sym=e.symbol or "",
        bx=_venue(e.bid_venue),
        ax=_venue(e.ask_venue),
        c=codes[0] if codes and len(codes) == 1 else codes or None,
        t=milliseconds(e.ts_event),
        q=e.seq,
        z=_tape(e.tape),
        **_sides(e),
    )


def _crypto_trade(e: Trade) -> wire.Message | None:
    if e.price is None or e.size is None:
        return None
    side = None if e.aggressor_side is None else [CONDITION_OF_SIDE[e.aggressor_side]]
    return wire.CryptoTradeMessage(
        pair=e.symbol or "",
        p=e.price,
        t=milliseconds(e.ts_event),
        s=e.size,
        c=side,
        i=_number(e.trade_id),
        x=_venue(e.venue),
    )


def _crypto_quote(e: Quote) -> wire.Message:
    time = milliseconds(e.ts_event)
    return wire.CryptoQuoteMessage(pair=e.symbol or "", t=time, x=_venue(e.venue), **_sides(e))


def _forex_quote(e: Quote) -> wire.Message | None:
    if e.bid_price is None or e.ask_price is None:
        return None
    time = milliseconds(e.ts_event)
    return wire.ForexQuoteMessage(
        p=e.symbol or "", x=_venue(e.venue), a=e.ask_price, b=e.bid_price, t=time
    )


def _bar(e: Bar, prefix: str) -> wire.Message | None:
    if e.open is None or e.high is None or e.low is None or e.close is None:
        return None
    start = milliseconds(e.ts_event)
    length = 60_000 if e.interval == "1m" else 1_000
    values = {"o": e.open, "c": e.close, "h": e.high, "l": e.low, "vw": e.vwap}
    name = "sym" if prefix in ("A", "AM") else "pair"
    message: wire.Message = _BAR_MESSAGES[prefix](
        **{name: e.symbol or ""}, **values, v=e.volume, s=start, e=start + length
    )
    return message


def _band(e: Status) -> wire.Message:
    codes = None if e.indicator is None else _codes(e.indicator.split(","))
    return wire.BandMessage(
        T=e.symbol or "",
        h=e.limit_up,
        l=e.limit_down,
        i=codes,
        z=_tape(e.tape),
        t=to_ns(e.ts_event or ""),
        q=e.seq,
    )


def _imbalance(e: Imbalance) -> wire.Message:
    return wire.ImbalanceMessage(
        T=e.symbol or "",
        t=to_ns(e.ts_event or ""),
        a=TYPE_OF_AUCTION.get(e.auction),
        i=e.seq,
        x=_venue(e.venue),
        o=e.imbalance_size,
        p=e.paired_size,
        b=e.indicative_price,
    )


def _book(e: Book) -> wire.Message:
    def pairs(levels: list[Level] | None) -> list[tuple[Decimal, Decimal]]:
        return [(level.price, level.size) for level in levels or ()]

    return wire.CryptoBookMessage(
        pair=e.symbol or "",
        b=pairs(e.bids),
        a=pairs(e.asks),
        t=milliseconds(e.ts_event),
        x=_venue(e.venue),
    )


def _exactly(e: Indicator, letters: str) -> Decimal | None:
    """What the vendor said, where that is known."""
    said = (e.extra or {}).get(letters, e.value)
    return None if said is None else Decimal(str(said))


def _index(e: Indicator) -> wire.Message | None:
    value = _exactly(e, "val")
    if value is None:
        return None
    return wire.IndexMessage(val=value, T=e.symbol or "", t=milliseconds(e.ts_event))


def _fair(e: Indicator) -> wire.Message | None:
    value = _exactly(e, "fmv")
    if value is None:
        return None
    return wire.FairMessage(fmv=value, sym=e.symbol or "", t=to_ns(e.ts_event or ""))


_CONVERT: Mapping[str, Callable[[Any], wire.Message | None]] = {
    "T": _trade,
    "Q": _quote,
    "LULD": _band,
    "NOI": _imbalance,
    "XT": _crypto_trade,
    "XQ": _crypto_quote,
    "XL2": _book,
    "C": _forex_quote,
    "V": _index,
    "FMV": _fair,
}
