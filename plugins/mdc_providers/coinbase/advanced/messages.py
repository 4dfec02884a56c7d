"""Messages of Coinbase Advanced Trade as they travel: one Struct each, tagged by `channel`.

Source: Coinbase, "Advanced Trade WebSocket Channels" and its AsyncAPI file. Fields stand in the
vendor's order: so they are found the fastest. Prices and sizes are text on the wire.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Raw, Struct

Text = str | None
Kind = Literal["snapshot", "update"]


class Row(Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a message; one with other fields is read by `Messages`."""


class TradeRow(Row, kw_only=True):
    """A trade; its side is the maker's."""

    product_id: str
    trade_id: str
    price: Decimal
    size: Decimal
    time: str
    side: Literal["BUY", "SELL", "UNKNOWN_ORDER_SIDE"]


class TickerRow(Row, kw_only=True):
    """The state of a product; of `ticker_batch` without the best bid and offer."""

    type: Literal["ticker"] = "ticker"
    product_id: str
    price: Text = None
    volume_24_h: Text = None
    low_24_h: Text = None
    high_24_h: Text = None
    low_52_w: Text = None
    high_52_w: Text = None
    price_percent_chg_24_h: Text = None
    best_bid: Text = None
    best_ask: Text = None
    best_bid_quantity: Text = None
    best_ask_quantity: Text = None


class LevelRow(Row, kw_only=True):
    """A level of a book, and its absolute size; 0 takes it out."""

    side: Literal["bid", "offer"]
    event_time: str
    price_level: Decimal
    new_quantity: Decimal


class CandleRow(Row, kw_only=True):
    """A candle of five minutes; `start` is in seconds."""

    start: str
    high: Decimal
    low: Decimal
    open: Decimal
    close: Decimal
    volume: Decimal
    product_id: str


class TradesPart(Row, kw_only=True):
    """Trades, newest first; a snapshot has those before the subscription."""

    type: Kind
    trades: list[TradeRow]


class TickersPart(Row, kw_only=True):
    """States of products."""

    type: Kind
    tickers: list[TickerRow]


class BookPart(Row, kw_only=True):
    """All of a book, or changes of it."""

    type: Kind
    product_id: str
    updates: list[LevelRow]


class CandlesPart(Row, kw_only=True):
    """Candles, in no order."""

    type: Kind
    candles: list[CandleRow]


class ProductsPart(Row, kw_only=True):
    """Products; of their fields we know but some."""

    type: Kind
    products: list[Raw]


class Message(Row, tag_field="channel", kw_only=True):
    """The envelope: `sequence_num` counts all messages of the connection, from 0."""

    client_id: Text = None
    timestamp: str
    sequence_num: int


class TradesMessage(Message, tag="market_trades"):
    """Trades."""

    events: list[TradesPart]


class TickerMessage(Message, tag="ticker"):
    """States of products, whenever one changes."""

    events: list[TickersPart]


class TickerBatchMessage(Message, tag="ticker_batch"):
    """States of products, every five seconds."""

    events: list[TickersPart]


class BookMessage(Message, tag="l2_data"):
    """Books; the channel is subscribed to as `level2`."""

    events: list[BookPart]


class CandlesMessage(Message, tag="candles"):
    """Candles."""

    events: list[CandlesPart]


class StatusMessage(Message, tag="status"):
    """Products."""

    events: list[ProductsPart]


class HeartbeatMessage(Message, tag="heartbeats", forbid_unknown_fields=False):
    """Every second; its counter tells no more than `sequence_num` does."""

    events: list[Raw]


class SubscriptionsPart(Struct):
    """What the connection has subscribed to, by channel."""

    subscriptions: dict[str, list[str] | None]


class SubscriptionsMessage(Message, tag="subscriptions", forbid_unknown_fields=False):
    """The complete state of the connection, behind each change of it."""

    events: list[SubscriptionsPart]


class ErrorMessage(Struct, kw_only=True):
    """Coinbase says no; nothing more comes on the connection."""

    type: Literal["error"]
    message: str = ""
    reason: str = ""


AnyMessage = (
    BookMessage
    | TradesMessage
    | TickerMessage
    | TickerBatchMessage
    | CandlesMessage
    | StatusMessage
    | HeartbeatMessage
    | SubscriptionsMessage
)
