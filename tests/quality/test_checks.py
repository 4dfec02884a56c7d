"""Each check on rows made by hand: exactly these findings, at these rows."""

from decimal import Decimal
from typing import Any

import pytest
from mdc_validators.crossed import Crossed, CrossedOptions
from mdc_validators.duplicate import Duplicate, DuplicateOptions
from mdc_validators.future import Future, FutureOptions
from mdc_validators.monotonic import Monotonic, MonotonicOptions
from mdc_validators.price import Price, PriceOptions
from mdc_validators.schema import Schema
from mdc_validators.sequence import Sequence, SequenceOptions

from mdc_core.batch import from_rows
from mdc_core.errors import UsageError
from mdc_core.events import Bar, Book, Delta, Gap, Integrity, Level, Quote, Trade

NOON = "2024-01-02T12:00:00.000000000Z"


def at(text: str) -> str:
    seconds, _, rest = text.partition(".")
    return f"2024-01-02T12:00:{seconds}.{rest.ljust(9, '0')}Z"


def trade(**fields: Any) -> Trade:
    return Trade(
        **{"symbol": "A", "ts_event": NOON, "price": Decimal(10), "size": Decimal(1), **fields}
    )


def quote(bid: str | None, ask: str | None, **fields: Any) -> Quote:
    prices = {"bid_price": bid and Decimal(bid), "ask_price": ask and Decimal(ask)}
    return Quote(**{"symbol": "A", "ts_event": NOON, **prices, **fields})


def bar(low: str, open_: str, close: str, high: str, **fields: Any) -> Bar:
    prices = {
        "low": Decimal(low),
        "open": Decimal(open_),
        "close": Decimal(close),
        "high": Decimal(high),
    }
    return Bar(**{"symbol": "A", "ts_event": NOON, "interval": "1m", **prices, **fields})


def found(check: Any, rows: list[Any]) -> list[tuple[int, str, str]]:
    findings = [(f.row, f.severity, f.message) for f in check(from_rows(rows))]
    return sorted(findings, key=lambda finding: finding[0])


def numbered(*numbers: int | None, **fields: Any) -> list[Any]:
    return [trade(seq=number, **fields) for number in numbers]


def test_sequence_gap_repeat_and_regression() -> None:
    check = Sequence(SequenceOptions())
    assert found(check, numbered(40, 41, 45, 45, 43, 46)) == [
        (2, "warning", "gap: 3 missing between 41 and 45"),
        (3, "warning", "repeat: 45 again"),
        (4, "warning", "regression: 43 after 45"),
    ]
    assert found(check, numbered(47)) == []
    assert found(check, numbered(46)) == [(0, "warning", "regression: 46 after 47")]


def test_sequence_needs_the_sender_to_define_one() -> None:
    check = Sequence(SequenceOptions())
    assert found(check, numbered(None, 7, None, 8, None)) == []
    assert found(check, numbered(None, None)) == []


def test_sequence_is_that_of_symbol_provider_and_channel() -> None:
    check = Sequence(SequenceOptions())
    rows = numbered(1) + numbered(9, symbol="B") + numbered(5, channel="x")
    rows += numbered(7, provider="p") + numbered(2) + numbered(10, symbol="B")
    assert found(check, rows) == []


def test_sequence_of_a_whole_channel() -> None:
    check = Sequence(SequenceOptions(scope="channel"))
    rows = numbered(1) + numbered(2, symbol="B") + numbered(4)
    assert found(check, rows) == [(2, "warning", "gap: 1 missing between 2 and 4")]


def test_sequence_starts_again_after_a_jump_back_of_more_than_ten_thousand() -> None:
    check = Sequence(SequenceOptions())
    assert found(check, numbered(20_000, 9_999, 10_000, 10_002, 10_001)) == [
        (1, "info", "reset: 9999 after 20000"),
        (3, "warning", "gap: 1 missing between 10000 and 10002"),
        (4, "warning", "regression: 10001 after 10002"),
    ]
    assert found(check, numbered(10_003)) == []
    fresh = Sequence(SequenceOptions())
    assert found(fresh, numbered(20_000, 10_000)) == [
        (1, "warning", "regression: 10000 after 20000")
    ]


def test_sequence_at_the_ends_of_int64() -> None:
    top, bottom = 2**63 - 1, -(2**63)
    assert found(Sequence(SequenceOptions()), numbered(bottom, top)) == [
        (1, "warning", f"gap: {2**64 - 2} missing between {bottom} and {top}")
    ]
    check = Sequence(SequenceOptions())
    assert found(check, numbered(top, bottom, bottom + 1)) == [
        (1, "info", f"reset: {bottom} after {top}")
    ]
    assert found(check, numbered(bottom + 2)) == []


