"""Kraken's messages of WebSocket v2 as they travel, one Struct each, tagged by `channel`.

Source: Kraken, "Spot WebSocket v2": Trades, Ticker, Book, OHLC, Instrument, Status, Heartbeat.
Fields stand in the vendor's order: so they are found the fastest. Numbers keep their digits.
"""

from collections.abc import Container, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from mdc_core.plugin import Messages

Text = str | None
Number = Decimal | None


class Item(Struct, gc=False, forbid_unknown_fields=True):
    """One of the objects in a message's `data`."""


class LevelItem(Item):
    """A level of a book; a quantity of 0 takes it out."""

    price: Decimal
    qty: Decimal


class BookItem(Item):
    """A book, or its changes: absolute quantities, to be taken in order."""

    symbol: str
    bids: list[LevelItem]
    asks: list[LevelItem]
    checksum: int | None = None
    timestamp: Text = None


class TradeItem(Item, kw_only=True):
    """A trade; `side` and `ord_type` are the taker's."""

    symbol: str
    side: Literal["buy", "sell"] | None = None
    price: Decimal
    qty: Decimal
    ord_type: Text = None
    trade_id: int | str | None = None
    timestamp: str


class TickerItem(Item, omit_defaults=True):
    """The best bid and offer, and statistics of the last 24 hours."""

    symbol: str
    bid: Number = None
    bid_qty: Number = None
    ask: Number = None
    ask_qty: Number = None
    last: Number = None
    volume: Number = None
    vwap: Number = None
    low: Number = None
    high: Number = None
    change: Number = None
    change_pct: Number = None
    trades: int | None = None
    timestamp: Text = None


class CandleItem(Item, kw_only=True):
    """A candle as it is so far."""

    symbol: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    trades: int | None = None
    volume: Number = None
    vwap: Number = None
    interval_begin: str
    interval: int
    timestamp: Text = None  # deprecated: the end of the interval


class StateItem(Struct):
    """What is told by fields of events of a pair, an asset or the engine; `extra` has the rest."""

    status: Text = None
    symbol: Text = None
    id: Text = None  # of an asset
    system: Text = None  # of the engine: online, cancel_only, maintenance, post_only


class Message(Struct, tag_field="channel", gc=False, forbid_unknown_fields=True):
    """What a channel says."""

    type: Literal["snapshot", "update"]


class BookMessage(Message, tag="book"):
    """Books, or their changes."""

    data: list[BookItem]


class TradeMessage(Message, tag="trade"):
    """Trades, oldest first."""

    data: list[TradeItem]


class TickerMessage(Message, tag="ticker"):
    """Best bids and offers."""

    data: list[TickerItem]


class CandleMessage(Message, tag="ohlc"):
    """Candles, oldest first."""

    data: list[CandleItem]
    timestamp: Text = None


class InstrumentMessage(Message, tag="instrument"):
    """Reference data of all assets and pairs, or of those that changed."""

    data: dict[str, list[Raw]]


class StatusMessage(Message, tag="status"):
    """The state of the engine, at the beginning and when it changes."""

    data: list[Raw]


class HeartbeatMessage(Struct, tag_field="channel", tag="heartbeat"):
    """Once a second, as long as anything is subscribed to."""


AnyMessage = (
    BookMessage
    | TradeMessage
    | TickerMessage
    | CandleMessage
    | InstrumentMessage
    | StatusMessage
    | HeartbeatMessage
)


class Result(Struct):
    """What was agreed to."""

    channel: Text = None
    symbol: Text = None
    depth: int | None = None


class Answer(Struct):
    """The answer to a request: one for each symbol."""

    method: str
    success: bool | None = None
    result: Result | None = None
    error: Text = None
    symbol: Text = None
    req_id: int | None = None


ITEMS: dict[str, Messages] = {
    "book": Messages(BookItem),
    "trade": Messages(TradeItem),
    "ticker": Messages(TickerItem),
    "ohlc": Messages(CandleItem),
}


_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_any = msgspec.json.Decoder(float_hook=Decimal).decode


def fields_of(frame: str | bytes) -> dict[str, Raw]:
    """The fields of a message, as they stand."""
    return _fields(frame)


def others(fields: Mapping[str, Any], known: Container[str]) -> dict[str, Any]:
    """The values of the fields beside those that are known."""
    return {name: _any(encode(raw)) for name, raw in fields.items() if name not in known}


def read_state(raw: Raw) -> tuple[StateItem, dict[str, Any]]:
    """The state of a pair, an asset or the engine, and what else is said of it."""
    return _state(raw), others(_fields(raw), StateItem.__struct_fields__)


_state = msgspec.json.Decoder(StateItem).decode
read_answer = msgspec.json.Decoder(Answer).decode
read_list = msgspec.json.Decoder(list[Raw]).decode
read_text = msgspec.json.Decoder(str).decode
encode = msgspec.json.Encoder(decimal_format="number").encode
