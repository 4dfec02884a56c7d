"""The checks against models of one row at a time, however the rows are cut into batches."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.batch import from_rows
from mdc_core.contracts import Check
from mdc_core.events import Bar, Book, Delta, Event, Level, Quote, Trade
from mdc_core.times import MAX_NS, MIN_NS, from_ns, to_ns
from mdc_validators.crossed import Crossed, CrossedOptions
from mdc_validators.duplicate import Duplicate, DuplicateOptions
from mdc_validators.future import Future, FutureOptions
from mdc_validators.monotonic import Monotonic, MonotonicOptions
from mdc_validators.price import Price, PriceOptions
from mdc_validators.sequence import RESET, Sequence, SequenceOptions
from tests.kit.many import many

NOON = to_ns("2024-01-02T12:00:00Z")
Found = tuple[int, str, str]  # row, severity, the first word or words of the message


def judged(check: Check, rows: list[Event], cuts: list[int]) -> list[Found]:
    """What a check finds of rows that come in these batches."""
    edges = sorted({0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)})
    found = []
    for start, stop in pairwise(edges):
        for one in check(from_rows(rows[start:stop])):
            assert one.row is not None
            found.append((start + one.row, one.severity, one.message))
    return sorted(found)


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


cuts = st.lists(st.integers(0, 50), max_size=4)
symbols = st.sampled_from(["A", "B", None])
channels = st.sampled_from(["x", "y/trade", "y/quote", None])
moments = st.one_of(
    st.integers(-3, 3).map(lambda n: NOON + n * 60_000_000),
    st.sampled_from([NOON, NOON, MIN_NS, MAX_NS]),
)


@st.composite
def stream_rows(draw: st.DrawFn) -> list[Event]:
    """Trades, quotes, deltas and bars of few streams, with few times and numbers."""
    rows: list[Event] = []
    for _ in range(draw(st.integers(1, 14))):
        kind: Any = draw(st.sampled_from([Trade, Trade, Quote, Delta, Bar]))
        at = draw(st.none() | moments)
        received = draw(st.none() | moments)
        fields: dict[str, Any] = {
            "symbol": draw(symbols),
            "channel": draw(channels),
            "provider": draw(st.sampled_from(["p", None])),
            "ts_event": None if at is None else from_ns(at),
            "ts_recv": None if received is None else from_ns(received),
            "seq": draw(st.none() | st.integers(0, 5) | st.sampled_from([20_000, 10_000, 9_999])),
        }
        if kind is Trade:
            fields["trade_id"] = draw(st.sampled_from(["1", "2", "", None]))
            fields["venue"] = draw(st.sampled_from(["V", None]))
            fields["price"] = draw(st.sampled_from([Decimal(1), Decimal("1.0"), Decimal(2)]))
        if kind is Bar:
            fields["interval"] = draw(st.sampled_from(["1m", "5m"]))
            fields["revision"] = draw(st.sampled_from([None, 0, 1]))
        rows.append(kind(**fields))
    return rows


def ns(text: str | None) -> int | None:
    return None if text is None else to_ns(text)


def stream_of(row: Any) -> tuple[Any, ...]:
    interval = getattr(row, "interval", None)
    return row.symbol, row.provider, row.channel, type(row), interval


def monotonic(rows: list[Any], tolerance: int) -> Iterator[Found]:
    highest: dict[Any, int] = {}
    for number, row in enumerate(rows):
        at = ns(row.ts_event)
        if at is None or getattr(row, "revision", None):
            continue
        before = highest.get(stream_of(row))
        if before is not None and before - at > tolerance:
            seconds = plain(Decimal(before - at) / 10**9)
            yield number, "warning", f"event time goes back by {seconds} s"
        highest[stream_of(row)] = at if before is None else max(before, at)


@settings(max_examples=many(37))
@given(stream_rows(), cuts, st.sampled_from([0, 60_000_000, 10**9]))
def test_monotonic(rows: list[Event], places: list[int], tolerance: int) -> None:
    check = Monotonic(MonotonicOptions(tolerance=tolerance))
    assert judged(check, rows, places) == list(monotonic(rows, tolerance))


def future(rows: list[Any], tolerance: int) -> Iterator[Found]:
    for number, row in enumerate(rows):
        at, received = ns(row.ts_event), ns(row.ts_recv)
        if at is not None and received is not None and at - received > tolerance:
            seconds = plain(Decimal(at - received) / 10**9)
            yield number, "warning", f"{seconds} s ahead of the receive clock"


@settings(max_examples=many(37))
@given(stream_rows(), cuts, st.sampled_from([0, 60_000_000, 5 * 10**9]))
def test_future(rows: list[Event], places: list[int], tolerance: int) -> None:
    check = Future(FutureOptions(tolerance=tolerance))
    assert judged(check, rows, places) == list(future(rows, tolerance))


def sequence(rows: list[Any], scope: str) -> Iterator[Found]:
    highest: dict[Any, int] = {}
    for number, row in enumerate(rows):
        if row.seq is None:
            continue
        whole = scope == "channel" or (scope == "auto" and "/" in (row.channel or ""))
        key = (row.provider, row.channel) if whole else (row.symbol, row.provider, row.channel)
        key = (whole, *key)
        before, now = highest.get(key), row.seq
        if before is not None and now != before + 1 and not (type(row) is Delta and now == before):
            if now > before:
                said = f"gap: {now - before - 1} missing between {before} and {now}"
                yield number, "warning", said
            elif now == before:
                yield number, "warning", f"repeat: {now} again"
            elif now < before - RESET:
                yield number, "info", f"reset: {now} after {before}"
            else:
                yield number, "warning", f"regression: {now} after {before}"
        restarted = before is not None and now < before - RESET
        highest[key] = now if before is None or restarted else max(before, now)


@settings(max_examples=many(50))
@given(stream_rows(), cuts, st.sampled_from(["auto", "symbol", "channel"]))
def test_sequence(rows: list[Event], places: list[int], scope: Any) -> None:
    check = Sequence(SequenceOptions(scope=scope))
    assert judged(check, rows, places) == list(sequence(rows, scope))


def duplicate(rows: list[Any], window: int) -> Iterator[Found]:
    seen: list[tuple[Any, tuple[Any, Any, int | None]]] = []
    for number, row in enumerate(rows):
        at = ns(row.ts_event) or 0
        if type(row) is Trade and row.trade_id:
            key: Any = (row.symbol, row.provider, row.venue, row.trade_id, at // (86_400 * 10**9))
            what = f"trade {row.trade_id} again"
        elif row.seq is not None and type(row) is not Delta:
            key, what = (stream_of(row), row.seq, at), f"number {row.seq} again, of the same time"
        else:
            continue
        names = [n for n in row.__struct_fields__ if n not in ("ts_recv", "channel", "seq")]
        content = type(row), tuple(str(_same(getattr(row, name))) for name in names)
        said = content, stream_of(row), row.seq
        alike = [other for known, other in seen[-window:] if known == key]
        if any(other[0] == content and (other[1] != said[1] or other == said) for other in alike):
            yield number, "error", f"duplicate: {what}"
        elif alike:
            yield number, "warning", f"duplicate: {what}, but it says something else"
        seen.append((key, said))


def _same(value: Any) -> Any:
    return value.normalize() if isinstance(value, Decimal) else value


@settings(max_examples=many(50))
@given(stream_rows(), cuts, st.sampled_from([1, 2, 100]))
def test_duplicate(rows: list[Event], places: list[int], window: int) -> None:
    check = Duplicate(DuplicateOptions(window=window))
    assert judged(check, rows, places) == list(duplicate(rows, window))


prices = st.sampled_from(["-1", "0", "1E-18", "9.5", "10", "10.000000000000000001", "30", "1E12"])
sizes = st.sampled_from([None, Decimal(0), Decimal(3)])


@st.composite
def quote_rows(draw: st.DrawFn) -> list[Event]:
    """Quotes and books, with sides that are there, gone, or not told of."""
    rows: list[Event] = []
    for _ in range(draw(st.integers(1, 12))):
        bid, ask = (draw(st.none() | prices.map(Decimal)) for _ in range(2))
        symbol = draw(st.sampled_from(["A", "B"]))
        if draw(st.booleans()) or draw(st.booleans()):
            rows.append(
                Quote(
                    symbol=symbol,
                    bid_price=bid,
                    bid_size=draw(sizes),
                    ask_price=ask,
                    ask_size=draw(sizes),
                )
            )
        else:
            bids, asks = ([] if p is None else [Level(p, Decimal(1))] for p in (bid, ask))
            rows.append(Book(symbol=symbol, bids=bids, asks=draw(st.none() | st.just(asks))))
    return rows


def crossed(rows: list[Any], carry: bool) -> Iterator[Found]:
    last: dict[tuple[Any, str], Decimal] = {}
    for number, row in enumerate(rows):
        if type(row) is Book:
            best = [levels[0].price if levels else None for levels in (row.bids, row.asks)]
            sides, both = best, True
        else:
            sides = [
                Decimal(0) if price is None and size == 0 else price
                for price, size in ((row.bid_price, row.bid_size), (row.ask_price, row.ask_size))
            ]
            both = None not in sides
            for at, name in enumerate(("bid", "ask")):
                if carry and sides[at] is None:
                    sides[at] = last.get((row.symbol, name))
                elif sides[at] is not None:
                    last[row.symbol, name] = sides[at]
        bid, ask = sides
        if bid is None or ask is None or not bid or not ask or bid < ask:
            continue
        carried = "" if both else " with the last known other side"
        if bid == ask:
            yield number, "info", f"locked: bid and ask {plain(bid)}{carried}"
        else:
            severity = "warning" if carried else "error"
            yield number, severity, f"crossed: bid {plain(bid)} over ask {plain(ask)}{carried}"


@settings(max_examples=many(50))
@given(quote_rows(), cuts, st.booleans())
def test_crossed(rows: list[Event], places: list[int], carry: bool) -> None:
    check = Crossed(CrossedOptions(carry=carry))
    assert judged(check, rows, places) == list(crossed(rows, carry))


def price(rows: list[Any], share: Decimal) -> Iterator[Found]:
    last: dict[Any, Decimal] = {}
    strangers: dict[Any, list[Decimal]] = {}
    for number, row in enumerate(rows):
        for name in ("bid_price", "ask_price") if type(row) is Quote else ():
            value = getattr(row, name)
            if value is None:
                continue
            if value > 10**7:
                said = f"{name} {plain(value)} is absurd: over 10000000"
                yield number, "warning", said
            elif value < 0:
                yield number, "error", f"{name} {plain(value)} is negative"
            elif value == 0:
                yield number, "warning", f"{name} is zero"
            if not 0 < value <= 10**7:
                continue
            key = row.symbol, name
            before = last.get(key)
            if before is not None and abs(value - before) > share * before:
                odd = strangers.get(key, [])
                agrees = odd and abs(value - odd[-1]) <= share * odd[-1]
                odd = [*odd, value] if agrees else [value]
                strangers[key] = odd
                if len(odd) < 3:
                    yield number, "warning", f"{name} is far from {plain(before)}"
                    continue
            last[key] = value
            strangers[key] = []


@settings(max_examples=many(37))
@given(quote_rows(), cuts)
def test_price(rows: list[Event], places: list[int]) -> None:
    found = judged(Price(PriceOptions(max_deviation=50.0)), rows, places)
    wanted = sorted(price(rows, Decimal("0.5")))
    assert [one[:2] for one in found] == [one[:2] for one in wanted]
    same: Callable[[str], bool] = lambda text: "away from" not in text and "far from" not in text  # noqa: E731
    assert [m for _, _, m in found if same(m)] == [m for _, _, m in wanted if same(m)]
