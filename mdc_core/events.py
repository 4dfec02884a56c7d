"""The vocabulary: one event is one row, and `type` decides which fields apply.

Prices, sizes and volumes are exact decimals, times are the text of the wire (see `times`),
a field that is absent is None. The Arrow and the JSON Schema are derived from these
classes by `schema.py`; nothing else lists the fields.

Rules for a change: a new optional field raises the minor version of its type, anything
that an old reader would misread raises the major one. Names are the same everywhere.
"""

from decimal import Decimal
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct, field


def _doc(text: str) -> Meta:
    return Meta(description=text)


def _one_of(text: str, *values: str) -> Meta:
    return Meta(description=text, extra_json_schema={"enum": [*values, None]})


def _time(text: str) -> Meta:
    return Meta(description=text, extra_json_schema={"format": "date-time"})


def _date(text: str) -> Meta:
    return Meta(description=text, extra_json_schema={"format": "date"})


Text = str | None
Number = Decimal | None
Whole = int | None


class Event(Struct, tag_field="type", omit_defaults=True, gc=False):
    """What every event carries."""

    required: ClassVar[tuple[str, ...]] = ("ts_event",)

    # A factory, because a plain default would be omitted from the line.
    v: Annotated[str, _doc("version of the type's schema")] = field(
        default_factory="1.0.0".__str__
    )
    symbol: Annotated[Text, _doc("the instrument, as the provider names it")] = None
    ts_event: Annotated[Text, _time("when the venue says it happened")] = None
    ts_recv: Annotated[Text, _time("when our host received it")] = None
    provider: Annotated[Text, _doc("who told us")] = None
    venue: Annotated[Text, _doc("where it happened, a MIC (ISO 10383) if known")] = None
    channel: Annotated[Text, _doc("id of the stream it came by")] = None
    seq: Annotated[
        Whole, _doc("the sender's sequence number, only where it defines one")
    ] = None
    extra: Annotated[
        dict[str, Any] | None, _doc("what the provider says beyond these fields")
    ] = None


class Market(Event, tag=False):
    """An event about one instrument."""

    required: ClassVar[tuple[str, ...]] = ("symbol", "ts_event")


class Trade(Market, tag="trade"):
    """A trade was made."""

    required: ClassVar[tuple[str, ...]] = ("symbol", "ts_event", "price", "size")

    price: Annotated[Number, _doc("price of one unit")] = None
    size: Annotated[Number, _doc("units traded")] = None
    aggressor_side: Annotated[
        Text, _one_of("the side that took liquidity", "buy", "sell", "none")
    ] = None
    trade_id: Annotated[Text, _doc("the venue's id; an identity, not a sequence")] = None
    conditions: Annotated[list[str] | None, _doc("sale conditions, the feed's codes")] = None
    tape: Annotated[Text, _doc("consolidated tape: A, B or C")] = None


class Quote(Market, tag="quote"):
    """The best bid and offer changed; a side that is absent is unchanged or unknown."""

    bid_price: Annotated[Number, _doc("best bid")] = None
    bid_size: Annotated[Number, _doc("units bid for at the best bid")] = None
    bid_venue: Annotated[Text, _doc("venue of the best bid")] = None
    ask_price: Annotated[Number, _doc("best offer")] = None
    ask_size: Annotated[Number, _doc("units offered at the best offer")] = None
    ask_venue: Annotated[Text, _doc("venue of the best offer")] = None
    conditions: Annotated[list[str] | None, _doc("quote conditions, the feed's codes")] = None
    tape: Annotated[Text, _doc("consolidated tape: A, B or C")] = None


class Level(Struct, omit_defaults=True, gc=False):
    """One price level of a book."""

    price: Decimal
    size: Decimal
    count: Whole = None


class Book(Market, tag="book"):
    """A whole order book at one moment."""

    bids: Annotated[list[Level] | None, _doc("levels bid, best first")] = None
    asks: Annotated[list[Level] | None, _doc("levels offered, best first")] = None
    checksum: Annotated[Text, _doc("the venue's checksum of the book")] = None


class Delta(Market, tag="delta"):
    """One level or one order of a book changed."""

    required: ClassVar[tuple[str, ...]] = ("symbol", "ts_event", "action")

    action: Annotated[
        Text, _one_of("what happened to it", "add", "modify", "cancel", "clear")
    ] = None
    side: Annotated[Text, _one_of("side of the book", "bid", "ask")] = None
    price: Annotated[Number, _doc("price of the level or order")] = None
    size: Annotated[Number, _doc("its new size; 0 removes a level")] = None
    level: Annotated[Whole, _doc("position in the book, 0 is the best")] = None
    order_id: Annotated[Text, _doc("the venue's order id")] = None
    participant: Annotated[Text, _doc("market maker or member")] = None


