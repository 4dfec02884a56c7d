"""Messages of Kraken Futures as events."""

from collections.abc import Iterator
from decimal import Decimal

from mdc_core.plugin import (
    Book,
    Delta,
    Event,
    Funding,
    Level,
    OpenInterest,
    Quote,
    Status,
    Trade,
    from_ms,
)
from mdc_providers.kraken_futures import messages as wire

_EPOCH = 100_000_000_000  # ms: what is less is no date, but how long it takes until then


def trade_of(m: wire.TradeMessage) -> Trade:
    """A trade; whether it was a fill, a liquidation, ... is its condition."""
    return Trade(
        symbol=m.product_id,
        ts_event=from_ms(m.time),
        seq=m.seq,
        channel="trade",
        price=m.price,
        size=m.qty,
        aggressor_side=m.side,
        trade_id=m.uid,
        conditions=[m.type],
    )


def change_of(m: wire.ChangeMessage) -> Delta:
    """A change of a book; nothing tells a new level from a changed one."""
    return Delta(
        symbol=m.product_id,
        ts_event=from_ms(m.timestamp),
        seq=m.seq,
        channel="book",
        action="modify" if m.qty else "cancel",
        side="bid" if m.side == "buy" else "ask",
        price=m.price,
        size=m.qty,
    )


def book_of(m: wire.SnapshotMessage) -> Book:
    """All of a book."""
    book = Book(symbol=m.product_id, ts_event=from_ms(m.timestamp), seq=m.seq, channel="book")
    book.bids = [Level(at.price, at.qty) for at in m.bids]
    book.asks = [Level(at.price, at.qty) for at in m.asks]
    book.extra = None if m.tick_size is None else {"tickSize": m.tick_size}
    return book


def quote_of(m: wire.LiteMessage | wire.TickerMessage, time: str) -> Quote:
    """The best bid and offer; of a ticker_lite without sizes."""
    bid, ask = m.bid, m.ask
    if type(m) is wire.TickerMessage:
        quote = Quote(
            symbol=m.product_id,
            ts_event=time,
            bid_price=bid,
            bid_size=m.bid_size,
            ask_price=ask,
            ask_size=m.ask_size,
        )
    else:
        quote = Quote(symbol=m.product_id, ts_event=time, bid_price=bid, ask_price=ask)
    if type(m) is wire.TickerMessage and (bid is None or ask is None):
        if bid is None:  # nobody bids: a price of 0 is left out
            quote.bid_size = Decimal(0)
        if ask is None:
            quote.ask_size = Decimal(0)
    return quote


def funding_of(m: wire.TickerMessage) -> Funding:
    """The rate of a perpetual future as a fraction of its value, and the prices behind it."""
    rate = m.relative_funding_rate
    if rate is None and m.tag == "perpetual":
        rate = Decimal(0)  # which is left out
    due = m.next_funding_rate_time
    if due is not None and due < _EPOCH:
        due += m.time
    return Funding(
        symbol=m.product_id,
        ts_event=from_ms(m.time),
        funding_rate=rate,
        next_funding=None if due is None else from_ms(due),
        mark_price=m.mark_price,
        index_price=m.index,
    )


class Tickers:
    """What a ticker leads to, by the channels that are wanted."""

    def __init__(self, channels: tuple[str, ...]) -> None:
        self._channels = channels
        self._has_more = not {"funding", "open_interest", "status"}.isdisjoint(channels)
        self._states: dict[str, str] = {}
        self._fundings: dict[str, tuple[object, ...]] = {}
        self._interests: dict[str, Decimal] = {}

    def events_of(self, m: wire.TickerMessage) -> list[Event]:
        """A quote; a funding, an open interest and a status where those are other ones.

        A ticker repeats what has not changed. The statistics are in the `extra` of each.
        """
        time = from_ms(m.time)
        found: list[Event] = [quote_of(m, time)] if "quote" in self._channels else []
        if self._has_more:
            found += self._of(m, time)
        for event in found:
            event.extra = wire.rest_of_ticker(m)
        return found

    def _of(self, m: wire.TickerMessage, time: str) -> Iterator[Event]:
        is_future = m.mark_price is not None or m.relative_funding_rate is not None
        if "funding" in self._channels and is_future and self._has_other_funding(m):
            yield funding_of(m)
        interest = m.open_interest
        is_other = interest is not None and self._interests.get(m.product_id) != interest
        if "open_interest" in self._channels and interest is not None and is_other:
            self._interests[m.product_id] = interest
            yield OpenInterest(symbol=m.product_id, ts_event=time, open_interest=interest)
        state = "halted" if m.suspended else "quoting" if m.post_only else "trading"
        if "status" in self._channels and self._states.get(m.product_id) != state:
            self._states[m.product_id] = state
            yield Status(symbol=m.product_id, ts_event=time, status=state)

    def _has_other_funding(self, m: wire.TickerMessage) -> bool:
        """Whether a rate, a price or the time of the next funding is another than before."""
        due = m.next_funding_rate_time
        if due is not None and due < _EPOCH:  # how long it takes until then always changes
            due = None
        values = (m.relative_funding_rate, m.mark_price, m.index, due)
        if self._fundings.get(m.product_id) == values:
            return False
        self._fundings[m.product_id] = values
        return True
