"""Polygon's messages as they travel: one Struct each, tagged by `ev`, in the vendor's letters.

The stream decodes frames to these and the mock server encodes these to frames. A field that
the vendor may leave out is None. Ids of trades are text or whole numbers, decimal sizes text.
The fields stand in the vendor's order: so they are found the fastest.
"""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from mdc_core.plugin import Messages

Id = str | int | None
Codes = list[int] | None
Number = Decimal | None
Whole = int | None
Levels = list[tuple[Decimal, Decimal]] | None


class Message(Struct, tag_field="ev", omit_defaults=True, gc=False, forbid_unknown_fields=True):
    """What comes of a market; one with a field that is not here goes by `read_loosely`."""


class TradeMessage(Message, tag="T", kw_only=True):
    """A trade of a stock: `t` is the plan's time, `pt` the participant's, `trft` the TRF's."""

    sym: str
    x: Whole = None
    i: Id = None
    z: Whole = None
    p: Decimal
    s: Number = None
    ds: Number = None
    c: Codes = None
    t: int
    pt: Whole = None
    q: Whole = None
    trfi: Whole = None
    trft: Whole = None


class QuoteMessage(Message, tag="Q", kw_only=True, rename={"as_": "as"}):
    """The best bid and offer of a stock."""

    sym: str
    bx: Whole = None
    bp: Number = None
    bs: Number = None
    ax: Whole = None
    ap: Number = None
    as_: Number = None
    c: int | list[int] | None = None
    i: Codes = None
    t: int
    pt: Whole = None
    q: Whole = None
    z: Whole = None


class SecondMessage(Message, tag="A", kw_only=True):
    """A second bar of a stock or an index."""

    sym: str
    v: Number = None
    dv: Number = None
    av: Number = None
    dav: Number = None
    op: Number = None
    vw: Number = None
    o: Decimal
    c: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the vendor's letter
    a: Number = None
    z: Number = None
    s: int
    e: int
    otc: bool | None = None


class MinuteMessage(SecondMessage, tag="AM"):
    """A minute bar of a stock or an index."""


class BandMessage(Message, tag="LULD", kw_only=True):
    """Limit-up and limit-down price bands of a stock."""

    T: str
    h: Number = None
    l: Number = None  # noqa: E741 - the vendor's letter
    i: Codes = None
    z: Whole = None
    t: int
    q: Whole = None


class ImbalanceMessage(Message, tag="NOI", kw_only=True):
    """A net order imbalance before an auction."""

    T: str
    t: int
    at: Whole = None
    a: str | None = None
    i: Whole = None
    x: Whole = None
    o: Number = None
    p: Number = None
    b: Number = None


class CryptoTradeMessage(Message, tag="XT", kw_only=True):
    """A trade of a crypto pair; `r` is when the vendor received it."""

    pair: str
    p: Decimal
    t: int
    s: Decimal
    c: Codes = None
    i: Id = None
    x: Whole = None
    r: Whole = None


class CryptoQuoteMessage(Message, tag="XQ", kw_only=True, rename={"as_": "as"}):
    """The best bid and offer of a crypto pair at one exchange."""

    pair: str
    bp: Number = None
    bs: Number = None
    ap: Number = None
    as_: Number = None
    t: int
    x: Whole = None
    r: Whole = None


class CryptoBookMessage(Message, tag="XL2", kw_only=True):
    """The book of a crypto pair at one exchange, all of it."""

    pair: str
    b: Levels = None
    a: Levels = None
    t: int
    x: Whole = None
    r: Whole = None


class PairMinuteMessage(Message, tag="XA", kw_only=True):
    """A minute bar of a crypto pair."""

    pair: str
    o: Decimal
    c: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the vendor's letter
    v: Number = None
    s: int
    e: int
    vw: Number = None
    z: Number = None


class PairSecondMessage(PairMinuteMessage, tag="XAS"):
    """A second bar of a crypto pair."""


class ForexMinuteMessage(PairMinuteMessage, tag="CA"):
    """A minute bar of currencies; its `v` counts quotes."""


class ForexSecondMessage(PairMinuteMessage, tag="CAS"):
    """A second bar of currencies; its `v` counts quotes."""


class ForexQuoteMessage(Message, tag="C", kw_only=True):
    """The bid and offer of currencies; the pair is in `p`."""

    p: str
    x: Whole = None
    a: Number = None
    b: Number = None
    t: int


class IndexMessage(Message, tag="V", kw_only=True):
    """The value of an index."""

    val: Decimal
    T: str
    t: int


class FairMessage(Message, tag="FMV", kw_only=True):
    """The vendor's fair market value."""

    fmv: Decimal
    sym: str
    t: int


class Unread(Struct):
    """As much as can be told of a message that cannot be read: where its symbol may be."""

    sym: object = None
    pair: object = None
    T: object = None
    p: object = None


class StatusMessage(Struct, tag_field="ev", tag="status", omit_defaults=True):
    """What the server says of the connection."""

    status: str
    message: str = ""


AnyMessage = (
    TradeMessage
    | QuoteMessage
    | SecondMessage
    | MinuteMessage
    | BandMessage
    | ImbalanceMessage
    | CryptoTradeMessage
    | CryptoQuoteMessage
    | CryptoBookMessage
    | PairMinuteMessage
    | PairSecondMessage
    | ForexMinuteMessage
    | ForexSecondMessage
    | ForexQuoteMessage
    | IndexMessage
    | FairMessage
    | StatusMessage
)

_read = Messages(AnyMessage).read


class Extended(Struct):
    """A message, and the fields that it has beside those we know."""

    message: Any
    more: dict[str, Any]


def read_loosely(part: bytes) -> Any:
    """A message; `Extended` if it has fields that nobody here knows."""
    message, more = _read(part)
    return message if more is None else Extended(message, more)


encode = msgspec.json.Encoder(decimal_format="number").encode
