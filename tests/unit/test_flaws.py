"""What is wrong with an event is said before it is written: whatever has no flaw can be written."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.batch import from_rows
from mdc_core.errors import DataError
from mdc_core.events import Bar, Book, Event, Gap, Integrity, Level, Quote, Trade
from mdc_core.flaws import flaw_of
from mdc_core.testing.golden import line_of, row_of
from mdc_core.times import from_ns
from tests.kit.many import many
from tests.unit.wire.lines.vocabulary import events

NOON = "2024-01-02T12:00:00.000000000Z"


@settings(max_examples=many(50))
@given(events())
def test_what_may_be_has_no_flaw(event: Event) -> None:
    assert flaw_of(event) is None


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.decimals(allow_nan=True),
    st.builds(
        lambda m, e: Decimal(f"{m}E{e}"), st.integers(-(10**37), 10**37), st.integers(-40, 40)
    ),
    st.text(max_size=6),
    st.sampled_from([NOON, "2024-01-02", "2024-01-02T12:00:00Z", from_ns(-1), "\ud800", b"x"]),
    st.lists(st.sampled_from(["x", 1, None, Level(Decimal(1), Decimal(2))]), max_size=2),
)
FIELDS = {
    "symbol": "text",
    "ts_event": "time",
    "price": "number",
    "seq": "whole",
    "conditions": "list",
    "extra": "json",
}


@settings(max_examples=many(100))
@given(st.sampled_from(sorted(FIELDS)), anything)
def test_what_has_no_flaw_can_be_written(name: str, value: Any) -> None:
    """And comes back as it was, from JSON and from columns."""
    event = Trade(**{"symbol": "A", "ts_event": NOON, name: value})
    flaw = flaw_of(event)
    if flaw is None:
        assert row_of(line_of(event)) == event
        assert from_rows([event]).num_rows == 1
    else:
        assert flaw.startswith(f"{name} is ")


@pytest.mark.parametrize(
    ("event", "flaw"),
    [
        (Trade(price=1.5), "price is 1.5, not a Decimal"),  # type: ignore[arg-type]
        (Trade(price=3), "price is 3, not a Decimal"),  # type: ignore[arg-type]
        (Trade(price=Decimal("NaN")), "price is NaN, not a finite number"),
        (Trade(size=Decimal("-Infinity")), "size is -Infinity, not a finite number"),
        (
            Trade(price=Decimal(10**18)),
            f"price is {10**18}, longer than 18 digits before the point",
        ),
        (Trade(price=Decimal("1E+18")), "price is 1E+18, longer than 18 digits before the point"),
        (Trade(price=Decimal("1E-19")), "price is 1E-19, finer than 18 decimals"),
        (Trade(price=Decimal("1.5000000000000000001")), "finer than 18 decimals"),
        (Trade(seq=True), "seq is True, not a whole number"),
        (Trade(seq=2**63), f"seq is {2**63}, beyond 64 bits"),
        (Trade(seq=-(2**63) - 1), f"seq is {-(2**63) - 1}, beyond 64 bits"),
        (Trade(symbol=3), "symbol is 3, not text"),  # type: ignore[arg-type]
        (Trade(symbol="\ud800"), "symbol is '\\ud800', not Unicode text"),
        (Trade(ts_event=5), "ts_event is 5, not the text of a time"),  # type: ignore[arg-type]
        (Trade(ts_event="2024-01-02T12:00:00Z"), "not a time with nine digits in UTC"),
        (Trade(ts_event="2024-01-02T12:00:00.000000000+"), "not a time with nine digits"),
        (Trade(ts_event="2024-13-02T12:00:00.000000000Z"), "ts_event is not a time: "),
        (Trade(conditions="@"), "conditions is '@', not a list of texts"),  # type: ignore[arg-type]
        (Trade(conditions=["@", 1]), "conditions is 1, not text"),  # type: ignore[list-item]
        (Trade(extra=[1]), "extra is [1], not dict"),  # type: ignore[arg-type]
        (Bar(is_final=1), "is_final is 1, not bool"),  # type: ignore[arg-type]
        (Book(bids=[1]), "bids is not a list of Level"),  # type: ignore[list-item]
        (Book(bids=(Level(1, Decimal(1)),)), "bids is 1, not a Decimal"),  # type: ignore[arg-type]
        (
            Book(asks=[Level(Decimal(1), Decimal("1E-19"))]),
            "asks is 1E-19, finer than 18 decimals",
        ),
    ],
)
def test_what_is_wrong(event: Event, flaw: str) -> None:
    assert flaw in (flaw_of(event) or "")


@pytest.mark.parametrize(
    "price",
    [
        "0",
        "-0",
        "0E-999",
        "1.5000000000000000000000",
        "999999999999999999.999999999999999999",
        "1E17",
    ],
)
def test_numbers_that_are_only_written_oddly(price: str) -> None:
    event = Trade(price=Decimal(price))
    assert flaw_of(event) is None
    (value,) = from_rows([event]).column("price").to_pylist()
    assert value == Decimal(price)


def test_the_first_flaw_in_the_order_of_the_fields_is_told() -> None:
    event = Trade(symbol=1, price=2)  # type: ignore[arg-type]
    assert (flaw_of(event) or "").startswith("symbol ")
    assert flaw_of(Quote()) is None and flaw_of(Gap()) is None and flaw_of(Integrity()) is None


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_fits_a_column_or_has_a_flaw(number: Decimal) -> None:
    event = Trade(price=number)
    try:
        batch = from_rows([event])
    except (DataError, ValueError):
        assert flaw_of(event) is not None
        return
    written = batch.column("price").to_pylist()[0]
    assert (written == number) == (flaw_of(event) is None)
    assert msgspec.json.decode(line_of(Trade(price=written)))["price"] is not None