class Bar(Market, tag="bar"):
    """Open, high, low, close and volume of one interval; ts_event is its start."""

    required: ClassVar[tuple[str, ...]] = (
        "symbol", "ts_event", "interval", "open", "high", "low", "close",
    )  # fmt: skip

    interval: Annotated[Text, _doc("length of the bar: 1s, 1m, 1h, 1d, 1w, 1mo")] = None
    ts_close: Annotated[Text, _time("end of the bar, exclusive")] = None
    open: Annotated[Number, _doc("first price")] = None
    high: Annotated[Number, _doc("highest price")] = None
    low: Annotated[Number, _doc("lowest price")] = None
    close: Annotated[Number, _doc("last price")] = None
    volume: Annotated[Number, _doc("units traded")] = None
    vwap: Annotated[Number, _doc("volume-weighted average price")] = None
    trade_count: Annotated[Whole, _doc("number of trades")] = None
    adjustment: Annotated[
        Text, _one_of("what the prices are adjusted for", "raw", "split", "all")
    ] = None
    is_final: Annotated[bool | None, _doc("false while the interval is running")] = None
    revision: Annotated[Whole, _doc("0 at first, then one more for each restatement")] = None


class Auction(Market, tag="auction"):
    """The result of an auction."""

    auction: Annotated[
        Text, _one_of("which auction", "open", "close", "halt", "intraday", "ipo")
    ] = None
    price: Annotated[Number, _doc("auction price")] = None
    size: Annotated[Number, _doc("units traded in the auction")] = None
    conditions: Annotated[list[str] | None, _doc("conditions, the feed's codes")] = None
    tape: Annotated[Text, _doc("consolidated tape: A, B or C")] = None


class Imbalance(Market, tag="imbalance"):
    """Orders that find no counterpart before an auction."""

    auction: Annotated[
        Text, _one_of("which auction", "open", "close", "halt", "intraday", "ipo")
    ] = None
    side: Annotated[Text, _one_of("side of the surplus", "buy", "sell", "none")] = None
    price: Annotated[Number, _doc("reference price")] = None
    paired_size: Annotated[Number, _doc("units that find a counterpart")] = None
    imbalance_size: Annotated[Number, _doc("units that do not")] = None
    indicative_price: Annotated[Number, _doc("price at which the auction would clear")] = None
    tape: Annotated[Text, _doc("consolidated tape: A, B or C")] = None


class Status(Market, tag="status"):
    """The state of an instrument: halts, resumptions, limit bands."""

    status: Annotated[
        Text,
        _one_of(
            "the state it enters", "trading", "quoting", "halted", "paused", "closed",
            "limit_band", "indication", "imbalance", "short_sale_restriction", "other",
        ),
    ] = None  # fmt: skip
    status_code: Annotated[Text, _doc("the feed's status code")] = None
    reason_code: Annotated[Text, _doc("the feed's reason code")] = None
    message: Annotated[Text, _doc("the feed's words for the status")] = None
    reason: Annotated[Text, _doc("the feed's words for the reason")] = None
    limit_down: Annotated[Number, _doc("lower price band")] = None
    limit_up: Annotated[Number, _doc("upper price band")] = None
    indicator: Annotated[Text, _doc("the feed's limit-state indicator")] = None
    tape: Annotated[Text, _doc("consolidated tape: A, B or C")] = None


class Correction(Market, tag="correction"):
    """An earlier trade is replaced: cancel the original, insert the corrected one."""

    original_trade_id: Annotated[Text, _doc("id of the trade that was wrong")] = None
    original_price: Annotated[Number, _doc("its price")] = None
    original_size: Annotated[Number, _doc("its size")] = None
    original_conditions: Annotated[list[str] | None, _doc("its conditions")] = None
    trade_id: Annotated[Text, _doc("id of the trade that replaces it")] = None
    price: Annotated[Number, _doc("corrected price")] = None
    size: Annotated[Number, _doc("corrected size")] = None
    conditions: Annotated[list[str] | None, _doc("corrected conditions")] = None
    tape: Annotated[Text, _doc("consolidated tape: A, B or C")] = None


class Cancel(Market, tag="cancel"):
    """An earlier trade did not happen."""

    trade_id: Annotated[Text, _doc("id of the trade that is void")] = None
    price: Annotated[Number, _doc("its price")] = None
    size: Annotated[Number, _doc("its size")] = None
    reason: Annotated[Text, _doc("cancel or error, or the feed's words")] = None
    tape: Annotated[Text, _doc("consolidated tape: A, B or C")] = None


