"""Patterns: the same symbols by Python, Arrow and SQLite."""

import sqlite3

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.patterns import expression, glob, is_pattern, matches, prefix

TEXT = st.text("aAb]-^![*?\\\n.é", max_size=7)


@given(TEXT, TEXT)
def test_all_three_agree(pattern: str, symbol: str) -> None:
    found = matches(pattern, symbol)
    with sqlite3.connect(":memory:") as db:
        assert db.execute("SELECT ? GLOB ?", (symbol, glob(pattern))).fetchone() == (found,)
    arrow = pc.match_substring_regex(pa.array([symbol]), f"^{expression(pattern)}$")
    assert arrow.to_pylist() == [found]
    assert not found or symbol.startswith(prefix(pattern))
    assert is_pattern(pattern) or found == (symbol == pattern)


@pytest.mark.parametrize(
    ("pattern", "those", "others"),
    [
        ("BTC*", ["BTC", "BTC/USD"], ["btc", "XBTC"]),
        ("*/USD", ["ETH/USD"], ["ETH/EUR", "USD"]),
        ("B?", ["BA", "B*"], ["B", "BTC"]),
        ("[AM]*", ["AAPL", "MSFT"], ["SPY"]),
        ("[!A-M]*", ["SPY"], ["AAPL", "MSFT", ""]),
        ("BRK[.]?", ["BRK.A"], ["BRKxA"]),
        ("[*]", ["*"], ["A"]),
        ("A[", ["A["], ["A"]),
    ],
)
def test_what_they_stand_for(pattern: str, those: list[str], others: list[str]) -> None:
    assert [symbol for symbol in those + others if matches(pattern, symbol)] == those
