"""Binance's messages as they travel: one Struct each, in the vendor's letters.

A frame of the combined form is `{"stream":NAME,"data":MESSAGE}`; what a message is says the
name. Numbers are text with the vendor's digits. `E` is when a message was sent, `T` when it
happened; the latter is an event's time where there is one.
"""

from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from mdc_core.plugin import Messages

Text = str | None
Number = Decimal | None
Whole = int | None
Levels = list[tuple[Decimal, Decimal]]
Kind = TypeVar("Kind")


class Message(Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One that leads to events; one with more fields is read by `read_loosely`."""


class Combined(Struct, Generic[Kind], gc=False, forbid_unknown_fields=True):
    """A frame of the combined form."""

    stream: str
    data: Kind


# The fields stand in the vendor's order: so they are found the fastest.
class TradeMessage(Message, kw_only=True):
    """A trade; of futures with `X`, what kind of order made it."""

    e: str
    E: int
    T: int = 0
    s: str
    t: int
    p: Decimal
    q: Decimal
    X: Text = None
    m: bool
    M: bool = True


class AggTradeMessage(Message, kw_only=True):
    """Trades of one order at one price, as one."""

    e: str
    E: int
    a: int
    s: str
    p: Decimal
    q: Decimal
    nq: Number = None
    f: int
    l: int  # noqa: E741 - the vendor's letter
    T: int
    m: bool
    M: bool = True


class QuoteMessage(Message, kw_only=True):
    """The best bid and offer, as of the update `u` of the book; of spot without a time."""

    e: str = "bookTicker"
    u: int
    s: str
    ps: Text = None
    b: Number
    B: Decimal
    a: Number
    A: Decimal
    T: int = 0
    E: int = 0


class DepthMessage(Message, kw_only=True):
    """Levels of the book that changed, in the updates `U` to `u`; of futures `pu` is before."""

    e: str
    E: int
    T: int = 0
    s: str
    ps: Text = None
    U: int
    u: int
    pu: Whole = None
    b: Levels
    a: Levels


class SnapshotMessage(Message, kw_only=True):
    """A book: by REST, or the best levels of it (spot, `partial_book`)."""

    lastUpdateId: int  # noqa: N815 - the vendor's name
    E: int = 0
    T: int = 0
    symbol: Text = None
    pair: Text = None
    bids: Levels
    asks: Levels


class Kline(Message, kw_only=True):
    """A bar."""

    t: int
    T: int
    s: str
    i: str
    f: int = 0
    L: int = 0
    o: Decimal
    c: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the vendor's letter
    v: Decimal
    n: int
    x: bool
    q: Text = None
    V: Text = None
    Q: Text = None
    B: Text = None


class KlineMessage(Message, kw_only=True):
    """A bar, again whenever it changes."""

    e: str
    E: int
    s: str
    ps: Text = None
    k: Kline


class MarkPriceMessage(Message, kw_only=True):
    """The mark price and the funding rate, each second."""

    e: str
    E: int
    s: str
    p: Decimal
    ap: Text = None
    P: Text = None
    i: str = ""
    r: str = ""
    T: int = 0


class Order(Message, kw_only=True):
    """An order that closes a position."""

    s: str
    ps: Text = None
    S: str
    o: Text = None
    f: Text = None
    q: Decimal
    p: Decimal
    ap: Number = None
    X: Text = None
    l: Text = None  # noqa: E741 - the vendor's letter
    z: Number = None
    T: int


class LiquidationMessage(Message, kw_only=True):
    """A position is closed by the venue."""

    e: str
    E: int
    o: Order


KIND_OF: dict[str, type[Message]] = {
    "trade": TradeMessage,
    "agg_trade": AggTradeMessage,
    "quote": QuoteMessage,
    "book": DepthMessage,
    "bar": KlineMessage,
    "mark_price": MarkPriceMessage,
    "liquidation": LiquidationMessage,
}
CHANNEL_OF = {  # the field `e` of a message -> its channel
    "trade": "trade",
    "aggTrade": "agg_trade",
    "bookTicker": "quote",
    "depthUpdate": "book",
    "kline": "bar",
    "markPriceUpdate": "mark_price",
    "forceOrder": "liquidation",
}


class Failure(Struct):
    """What went wrong, of futures within `error`."""

    code: int = 0
    msg: str = ""


class Price(Struct):
    """The last price of a symbol, by REST."""

    symbol: str
    price: str = ""


class Envelope(Struct):
    """Whatever comes, as far as to tell what it is."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: Failure | None = None
    code: int | None = None
    msg: str = ""
    e: str = ""
    lastUpdateId: int | None = None  # noqa: N815 - the vendor's name


envelope = msgspec.json.Decoder(Envelope).decode
fields = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
snapshot = Messages(SnapshotMessage).read
encode = msgspec.json.Encoder(decimal_format="string").encode


prices = msgspec.json.Decoder(list[Price]).decode


def failure_of(body: bytes) -> Failure:
    """What an answer by REST says went wrong."""
    try:
        return msgspec.json.decode(body, type=Failure)
    except (msgspec.DecodeError, UnicodeError):
        return Failure()


def each(data: bytes) -> list[bytes]:
    """The messages of a list."""
    return [bytes(one) for one in msgspec.json.decode(data, type=list[msgspec.Raw])]
