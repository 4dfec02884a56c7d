"""Which files of a Lean data folder are read, in which order, and which are refused."""

import itertools
import re
import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest

from mdc_core.contracts import BadRow, ImportRequest
from mdc_core.errors import DataError, NothingFoundError, UsageError
from mdc_core.schema import arrow_schema
from mdc_core.times import to_ns
from mdc_exporters.lean.files import SKIPPABLE
from mdc_exporters.lean.importer import Lean
from tests.unit.importers.lean_folder import IBM_QUOTES, IBM_TRADES, LeanFolder, read, rows_in


def test_order_over_files_of_all_kinds(lean: LeanFolder) -> None:
    lean.zip(IBM_QUOTES, "10,1,1,0,0,P,1,0", "20,2,1,0,0,P,1,0", "20,3,1,0,0,P,1,0")
    lean.zip(IBM_TRADES, "10,1,101,P,,0", "20,1,102,P,,0", "30,1,103,P,,0")
    lean.zip("equity/usa/tick/aapl/20131007_trade.zip", "20,1,201,P,,0", "25,1,202,P,,0")
    lean.zip("equity/usa/tick/aapl/20131006_trade.zip", "86399999.999,1,200,P,,0")
    lean.zip("equity/usa/daily/zz.zip", "20131007 00:00,1,1,1,1,1", "20131008 00:00,1,1,1,1,2")
    rows = rows_in(lean.root)
    # Equal times: first the files of all days, then by path; rows of a file in their order.
    assert [r["symbol"] for r in rows] == [
        "AAPL",
        "ZZ",
        "IBM",
        "IBM",
        "AAPL",
        "IBM",
        "IBM",
        "IBM",
        "AAPL",
        "IBM",
        "ZZ",
    ]
    assert [r["type"] for r in rows[2:9]] == [
        "quote",
        "trade",
        "trade",
        "quote",
        "quote",
        "trade",
        "trade",
    ]
    assert [r["bid_price"] for r in rows if r["type"] == "quote"] == [
        Decimal("0.0001"),
        Decimal("0.0002"),
        Decimal("0.0003"),
    ]


def test_one_schema_for_all_batches(lean: LeanFolder) -> None:
    lean.zip(IBM_TRADES, "10,1,101")
    lean.zip("equity/usa/daily/ibm.zip", "19980102 00:00,1,1,1,1,1")
    batches = list(Lean(ImportRequest(lean.root), Lean.Options()).batches())
    for batch in batches:
        assert batch.schema.equals(arrow_schema(frozenset(["trade", "bar"])), check_metadata=True)
        batch.validate(full=True)


