"""OKX's messages of WebSocket v5 as they travel; all numbers are text, and may be empty.

Source: OKX, "API guide": WebSocket, Public Data, Order Book Trading, Market Data.
"""

from decimal import Decimal

import msgspec
from msgspec import Raw, Struct, field

from mdc_core.plugin import Messages

Text = str | None


class Arg(Struct, omit_defaults=True, rename="camel"):
    """What a channel is asked for."""

    channel: str
    inst_id: Text = None
    inst_type: Text = None


class Push(Struct, forbid_unknown_fields=True):
    """What a channel says."""

    arg: Arg
    data: list[Raw]
    action: Text = None


class Word(Struct, rename="camel"):
    """A message about the connection: subscribe, unsubscribe, error, notice."""

    event: str
    arg: Arg | None = None
    code: Text = None
    msg: str = ""


class Item(Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    """One of the objects in `data`; times are milliseconds since 1970."""


class TradeItem(Item, kw_only=True):
    """Trades of one taker at one price; `side` is the taker's."""

    inst_id: str
    trade_id: str
    px: Decimal
    sz: Decimal
    side: Text = None
    ts: str
    count: Text = None
    source: Text = None
    seq_id: int | None = None


class TickerItem(Item, kw_only=True):
    """The best bid and offer, and statistics of the day."""

    inst_type: str
    inst_id: str
    last: Text = None
    last_sz: Text = None
    ask_px: str
    ask_sz: str
    bid_px: str
    bid_sz: str
    open24h: Text = None
    high24h: Text = None
    low24h: Text = None
    vol_ccy24h: Text = field(default=None, name="volCcy24h")
    vol24h: Text = None
    ts: str
    sod_utc0: Text = None
    sod_utc8: Text = None


class BookItem(Item, kw_only=True):
    """A book, or its changes; a level is its price, size, a deprecated 0, and its orders."""

    asks: list[tuple[Decimal, Decimal, str, str]]
    bids: list[tuple[Decimal, Decimal, str, str]]
    ts: str
    checksum: int = 0
    prev_seq_id: int | None = None
    seq_id: int | None = None


class FundingItem(Item, kw_only=True):
    """A funding rate; `funding_time` is when it is paid."""

    inst_type: str
    inst_id: str
    method: Text = None
    formula_type: Text = None
    funding_rate: str
    next_funding_rate: Text = None
    funding_time: str
    next_funding_time: Text = None
    min_funding_rate: Text = None
    max_funding_rate: Text = None
    interest_rate: Text = None
    impact_value: Text = None
    sett_state: Text = None
    sett_funding_rate: Text = None
    premium: Text = None
    ts: str


class MarkItem(Item, kw_only=True):
    """The mark price of a derivative."""

    inst_type: str
    inst_id: str
    mark_px: Decimal
    ts: str


class InterestItem(Item, kw_only=True):
    """Open contracts, the same in coins, and in US dollars."""

    inst_type: str
    inst_id: str
    oi: Decimal
    oi_ccy: Text = None
    oi_usd: Text = None
    ts: str


class LiquidationDetail(Item, kw_only=True):
    """An order that closes a position, at its bankruptcy price."""

    side: str
    pos_side: Text = None
    bk_px: Decimal
    sz: Decimal
    bk_loss: Text = None
    ccy: Text = None
    ts: str


class LiquidationItem(Item, kw_only=True):
    """Liquidations of an instrument."""

    inst_type: str
    inst_family: Text = None
    inst_id: str
    uly: Text = None
    details: list[LiquidationDetail]


ITEMS: dict[str, Messages] = {
    "trades": Messages(TradeItem),
    "tickers": Messages(TickerItem),
    "books": Messages(BookItem),
    "funding-rate": Messages(FundingItem),
    "mark-price": Messages(MarkItem),
    "open-interest": Messages(InterestItem),
    "liquidation-orders": Messages(LiquidationItem),
    "candle": Messages(list[str]),
}


def family(channel: str) -> str:
    """A channel without its size: books of books5, candle of candle1m."""
    if channel.startswith("candle"):
        return "candle"
    return "books" if channel in ("books", "books5") else channel


class TradePush(Push):
    """Trades."""

    data: list[TradeItem]  # type: ignore[assignment]


class TickerPush(Push):
    """Best bids and offers."""

    data: list[TickerItem]  # type: ignore[assignment]


# What most frames are is read at once, objects and all.
read_trades = msgspec.json.Decoder(TradePush).decode
read_tickers = msgspec.json.Decoder(TickerPush).decode
read_push = msgspec.json.Decoder(Push).decode
read_any = msgspec.json.Decoder(float_hook=Decimal).decode
read_word = msgspec.json.Decoder(Word).decode
encode = msgspec.json.Encoder(decimal_format="number").encode
