"""Messages of the Coinbase Exchange feed as events."""

from collections.abc import Iterator

from mdc_core.plugin import (
    Book,
    Delta,
    Effect,
    Event,
    Gap,
    Integrity,
    Level,
    Missing,
    Quote,
    Restarted,
    SequenceCount,
    Trade,
    rest_of,
    utc,
)
from mdc_providers.coinbase.exchange import messages as wire
from mdc_providers.coinbase.wanted import side_of

_rest_of_match = rest_of(
    wire.MatchMessage, "trade_id", "side", "size", "price", "product_id", "time"
)
_rest_of_ticker = rest_of(
    wire.TickerMessage,
    "product_id",
    "best_bid",
    "best_bid_size",
    "best_ask",
    "best_ask_size",
    "time",
)


def trade_of(m: wire.MatchMessage) -> Trade:
    """A trade; the wire has the maker's side."""
    return Trade(
        symbol=m.product_id,
        ts_event=utc(m.time),
        price=m.price,
        size=m.size,
        aggressor_side="sell" if m.side == "buy" else "buy",
        trade_id=str(m.trade_id),
        extra=_rest_of_match(m),
    )


def quote_of(m: wire.TickerMessage, received: str) -> Quote:
    """The best bid and offer; the last trade and the statistics are under `extra`."""
    bid_price, bid_size = side_of(m.best_bid, m.best_bid_size)
    ask_price, ask_size = side_of(m.best_ask, m.best_ask_size)
    return Quote(
        symbol=m.product_id,
        ts_event=received if m.time is None else utc(m.time),
        bid_price=bid_price,
        bid_size=bid_size,
        ask_price=ask_price,
        ask_size=ask_size,
        extra=_rest_of_ticker(m),
    )


def book_of(m: wire.SnapshotMessage, received: str) -> Book:
    """All of a book; without a time on the wire it has that of its receipt."""
    book = Book(symbol=m.product_id, ts_event=received if m.time is None else utc(m.time))
    book.bids = [Level(price, size) for price, size in m.bids]
    book.asks = [Level(price, size) for price, size in m.asks]
    return book


def changes_of(m: wire.ChangeMessage) -> list[Event | Effect]:
    """Changes of a book, one for each level; nothing tells a new level from a changed one."""
    symbol, time = m.product_id, utc(m.time)
    return [
        Delta(
            symbol=symbol,
            ts_event=time,
            action="modify" if size else "cancel",
            side="bid" if side == "buy" else "ask",
            price=price,
            size=size,
        )
        for side, price, size in m.changes
    ]


class TradeNumbers:
    """Follows the trade ids of each product, which are without a hole on Coinbase.

    A heartbeat names the last one. It may overtake a trade that is under way, so it counts when
    the next comes.
    """

    def __init__(self) -> None:
        self._ids: dict[str, SequenceCount] = {}
        self._named: dict[str, tuple[int, str]] = {}

    def start(self, m: wire.LastMatchMessage) -> None:
        """The last trade before the subscription."""
        ids = self._ids[m.product_id] = SequenceCount(m.trade_id + 1)
        ids.when = utc(m.time)

    def traded(self, m: wire.MatchMessage, time: str) -> Iterator[Gap | Integrity]:
        """A `Gap` if trades are missing before this one; a finding if the ids begin anew."""
        order = self._of(m.product_id).expect(m.trade_id, time)
        if isinstance(order, Restarted):
            yield from order.told(f"trades of {m.product_id}", symbol=m.product_id, ts_event=time)
        elif isinstance(order, Missing):
            yield _gap(m.product_id, order, time)

    def heard(self, m: wire.HeartbeatMessage) -> Iterator[Gap]:
        """A `Gap` if a trade has not come that the heartbeat before this one named."""
        if (named := self._named.get(m.product_id)) is not None:
            order = self._of(m.product_id).reach(*named)
            if isinstance(order, Missing):
                yield _gap(m.product_id, order, named[1])
        self._named[m.product_id] = m.last_trade_id, utc(m.time)

    def _of(self, product: str) -> SequenceCount:
        if product not in self._ids:
            self._ids[product] = SequenceCount()
        return self._ids[product]


def _gap(symbol: str, order: Missing, end: str) -> Gap:
    gap = Gap(symbol=symbol, ts_event=end, start=order.since, end=end, count=order.count)
    gap.reason = "sequence"
    return gap
