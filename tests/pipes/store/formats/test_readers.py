"""The Parquet files as others read them, without an option: exact, and nothing half-written."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell

Rows = list[tuple[Any, ...]]
COLUMNS = ["symbol", "price", "size", "trade_id"]


def duckdb_rows(root: Path) -> Rows:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    files = f"{root}/*/trade/*.parquet"
    return duckdb.sql(f"SELECT {', '.join(COLUMNS)} FROM '{files}'").fetchall()


def polars_rows(root: Path) -> Rows:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    return polars.read_parquet(f"{root}/*/trade/*.parquet").select(COLUMNS).rows()


def pandas_rows(root: Path) -> Rows:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frames = [pandas.read_parquet(path) for path in root.glob("*/trade/*.parquet")]
    whole = pandas.concat(frames)[COLUMNS]
    return [tuple(row) for row in whole.itertuples(index=False, name=None)]


def dataset_rows(root: Path) -> Rows:
    from pyarrow import dataset

    paths = [str(path) for path in root.glob("*/trade/*.parquet")]
    table = dataset.dataset(paths).to_table(columns=COLUMNS)
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("read", [duckdb_rows, polars_rows, pandas_rows, dataset_rows])
def test_prices_are_decimals(
    read: Callable[[Path], Rows], compacted: bool, shell: Shell, tmp_path: Path
) -> None:
    store = "mdc stream sim SPY AAPL --limit 1500 --seed {} | tee {}.jsonl | mdc store"
    for seed in (1, 2):
        assert shell(store.format(seed, seed)).status == 0
    if compacted:
        assert shell("mdc compact").status == 0
    want = []
    for line in shell("cat 1.jsonl 2.jsonl").out.splitlines():
        event = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        if event["type"] == "trade":
            want.append(tuple(event[name] for name in COLUMNS))
    got = read(tmp_path / "data")
    assert all(isinstance(row[1], Decimal) and isinstance(row[2], Decimal) for row in got)
    assert sorted(got) == sorted(want)


def test_price_times_size_is_exact_in_duckdb(shell: Shell, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    assert shell("mdc stream sim SPY --limit 2000 | tee sim.jsonl | mdc store").status == 0
    lines = [
        json.loads(line, parse_float=Decimal, parse_int=Decimal)
        for line in (tmp_path / "sim.jsonl").read_text().splitlines()
    ]
    want = sum(e["price"] * e["size"] for e in lines if e["type"] == "trade")
    question = f"SELECT sum(price * size) FROM '{tmp_path}/data/SPY/trade/*.parquet'"
    ((got,),) = duckdb.sql(question).fetchall()
    assert isinstance(got, Decimal) and got == want


def test_parquet_is_a_tenth_of_jsonl(shell: Shell, tmp_path: Path) -> None:
    """On the corpus of the bench, as it is stored by default."""
    corpus = Path(__file__).resolve().parents[4] / "bench" / "corpus.py"
    assert shell(f"python {corpus} 200000 40 > corpus.jsonl").status == 0
    assert shell("mdc store < corpus.jsonl").status == 0
    text = (tmp_path / "corpus.jsonl").stat().st_size
    parts = sum(path.stat().st_size for path in (tmp_path / "data").glob("*/*/*.parquet"))
    print(f"{text / parts:.1f} times smaller")
    assert parts * 10 < text


def test_hive_folders_as_the_documentation_says(shell: Shell, tmp_path: Path) -> None:
    """A symbol that is a number is text, in whatever reads the folders or leaves them."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    polars = pytest.importorskip("polars", reason="polars is not installed")
    trade = '{{"type":"trade","symbol":"{}","ts_event":"2024-01-02T10:00:00Z","price":{}}}\n'
    text = trade.format("SPY", 470) + trade.format("7203", 2500)
    assert shell("mdc store --layout hive", stdin=text.encode()).status == 0
    assert pandas.read_parquet(tmp_path / "data")["symbol"].tolist() == ["7203", "SPY"]
    root, want = tmp_path / "data", [("7203", Decimal(2500)), ("SPY", Decimal(470))]
    assert shell("mdc compact").status == 0  # which writes the files anew
    for how in ({}, {"partitioning": None}):
        whole = pandas.read_parquet(root, **how)[["symbol", "price"]]
        assert sorted(whole.itertuples(index=False, name=None)) == want
    one = pandas.read_parquet(root, filters=[("symbol", "=", "7203")])
    assert one["price"].tolist() == [Decimal(2500)]
    files = f"{root}/**/*.parquet"
    assert sorted(duckdb.sql(f"SELECT symbol, price FROM '{files}'").fetchall()) == want
    for hive in (True, False):
        read = polars.read_parquet(files, hive_partitioning=hive).select("symbol", "price").rows()
        assert sorted(read) == want


def test_hive_folders_of_numbers_are_refused_or_exact(shell: Shell, tmp_path: Path) -> None:
    """Symbols that are numbers alone: pandas guesses numbers of the folders, 700 of 0700."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    pa = pytest.importorskip("pyarrow")
    trade = '{{"type":"trade","symbol":"{}","ts_event":"2024-01-02T10:00:00Z","price":1}}\n'
    text = trade.format("0700") + trade.format("7203")
    assert shell("mdc store --layout hive", stdin=text.encode()).status == 0
    with pytest.raises(pa.ArrowTypeError):
        pandas.read_parquet(tmp_path / "data")
    read = pandas.read_parquet(tmp_path / "data", partitioning=None)
    assert sorted(read["symbol"]) == ["0700", "7203"]
