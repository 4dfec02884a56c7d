"""Messages of Kraken Futures as they travel: one Struct each, tagged by `feed`.

Source: Kraken, "Futures WebSocket" (Book, Trade, Ticker, Ticker Lite, Heartbeat). Numbers are
JSON numbers, times milliseconds since 1970.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from mdc_core.plugin import rest_of

Number = Decimal | None
Side = Literal["buy", "sell"]


class Row(Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """A message, or a part of one; what has other fields is read by `Messages`."""


class LevelRow(Row):
    """A level of a book."""

    price: Decimal
    qty: Decimal


class Message(Row, tag_field="feed", kw_only=True):
    """A message about a product."""

    product_id: str


class SnapshotMessage(Message, tag="book_snapshot", kw_only=True):
    """All of a book; `seq` is the number of the change before it."""

    timestamp: int
    seq: int
    tick_size: Number = field(default=None, name="tickSize")
    bids: list[LevelRow]
    asks: list[LevelRow]


class ChangeMessage(Message, tag="book", kw_only=True):
    """A level, and its absolute size; 0 takes it out."""

    side: Side
    seq: int
    price: Decimal
    qty: Decimal
    timestamp: int


class TradeMessage(Message, tag="trade", kw_only=True):
    """A trade; its side is the taker's."""

    uid: str | None = None
    side: Side
    type: str
    seq: int
    time: int
    qty: Decimal
    price: Decimal


class TradesMessage(Message, tag="trade_snapshot", forbid_unknown_fields=False):
    """The trades before the subscription, newest first."""

    trades: list[TradeMessage]


class LiteMessage(Message, tag="ticker_lite", kw_only=True):
    """The best prices, without a time; what else there is goes under `extra`."""

    bid: Number = None
    ask: Number = None


class TickerMessage(Message, tag="ticker", kw_only=True):
    """The state of a product; what else there is goes under `extra`."""

    time: int
    bid: Number = None
    ask: Number = None
    bid_size: Number = None
    ask_size: Number = None
    index: Number = None
    mark_price: Number = field(default=None, name="markPrice")
    open_interest: Number = field(default=None, name="openInterest")
    relative_funding_rate: Number = None
    next_funding_rate_time: int | None = None
    tag: str | None = None
    suspended: bool | None = None
    post_only: bool | None = None
    funding_rate: Number = None
    funding_rate_prediction: Number = None
    relative_funding_rate_prediction: Number = None
    volume: Number = None
    volume_quote: Number = field(default=None, name="volumeQuote")
    dtm: Number = None
    leverage: str | None = None
    premium: Number = None
    last: Number = None
    change: Number = None
    pair: str | None = None
    maturity_time: int | None = field(default=None, name="maturityTime")
    open: Number = None
    high: Number = None
    low: Number = None


rest_of_ticker = rest_of(
    TickerMessage,
    "product_id",
    "time",
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "index",
    "mark_price",
    "open_interest",
    "relative_funding_rate",
    "next_funding_rate_time",
    "tag",
    "suspended",
    "post_only",
)


class HeartbeatMessage(Struct, tag_field="feed", tag="heartbeat"):
    """Every second."""

    time: int


class EventMessage(Struct, kw_only=True):
    """What the server says of the connection: info, subscribed, error, alert, ..."""

    event: str
    feed: str = ""
    product_ids: list[str] = []
    message: str = ""
    version: int | None = None


AnyMessage = (
    ChangeMessage
    | SnapshotMessage
    | TradeMessage
    | TradesMessage
    | LiteMessage
    | TickerMessage
    | HeartbeatMessage
)
