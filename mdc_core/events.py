"""The vocabulary: one event is one row, and `type` decides which fields apply.

Here are the events about the data itself; those about an instrument are in `market.py`.
Prices, sizes and volumes are exact decimals, times are the text of the wire (see `times`),
a field that is absent is None. The Arrow and the JSON Schema are derived from the
classes by `schema.py`; nothing else lists the fields.

Rules for a change: a new optional field raises the minor version of its type, anything
that an old reader would misread raises the major one. Names are the same everywhere.
"""

from typing import Annotated, Any, ClassVar

from msgspec import field

from mdc_core.errors import CAUSES
from mdc_core.market import (
    VERSION,
    Auction,
    Bar,
    Book,
    Cancel,
    Correction,
    Delta,
    Dividend,
    Event,
    Flow,
    Funding,
    Imbalance,
    Indicator,
    Level,
    Liquidation,
    Market,
    News,
    Number,
    OpenInterest,
    Quote,
    Split,
    Status,
    Text,
    Trade,
    Whole,
    doc,
    one_of,
    time,
)


class Integrity(Event, tag="integrity"):
    """A check's finding; symbol, times, channel and seq are those of its row."""

    required: ClassVar[tuple[str, ...]] = ("check", "severity", "message")

    check: Annotated[Text, doc("the check that found it")] = None
    severity: Annotated[Text, one_of("how bad", "info", "warning", "error")] = None
    message: Annotated[Text, doc("what was found, in one sentence")] = None
    about: Annotated[Text, doc("type of the event it refers to")] = None
    trade_id: Annotated[Text, doc("id of the trade it refers to")] = None


class Gap(Event, tag="gap"):
    """Missing from start to end: of symbol, else of extra.symbols (or patterns), else of all."""

    required: ClassVar[tuple[str, ...]] = ("reason",)

    start: Annotated[Text, time("last moment before it; receive time of a disconnect")] = None
    end: Annotated[Text, time("first moment after it; absent: unknown")] = None
    count: Annotated[Whole, doc("events missing; absent: unknown")] = None
    reason: Annotated[Text, doc("why: disconnect, sequence, overflow, ...")] = None


class Connection(Event, tag="connection"):
    """The connection to a provider changed."""

    required: ClassVar[tuple[str, ...]] = ("state",)

    v: Annotated[str, doc(VERSION)] = field(default_factory="1.1.0".__str__)
    state: Annotated[Text, one_of("its state", "up", "down", "resubscribed")] = None
    reason: Annotated[Text, doc("why")] = None
    cause: Annotated[Text, one_of("the kind of reason", *CAUSES)] = None
    attempt: Annotated[Whole, doc("try in a row: of down the next, of up this one")] = None
    retry_at: Annotated[Text, time("of down: when it is tried next; absent: never")] = None
    breaker: Annotated[
        Text, one_of("circuit breaker: open lets nothing be tried", "closed", "open", "half-open")
    ] = None


class Heartbeat(Event, tag="heartbeat"):
    """How a feed is, every 30 seconds; of others: it is alive and has nothing to say."""

    v: Annotated[str, doc(VERSION)] = field(default_factory="1.1.0".__str__)
    seconds: Annotated[Number, doc("seconds that it tells of")] = None
    count: Annotated[Whole, doc("events about instruments in that time")] = None
    rate: Annotated[Number, doc("events about instruments a second")] = None
    lag_p50: Annotated[Number, doc("median of receive time less event time, in seconds")] = None
    lag_p99: Annotated[Number, doc("99th percentile of receive time less event time")] = None
    clock_offset: Annotated[
        Number, doc("least lag of the last minutes: way, and clock of here less the venue's")
    ] = None
    buffered: Annotated[Whole, doc("events that wait to be written")] = None
    dropped: Annotated[Whole, doc("events for which there was no room, since the start")] = None
    connections: Annotated[Whole, doc("connections that are up")] = None


class Begin(Event, tag="begin"):
    """The first event of a stream that mdc writes."""

    required: ClassVar[tuple[str, ...]] = ("run_id", "stage")

    run_id: Annotated[Text, doc("id of the run, the same at every stage")] = None
    stage: Annotated[Text, doc("the command that writes the stream")] = None
    mdc: Annotated[Text, doc("version of mdc")] = None
    versions: Annotated[dict[str, Any] | None, doc("schema version by type")] = None
    request: Annotated[dict[str, Any] | None, doc("what was asked for")] = None
    origin: Annotated[dict[str, Any] | None, doc("the begin event of the input")] = None


class End(Event, tag="end"):
    """The last event of a stream that mdc writes."""

    required: ClassVar[tuple[str, ...]] = ("run_id", "stage", "counts", "reason")

    run_id: Annotated[Text, doc("id of the run, the same at every stage")] = None
    stage: Annotated[Text, doc("the command that writes the stream")] = None
    counts: Annotated[dict[str, Any] | None, doc("events written, by type")] = None
    reason: Annotated[
        Text, one_of("why it ends", "eof", "signal", "limit", "error", "truncated")
    ] = None


class Ack(Event, tag="ack"):
    """What a sink has made durable so far."""

    required: ClassVar[tuple[str, ...]] = ("run_id", "stage", "counts")

    run_id: Annotated[Text, doc("id of the run")] = None
    stage: Annotated[Text, doc("the command that made it durable")] = None
    counts: Annotated[dict[str, Any] | None, doc("events that are durable, by type")] = None


EVENT_TYPES: dict[str, type[Event]] = {
    str(cls.__struct_config__.tag): cls
    for cls in (
        Trade,
        Quote,
        Book,
        Delta,
        Bar,
        Auction,
        Imbalance,
        Status,
        Correction,
        Cancel,
        Dividend,
        Split,
        News,
        Funding,
        Liquidation,
        OpenInterest,
        Flow,
        Indicator,
        Integrity,
        Gap,
        Connection,
        Heartbeat,
        Begin,
        End,
        Ack,
    )
}

CONTROL_TYPES = ("begin", "end", "heartbeat", "ack")


def type_of(event: Event) -> str:
    """The value of an event's `type` field."""
    return str(type(event).__struct_config__.tag)


__all__ = [
    "CONTROL_TYPES",
    "EVENT_TYPES",
    "Ack",
    "Auction",
    "Bar",
    "Begin",
    "Book",
    "Cancel",
    "Connection",
    "Correction",
    "Delta",
    "Dividend",
    "End",
    "Event",
    "Flow",
    "Funding",
    "Gap",
    "Heartbeat",
    "Imbalance",
    "Indicator",
    "Integrity",
    "Level",
    "Liquidation",
    "Market",
    "News",
    "OpenInterest",
    "Quote",
    "Split",
    "Status",
    "Trade",
    "type_of",
]
