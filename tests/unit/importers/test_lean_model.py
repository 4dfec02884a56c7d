"""Lean's lines, right and wrong ones in any order, against a reader of one line at a time."""

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.times import from_ns, to_ns
from tests.kit.many import many
from tests.unit.importers.lean_folder import IBM_QUOTES, IBM_TRADES, LeanFolder, read

MIDNIGHT = to_ns("2013-10-07T04:00:00Z")  # of New York
numbers = st.one_of(
    st.integers(0, 10**9).map(str),
    st.decimals(0, 10**6, places=3).map(str),
    st.sampled_from(
        ["0", "-1", "1e2", "1E-3", "1e-20", "1e999", "", " 5 ", "+7", "1_0", "nan", "x", "0.1E1"]
    ),
)
times = st.one_of(
    st.integers(0, 86_399_999).map(str),
    st.sampled_from(["-1", "86400000", "1.5", "0.000001", "0.0000001", "", "noon", "34200000.123"]),
)
trades = st.builds("{},{},{}".format, times, numbers, numbers)
listed = st.builds(
    "{},{},{},{},{},{}".format,
    times,
    numbers,
    numbers,
    st.sampled_from(["P", "Q", "IEX", "ZZ", ""]),
    st.sampled_from(["0", "00", "8", "FF", ""]),
    st.sampled_from(["0", "1", "2", ""]),
)
odd = st.sampled_from(["", "1", "1,2", "1,2,3,4", "1,2,3,4,5,6,7", ",,", "a,b,c", "\u00e9,1,1"])
lines = st.lists(st.one_of(trades, trades, listed, listed, odd), min_size=1, max_size=12)


def number(text: str, whole: int, places: int) -> Decimal | None:
    """A field; raises ValueError for what cannot be held."""
    text = text.strip(" \t")
    if not text:
        return None
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        raise ValueError(text)
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    if value and (value.adjusted() >= whole or _finest(value) < -places):
        raise ValueError(text)
    return value


def _finest(value: Decimal) -> int:
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    return exponent + len(text) - len(text.rstrip("0"))


def trade(line: str) -> dict[str, Any] | None:
    """The event of a line of a stock's trades, None if there is none."""
    fields = line.split(",")
    if len(fields) not in (3, 6):
        return None
    try:
        time = number(fields[0], 30, 6)
        price, size = number(fields[1], 22, 14), number(fields[2], 18, 18)
    except ValueError:
        return None
    if time is None or price is None or size is None:
        return None
    ns = int(time * 1_000_000)
    if not 0 <= ns < 86_400 * 10**9:
        return None
    found = {"ts_event": from_ns(MIDNIGHT + ns), "price": price / 10_000, "size": size}
    venue, condition, suspicious = (*fields[3:], "", "", "")[:3]
    if suspicious not in ("", "0", "1"):
        return None
    if venue:
        found["venue"] = {"P": "ARCX", "Q": "XNAS", "IEX": "IEXG"}.get(venue, venue)
    if condition.strip("0"):
        found["conditions"] = [condition]
    if suspicious == "1":
        found["extra"] = '{"suspicious":1}'
    return found


@settings(max_examples=many(37))
@given(lines, st.booleans())
def test_each_line_is_an_event_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, given_lines: list[str], carriage: bool
) -> None:
    folder = LeanFolder(tmp_path_factory.mktemp("lean"))
    end = "\r\n" if carriage else "\n"
    folder.zip_of(IBM_TRADES, {"rows.csv": "".join(line + end for line in given_lines)})
    rows, bad = read(folder.root)
    events = [found for line in given_lines if (found := trade(line)) is not None]
    names = ("ts_event", "price", "size", "venue", "conditions", "extra")
    assert [{n: row[n] for n in names if n in row} for row in rows] == events
    wrong = [
        (number, line) for number, line in enumerate(given_lines, 1) if line and trade(line) is None
    ]
    found = [(int(where.rpartition(" ")[2]), raw.decode()) for where, _, raw in bad]
    assert found == wrong
    assert all(reason for _, reason, _ in bad)


quotes = st.builds(
    "{},{},{},{},{},P,0,0".format,
    st.integers(0, 86_399_999),
    st.sampled_from(["0", "1000000", ""]),
    st.sampled_from(["0", "5", ""]),
    st.sampled_from(["0", "1010000", ""]),
    st.sampled_from(["0", "7", ""]),
)


@settings(max_examples=many(20))
@given(st.lists(quotes, min_size=1, max_size=6))
def test_a_side_that_is_not_told_of_is_absent(
    tmp_path_factory: pytest.TempPathFactory, given_lines: list[str]
) -> None:
    folder = LeanFolder(tmp_path_factory.mktemp("lean"))
    folder.zip(IBM_QUOTES, *given_lines)
    rows, bad = read(folder.root)
    assert bad == []
    for line, row in zip(given_lines, rows, strict=True):
        _, bid, bid_size, ask, ask_size, *_ = line.split(",")
        for side, price, size in (("bid", bid, bid_size), ("ask", ask, ask_size)):
            said = {key: row.get(f"{side}_{key}") for key in ("price", "size")}
            if {price, size} <= {"", "0"}:
                assert said == {"price": None, "size": None}
                assert f"{side}_venue" not in row
            else:
                assert said["price"] == (Decimal(price) / 10_000 if price else None)
                assert said["size"] == (Decimal(size) if size else None)


def test_the_example_of_the_model(tmp_path: Path) -> None:
    """The model itself knows what Lean's documentation shows."""
    assert trade("34200000,1842900,100,P,0,0") == {
        "ts_event": "2013-10-07T13:30:00.000000000Z",
        "price": Decimal("184.29"),
        "size": Decimal(100),
        "venue": "ARCX",
    }
    assert trade("34200000,1842900") is None
    assert trade("86400000,1,1") is None
    assert trade("0.0000001,1,1") is None
    assert trade("0,1,1e-20") is None
