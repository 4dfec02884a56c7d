"""Messages of the Coinbase Exchange feed as they travel: one Struct each, tagged by `type`.

Source: Coinbase, "Exchange WebSocket Channels". Fields stand in the vendor's order.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Raw, Struct

Text = str | None
Side = Literal["buy", "sell"]


class Message(Struct, tag_field="type", gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """A message about a product; one with other fields is read by `Messages`."""


class SnapshotMessage(Message, tag="snapshot", kw_only=True):
    """All of a book, best levels first. Since 2022 it has a time."""

    product_id: str
    asks: list[tuple[Decimal, Decimal]]
    bids: list[tuple[Decimal, Decimal]]
    time: Text = None


class ChangeMessage(Message, tag="l2update", kw_only=True):
    """Changes of a book: a side, a price, and the absolute size; 0 takes the level out."""

    product_id: str
    changes: list[tuple[Side, Decimal, Decimal]]
    time: str


class MatchMessage(Message, tag="match", kw_only=True):
    """A trade; its side is the maker's."""

    trade_id: int
    maker_order_id: Text = None
    taker_order_id: Text = None
    side: Side
    size: Decimal
    price: Decimal
    product_id: str
    sequence: int | None = None
    time: str


class LastMatchMessage(MatchMessage, tag="last_match"):
    """The last trade before the subscription."""


class TickerMessage(Message, tag="ticker", kw_only=True):
    """The state of a product at a trade; its side is the taker's."""

    sequence: int | None = None
    product_id: str
    price: Text = None
    open_24h: Text = None
    volume_24h: Text = None
    low_24h: Text = None
    high_24h: Text = None
    volume_30d: Text = None
    best_bid: Text = None
    best_bid_size: Text = None
    best_ask: Text = None
    best_ask_size: Text = None
    side: Text = None
    time: Text = None
    trade_id: int | None = None
    last_size: Text = None


class HeartbeatMessage(Message, tag="heartbeat", kw_only=True, forbid_unknown_fields=False):
    """Every second, for each product: its last trade, by which a lost one is noticed."""

    sequence: int | None = None
    last_trade_id: int
    product_id: str
    time: str


class StatusMessage(Message, tag="status", kw_only=True, forbid_unknown_fields=False):
    """All products, every few seconds. Currencies are no instruments."""

    products: list[Raw] = []


class ChannelPart(Struct):
    """A channel, and the products that come by it."""

    name: str
    product_ids: list[str] | None = None


class SubscriptionsMessage(Message, tag="subscriptions", forbid_unknown_fields=False):
    """The complete state of the connection, behind each change of it."""

    channels: list[ChannelPart]


class ErrorMessage(Message, tag="error", kw_only=True, forbid_unknown_fields=False):
    """Coinbase says no."""

    message: str = ""
    reason: str = ""


AnyMessage = (
    ChangeMessage
    | SnapshotMessage
    | MatchMessage
    | LastMatchMessage
    | TickerMessage
    | HeartbeatMessage
    | StatusMessage
    | SubscriptionsMessage
    | ErrorMessage
)
