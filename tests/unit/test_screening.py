"""What a look at many events passes over can be written; whatever has a flaw is found."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.errors import DataError
from mdc_core.events import Bar, Book, Delta, Dividend, Event, Flow, Level, Quote, Trade
from mdc_core.flaws import unwritable
from mdc_core.screening import doubtful
from mdc_core.times import from_ns
from mdc_core.wire.lines.jsonl import encode_rows
from tests.unit.test_flaws import FIELDS, NOON, anything
from tests.unit.wire.lines.vocabulary import events

ENCODER = msgspec.json.Encoder(decimal_format="number")
ONE = Decimal(1)
INTEGER = re.compile(r"price is -?\d{1,18}, not a Decimal")


def _trade(n: int) -> Event:
    return Trade(symbol="A", ts_event=from_ns(n * 10**9), seq=n, price=Decimal(n) / 100, size=ONE)


def _quote(n: int) -> Event:
    side = None if n % 2 else ONE
    return Quote(symbol="A", ts_event=from_ns(n), bid_price=ONE, bid_size=ONE, ask_price=side)


def _whole_quote(n: int) -> Event:
    return Quote(ts_event=NOON, bid_price=ONE, bid_size=ONE, ask_price=-ONE, ask_size=ONE)


def _bar(n: int) -> Event:
    return Bar(ts_event=NOON, ts_close=NOON, open=ONE, high=ONE, low=ONE, close=ONE, trade_count=n)


def _book(n: int) -> Event:
    return Book(ts_event=NOON, ts_recv=NOON, bids=[Level(ONE, ONE, n)], asks=None)


def _delta(n: int) -> Event:
    return Delta(ts_event=None, action="clear") if n % 2 else Delta(price=ONE, size=ONE, level=n)


def _extended(n: int) -> Event:
    extra = {"a": "x", "n": n, "b": True, "d": ONE / 8, "l": [n, {"x": ONE}], "z": None}
    return Trade(symbol="A", ts_event=from_ns(n), price=ONE, size=ONE, extra=extra)


SOUND: list[Callable[[int], Event]] = [_trade, _quote, _whole_quote, _bar, _book, _delta, _extended]


@pytest.mark.parametrize("make", SOUND)
def test_what_is_sound_is_passed_over(make: Callable[[int], Event]) -> None:
    assert not doubtful([make(n) for n in range(100)])


@given(
    st.lists(events(), max_size=4),
    st.lists(st.tuples(st.sampled_from(sorted(FIELDS)), anything), max_size=2),
    st.sampled_from(SOUND),
    st.sampled_from([0, 2, 40, 4000]),
)
def test_whatever_cannot_be_written_is_found(
    some: list[Event], odd: list[tuple[str, Any]], make: Callable[[int], Event], many: int
) -> None:
    rows = [make(n) for n in range(many)]
    rows[many // 2 : many // 2] = some
    rows += [Trade(**{"symbol": "A", "ts_event": NOON, name: value}) for name, value in odd]
    found = {id(row) for row in doubtful(rows)}
    passed = [row for row in rows if id(row) not in found and _is_encoded(row)]
    bad = [problem for row in passed if (problem := unwritable(row))]
    # Whether texts are texts is for the session to look at; an int as a price is as exact.
    others = ("symbol ", "conditions ", "price is True", "price is False", "seq is True")
    others += ("seq is False",)
    bad = [problem for problem in bad if not problem.startswith(others)]
    assert not [problem for problem in bad if not INTEGER.match(problem)], bad


def _is_encoded(row: Event) -> bool:
    """Whether an encoder takes it; msgspec before 0.23 writes numbers without end as well."""
    try:
        text = ENCODER.encode(row)
        return b"NaN" not in text and b"Infinity" not in text
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        return False


def _with(event: Event, **fields: Any) -> Event:
    for name, value in fields.items():
        setattr(event, name, value)
    return event


@pytest.mark.parametrize(
    "bad",
    [
        _with(_trade(1), price=Decimal("1E-19")),
        _with(_trade(1), size=Decimal("-1E+18")),
        _with(_trade(1), price=1.5),
        _with(_trade(1), price="1.5", size="2"),
        _with(_trade(1), price=Decimal("sNaN")),
        _with(_trade(1), ts_event="2024-01-02T23:59:60.000000000Z"),
        _with(_trade(1), ts_event="2024-02-30T12:00:00.000000000Z"),
        _with(_trade(1), ts_event="2024-01-02T12:60:00.000000000Z"),
        _with(_trade(1), ts_event="2024-01-02T24:00:00.000000000Z"),
        _with(_trade(1), ts_event="02024-1-02T12:00:00.000000000Z"),
        _with(_trade(1), ts_event="2262-04-11T23:47:16.854775808Z"),
        _with(_trade(1), ts_event=5),
        _with(_trade(1), ts_recv="soon"),
        _with(_trade(1), seq=2**63),
        _with(_trade(1), seq=1.0),
        _with(_trade(1), extra={"a": [Decimal("NaN")]}),
        _with(_trade(1), extra={"a": Decimal("-Infinity")}),
        _with(_trade(1), extra=["a"]),
        _with(_quote(1), ask_size=Decimal("Infinity")),
        _with(_bar(1), trade_count=-(2**63) - 1),
        _with(_bar(1), ts_close="2024-01-02"[:9]),
        _with(_bar(1), vwap=Decimal("0.1234567890123456789")),
        Book(ts_event=NOON, bids=[Level(ONE, ONE), Level(ONE, Decimal("1E-30"))]),
        Book(ts_event=NOON, asks=[Level(ONE, ONE, 2**63)]),
        _with(_delta(0), level=2**64),
        Dividend(ts_event=NOON, ex_date="2024-02-30"),
        Flow(ts_event=NOON, imbalance=float("nan")),
    ],
    ids=repr,
)
@pytest.mark.parametrize("make", SOUND)
def test_one_among_many(bad: Event, make: Callable[[int], Event]) -> None:
    assert unwritable(bad)
    for many in (2, 100):
        rows = [make(n) for n in range(many)]
        assert not _is_encoded(bad) or any(row is bad for row in doubtful([*rows, bad, *rows]))
        with pytest.raises(DataError, match=f"^{bad.symbol}: "):
            encode_rows([*rows, bad, *rows])


def test_two_that_make_up_for_each_other() -> None:
    for price in (Decimal("1E+18"), Decimal("1E-25")):
        pair = [_with(_trade(1), price=sign * price) for sign in (1, -1)]
        assert {id(row) for row in pair} <= {id(row) for row in doubtful([*pair, _trade(3)])}
