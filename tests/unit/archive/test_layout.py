"""Where parts lie: one name a symbol, on any file system, that never leads out of the root."""

from itertools import product
from pathlib import PurePosixPath
from typing import get_args
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.archive.catalog.layout import (
    NO_SYMBOL,
    Layout,
    Partition,
    encode_symbol,
    may_hold,
    part_path,
    period_of,
    whole_path,
)
from mdc_core.archive.catalog.paths import period, span
from mdc_core.times import MAX_NS, MIN_NS, from_ns

# Letters that file systems, shells, URLs and our own names have a use for.
odd = st.text(st.sampled_from("aA1.-_%/\\~ :?*'\"=#&\x00\n\u00e9\u212a\U0001f600"), max_size=12)
symbols = st.one_of(
    st.text(max_size=60),
    odd,
    st.text("AB/%", min_size=100, max_size=200),
    st.sampled_from(["CON", "nul", "com1", "LPT9.txt", "com", "aux.", ".", "..", "...", "_", "%"]),
)
layouts = st.sampled_from(get_args(Layout))
partitions = st.sampled_from(get_args(Partition))
DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{name}{number}" for name in ("com", "lpt") for number in range(10)
}


@given(symbols)
def test_a_name_is_one_component_that_every_system_takes(symbol: str) -> None:
    name = encode_symbol(symbol)
    assert name.isascii() and 1 <= len(name) <= 120
    assert not set(name) & set('/\\:*?"<>| \x00')
    assert name not in (NO_SYMBOL, ".", "..")
    assert not name.startswith(".") and not name.endswith(".")
    assert name.lower().partition(".")[0] not in DEVICES


@given(symbols)
def test_a_name_says_which_symbol_it_is_unless_it_is_too_long(symbol: str) -> None:
    name = encode_symbol(symbol)
    data = symbol.encode("utf-8", "surrogatepass")
    if "~" not in name:
        assert (unquote_to_bytes(name) if name != "%" else b"") == data
    else:
        start, _, digest = name.partition("%~")
        assert data.startswith(unquote_to_bytes(start))
        assert len(digest) == 32


@given(symbols, symbols)
def test_two_symbols_have_two_names(one: str, other: str) -> None:
    assert (encode_symbol(one) == encode_symbol(other)) == (one == other)


def test_long_symbols_that_begin_alike() -> None:
    long = [f"{'A' * 150}{number}" for number in range(20)] + ["/" * 50 + x for x in "ab"]
    names = {encode_symbol(symbol) for symbol in long}
    assert len(names) == len(long)
    assert all(len(name) <= 120 and "%~" in name for name in names)
    assert encode_symbol("A" * 120) == "A" * 120
    # No escape is cut through, so that the start can still be read.
    start = encode_symbol("/" * 50).partition("%~")[0]
    assert unquote_to_bytes(start) == b"/" * (len(start) // 3)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        (None, "_"),
        ("", "%"),
        ("_", "%5F"),
        ("%", "%25"),
        ("BTC/USD", "BTC%2FUSD"),
        ("BRK.B", "BRK.B"),
        (".SPX", "%2ESPX"),
        ("X.", "X%2E"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("con", "%63on"),
        ("CON.TO", "%43ON.TO"),
        ("COM1", "%43OM1"),
        ("COM", "COM"),
        ("CONE", "CONE"),
        ("\u00c4", "%C3%84"),
        ("ES Z4", "ES%20Z4"),
    ],
)
def test_names(symbol: str | None, name: str) -> None:
    assert encode_symbol(symbol) == name


@given(layouts, symbols | st.none(), partitions, st.integers(MIN_NS, MAX_NS) | st.none())
def test_a_part_lies_below_the_root_and_its_period_holds_its_time(
    layout: Layout, symbol: str | None, partition: Partition, ns: int | None
) -> None:
    name = period_of(ns, partition)
    for path in (
        part_path(layout, symbol, "trade", name, "abc-0001"),
        whole_path(layout, symbol, "trade", name, 3),
    ):
        assert not path.is_absolute() and not {".", ".."} & set(path.parts)
        first, last = period(PurePosixPath(f"{path}.parquet"))
        assert first is None or (ns is not None and first <= ns)
        assert last is None or (ns is not None and ns < last)
        if ns is not None and partition != "none" and "1700" < from_ns(ns) < "2200":
            assert (first, last) == span(name)
            assert None not in (first, last)


@given(layouts, symbols, symbols, partitions)
def test_a_file_may_hold_its_own_symbol(
    layout: Layout, symbol: str, other: str, partition: Partition
) -> None:
    path = part_path(layout, symbol, "trade", period_of(0, partition), "abc-0001")
    path = PurePosixPath(f"{path}.parquet")
    assert may_hold(path, (symbol,))
    assert may_hold(path, (other, symbol))
    if layout in ("by-symbol", "hive") and other != symbol and other not in ("trade", ""):
        assert may_hold(path, (other,)) == (encode_symbol(other) in path.parts)


def test_every_partition_of_every_layout_has_a_path_of_its_own() -> None:
    times = [0, 3_600 * 10**9, 86_400 * 10**9, 40 * 86_400 * 10**9, None]
    names = ("SPY", "spy ", "BTC/USD", "_", None, "", "trade", "2024-01-02", "a_trade_all")
    for layout, partition in product(get_args(Layout), get_args(Partition)):
        keys = {
            (symbol, kind, period_of(ns, partition))
            for symbol, kind, ns in product(names, ("trade", "quote"), times)
        }
        for number in (0, 1):
            paths = {whole_path(layout, *key, number) for key in keys}
            assert len(paths) == len(keys), (layout, partition)


def test_the_hour_the_day_and_the_month_of_a_time() -> None:
    ns = 1_709_217_000_000_000_000  # 2024-02-29T14:30:00Z
    names = {partition: period_of(ns, partition) for partition in get_args(Partition)}
    assert names == {
        "none": "all",
        "hourly": "2024-02-29T14",
        "daily": "2024-02-29",
        "monthly": "2024-02",
    }
    assert {period_of(None, p) for p in ("hourly", "daily", "monthly")} == {"undated"}
    assert period_of(None, "none") == "all"
    assert span("undated") == span("all") == span("2024") == (None, None)
    assert span("2024-13") == span("2024-02-30") == (None, None)
