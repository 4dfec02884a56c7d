"""Where parts lie: one name a symbol, on any file system, that never leads out of the root."""

import re
from functools import partial
from itertools import product
from pathlib import PurePosixPath
from typing import get_args
from unicodedata import normalize
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
    names_of,
    part_path,
    period_of,
    whole_path,
    with_current_name,
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


def folded(name: object) -> str:
    """What a file system makes of a name that counts neither case nor Unicode's spellings."""
    return normalize("NFC", normalize("NFD", str(name)).casefold())


def unfolded(name: str) -> bytes:
    """The symbol of a name that has lost the case of its letters."""
    found, lower = bytearray(), False
    for piece in re.findall("%..|[^%]", name.lower()):
        byte = int(piece[1:], 16) if len(piece) == 3 else ord(piece)
        if chr(byte).isascii() and chr(byte).isalpha():
            lower = chr(byte).islower() if len(piece) == 3 else lower
            byte = ord(chr(byte).lower() if lower else chr(byte).upper())
        found.append(byte)
    return bytes(found)


# Two spellings of one symbol, as people and file systems may have them.
alike = symbols.flatmap(
    lambda symbol: st.tuples(
        st.just(symbol),
        st.sampled_from(
            [str.upper, str.lower, str.title, str.swapcase, str.casefold]
            + [partial(normalize, form) for form in ("NFC", "NFD", "NFKC", "NFKD")]
        ).map(lambda spelled: spelled(symbol)),
    )
)


@given(st.tuples(symbols, symbols) | alike, layouts)
def test_two_symbols_have_two_names_on_any_file_system(
    pair: tuple[str, str], layout: Layout
) -> None:
    one, other = pair
    assert (folded(encode_symbol(one)) == folded(encode_symbol(other))) == (one == other)
    paths = {folded(part_path(layout, name, "trade", "2024-01-02", "a-1")) for name in pair}
    assert len(paths) == len({one, other})


@given(symbols)
def test_a_name_that_was_folded_still_says_which_symbol_it_is(symbol: str) -> None:
    name = encode_symbol(symbol)
    if "%~" not in name:
        assert unfolded(name.upper()) == symbol.encode("utf-8", "surrogatepass")


@given(st.text("ABCXYZ0189.-", min_size=1, max_size=20))
def test_ordinary_tickers_are_written_as_they_are(symbol: str) -> None:
    if symbol.strip(".") == symbol and encode_symbol(symbol)[0] == symbol[0]:
        assert names_of(symbol) == (symbol,)


@given(layouts, symbols, partitions)
def test_paths_of_older_versions(layout: Layout, symbol: str, partition: Partition) -> None:
    new = f"{part_path(layout, symbol, 'trade', period_of(0, partition), 'abc-0001')}.parquet"
    older = names_of(symbol)[-1]
    old = new.replace(encode_symbol(symbol), older, 1)
    assert may_hold(PurePosixPath(old), (symbol,))
    assert may_hold(PurePosixPath(folded(old)), (symbol,))
    assert with_current_name(old, layout, symbol) == new
    assert with_current_name(new, layout, symbol) == new


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
        ("spy", "%73py"),
        ("Spy", "S%70y"),
        ("BACpL", "BAC%70%4C"),
        ("ES.c.0", "ES.%63.0"),
        ("es.c.0", "%65s.c.0"),
        ("CONsol", "CON%73ol"),
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
    differ = other.casefold() != symbol.casefold() and other not in ("trade", "")
    if layout in ("by-symbol", "hive") and differ:
        assert not may_hold(path, (other,))


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