def test_deltas_of_one_message_share_its_number() -> None:
    rows = [Delta(symbol="A", ts_event=NOON, action="add", seq=n) for n in (1, 1, 2, 2, 1)]
    assert found(Sequence(SequenceOptions()), rows) == [(4, "warning", "regression: 1 after 2")]
    assert found(Duplicate(DuplicateOptions()), rows) == []


def test_crossed_and_locked_quotes() -> None:
    rows = [quote("10", "10.01"), quote("10.02", "10.01"), quote("10.010", "10.01")]
    assert found(Crossed(CrossedOptions()), rows) == [
        (1, "error", "crossed: bid 10.02 over ask 10.01"),
        (2, "info", "locked: bid and ask 10.01"),
    ]


def test_one_sided_quotes_are_held_against_the_last_known_other_side() -> None:
    check = Crossed(CrossedOptions())
    carried = "with the last known other side"
    assert found(check, [quote("10", None)]) == []
    rows = [
        quote(None, "11"),
        quote("11", None),
        quote("99", None, symbol="B"),
        quote("99", None, channel="x"),
        quote("12", None),
        quote(None, None),
        quote(None, "13"),
    ]
    assert found(check, rows) == [
        (1, "info", f"locked: bid and ask 11 {carried}"),
        (4, "warning", f"crossed: bid 12 over ask 11 {carried}"),
        (5, "warning", f"crossed: bid 12 over ask 11 {carried}"),
    ]
    assert found(check, [quote("14", None)]) == [
        (0, "warning", f"crossed: bid 14 over ask 13 {carried}")
    ]


def test_one_sided_quotes_can_be_left_alone() -> None:
    rows = [quote("10", "11"), quote("12", None), quote("12", "11")]
    assert found(Crossed(CrossedOptions(carry=False)), rows) == [
        (2, "error", "crossed: bid 12 over ask 11")
    ]


def test_a_side_of_zero_crosses_nothing() -> None:
    rows = [quote("10", "0"), quote("0", "0"), quote("10", None), quote("-1", "-2")]
    assert found(Crossed(CrossedOptions()), rows) == [
        (3, "error", "crossed: bid -1 over ask -2")
    ]


def test_prices_beyond_64_bits_are_compared_exactly() -> None:
    big = "123456789012345678"
    rows = [
        quote(f"{big}.000000000000000001", f"{big}.000000000000000002"),
        quote(f"{big}.000000000000000002", f"{big}.000000000000000001"),
        quote("0.000000000000000001", "0.000000000000000001"),
    ]
    assert found(Crossed(CrossedOptions()), rows) == [
        (
            1,
            "error",
            f"crossed: bid {big}.000000000000000002 over ask {big}.000000000000000001",
        ),
        (2, "info", "locked: bid and ask 0.000000000000000001"),
    ]


def levels(*prices: str) -> list[Level]:
    return [Level(Decimal(price), Decimal(1)) for price in prices]


def test_crossed_books() -> None:
    rows = [
        Book(symbol="A", ts_event=NOON, bids=levels("1", "0.5"), asks=levels("2", "3")),
        trade(),
        Book(symbol="A", ts_event=NOON, bids=levels("3", "1"), asks=levels("2")),
        Book(symbol="A", ts_event=NOON, bids=levels(), asks=levels("2")),
        Book(symbol="A", ts_event=NOON, asks=levels("2")),
        Book(symbol="A", ts_event=NOON, bids=levels("2"), asks=levels("2", "4")),
    ]
    assert found(Crossed(CrossedOptions()), rows) == [
        (2, "error", "crossed: bid 3 over ask 2"),
        (5, "info", "locked: bid and ask 2"),
    ]
    (finding,) = Crossed(CrossedOptions())(from_rows(rows).slice(2, 3))
    assert (finding.row, finding.message) == (0, "crossed: bid 3 over ask 2")


def test_monotonic_holds_against_the_latest_time() -> None:
    check = Monotonic(MonotonicOptions())
    times = ["10.5", "10.4", "10.399999999", "11", "10.5", "10.95"]
    assert found(check, [trade(ts_event=at(text)) for text in times]) == [
        (2, "warning", "event time goes back by 0.100000001 s"),
        (4, "warning", "event time goes back by 0.5 s"),
    ]
    assert found(check, [trade(ts_event=at("09"))]) == [
        (0, "warning", "event time goes back by 2 s")
    ]


