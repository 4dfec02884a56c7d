"""Checks of values on rows made by hand: exactly these findings, at these rows."""

from decimal import Decimal
from typing import Any

from mdc_core.batch import from_rows
from mdc_core.events import Book, Delta, Gap, Integrity, Level, Trade
from mdc_validators.crossed import Crossed, CrossedOptions
from mdc_validators.price import Price, PriceOptions
from mdc_validators.schema import Schema
from tests.kit.events import NOON, bar, found, quote, trade


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
    assert found(Crossed(CrossedOptions()), rows) == [(3, "error", "crossed: bid -1 over ask -2")]


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
