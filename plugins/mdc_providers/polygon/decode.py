"""Polygon's messages as events: one method for each kind of message.

What a message leaves out stays absent in its event; what has no field of ours goes to `extra`
under the vendor's letter, so does the exact value of an index. Trades and quotes have a number
each, which rises within a symbol.
"""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from mdc_core.plugin import (
    Bar,
    Book,
    DataError,
    Event,
    Imbalance,
    Indicator,
    Level,
    Quote,
    Status,
    Trade,
    from_ms,
    from_ns,
)
from mdc_providers.polygon import messages as wire
from mdc_providers.polygon.codes import (
    AUCTION_OF_TYPE,
    MIC_OF_ID,
    SIDE_OF_CONDITION,
    TAPE_OF_CODE,
)

_MS_END, _US_END = 10**14, 10**17  # beyond are microseconds, and nanoseconds
_INTERVALS: Mapping[type, str] = MappingProxyType(
    {
        wire.SecondMessage: "1s",
        wire.MinuteMessage: "1m",
        wire.PairSecondMessage: "1s",
        wire.PairMinuteMessage: "1m",
        wire.ForexSecondMessage: "1s",
        wire.ForexMinuteMessage: "1m",
    }
)
# Plain dicts, as they are asked for every trade and every quote.
_mic, _tape = dict(MIC_OF_ID).get, dict(TAPE_OF_CODE).get