def test_monotonic_knows_streams_apart() -> None:
    check = Monotonic(MonotonicOptions(tolerance="0s"))
    rows = [
        trade(ts_event=at("10.0")),
        quote("1", "2", ts_event=at("09.0")),
        trade(ts_event=at("08.0"), symbol="B"),
        bar("1", "1", "1", "1", ts_event=at("07.0")),
        bar("1", "1", "1", "1", ts_event=at("06.0"), interval="1d"),
        bar("1", "1", "1", "1", ts_event=at("05.0"), revision=1),
        bar("1", "1", "1", "1", ts_event=at("06.9")),
        Trade(symbol="A", price=Decimal(1), size=Decimal(1)),
    ]
    assert found(check, rows) == [(6, "warning", "event time goes back by 0.1 s")]


def test_monotonic_over_the_whole_range_of_times() -> None:
    first, last = "1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z"
    rows = [trade(ts_event=last), trade(ts_event=first)]
    assert found(Monotonic(MonotonicOptions()), rows) == [
        (1, "warning", "event time goes back by 18446744073.709551615 s")
    ]
    assert found(Future(FutureOptions()), [trade(ts_event=last, ts_recv=first)]) == [
        (0, "warning", "18446744073.709551615 s ahead of the receive clock")
    ]


def test_future() -> None:
    rows = [
        trade(ts_event=at("05.0"), ts_recv=at("00.0")),
        trade(ts_event=at("05.000000001"), ts_recv=at("00.0")),
        trade(ts_event=at("00.0"), ts_recv=at("30.0")),
        trade(ts_event=at("30.0")),
        Gap(ts_recv=at("00.0"), reason="overflow"),
    ]
    assert found(Future(FutureOptions()), rows) == [
        (1, "warning", "5.000000001 s ahead of the receive clock")
    ]
    assert found(Future(FutureOptions(tolerance="1m")), rows) == []


@pytest.mark.parametrize("make", [
    lambda: Monotonic(MonotonicOptions(tolerance="soon")),
    lambda: Future(FutureOptions(tolerance="-1s")),
])  # fmt: skip
def test_a_tolerance_that_is_no_length_of_time(make: Any) -> None:
    with pytest.raises(UsageError, match="tolerance: not a length of time"):
        make()


def test_prices_that_cannot_be() -> None:
    rows = [
        trade(price=Decimal(0)),
        trade(price=Decimal("-0.01")),
        trade(price=Decimal("10000000.000000000000000001")),
        trade(price=Decimal(10_000_000)),
        quote("0", "10"),
        quote("10", "-1"),
        bar("0", "5", "5", "6"),
        Delta(symbol="A", ts_event=NOON, action="add", price=Decimal(0)),
    ]
    assert found(Price(PriceOptions()), rows) == [
        (0, "error", "price is zero"),
        (1, "error", "price -0.01 is negative"),
        (2, "warning", "price 10000000.000000000000000001 is absurd: over 10000000"),
        (4, "warning", "bid_price is zero"),
        (5, "error", "ask_price -1 is negative"),
        (6, "error", "low is zero"),
    ]


def prices(*values: str) -> list[Any]:
    return [trade(price=Decimal(value)) for value in values]


def test_a_bad_tick_does_not_become_the_last_good_price() -> None:
    check = Price(PriceOptions())
    assert found(check, prices("100", "150", "151", "300", "150")) == [
        (3, "warning", "price 300 is 98.7 % away from the last good 151")
    ]
    assert found(check, prices("1", "0", "149")) == [
        (0, "warning", "price 1 is 99.3 % away from the last good 150"),
        (1, "error", "price is zero"),
    ]


def test_the_third_price_in_a_row_makes_a_new_level() -> None:
    check = Price(PriceOptions())
    assert found(check, prices("700", "100")) == [
        (1, "warning", "price 100 is 85.7 % away from the last good 700")
    ]
    assert found(check, prices("101")) == [
        (0, "warning", "price 101 is 85.6 % away from the last good 700")
    ]
    assert found(check, prices("102", "103", "700")) == [
        (2, "warning", "price 700 is 580 % away from the last good 103")
    ]
    strangers = found(check, prices("1", "700", "1", "700"))
    assert [row for row, _, _ in strangers] == [0, 1, 2, 3]


