"""Market data: what every event carries, and the events about one instrument.

Import them from `events`, which has the whole vocabulary, and the rules for a change.
"""

from decimal import Decimal
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct, field


def doc(text: str) -> Meta:
    """A field, described."""
    return Meta(description=text)


def one_of(text: str, *values: str) -> Meta:
    """A field that has one of these values."""
    return Meta(description=text, extra_json_schema={"enum": [*values, None]})


def time(text: str) -> Meta:
    """A field that holds a time."""
    return Meta(description=text, extra_json_schema={"format": "date-time"})


def date(text: str) -> Meta:
    """A field that holds a day."""
    return Meta(description=text, extra_json_schema={"format": "date"})


VERSION = "version of the type's schema"
Text = str | None
Number = Decimal | None
Whole = int | None


class Event(Struct, tag_field="type", omit_defaults=True, gc=False):
    """What every event carries."""

    required: ClassVar[tuple[str, ...]] = ("ts_event",)

    # A factory, because a plain default would be omitted from the line.
    v: Annotated[str, doc(VERSION)] = field(default_factory="1.0.0".__str__)
    symbol: Annotated[Text, doc("the instrument, as the provider names it")] = None
    ts_event: Annotated[Text, time("when the venue says it happened")] = None
    ts_recv: Annotated[Text, time("when our host received it")] = None
    provider: Annotated[Text, doc("who told us")] = None
    venue: Annotated[Text, doc("where it happened, a MIC (ISO 10383) if known")] = None
    channel: Annotated[
        Text,
        doc(
            "its connection; behind a slash, what has its own seq; behind a colon, what has not; "
            "behind a tilde, what has one that skips numbers"
        ),
    ] = None
    seq: Annotated[Whole, doc("the sender's sequence number, only where it defines one")] = None
    extra: Annotated[dict[str, Any] | None, doc("what the provider says beyond these fields")] = (
        None
    )


class Market(Event, tag=False):
    """An event about one instrument."""

    required: ClassVar[tuple[str, ...]] = ("symbol", "ts_event")


class Trade(Market, tag="trade"):
    """A trade was made."""

    required: ClassVar[tuple[str, ...]] = ("symbol", "ts_event", "price", "size")

    price: Annotated[Number, doc("price of one unit")] = None
    size: Annotated[Number, doc("units traded")] = None
    aggressor_side: Annotated[
        Text, one_of("the side that took liquidity", "buy", "sell", "none")
    ] = None
    trade_id: Annotated[Text, doc("the venue's id; an identity, not a sequence")] = None
    conditions: Annotated[list[str] | None, doc("sale conditions, the feed's codes")] = None
    tape: Annotated[Text, doc("consolidated tape: A, B or C")] = None


class Quote(Market, tag="quote"):
    """The best bid and offer changed; a side that is absent is unchanged or unknown."""

    bid_price: Annotated[Number, doc("best bid")] = None
    bid_size: Annotated[Number, doc("units at the best bid; 0 and no price: nobody bids")] = None
    bid_venue: Annotated[Text, doc("venue of the best bid")] = None
    ask_price: Annotated[Number, doc("best offer")] = None
    ask_size: Annotated[Number, doc("units at the best offer; 0 and no price: nobody offers")] = (
        None
    )
    ask_venue: Annotated[Text, doc("venue of the best offer")] = None
    conditions: Annotated[list[str] | None, doc("quote conditions, the feed's codes")] = None
    tape: Annotated[Text, doc("consolidated tape: A, B or C")] = None


class Level(Struct, omit_defaults=True, gc=False):
    """One price level of a book."""

    price: Decimal
    size: Decimal
    count: Whole = None


class Book(Market, tag="book"):
    """A whole order book at one moment."""

    v: Annotated[str, doc("version of the type's schema")] = field(default_factory="1.1.0".__str__)
    bids: Annotated[list[Level] | None, doc("levels bid, best first")] = None
    asks: Annotated[list[Level] | None, doc("levels offered, best first")] = None
    checksum: Annotated[Text, doc("the venue's checksum of the book")] = None
    depth: Annotated[
        Whole,
        doc("levels a side that the venue keeps up to date; cut the book to it after each change"),
    ] = None