def test_many_files_and_long_ones_are_merged_as_a_sort_would(lean: LeanFolder) -> None:
    expected = []
    for number in range(40):
        count = 5_000 if number % 13 == 0 else number % 7
        times = [(i * (number + 1)) // 3 for i in range(count)]
        lines = [f"{t},{number + 1},{i + 1}" for i, t in enumerate(times)]
        lean.zip(f"crypto/x/tick/s{number:02}/20200101_trade.zip", *lines)
        expected += [(t, number + 1, i + 1) for i, t in enumerate(times)]
    expected.sort(key=lambda row: row[0])
    midnight = to_ns("2020-01-01T00:00:00Z")
    got = [
        ((to_ns(r["ts_event"]) - midnight) // 1_000_000, int(r["price"]), int(r["size"]))
        for r in rows_in(lean.root)
    ]
    assert got == expected


def test_rows_that_go_back_in_time_keep_their_place(lean: LeanFolder) -> None:
    lean.zip(IBM_TRADES, "10,1,1", "30,1,2", "20,1,3", "40,1,4")
    lean.zip("equity/usa/tick/spy/20131007_trade.zip", "25,1,5", "35,1,6")
    assert [int(r["size"]) for r in rows_in(lean.root)] == [1, 5, 2, 3, 6, 4]


def test_a_range_cuts_rows_and_does_not_open_other_days(lean: LeanFolder) -> None:
    lean.zip(IBM_TRADES, "34200000,1,1", "34201000,1,2", "34202000,1,3", "86399999,1,4")
    # Not even looked into: the day in New York has no moment in the range.
    (lean.root / "equity/usa/tick/ibm/20131005_trade.zip").write_bytes(b"no zip")
    lean.zip("equity/usa/daily/ibm.zip", "20131006 00:00,1,1,1,1,8", "20131008 00:00,1,1,1,1,9")
    start, end = "2013-10-07T13:30:01Z", "2013-10-07T13:30:02Z"
    (row,) = rows_in(lean.root, start=start, end=end)
    assert row["size"] == 2
    late = rows_in(lean.root, start="2013-10-08T00:00:00Z")
    assert [int(r.get("size") or r["volume"]) for r in late] == [4, 9]
    assert rows_in(lean.root, start="2013-10-09T04:00:00Z") == []


def test_symbols_and_filters(lean: LeanFolder) -> None:
    lean.zip(IBM_TRADES, "1,1,1")
    lean.zip(IBM_QUOTES, "1,1,1,0,0,P,1,0")
    lean.zip("equity/usa/daily/ibm.zip", "19980102 00:00,1,1,1,1,1")
    lean.zip("equity/usa/daily/brk.b.zip", "19980102 00:00,1,1,1,1,1")
    lean.zip("crypto/coinbase/daily/btcusd_trade.zip", "20200101 00:00,1,1,1,1,1")
    assert {r["symbol"] for r in rows_in(lean.root)} == {"IBM", "BRK.B", "BTCUSD"}
    assert {r["symbol"] for r in rows_in(lean.root, "IBM", "BRK.*")} == {"IBM", "BRK.B"}
    assert [r["type"] for r in rows_in(lean.root, "IBM", type=("quote",))] == ["quote"]
    assert len(rows_in(lean.root, resolution="daily")) == 3
    assert len(rows_in(lean.root, security_type="crypto", market="Coinbase")) == 1
    with pytest.raises(NothingFoundError, match=r"'ibn'; did you mean IBM\?"):
        rows_in(lean.root, "ibn")
    with pytest.raises(NothingFoundError, match="'BTCUSD'"):
        rows_in(lean.root, "BTCUSD", resolution="tick")
    with pytest.raises(DataError, match="no file of what was asked for"):
        rows_in(lean.root, market="binance")


@pytest.mark.parametrize(
    "place", ["", "equity", "equity/usa", "equity/usa/tick", "equity/usa/tick/ibm", IBM_TRADES]
)
def test_any_place_in_the_folder_will_do(
    lean: LeanFolder, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lean.market_hours(Equity_usa="Asia/Tokyo")
    path = lean.zip(IBM_TRADES, "32400000,10000,1")
    wanted = [{"symbol": "IBM", "ts_event": "2013-10-07T00:00:00.000000000Z"}]
    (row,) = rows_in(lean.root / place)
    assert [{name: row[name] for name in wanted[0]}] == wanted
    monkeypatch.chdir((lean.root / place) if (lean.root / place).is_dir() else path.parent)
    assert rows_in(Path()) == [row]
    assert rows_in(Path("..") / Path.cwd().name) == [row]


def test_words_of_the_layout_above_the_root_do_not_matter(tmp_path: Path) -> None:
    lean = LeanFolder(tmp_path / "crypto" / "x" / "daily" / "option")
    lean.zip(IBM_TRADES, "1,10000,1")
    (row,) = rows_in(lean.root)
    assert row["channel"] == "lean:equity/usa/tick/trade"


REFUSED = {
    "equity/usa/minute/ibm/20131007_quote.zip": ["quote-bar"],
    "forex/oanda/daily/eurusd.zip": ["quote-bar"],
    "crypto/coinbase/hour/btcusd_quote.zip": ["quote-bar"],
    "future/cme/minute/es/20131007_trade.zip": ["future"],
    "future/cme/daily/es_openinterest.zip": ["future", "open-interest"],
    "future/comex/tick/gc/20131007_quote.zip": ["future"],
    "option/usa/minute/twx/20131007_trade_american.zip": ["option"],
    "option/usa/daily/twx_2013_quote_american.zip": ["option", "quote-bar"],
    "indexoption/usa/minute/spx/20131007_trade_european.zip.zip": ["index-option"],
    "futureoption/cme/minute/es/201312/20131007_trade_american.zip": ["future-option"],
}
STRAY = [
    "equity/usa/minute/ibm/20131307_trade.zip",
    "equity/usa/minute/ibm/notes.zip",
    "equity/usa/minute/ibm.zip",
    "equity/usa/daily/ibm/20131007_trade.zip",
    "equity/usa/tick/ibm/99991231_trade.zip",
    "crypto/coinbase/daily/btcusd.zip",
    "forex/oanda/tick/eurusd/20131007_trade.zip",
    "alternative/weather/2013.zip",
]


@pytest.mark.parametrize("name", STRAY)
def test_a_file_out_of_place_is_set_aside(lean: LeanFolder, name: str) -> None:
    lean.zip(IBM_TRADES, "1,1,1")
    path = lean.zip(name, "never read")
    rows, bad = read(lean.root)
    assert len(rows) == 1
    assert bad == [(str(path), "its path is not one of a Lean data folder", b"")]
    assert len(rows_in(lean.root, skip=("other",))) == 1


@pytest.mark.parametrize(("name", "words"), REFUSED.items())
def test_what_has_no_event_is_refused_by_name(
    lean: LeanFolder, name: str, words: list[str]
) -> None:
    lean.zip(IBM_TRADES, "1,1,1")
    path = lean.zip(name, "never read")
    importer = Lean(ImportRequest(lean.root), Lean.Options())
    with pytest.raises(DataError) as caught:  # before anything has been read
        importer.batches()
    assert f"{words[0]} ({path})" in str(caught.value)
    assert str(caught.value).endswith(f"--skip {words[0]}")
    for word in words:
        assert len(rows_in(lean.root, skip=(word,))) == 1


def test_a_refusal_counts_and_says_how_to_go_on(lean: LeanFolder) -> None:
    for name in REFUSED:
        lean.zip(name, "never read")
    with pytest.raises(DataError) as caught:
        rows_in(lean.root)
    for word in SKIPPABLE:
        told = word not in ("open-interest", "other")
        assert (f"--skip {word}" in str(caught.value)) == told
    assert re.search(r"quote-bar \(\S*quote.zip and 2 more\)", str(caught.value))
    assert rows_in(lean.root, skip=SKIPPABLE) == []
    with pytest.raises(UsageError, match="'options'; did you mean option"):
        rows_in(lean.root, skip=("options",))


def test_only_what_was_asked_for_is_refused(lean: LeanFolder) -> None:
    lean.zip(IBM_TRADES, "1,1,1")
    for name in REFUSED:
        lean.zip(name, "never read")
    assert len(rows_in(lean.root, security_type="equity", type=("trade",))) == 1
    assert len(rows_in(lean.root, "IBM", resolution="tick")) == 1
    with pytest.raises(DataError, match="quote-bar"):
        rows_in(lean.root, "IBM", start="2013-10-08T00:00:00Z")
    assert rows_in(lean.root, "IBM", start="2013-10-08T04:00:00Z") == []


def test_dated_crypto_futures_are_told_from_the_perpetual(lean: LeanFolder) -> None:
    at = "cryptofuture/binance/minute/adausdt/20221213"
    perpetual, dated = f"{at}_adausdt_trade_perp.csv", f"{at}_adausdt_trade_202303.csv"
    line = "0,1,1,1,1,{}\n"
    path = lean.zip_of(f"{at}_trade.zip", {dated: line.format(1), perpetual: line.format(2)})
    with pytest.raises(DataError, match=r"future .*202303\.csv.*--skip future"):
        rows_in(path)
    (row,) = rows_in(path, skip=("future",))
    assert row["volume"] == 2
    lean.zip_of(f"{at}_trade.zip", {dated: line.format(1)})
    assert rows_in(path, skip=("future",)) == []


def test_other_files_of_the_folder_are_left_alone(lean: LeanFolder) -> None:
    lean.zip(IBM_TRADES, "1,1,1")
    lean.zip("equity/usa/map_files/map_files_20131007.zip", "never read")
    lean.zip("equity/usa/factor_files/factor_files_20131007.zip", "never read")
    (lean.root / "equity/usa/map_files/ibm.csv").write_text("20501231,ibm,N\n")
    (lean.root / "symbol-properties").mkdir()
    (lean.root / "symbol-properties/symbol-properties-database.csv").write_text("market\n")
    assert len(rows_in(lean.root)) == 1


def test_files_are_read_in_pieces_and_only_when_it_is_their_turn(lean: LeanFolder) -> None:
    lines = [f"{i},{i},1" for i in range(400_000)]
    lean.zip("crypto/x/tick/a/20200101_trade.zip", *lines)
    lean.zip("crypto/x/tick/a/20200102_trade.zip", "oops")
    del lines
    tracemalloc.start()
    try:
        batches = Lean(ImportRequest(lean.root), Lean.Options()).batches()
        first = list(itertools.islice(batches, 3))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(len(batch) for batch in first) < 100_000
    assert peak < 20_000_000
    bad, *rest = sorted(batches, key=lambda item: not isinstance(item, BadRow))
    assert sum(map(len, [*first, *rest])) == 400_000
    assert "20200102" in bad.where