def test_each_kind_of_price_has_its_own_level() -> None:
    rows = [
        trade(),
        quote("1", "1000"),
        bar("1", "2", "3", "4"),
        trade(symbol="B", price=Decimal(99)),
    ]
    check = Price(PriceOptions())
    assert found(check, rows + rows) == []
    assert found(Price(PriceOptions(max_deviation=None)), prices("1", "1000")) == []


def named(*ids: str | None, **fields: Any) -> list[Any]:
    return [trade(trade_id=name, **fields) for name in ids]


def test_duplicate_trades_by_id() -> None:
    check = Duplicate(DuplicateOptions())
    assert found(check, named("7", "8", "7")) == [(2, "error", "duplicate: trade 7 again")]
    rows = named("8", "9") + named("7", symbol="B") + named("7", venue="XNYS")
    rows += named("7", provider="p") + named("7", ts_event="2024-01-03T12:00:00.000000000Z")
    assert found(check, rows) == [(0, "error", "duplicate: trade 8 again")]


def test_equal_trades_without_an_identity_are_genuine() -> None:
    assert found(Duplicate(DuplicateOptions()), named(None, None, "", "")) == []


def test_duplicate_numbers() -> None:
    check = Duplicate(DuplicateOptions())
    rows = numbered(1, 2, 1)
    message = "duplicate: number 1 again, of the same time"
    assert found(check, rows) == [(2, "error", message)]
    assert found(check, numbered(1, ts_event=at("01"))) == []
    assert found(check, [quote("1", "2", seq=2)]) == []
    assert found(check, [*numbered(2, channel="x"), *numbered(1)]) == [(1, "error", message)]


def test_a_trade_with_an_id_is_not_judged_by_its_number() -> None:
    rows = [trade(seq=1, trade_id="a"), trade(seq=1, trade_id="b"), trade(seq=2, trade_id="a")]
    assert found(Duplicate(DuplicateOptions()), rows) == [
        (2, "error", "duplicate: trade a again")
    ]


def test_duplicates_are_remembered_for_a_window() -> None:
    check = Duplicate(DuplicateOptions(window=3))
    assert [
        row for row, _, _ in found(check, named("a", "b", "c", "a", "e", "f", "g", "a"))
    ] == [3]


def test_long_ids_that_begin_alike() -> None:
    stem = "x" * 300
    rows = named(stem + "1", stem + "2", stem[:64], stem[:65], stem + "1", "é" * 40, "é" * 41)
    (finding,) = found(Duplicate(DuplicateOptions()), rows)
    assert finding == (4, "error", f"duplicate: trade {stem}1 again")


def test_schema_of_rows() -> None:
    rows = [
        trade(),
        Trade(ts_event=NOON, price=Decimal(1)),
        trade(aggressor_side="up"),
        trade(size=Decimal("-2.5")),
        quote("1", "2", ask_size=Decimal(-1)),
        Integrity(check="x", message="y", severity="dire"),
        Gap(),
    ]
    expected = [
        (1, "error", "trade without size"),
        (1, "error", "trade without symbol"),
        (2, "error", "aggressor_side is 'up', none of buy, sell, none"),
        (3, "error", "size -2.5 is negative"),
        (4, "error", "ask_size -1 is negative"),
        (5, "error", "severity is 'dire', none of info, warning, error"),
        (6, "error", "gap without reason"),
    ]
    assert sorted(found(Schema(Schema.Options()), rows)) == expected


def test_schema_of_bars() -> None:
    rows = [
        bar("1", "2", "3", "4"),
        bar("2.1", "2", "3", "4"),
        bar("1", "2", "4.000000000000000001", "4"),
        bar("5", "5", "5", "5"),
    ]
    assert found(Schema(Schema.Options()), rows) == [
        (1, "error", "bar with low 2.1 above open 2"),
        (2, "error", "bar with close 4.000000000000000001 above high 4"),
    ]


def test_fields_of_another_type_and_types_that_are_none() -> None:
    batch = from_rows([trade(), quote("1", "2"), trade()])
    columns = {name: batch.column(name).to_pylist() for name in batch.schema.names}
    columns["type"] = ["trade", "quote", "tirade"]
    columns["price"] = [Decimal(1), Decimal(1), None]
    import pyarrow as pa

    changed = pa.RecordBatch.from_pydict(columns, schema=batch.schema)
    findings = sorted((f.row, f.message) for f in Schema(Schema.Options())(changed))
    assert findings == [(1, "price is no field of a quote"), (2, "unknown type 'tirade'")]
