"""Numbers of a batch as whole numbers, without a float; rows and batches for plugin authors."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.events import Quote, Trade
from mdc_core.plugin import from_rows, merge, number, plain, rows, to_ns, unify

MOST = 10**36 - 1
VALUES = st.one_of(
    st.none(),
    st.integers(-MOST, MOST).map(lambda n: Decimal(f"{n}e-18")),
    st.integers(-(10**6), 10**6).map(lambda n: Decimal(f"{n}e-2")),
    st.sampled_from([Decimal(x) for x in ("0", "-0.000000001", "9223372036.854775807")]),
)


@given(st.lists(VALUES, min_size=1, max_size=20), st.integers(0, 18), st.integers(0, 3))
def test_numbers_are_exact_or_not_there(values: list[Any], places: int, cut: int) -> None:
    batch = from_rows([Trade(price=value) for value in values]).slice(cut)
    got, known = number(batch, "price", places)
    assert (got.dtype, known.dtype, len(got)) == (np.int64, np.bool_, batch.num_rows)
    for value, whole, there in zip(values[cut:], got.tolist(), known.tolist(), strict=True):
        scaled = Fraction(value or 0) * 10**places
        fits = value is not None and scaled.denominator == 1 and abs(scaled) < 2**63
        assert (whole, there) == (int(scaled) if fits else 0, fits)


def test_times_and_whole_numbers_are_as_they_are() -> None:
    moment = "2024-01-02T14:30:00.000000001Z"
    batch = from_rows([Trade(ts_event=moment, seq=7), Trade()])
    assert [column.tolist() for column in number(batch, "ts_event")] == [
        [to_ns(moment), 0],
        [True, False],
    ]
    assert number(batch, "seq")[0].tolist() == [7, 0]
    assert number(batch, "bid_price")[1].tolist() == [False, False]
    assert plain(1_500_000_000, 9) == "1.5"


def test_rows_of_merged_and_unified_batches() -> None:
    def at(second: int, symbol: str, kind: type = Trade) -> Trade | Quote:
        moment = f"2024-01-02T14:30:0{second}.000000000Z"
        event: Trade | Quote = kind(symbol=symbol, ts_event=moment)
        return event

    a = [from_rows([at(1, "A"), at(3, "A")]), from_rows([at(5, "A", Quote)])]
    b = iter([from_rows([at(1, "B"), at(2, "B"), at(9, "B")])])
    merged = rows(unify(list(merge([a, b]))))
    assert [row.symbol for row in merged] == ["A", "B", "B", "A", "A", "B"]
    assert isinstance(merged[4], Quote)
