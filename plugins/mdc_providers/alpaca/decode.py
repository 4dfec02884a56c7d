"""Alpaca's messages as events: one pure function for each kind of message.

A trade id is an identity: Alpaca's ids are not in order, so `seq` stays absent. What a
message leaves out stays absent in its event. A correction cancels one trade and inserts
another and keeps both ids.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mdc_core.plugin import (
    Bar,
    Book,
    Cancel,
    Correction,
    Delta,
    Event,
    Imbalance,
    Level,
    Quote,
    Status,
    Trade,
    from_ns,
    parse_span,
    to_ns,
    utc,
)
from mdc_providers.alpaca import messages as wire
from mdc_providers.alpaca.codes import MIC_OF_LETTER, STATUS_OF_CODE

_MINUTE, _DAY = parse_span("1m"), parse_span("1d")
_SIDES: Mapping[str | None, str | None] = MappingProxyType({None: None, "B": "buy", "S": "sell"})
_REASONS: Mapping[str | None, str | None] = MappingProxyType({"C": "cancel", "E": "error"})
# The blank is the exchange of a side that nobody quotes. A plain dict's `get`, as it is
# called for every trade and twice for every quote.
_mic: Callable[[str | None, str | None], str | None]
_mic = {**MIC_OF_LETTER, " ": None, "": None}.get  # type: ignore[assignment]


def trade_of(m: wire.TradeMessage) -> Trade:
    """A trade, of a stock or of a crypto pair."""
    return Trade(
        symbol=m.S,
        ts_event=utc(m.t),
        venue=_mic(m.x, m.x),
        price=m.p,
        size=m.s,
        aggressor_side=None if m.tks is None else _SIDES.get(m.tks, "none"),
        trade_id=None if m.i is None else str(m.i),
        conditions=m.c,
        tape=m.z,
    )


def quote_of(m: wire.QuoteMessage) -> Quote:
    """The best bid and offer."""
    quote = Quote(
        symbol=m.S,
        ts_event=utc(m.t),
        bid_price=m.bp,
        bid_size=m.bs,
        bid_venue=_mic(m.bx, m.bx),
        ask_price=m.ap,
        ask_size=m.as_,
        ask_venue=_mic(m.ax, m.ax),
        conditions=m.c,
        tape=m.z,
    )
    # Nobody bids, or nobody offers: Alpaca says a price and a size of 0. The size says that
    # the side is gone; were it absent as well, the side would be as it was before.
    if not m.bp and not m.bs:
        quote.bid_price = None
    if not m.ap and not m.as_:
        quote.ask_price = None
    return quote


def _minute(m: wire.BarMessage) -> list[Event]:
    return [_bar(m, "1m", _MINUTE, is_final=True, revision=0)]


def _updated(m: wire.UpdatedBarMessage) -> list[Event]:
    return [_bar(m, "1m", _MINUTE, is_final=True, revision=1)]


def _daily(m: wire.DailyBarMessage) -> list[Event]:
    return [_bar(m, "1d", _DAY, is_final=False, revision=None)]


def _bar(
    m: wire.BarMessage, interval: str, length: int, *, is_final: bool, revision: int | None
) -> Bar:
    return Bar(
        symbol=m.S,
        ts_event=utc(m.t),
        interval=interval,
        ts_close=from_ns(to_ns(m.t) + length),
        open=m.o,
        high=m.h,
        low=m.l,
        close=m.c,
        volume=m.v,
        vwap=m.vw,
        trade_count=m.n,
        is_final=is_final,
        revision=revision,
    )


def _status(m: wire.StatusMessage) -> list[Event]:
    status = Status(
        symbol=m.S,
        ts_event=utc(m.t),
        status=STATUS_OF_CODE.get(m.sc or "", "other"),
        status_code=m.sc,
        reason_code=m.rc,
        message=m.sm,
        reason=m.rm,
        tape=m.z,
    )
    return [status]


def _band(m: wire.BandMessage) -> list[Event]:
    status = Status(
        symbol=m.S,
        ts_event=utc(m.t),
        status="limit_band",
        limit_down=m.d,
        limit_up=m.u,
        indicator=m.i,
        tape=m.z,
    )
    return [status]


def _correction(m: wire.CorrectionMessage) -> list[Event]:
    correction = Correction(
        symbol=m.S,
        ts_event=utc(m.t),
        venue=_mic(m.x, m.x),
        original_trade_id=None if m.oi is None else str(m.oi),
        original_price=m.op,
        original_size=m.os,
        original_conditions=m.oc,
        trade_id=None if m.ci is None else str(m.ci),
        price=m.cp,
        size=m.cs,
        conditions=m.cc,
        tape=m.z,
    )
    return [correction]


def _cancel(m: wire.CancelMessage) -> list[Event]:
    cancel = Cancel(
        symbol=m.S,
        ts_event=utc(m.t),
        venue=_mic(m.x, m.x),
        trade_id=None if m.i is None else str(m.i),
        price=m.p,
        size=m.s,
        reason=_REASONS.get(m.a, m.a),
        tape=m.z,
    )
    return [cancel]


def _imbalance(m: wire.ImbalanceMessage) -> list[Event]:
    return [Imbalance(symbol=m.S, ts_event=utc(m.t), price=m.p, tape=m.z)]


def _book(m: wire.BookMessage) -> Sequence[Event]:
    bids, asks, time = m.b or (), m.a or (), utc(m.t)
    if m.r:
        book = Book(symbol=m.S, ts_event=time)
        book.bids = [Level(level.p, level.s) for level in bids]
        book.asks = [Level(level.p, level.s) for level in asks]
        return [book]
    # Sizes are absolute, so nothing tells a new level from a changed one.
    return [
        Delta(
            symbol=m.S,
            ts_event=time,
            action="modify" if level.s else "cancel",
            side=side,
            price=level.p,
            size=level.s,
        )
        for side, levels in (("bid", bids), ("ask", asks))
        for level in levels
    ]


def _extended(m: wire.Extended) -> Sequence[Event]:
    """Those of the message, each with the fields that nobody here knows."""
    events = EVENTS_OF[type(m.message)](m.message)
    for event in events:
        event.extra = {**(event.extra or {}), **m.more}
    return events


EVENTS_OF: Mapping[type, Callable[[Any], Sequence[Event]]] = MappingProxyType(
    {
        wire.Extended: _extended,
        wire.TradeMessage: lambda m: [trade_of(m)],
        wire.QuoteMessage: lambda m: [quote_of(m)],
        wire.BarMessage: _minute,
        wire.UpdatedBarMessage: _updated,
        wire.DailyBarMessage: _daily,
        wire.StatusMessage: _status,
        wire.BandMessage: _band,
        wire.CorrectionMessage: _correction,
        wire.CancelMessage: _cancel,
        wire.ImbalanceMessage: _imbalance,
        wire.BookMessage: _book,
    }
)