class Delta(Market, tag="delta"):
    """One level or one order of a book changed."""

    required: ClassVar[tuple[str, ...]] = ("symbol", "ts_event", "action")

    v: Annotated[str, doc("version of the type's schema")] = field(default_factory="1.1.0".__str__)
    action: Annotated[Text, one_of("what happened to it", "add", "modify", "cancel", "clear")] = (
        None
    )
    side: Annotated[Text, one_of("side of the book", "bid", "ask")] = None
    price: Annotated[Number, doc("price of the level or order")] = None
    size: Annotated[Number, doc("its new size; 0 removes a level")] = None
    level: Annotated[Whole, doc("position in the book, 0 is the best")] = None
    order_id: Annotated[Text, doc("the venue's order id")] = None
    participant: Annotated[Text, doc("market maker or member")] = None
    checksum: Annotated[
        Text, doc("the venue's checksum of the book, on the last change of a message")
    ] = None


class Bar(Market, tag="bar"):
    """Open, high, low, close and volume of one interval; ts_event is its start."""

    required: ClassVar[tuple[str, ...]] = (
        "symbol",
        "ts_event",
        "interval",
        "open",
        "high",
        "low",
        "close",
    )

    interval: Annotated[Text, doc("length of the bar: 1s, 1m, 1h, 1d, 1w, 1mo")] = None
    ts_close: Annotated[Text, time("end of the bar, exclusive")] = None
    open: Annotated[Number, doc("first price")] = None
    high: Annotated[Number, doc("highest price")] = None
    low: Annotated[Number, doc("lowest price")] = None
    close: Annotated[Number, doc("last price")] = None
    volume: Annotated[Number, doc("units traded")] = None
    vwap: Annotated[Number, doc("volume-weighted average price")] = None
    trade_count: Annotated[Whole, doc("number of trades")] = None
    adjustment: Annotated[
        Text, one_of("what the prices are adjusted for", "raw", "split", "all")
    ] = None
    is_final: Annotated[bool | None, doc("false while the interval is running")] = None
    revision: Annotated[Whole, doc("0 at first, then one more for each restatement")] = None


class Auction(Market, tag="auction"):
    """The result of an auction."""

    auction: Annotated[
        Text, one_of("which auction", "open", "close", "halt", "intraday", "ipo")
    ] = None
    price: Annotated[Number, doc("auction price")] = None
    size: Annotated[Number, doc("units traded in the auction")] = None
    conditions: Annotated[list[str] | None, doc("conditions, the feed's codes")] = None
    tape: Annotated[Text, doc("consolidated tape: A, B or C")] = None


class Imbalance(Market, tag="imbalance"):
    """Orders that find no counterpart before an auction."""

    auction: Annotated[
        Text, one_of("which auction", "open", "close", "halt", "intraday", "ipo")
    ] = None
    side: Annotated[Text, one_of("side of the surplus", "buy", "sell", "none")] = None
    price: Annotated[Number, doc("reference price")] = None
    paired_size: Annotated[Number, doc("units that find a counterpart")] = None
    imbalance_size: Annotated[Number, doc("units that do not")] = None
    indicative_price: Annotated[Number, doc("price at which the auction would clear")] = None
    tape: Annotated[Text, doc("consolidated tape: A, B or C")] = None


class Status(Market, tag="status"):
    """The state of an instrument: halts, resumptions, limit bands."""

    status: Annotated[
        Text,
        one_of(
            "the state it enters",
            "trading",
            "quoting",
            "halted",
            "paused",
            "closed",
            "limit_band",
            "indication",
            "imbalance",
            "short_sale_restriction",
            "other",
        ),
    ] = None
    status_code: Annotated[Text, doc("the feed's status code")] = None
    reason_code: Annotated[Text, doc("the feed's reason code")] = None
    message: Annotated[Text, doc("the feed's words for the status")] = None
    reason: Annotated[Text, doc("the feed's words for the reason")] = None
    limit_down: Annotated[Number, doc("lower price band")] = None
    limit_up: Annotated[Number, doc("upper price band")] = None
    indicator: Annotated[Text, doc("the feed's limit-state indicator")] = None
    tape: Annotated[Text, doc("consolidated tape: A, B or C")] = None


class Correction(Market, tag="correction"):
    """An earlier trade is replaced: cancel the original, insert the corrected one."""

    original_trade_id: Annotated[Text, doc("id of the trade that was wrong")] = None
    original_price: Annotated[Number, doc("its price")] = None
    original_size: Annotated[Number, doc("its size")] = None
    original_conditions: Annotated[list[str] | None, doc("its conditions")] = None
    trade_id: Annotated[Text, doc("id of the trade that replaces it")] = None
    price: Annotated[Number, doc("corrected price")] = None
    size: Annotated[Number, doc("corrected size")] = None
    conditions: Annotated[list[str] | None, doc("corrected conditions")] = None
    tape: Annotated[Text, doc("consolidated tape: A, B or C")] = None