class Dividend(Market, tag="dividend"):
    """A dividend; ts_event is midnight of the ex-date at the venue."""

    amount: Annotated[Number, _doc("per share, before tax")] = None
    currency: Annotated[Text, _doc("ISO 4217")] = None
    ex_date: Annotated[Text, _date("first day without the right to it")] = None
    record_date: Annotated[Text, _date("day on which holders are recorded")] = None
    pay_date: Annotated[Text, _date("day of payment")] = None
    declaration_date: Annotated[Text, _date("day of announcement")] = None


class Split(Market, tag="split"):
    """A split; ts_event is midnight of the ex-date at the venue."""

    split_from: Annotated[Number, _doc("old shares")] = None
    split_to: Annotated[Number, _doc("new shares for them")] = None
    ex_date: Annotated[Text, _date("first day on which new shares trade")] = None


class Flow(Market, tag="flow"):
    """Who pressed, over a window that ends at ts_event."""

    interval: Annotated[Text, _doc("length of the window")] = None
    buy_volume: Annotated[Number, _doc("units bought by aggressors")] = None
    sell_volume: Annotated[Number, _doc("units sold by aggressors")] = None
    none_volume: Annotated[Number, _doc("units of unknown side")] = None
    trade_count: Annotated[Whole, _doc("number of trades")] = None
    vwap: Annotated[Number, _doc("volume-weighted average price")] = None
    imbalance: Annotated[float | None, _doc("(buy - sell) / all, -1 to 1")] = None


class Indicator(Market, tag="indicator"):
    """The value of a statistic at ts_event."""

    name: Annotated[Text, _doc("name and parameters: sma(20)")] = None
    value: Annotated[float | None, _doc("its value; a statistic, hence a float")] = None


class Integrity(Event, tag="integrity"):
    """A check's finding; symbol, times, channel and seq are those of its row."""

    required: ClassVar[tuple[str, ...]] = ("check", "severity", "message")

    check: Annotated[Text, _doc("the check that found it")] = None
    severity: Annotated[Text, _one_of("how bad", "info", "warning", "error")] = None
    message: Annotated[Text, _doc("what was found, in one sentence")] = None
    about: Annotated[Text, _doc("type of the event it refers to")] = None
    trade_id: Annotated[Text, _doc("id of the trade it refers to")] = None


class Gap(Event, tag="gap"):
    """Something is missing between start and end."""

    required: ClassVar[tuple[str, ...]] = ("reason",)

    start: Annotated[Text, _time("last moment before it")] = None
    end: Annotated[Text, _time("first moment after it; absent: unknown")] = None
    count: Annotated[Whole, _doc("events missing; absent: unknown")] = None
    reason: Annotated[
        Text, _doc("why: disconnect, sequence, overflow, truncated, ...")
    ] = None


class Connection(Event, tag="connection"):
    """The connection to a provider changed."""

    required: ClassVar[tuple[str, ...]] = ("state",)

    state: Annotated[Text, _one_of("its state", "up", "down", "resubscribed")] = None
    reason: Annotated[Text, _doc("why")] = None


class Heartbeat(Event, tag="heartbeat"):
    """The provider is alive and has nothing to say."""


class Begin(Event, tag="begin"):
    """The first event of a stream that mdc writes."""

    required: ClassVar[tuple[str, ...]] = ("run_id", "stage")

    run_id: Annotated[Text, _doc("id of the run, the same at every stage")] = None
    stage: Annotated[Text, _doc("the command that writes the stream")] = None
    mdc: Annotated[Text, _doc("version of mdc")] = None
    versions: Annotated[dict[str, Any] | None, _doc("schema version by type")] = None
    request: Annotated[dict[str, Any] | None, _doc("what was asked for")] = None
    origin: Annotated[dict[str, Any] | None, _doc("the begin event of the input")] = None


class End(Event, tag="end"):
    """The last event of a stream that mdc writes."""

    required: ClassVar[tuple[str, ...]] = ("run_id", "stage", "counts", "reason")

    run_id: Annotated[Text, _doc("id of the run, the same at every stage")] = None
    stage: Annotated[Text, _doc("the command that writes the stream")] = None
    counts: Annotated[dict[str, Any] | None, _doc("events written, by type")] = None
    reason: Annotated[
        Text, _one_of("why it ends", "eof", "signal", "limit", "error", "truncated")
    ] = None


EVENT_TYPES: dict[str, type[Event]] = {
    str(cls.__struct_config__.tag): cls
    for cls in (
        Trade, Quote, Book, Delta, Bar, Auction, Imbalance, Status, Correction, Cancel,
        Dividend, Split, Flow, Indicator, Integrity, Gap, Connection, Heartbeat, Begin, End,
    )
}  # fmt: skip

CONTROL_TYPES = ("begin", "end", "heartbeat")


def type_of(event: Event) -> str:
    """The value of an event's `type` field."""
    return str(type(event).__struct_config__.tag)
