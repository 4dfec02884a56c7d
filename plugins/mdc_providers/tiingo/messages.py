"""Tiingo's messages as they travel; data are arrays whose places have a meaning for each market.

Tiingo, "Real-time IEX WebSocket API Documentation", "WebSocket crypto", "forex". It may append
places to an array: such a frame is read again, and its array kept under `extra`.
"""

from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from mdc_core.plugin import Messages

Number = Decimal | None
Flag = int | bool | None


class IexRow(Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A row of IEX behind its letter; a time twice, exactly in nanoseconds."""

    date: str
    ns: int
    ticker: str
    bid_size: Number
    bid_price: Number
    mid_price: Any  # left out, so it need not be exact
    ask_price: Number
    ask_size: Number
    last_price: Number
    last_size: Number
    halted: Flag
    after_hours: Flag
    sweep: Flag
    odd_lot: Flag
    exempt: Flag


class IexQuote(IexRow, tag="Q"):
    """The best bid and offer of IEX."""


class IexTrade(IexRow, tag="T"):
    """A trade on IEX."""


class IexBreak(IexRow, tag="B"):
    """A trade on IEX that is void; it is named by its price and size alone."""


class IexReference(Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """The reference price of a stock, at level 6."""

    date: str
    ticker: str
    price: Decimal


class CryptoTrade(Struct, array_like=True, tag="T", forbid_unknown_fields=True, gc=False):
    """A trade, or several at their average price."""

    ticker: str
    date: str
    exchange: str
    last_size: Decimal
    last_price: Decimal


class CryptoQuote(Struct, array_like=True, tag="Q", forbid_unknown_fields=True, gc=False):
    """The best bid and offer of an exchange."""

    ticker: str
    date: str
    exchange: str
    bid_size: Number
    bid_price: Number
    mid_price: Any  # left out, so it need not be exact
    ask_size: Number
    ask_price: Number


class FxQuote(Struct, array_like=True, tag="Q", forbid_unknown_fields=True, gc=False):
    """The best bid and offer; Tiingo's table swaps the last two places, its example does not."""

    ticker: str
    date: str
    bid_size: Number
    bid_price: Number
    mid_price: Any  # left out, so it need not be exact
    ask_size: Number
    ask_price: Number


class Subscribed(Struct, rename="camel"):
    """What is subscribed to: at first its number alone, after a change all of its symbols."""

    subscription_id: int | None = None
    tickers: list[str] | None = None


class Answer(Struct):
    """A code of HTTP's, and words."""

    code: int
    message: str = ""


Data = TypeVar("Data")


class Frame(Struct, Generic[Data], rename="camel", forbid_unknown_fields=True):
    """A frame: of data (A), an answer (I), a heartbeat (H) or an error (E)."""

    message_type: str
    service: str | None = None
    data: Data | dict[str, Any] | None = None
    response: Answer | None = None


def reader(market: str, level: int) -> Messages:
    """What reads the frames of a market at a level."""
    match market, level:
        case "iex", 6:
            return Messages(Frame[IexReference])
        case "iex", _:
            return Messages(Frame[IexQuote | IexTrade | IexBreak])
        case "crypto", _:
            return Messages(Frame[CryptoQuote | CryptoTrade])
    return Messages(Frame[FxQuote])


class Row(Struct, rename="camel"):
    """A frame of data as the mock server writes it."""

    service: str
    message_type: str
    data: Struct


class RowByTheBook(Struct, rename="camel"):
    """The same with its fields in the order of the documentation."""

    message_type: str
    service: str
    data: Struct


encode = msgspec.json.Encoder(decimal_format="number").encode