class Cancel(Market, tag="cancel"):
    """An earlier trade did not happen."""

    trade_id: Annotated[Text, doc("id of the trade that is void")] = None
    price: Annotated[Number, doc("its price")] = None
    size: Annotated[Number, doc("its size")] = None
    reason: Annotated[Text, doc("cancel or error, or the feed's words")] = None
    tape: Annotated[Text, doc("consolidated tape: A, B or C")] = None


class Dividend(Market, tag="dividend"):
    """A dividend; ts_event is midnight of the ex-date at the venue."""

    amount: Annotated[Number, doc("per share, before tax")] = None
    currency: Annotated[Text, doc("ISO 4217")] = None
    ex_date: Annotated[Text, date("first day without the right to it")] = None
    record_date: Annotated[Text, date("day on which holders are recorded")] = None
    pay_date: Annotated[Text, date("day of payment")] = None
    declaration_date: Annotated[Text, date("day of announcement")] = None


class Split(Market, tag="split"):
    """A split; ts_event is midnight of the ex-date at the venue."""

    split_from: Annotated[Number, doc("old shares")] = None
    split_to: Annotated[Number, doc("new shares for them")] = None
    ex_date: Annotated[Text, date("first day on which new shares trade")] = None


class News(Market, tag="news"):
    """An item of news: one event for each symbol that it names, or one without a symbol."""

    required: ClassVar[tuple[str, ...]] = ("ts_event", "headline")

    headline: Annotated[Text, doc("its title")] = None
    summary: Annotated[Text, doc("what it says, in short")] = None
    author: Annotated[Text, doc("who wrote it")] = None
    source: Annotated[Text, doc("who published it")] = None
    url: Annotated[Text, doc("where it can be read")] = None
    content: Annotated[Text, doc("its text, which may be HTML")] = None
    news_id: Annotated[Text, doc("the provider's id, the same in all events of an item")] = None
    symbols: Annotated[list[str] | None, doc("all symbols that it names")] = None
    created: Annotated[Text, time("when it was published first")] = None
    updated: Annotated[Text, time("when it was changed last")] = None


class Funding(Market, tag="funding"):
    """The funding rate of a perpetual future, and the prices that it comes from."""

    funding_rate: Annotated[
        Number, doc("paid at the next funding, longs to shorts, as a fraction of the notional")
    ] = None
    next_funding: Annotated[Text, time("when it is paid next")] = None
    interval: Annotated[Text, doc("from one payment to the next: 8h")] = None
    mark_price: Annotated[Number, doc("price by which positions are valued")] = None
    index_price: Annotated[Number, doc("price of the underlying, over several venues")] = None


class Liquidation(Market, tag="liquidation"):
    """A position is closed by the venue, by an order in the market."""

    required: ClassVar[tuple[str, ...]] = ("symbol", "ts_event", "price", "size")

    side: Annotated[Text, one_of("side of the order: a long position is sold", "buy", "sell")] = (
        None
    )
    price: Annotated[Number, doc("price of the order")] = None
    size: Annotated[Number, doc("units of the order")] = None
    average_price: Annotated[Number, doc("average price of what is filled")] = None
    filled_size: Annotated[Number, doc("units filled so far")] = None
    order_id: Annotated[Text, doc("the venue's order id")] = None


class OpenInterest(Market, tag="open_interest"):
    """The contracts that are open in a derivative."""

    required: ClassVar[tuple[str, ...]] = ("symbol", "ts_event", "open_interest")

    open_interest: Annotated[Number, doc("contracts that are open")] = None
    notional: Annotated[Number, doc("their value, in the currency of the quote")] = None


class Flow(Market, tag="flow"):
    """Who pressed, over a window that ends at ts_event."""

    interval: Annotated[Text, doc("length of the window")] = None
    buy_volume: Annotated[Number, doc("units bought by aggressors")] = None
    sell_volume: Annotated[Number, doc("units sold by aggressors")] = None
    none_volume: Annotated[Number, doc("units of unknown side")] = None
    trade_count: Annotated[Whole, doc("number of trades")] = None
    vwap: Annotated[Number, doc("volume-weighted average price")] = None
    imbalance: Annotated[float | None, doc("(buy - sell) / all, -1 to 1")] = None


class Indicator(Market, tag="indicator"):
    """The value of a statistic at ts_event."""

    name: Annotated[Text, doc("name and parameters: sma(20)")] = None
    value: Annotated[float | None, doc("its value; a statistic, hence a float")] = None