class PolygonDecoder:
    """Makes events of messages."""

    def __init__(self) -> None:
        self.of: Mapping[type, Callable[[Any], Event]] = {
            wire.TradeMessage: self.trade,
            wire.QuoteMessage: self.quote,
            wire.SecondMessage: self._bar,
            wire.MinuteMessage: self._bar,
            wire.BandMessage: self._band,
            wire.ImbalanceMessage: self._imbalance,
            wire.CryptoTradeMessage: self._crypto_trade,
            wire.CryptoQuoteMessage: self._crypto_quote,
            wire.CryptoBookMessage: self._book,
            wire.PairMinuteMessage: self._pair_bar,
            wire.PairSecondMessage: self._pair_bar,
            wire.ForexMinuteMessage: self._forex_bar,
            wire.ForexSecondMessage: self._forex_bar,
            wire.ForexQuoteMessage: self._forex_quote,
            wire.IndexMessage: lambda m: self._value("value", m.T, m.t, val=m.val),
            wire.FairMessage: lambda m: self._value("fmv", m.sym, m.t, fmv=m.fmv),
            wire.Extended: self._extended,
        }

    def trade(self, m: wire.TradeMessage) -> Trade:
        """A trade of a stock; its size is the decimal one, where there is one."""
        size = m.s if m.ds is None else m.ds
        if size is None:
            raise DataError("a trade without a size")
        codes, name = m.c, m.i
        trade = Trade(
            symbol=m.sym,
            ts_event=from_ms(m.t) if m.t < _MS_END else _time(m.t),
            venue=_mic(m.x) or _text(m.x),
            channel="trade",
            seq=m.q,
            price=m.p,
            size=size,
            trade_id=name if type(name) is str else _text(name),
            conditions=None if codes is None else list(map(str, codes)),
            tape=_tape(m.z) or _text(m.z),
        )
        if m.trft is not None or m.trfi is not None or m.pt is not None:
            trade.extra = _extra(trfi=m.trfi, trft=m.trft, pt=m.pt)
        return trade

    def quote(self, m: wire.QuoteMessage) -> Quote:
        """The best bid and offer of a stock; its indicators are in `extra`."""
        code = m.c
        quote = Quote(
            symbol=m.sym,
            ts_event=from_ms(m.t) if m.t < _MS_END else _time(m.t),
            channel="quote",
            seq=m.q,
            bid_price=m.bp,
            bid_size=m.bs,
            bid_venue=_mic(m.bx) or _text(m.bx),
            ask_price=m.ap,
            ask_size=m.as_,
            ask_venue=_mic(m.ax) or _text(m.ax),
            tape=_tape(m.z) or _text(m.z),
        )
        if code is not None:
            quote.conditions = [str(code)] if type(code) is int else list(map(str, code))  # type: ignore[arg-type]
        if m.pt is not None:
            quote.extra = _extra(i=m.i, pt=m.pt)
        elif m.i is not None:
            quote.extra = {"i": m.i}  # as nearly all have it
        if not (m.bp and m.ap):
            _without_absent(quote)
        return quote

    def _bar(self, m: wire.SecondMessage) -> Bar:
        volume = m.v if m.dv is None else m.dv
        day = m.av if m.dav is None else m.dav
        bar = self._plain_bar(m, m.sym)
        bar.volume, bar.vwap = volume, m.vw
        bar.extra = _extra(av=day, op=m.op, a=m.a, z=m.z, otc=m.otc)
        return bar

    def _pair_bar(self, m: wire.PairMinuteMessage) -> Bar:
        bar = self._plain_bar(m, m.pair)
        bar.volume, bar.vwap = m.v, m.vw
        bar.extra = _extra(z=m.z)
        return bar

    def _forex_bar(self, m: wire.PairMinuteMessage) -> Bar:
        bar = self._plain_bar(m, m.pair)
        bar.vwap = m.vw
        bar.extra = _extra(v=m.v, z=m.z)
        return bar

    def _plain_bar(self, m: Any, symbol: str) -> Bar:
        return Bar(
            symbol=symbol,
            ts_event=_time(m.s),
            interval=_INTERVALS[type(m)],
            ts_close=_time(m.e),
            open=m.o,
            high=m.h,
            low=m.l,
            close=m.c,
            is_final=True,
        )

    def _band(self, m: wire.BandMessage) -> Status:
        return Status(
            symbol=m.T,
            ts_event=_time(m.t),
            channel="luld",
            seq=m.q,
            status="limit_band",
            limit_down=m.l,
            limit_up=m.h,
            indicator=None if m.i is None else ",".join(map(str, m.i)),
            tape=_tape(m.z) or _text(m.z),
        )

    def _imbalance(self, m: wire.ImbalanceMessage) -> Imbalance:
        """The vendor does not say of which side the surplus is."""
        return Imbalance(
            symbol=m.T,
            ts_event=_time(m.t),
            venue=_mic(m.x) or _text(m.x),
            channel="imbalance",
            seq=m.i,
            auction=AUCTION_OF_TYPE.get(m.a),
            paired_size=m.p,
            imbalance_size=m.o,
            indicative_price=m.b,
            extra=_extra(a=m.a, at=m.at),
        )

    def _crypto_trade(self, m: wire.CryptoTradeMessage) -> Trade:
        sides = [SIDE_OF_CONDITION[code] for code in m.c or () if code in SIDE_OF_CONDITION]
        rest = [str(code) for code in m.c or () if code not in SIDE_OF_CONDITION]
        if rest and not sides:
            sides = ["none"]
        return Trade(
            symbol=m.pair,
            ts_event=_time(m.t),
            venue=_text(m.x),
            price=m.p,
            size=m.s,
            aggressor_side=sides[0] if sides else None,
            trade_id=_text(m.i),
            conditions=rest or None,
            extra=_extra(r=m.r),
        )

    def _crypto_quote(self, m: wire.CryptoQuoteMessage) -> Quote:
        quote = Quote(
            symbol=m.pair,
            ts_event=_time(m.t),
            venue=_text(m.x),
            bid_price=m.bp,
            bid_size=m.bs,
            ask_price=m.ap,
            ask_size=m.as_,
            extra=_extra(r=m.r),
        )
        _without_absent(quote)
        return quote

    def _book(self, m: wire.CryptoBookMessage) -> Book:
        return Book(
            symbol=m.pair,
            ts_event=_time(m.t),
            venue=_text(m.x),
            bids=[Level(price, size) for price, size in m.b or ()],
            asks=[Level(price, size) for price, size in m.a or ()],
            extra=_extra(r=m.r),
        )

    def _forex_quote(self, m: wire.ForexQuoteMessage) -> Quote:
        return Quote(
            symbol=m.p,
            ts_event=_time(m.t),
            venue=_text(m.x),
            bid_price=m.b,
            ask_price=m.a,
        )

    def _value(self, name: str, symbol: str, since: int, **exact: Decimal) -> Indicator:
        """A value that nobody trades at: as a float, and exactly in `extra`."""
        (number,) = map(float, exact.values())
        if not math.isfinite(number):
            raise DataError("a value that nobody can hold")
        return Indicator(
            symbol=symbol, ts_event=_time(since), name=name, value=number, extra=dict(exact)
        )

    def _extended(self, m: wire.Extended) -> Event:
        """That of the message, with the fields that nobody here knows."""
        event = self.of[type(m.message)](m.message)
        event.extra = {**(event.extra or {}), **m.more}
        return event


def _time(since: int) -> str:
    """The text of a time since 1970 in milliseconds; in micro- or nanoseconds if so large."""
    if since < _MS_END:
        return from_ms(since)
    return from_ns(since if since >= _US_END else since * 1000)


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _extra(**values: Any) -> dict[str, Any] | None:
    return {name: value for name, value in values.items() if value is not None} or None


def _without_absent(quote: Quote) -> None:
    """Nobody bids, or nobody offers: Polygon says a price and a size of 0.

    The size says that the side is gone; were it absent as well, the side would be as before.
    """
    if not quote.bid_price and not quote.bid_size:
        quote.bid_price = None
    if not quote.ask_price and not quote.ask_size:
        quote.ask_price = None
