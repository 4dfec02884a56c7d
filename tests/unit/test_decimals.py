"""Decimals at rest: narrow where every value fits, and never another value."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.batch import from_rows
from mdc_core.decimals import AT_REST, WideError, is_full, is_narrow, narrow, narrowed
from mdc_core.events import Book, Level, Trade
from mdc_core.schema import arrow_types
from tests.kit.many import many

FULL = arrow_types()["number"]
fine = st.integers(-(10**36) + 1, 10**36 - 1).map(lambda n: Decimal(f"{n}E-18"))
small = st.integers(-(10**18) + 1, 10**18 - 1).map(lambda n: Decimal(f"{n}E-9"))
edges = st.sampled_from(
    [
        Decimal(text)
        for text in (
            "0",
            "-0.000000001",
            "0.0000000001",
            "-0.000000000000000001",
            "999999999.999999999",
            "-999999999.999999999",
            "1000000000",
            "-1000000000",
            "18446744073.709551616",
            "-9223372036.854775808",
            "9223372036.854775807",
        )
    ]
)
columns = st.lists(st.none() | st.one_of(small, small, small, edges, fine), max_size=9)


def fits(value: Decimal | None) -> bool:
    """Whether decimal(18, 9) holds exactly this."""
    if value is None:
        return True
    _, digits, exponent = value.as_tuple()
    lost = -9 - int(exponent)
    return abs(value) < 10**9 and (lost <= 0 or not any(digits[-lost:]))


@settings(max_examples=many(100))
@given(columns, st.integers(0, 3), st.integers(0, 3))
def test_a_column_is_narrowed_exactly_or_not_at_all(
    values: list[Decimal | None], before: int, behind: int
) -> None:
    """A slice of a longer one as well: what lies around it does not count."""
    odd = Decimal("0.000000000000000001")
    whole = pa.array([odd] * before + values + [odd] * behind, FULL)
    column = whole.slice(before, len(values))
    found = narrow(column)
    if not all(map(fits, values)):
        assert found is None
        return
    assert found is not None and found.type == AT_REST
    found.validate(full=True)
    assert found.to_pylist() == values
    assert found.null_count == values.count(None)


def test_a_table_keeps_what_it_is_told_to_keep_and_what_is_too_fine() -> None:
    rows = [Trade(price=Decimal("1.5"), size=Decimal("1E-10")), Trade(price=Decimal(2))]
    table = pa.Table.from_batches([from_rows(rows)]).select(["price", "size", "symbol"])
    assert [f.type for f in narrowed(table).schema][:2] == [AT_REST, FULL]
    assert [f.type for f in narrowed(table, ("price",)).schema][:2] == [FULL, FULL]
    assert narrowed(table).cast(table.schema).equals(table)
    with pytest.raises(WideError, match=r"size: a value does not fit decimal128\(18, 9\)"):
        narrowed(table, strict=True)
    assert narrowed(table, ("size",), strict=True).schema.field("price").type == AT_REST


@given(
    st.lists(
        st.none()
        | st.lists(
            st.tuples(small | edges, small, st.none() | st.integers(0, 9)).map(
                lambda values: Level(*values)
            ),
            max_size=3,
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 2),
)
def test_the_levels_of_a_book(sides: list[list[Level] | None], skipped: int) -> None:
    rows = [Book(bids=levels) for levels in sides]
    table = pa.Table.from_batches([from_rows(rows)]).select(["bids"]).slice(skipped)
    found = narrowed(table)
    kind = found.schema.field("bids").type
    prices = [
        price
        for levels in sides[skipped:]
        for level in levels or ()
        for price in (level.price, level.size)
    ]
    assert is_narrow(kind) or is_full(kind)
    if is_narrow(kind):
        assert all(map(fits, prices))
    found.validate(full=True)
    assert found.to_pylist() == table.to_pylist()


def test_which_columns_are_narrow_and_which_are_full() -> None:
    level = pa.struct([("price", AT_REST), ("size", AT_REST), ("count", pa.int64())])
    assert is_narrow(AT_REST) and not is_full(AT_REST)
    assert is_full(FULL) and not is_narrow(FULL)
    assert is_narrow(pa.list_(level)) and not is_full(pa.list_(level))
    assert is_full(arrow_types()["levels"]) and not is_narrow(arrow_types()["levels"])
    for other in (pa.string(), pa.list_(pa.string()), pa.int64()):
        assert not is_narrow(other) and not is_full(other)
