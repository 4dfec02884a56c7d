"""Random streams: the findings are those of a plain model."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.batch import from_rows
from mdc_core.contracts import Check
from mdc_core.events import Bar, Book, Delta, Event, Level, Quote, Trade, type_of
from mdc_core.grouped import Groups
from mdc_core.times import from_ns, to_ns
from mdc_validators.crossed import Crossed, CrossedOptions
from mdc_validators.duplicate import Duplicate, DuplicateOptions
from mdc_validators.future import Future, FutureOptions
from mdc_validators.monotonic import Monotonic, MonotonicOptions
from mdc_validators.price import Price, PriceOptions
from mdc_validators.schema import Schema
from mdc_validators.sequence import Sequence, SequenceOptions
from tests.kit.many import many

CHECKS: dict[str, Callable[[], Check]] = {
    "schema": lambda: Schema(Schema.Options()),
    "sequence": lambda: Sequence(SequenceOptions()),
    "channel": lambda: Sequence(SequenceOptions(scope="channel")),
    "crossed": lambda: Crossed(CrossedOptions()),
    "monotonic": lambda: Monotonic(MonotonicOptions(tolerance=2)),
    "price": lambda: Price(PriceOptions(max_price=Decimal(90))),
    "future": lambda: Future(FutureOptions(tolerance=0)),
    "duplicate": lambda: Duplicate(DuplicateOptions(window=6)),
}
START = to_ns("2024-01-02T23:59:59.999999990Z")  # so that a few steps change the day

numbers = st.sampled_from([Decimal(n) for n in ("-1", "0", "1", "2", "2.5", "3", "40", "100")])
maybe = st.one_of(st.none(), numbers)
levels = st.one_of(st.none(), st.lists(st.builds(Level, numbers, numbers), max_size=2))
common = {
    "symbol": st.sampled_from([None, "A", "B"]),
    "provider": st.sampled_from([None, "p"]),
    "channel": st.sampled_from(["c", "d"]),
    "venue": st.sampled_from([None, "V"]),
    "ts_event": st.one_of(st.none(), st.integers(0, 20).map(lambda n: from_ns(START + n))),
    "ts_recv": st.one_of(st.none(), st.integers(0, 20).map(lambda n: from_ns(START + n))),
    "seq": st.sampled_from([None, 1, 2, 3, 4, 5, 6, 20_000, 20_001, -(2**63), 2**63 - 1]),
}
events = st.one_of(
    st.builds(
        Trade,
        **common,
        price=maybe,
        size=maybe,
        trade_id=st.sampled_from([None, "", "1", "2", "3", "long " * 20]),
        aggressor_side=st.sampled_from([None, "buy", "up"]),
    ),
    st.builds(Quote, **common, bid_price=maybe, ask_price=maybe),
    st.builds(Quote, **common, bid_price=numbers, ask_price=numbers),
    st.builds(
        Bar,
        **common,
        interval=st.sampled_from(["1m", "1d"]),
        open=maybe,
        high=maybe,
        low=maybe,
        close=maybe,
        revision=st.sampled_from([None, 0, 1]),
    ),
    st.builds(Delta, **common, action=st.just("add"), price=maybe),
    st.builds(Book, **common, bids=levels, asks=levels),
)
streams = st.lists(events, min_size=1, max_size=25)


def found(check: Check, batch: pa.RecordBatch, cuts: list[int]) -> list[tuple[int, str, str]]:
    """The findings when the stream comes in batches that end at these cuts."""
    all_found = []
    for start, stop in zip([0, *cuts], [*cuts, batch.num_rows], strict=True):
        findings = list(check(batch.slice(start, stop - start)))
        all_found += [(start + f.row, f.severity, f.message) for f in findings]
    return sorted(all_found)


def trade_of(number: int | None, trade_id: str | None) -> Trade:
    moment = from_ns(START)
    fields = {"price": Decimal(1), "size": Decimal(1), "seq": number, "trade_id": trade_id}
    return Trade(symbol="A", ts_event=moment, **fields)


NAMED, NONE, EMPTY = trade_of(None, "7"), trade_of(3, None), trade_of(3, "")


@given(rows=streams, cut=st.integers(0, 25))
@settings(max_examples=many(12))
def test_findings_do_not_depend_on_shared_grouping(rows: list[Event], cut: int) -> None:
    shared = {name: make() for name, make in CHECKS.items()}
    groups = Groups()
    for check in shared.values():
        check.groups = groups
    batch = from_rows(rows)
    cut = min(cut, len(rows))
    together: dict[str, list[Any]] = {name: [] for name in shared}
    for start, stop in ((0, cut), (cut, len(rows))):
        part = batch.slice(start, stop - start)
        for name, check in shared.items():
            together[name] += [(start + f.row, f.severity, f.message) for f in check(part)]
    for name, make in CHECKS.items():
        assert sorted(together[name]) == found(make(), batch, []), name


Rows = Iterator[int]


def sequence_model(rows: list[Event]) -> Rows:
    highest: dict[Any, int] = {}
    for row, event in enumerate(rows):
        key = (event.symbol, event.provider, event.channel)
        if event.seq is None:
            continue
        last = highest.get(key)
        highest[key] = event.seq
        if last is None or event.seq == last + 1:
            continue
        if last - 10_000 <= event.seq:
            highest[key] = max(event.seq, last)
        if not (event.seq == last and isinstance(event, Delta)):
            yield row


def crossed_model(rows: list[Event]) -> Rows:
    last: dict[Any, list[Decimal | None]] = {}
    for row, event in enumerate(rows):
        if isinstance(event, Quote):
            key = (event.symbol, event.provider, event.channel)
            sides = last.setdefault(key, [None, None])
            sides[0] = sides[0] if event.bid_price is None else event.bid_price
            sides[1] = sides[1] if event.ask_price is None else event.ask_price
            bid, ask = sides
        elif isinstance(event, Book):
            bid, ask = (level[0].price if level else None for level in (event.bids, event.asks))
        else:
            continue
        if bid and ask and bid >= ask:
            yield row


def monotonic_model(rows: list[Event]) -> Rows:
    latest: dict[Any, int] = {}
    for row, event in enumerate(rows):
        if event.ts_event is None or getattr(event, "revision", None):
            continue
        key = (
            event.symbol,
            event.provider,
            event.channel,
            type_of(event),
            getattr(event, "interval", None),
        )
        moment = to_ns(event.ts_event)
        if latest.get(key, moment) - moment > 2:
            yield row
        latest[key] = max(latest.get(key, moment), moment)


def duplicate_model(rows: list[Event]) -> Rows:
    recent: list[Any] = []
    for row, event in enumerate(rows):
        if isinstance(event, Trade) and event.trade_id:
            key: Any = (
                event.symbol,
                event.provider,
                event.venue,
                event.trade_id,
                (event.ts_event or "1970-01-01")[:10],
            )
        elif event.seq is not None and not isinstance(event, Delta):
            key = (
                event.symbol,
                event.provider,
                event.channel,
                type_of(event),
                event.seq,
                getattr(event, "interval", None),
                event.ts_event,
            )
        else:
            continue
        if key in recent[-6:]:
            yield row
        recent.append(key)


def price_model(rows: list[Event]) -> Rows:
    good: dict[Any, Decimal] = {}
    strangers: dict[Any, list[Decimal]] = {}
    fields = {
        "trade": ["price"],
        "quote": ["bid_price", "ask_price"],
        "bar": ["open", "high", "low", "close"],
    }
    for row, event in enumerate(rows):
        for name in fields.get(type_of(event), []):
            value = getattr(event, name)
            if value is None:
                continue
            if not 0 < value <= 90:
                yield row
                continue
            if name in ("open", "high", "low"):
                continue
            key = (event.symbol, event.provider, event.channel, name)
            last, others = good.get(key, value), strangers.get(key, [])
            if abs(value - last) > last / 2:
                if not (others and abs(value - others[-1]) <= others[-1] / 2):
                    others = []
                strangers[key] = others = [*others, value]
                if len(others) < 3:
                    yield row
                    continue
            good[key] = value
            strangers.pop(key, None)


MODELS = {
    "sequence": sequence_model,
    "crossed": crossed_model,
    "monotonic": monotonic_model,
    "duplicate": duplicate_model,
    "price": price_model,
}


@given(rows=streams)
@settings(max_examples=many(37))
def test_findings_are_those_of_a_plain_model(rows: list[Event]) -> None:
    batch = from_rows(rows)
    for name, model in MODELS.items():
        got = [row for row, _, _ in found(CHECKS[name](), batch, [])]
        assert got == sorted(model(rows)), name
