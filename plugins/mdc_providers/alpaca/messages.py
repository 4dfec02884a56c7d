"""Alpaca's messages as they travel: one Struct each, tagged by `T`, in the vendor's letters.

The stream decodes frames to these and the mock server encodes these to frames. A field that
the vendor may leave out is None. Trade ids are whole numbers at Alpaca; text is read and
written too, so that the mock server can play trades of other venues with their ids intact.
"""

import re
from decimal import Decimal
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from mdc_core.plugin import DataError, Messages

Id = int | str | None
Text = str | None
Texts = list[str] | None
Number = Decimal | None


Time = TypeVar("Time")  # text in JSON, an extension in msgpack


class Message(
    Struct, Generic[Time], tag_field="T", omit_defaults=True, gc=False, forbid_unknown_fields=True
):
    """What every message about an instrument carries; one with more goes by `read_loosely`."""

    S: str
    t: Time


# The fields of the two below stand in the vendor's order: so they are found the fastest.
class TradeMessage(Message[Time], Generic[Time], tag="t", kw_only=True):
    """A trade."""

    i: Id = None
    x: Text = None
    p: Decimal
    s: Decimal
    c: Texts = None
    z: Text = None
    tks: Text = None


class QuoteMessage(Message[Time], Generic[Time], tag="q", rename={"as_": "as"}):
    """The best bid and offer."""

    bx: Text = None
    bp: Number = None
    bs: Number = None
    ax: Text = None
    ap: Number = None
    as_: Number = None
    c: Texts = None
    z: Text = None


class BarMessage(Message[Time], Generic[Time], tag="b"):
    """A minute bar."""

    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the vendor's letter
    c: Decimal
    v: Number = None
    n: int | None = None
    vw: Number = None


class UpdatedBarMessage(BarMessage[Time], Generic[Time], tag="u"):
    """A minute bar again, after late trades."""


class DailyBarMessage(BarMessage[Time], Generic[Time], tag="d"):
    """The running bar of the day."""


class StatusMessage(Message[Time], Generic[Time], tag="s"):
    """A halt or a resumption."""

    sc: Text = None
    sm: Text = None
    rc: Text = None
    rm: Text = None
    z: Text = None


class BandMessage(Message[Time], Generic[Time], tag="l"):
    """Limit-up and limit-down price bands."""

    u: Number = None
    d: Number = None
    i: Text = None
    z: Text = None


class CorrectionMessage(Message[Time], Generic[Time], tag="c"):
    """A trade is corrected."""

    x: Text = None
    oi: Id = None
    op: Number = None
    os: Number = None
    oc: Texts = None
    ci: Id = None
    cp: Number = None
    cs: Number = None
    cc: Texts = None
    z: Text = None


class CancelMessage(Message[Time], Generic[Time], tag="x"):
    """A trade is cancelled, or was an error."""

    i: Id = None
    x: Text = None
    p: Number = None
    s: Number = None
    a: Text = None
    z: Text = None


class ImbalanceMessage(Message[Time], Generic[Time], tag="i"):
    """An order imbalance."""

    p: Number = None
    z: Text = None


class LevelMessage(Struct, gc=False, forbid_unknown_fields=True):
    """One level of a book."""

    p: Decimal
    s: Decimal


class BookMessage(Message[Time], Generic[Time], tag="o"):
    """An order book: all of it where `r` is true, else its changed levels."""

    b: list[LevelMessage] | None = None
    a: list[LevelMessage] | None = None
    r: bool = False


class PricingMessage(Message[Time], Generic[Time], tag="p"):
    """The prices of a perpetual future, its funding rate, and when that is paid next."""

    x: Text = None
    ip: Number = None
    mp: Number = None
    fr: Number = None
    oi: Number = None
    ft: Time | None = None


class NewsMessage(
    Struct, Generic[Time], tag_field="T", tag="n", omit_defaults=True, forbid_unknown_fields=True
):
    """An item of news; `content` is HTML."""

    id: Id
    headline: str
    created_at: Time
    updated_at: Time | None = None
    summary: Text = None
    author: Text = None
    url: Text = None
    content: Text = None
    symbols: Texts = None
    source: Text = None


class Unread(Struct):
    """As much as can be told of a message that cannot be read."""

    T: object = None
    S: object = None


class Success(Struct, tag_field="T", tag="success"):
    """Connected, or authenticated."""

    msg: str


class Refusal(Struct, tag_field="T", tag="error"):
    """Alpaca says no."""

    code: int
    msg: str = ""


class Acknowledged(Struct, tag_field="T", tag="subscription", rename="camel"):
    """The complete state of the subscription, after each change of it."""

    trades: Texts = None
    quotes: Texts = None
    bars: Texts = None
    updated_bars: Texts = None
    daily_bars: Texts = None
    statuses: Texts = None
    lulds: Texts = None
    imbalances: Texts = None
    orderbooks: Texts = None
    pricing: Texts = None
    news: Texts = None


Known: TypeAlias = (
    TradeMessage[Time]
    | QuoteMessage[Time]
    | BarMessage[Time]
    | UpdatedBarMessage[Time]
    | DailyBarMessage[Time]
    | StatusMessage[Time]
    | BandMessage[Time]
    | CorrectionMessage[Time]
    | CancelMessage[Time]
    | ImbalanceMessage[Time]
    | BookMessage[Time]
    | PricingMessage[Time]
    | NewsMessage[Time]
    | Success
    | Refusal
    | Acknowledged
)

_read = Messages(Known[str]).read  # type: ignore[misc]  # mypy sees no alias of generic ones


class Extended(Struct):
    """A message, and the fields that it has beside those we know."""

    message: Any
    more: dict[str, Any]


_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{},]')
_DEEPEST = 100_000


def parts_of(frame: str | bytes) -> list[bytes]:
    """The members of a JSON array, found by their brackets: they may be nested 100,000 deep.

    Raises DataError for a frame that is none, or nested deeper still.
    """
    data = frame.encode() if isinstance(frame, str) else frame
    parts, depth, start = [], 0, 0
    for mark in _MARKS.finditer(data):
        if (sign := mark[0]) in b"[{":
            depth += 1
            start = mark.end() if depth == 1 else start
            if depth > _DEEPEST:
                raise DataError(f"alpaca: a frame that is nested more than {_DEEPEST:,} deep")
        elif sign in b"]}," and (depth := depth - (sign != b",")) == (sign == b","):
            parts.append(data[start : mark.start()].strip())
            start = mark.end()
    if depth:
        raise DataError("alpaca: a frame that is no list of messages: its brackets do not close")
    return parts


def read_loosely(part: bytes) -> Any:
    """A message; `Extended` if it has fields that nobody here knows."""
    message, more = _read(part)
    return message if more is None else Extended(message, more)


encode = msgspec.json.Encoder(decimal_format="number").encode
