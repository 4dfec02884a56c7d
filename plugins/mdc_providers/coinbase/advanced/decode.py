"""Messages of Coinbase Advanced Trade as events.

A snapshot of trades is of the time before the subscription, and leads to nothing. A book has
the time of its levels, since the message's own is later than that of the changes behind it; a
ticker has none but the message's.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mdc_core.plugin import (
    Bad,
    Bar,
    Book,
    Delta,
    Event,
    Level,
    Quote,
    Trade,
    from_ns,
    parse_span,
    rest_of,
    utc,
)
from mdc_providers.coinbase.advanced import messages as wire
from mdc_providers.coinbase.products import Products
from mdc_providers.coinbase.wanted import side_of

_SECOND, _CANDLE = parse_span("1s"), parse_span("5m")
# The wire has the maker's side.
_AGGRESSOR: Mapping[str, str] = MappingProxyType(
    {"BUY": "sell", "SELL": "buy", "UNKNOWN_ORDER_SIDE": "none"}
)

_rest_of_ticker = rest_of(
    wire.TickerRow,
    "product_id",
    "best_bid",
    "best_ask",
    "best_bid_quantity",
    "best_ask_quantity",
    "type",
)


def trade_of(m: wire.TradeRow) -> Trade:
    """A trade, by the taker's side."""
    return Trade(
        symbol=m.product_id,
        ts_event=utc(m.time),
        price=m.price,
        size=m.size,
        aggressor_side=_AGGRESSOR[m.side],
        trade_id=m.trade_id,
    )


def quote_of(m: wire.TickerRow, time: str) -> Quote:
    """The best bid and offer; the last price and the statistics are under `extra`."""
    bid_price, bid_size = side_of(m.best_bid, m.best_bid_quantity)
    ask_price, ask_size = side_of(m.best_ask, m.best_ask_quantity)
    return Quote(
        symbol=m.product_id,
        ts_event=time,
        bid_price=bid_price,
        bid_size=bid_size,
        ask_price=ask_price,
        ask_size=ask_size,
        extra=_rest_of_ticker(m),
    )


def events_of(part: wire.BookPart, time: str) -> list[Event]:
    """All of a book, or changes of it."""
    return changes_of(part) if part.type == "update" else [book_of(part, time)]


def book_of(part: wire.BookPart, time: str) -> Book:
    """All of a book; of an empty one the message's time is the only one."""
    rows = part.updates
    book = Book(symbol=part.product_id, ts_event=utc(rows[0].event_time if rows else time))
    book.bids = [Level(at.price_level, at.new_quantity) for at in rows if at.side == "bid"]
    book.asks = [Level(at.price_level, at.new_quantity) for at in rows if at.side != "bid"]
    return book


def changes_of(part: wire.BookPart) -> list[Event]:
    """Changes of a book, one for each level; nothing tells a new level from a changed one."""
    symbol, out = part.product_id, list[Event]()
    told = time = ""
    for row in part.updates:
        if row.event_time != told:
            told, time = row.event_time, utc(row.event_time)
        out.append(
            Delta(
                symbol=symbol,
                ts_event=time,
                action="modify" if row.new_quantity else "cancel",
                side="bid" if row.side == "bid" else "ask",
                price=row.price_level,
                size=row.new_quantity,
            )
        )
    return out


class Candles:
    """Bars of five minutes; the last of each product runs until another begins.

    Of a snapshot, which has the last hours, the newest candle alone is told.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, wire.CandleRow]] = {}

    def bars_of(self, part: wire.CandlesPart) -> Iterator[Bar]:
        """The bars that run, and those that are over by that."""
        rows = sorted(((int(row.start), row) for row in part.candles), key=lambda pair: pair[0])
        if part.type == "snapshot":
            rows = list({row.product_id: (start, row) for start, row in rows}.values())
        for start, row in rows:
            before = self._last.get(row.product_id)
            is_late = before is not None and start < before[0]
            if before is not None and start > before[0]:
                yield _bar(*before, is_final=True)
            if not is_late:
                self._last[row.product_id] = start, row
            yield _bar(start, row, is_final=is_late)


def _bar(start: int, row: wire.CandleRow, *, is_final: bool) -> Bar:
    return Bar(
        symbol=row.product_id,
        ts_event=from_ns(start * _SECOND),
        interval="5m",
        ts_close=from_ns(start * _SECOND + _CANDLE),
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
        is_final=is_final,
    )


class Decoder:
    """The events in a message; one for each connection, for candles and products have a past."""

    def __init__(self) -> None:
        self._candles, self._products = Candles(), Products()

    def __call__(self, m: wire.Message) -> list[Event | Bad]:
        """The events in a message, the oldest trade first."""
        out: list[Event | Bad] = []
        match m:
            case wire.BookMessage(events=books):
                for book in books:
                    out += (
                        changes_of(book) if book.type == "update" else [book_of(book, m.timestamp)]
                    )
            case wire.TradesMessage(events=trades):
                for some in trades:
                    out += map(trade_of, reversed(some.trades) if some.type == "update" else ())
            case wire.TickerMessage(events=tickers) | wire.TickerBatchMessage(events=tickers):
                time = utc(m.timestamp)
                out += [quote_of(row, time) for states in tickers for row in states.tickers]
            case wire.CandlesMessage(events=candles):
                for bars in candles:
                    out += self._candles.bars_of(bars)
            case wire.StatusMessage(events=lists):
                for products in lists:
                    out += self._products.changed(products.products, utc(m.timestamp))
        return out
