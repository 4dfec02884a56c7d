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
    Funding,
    Imbalance,
    Level,
    News,
    OpenInterest,
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


def trade_of(m: wire.TradeMessage[str]) -> Trade:
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


def quote_of(m: wire.QuoteMessage[str]) -> Quote:
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


def _minute(m: wire.BarMessage[str]) -> list[Event]:
    return [_bar(m, "1m", _MINUTE, is_final=True, revision=0)]


def _updated(m: wire.UpdatedBarMessage[str]) -> list[Event]:
    return [_bar(m, "1m", _MINUTE, is_final=True, revision=1)]


def _daily(m: wire.DailyBarMessage[str]) -> list[Event]:
    return [_bar(m, "1d", _DAY, is_final=False, revision=None)]


def _bar(
    m: wire.BarMessage[str], interval: str, length: int, *, is_final: bool, revision: int | None
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


def _status(m: wire.StatusMessage[str]) -> list[Event]:
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


def _band(m: wire.BandMessage[str]) -> list[Event]:
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


def _correction(m: wire.CorrectionMessage[str]) -> list[Event]:
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


def _cancel(m: wire.CancelMessage[str]) -> list[Event]:
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


def _imbalance(m: wire.ImbalanceMessage[str]) -> list[Event]:
    return [Imbalance(symbol=m.S, ts_event=utc(m.t), price=m.p, tape=m.z)]


def _book(m: wire.BookMessage[str]) -> Sequence[Event]:
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


def _pricing(m: wire.PricingMessage[str]) -> Sequence[Event]:
    """The funding of a perpetual future, and what is open in it."""
    time, venue, out = utc(m.t), _mic(m.x, m.x), list[Event]()
    if (m.fr, m.mp, m.ip, m.ft) != (None,) * 4:
        funding = Funding(symbol=m.S, ts_event=time, venue=venue, funding_rate=m.fr)
        funding.mark_price, funding.index_price = m.mp, m.ip
        funding.next_funding = None if m.ft is None else utc(m.ft)
        out.append(funding)
    if m.oi is not None:
        out.append(OpenInterest(symbol=m.S, ts_event=time, venue=venue, open_interest=m.oi))
    return out


def _news(m: wire.NewsMessage[str]) -> Sequence[Event]:
    """One event for each symbol that an item names, or one without a symbol."""
    created, updated = (None if t is None else utc(t) for t in (m.created_at, m.updated_at))
    return [
        News(
            symbol=symbol,
            ts_event=updated or created,
            headline=m.headline,
            summary=m.summary,
            author=m.author,
            source=m.source,
            url=m.url,
            content=m.content,
            news_id=None if m.id is None else str(m.id),
            symbols=m.symbols,
            created=created,
            updated=updated,
        )
        for symbol in m.symbols or (None,)
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
        wire.PricingMessage: _pricing,
        wire.NewsMessage: _news,
    }
)
