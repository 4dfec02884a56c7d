"""The Parquet files as others read them, without an option: exact, and nothing half-written."""

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mdc_core.archive import storage
from mdc_core.archive.catalog.layout import Layout
from tests.conftest import Shell, parts_of

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
@pytest.mark.some(4)
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


TRADE = '{{"type":"trade","symbol":"{}","ts_event":"2024-01-02T10:00:00Z","price":{}}}\n'
QUOTE = '{"type":"quote","symbol":"%s","ts_event":"2024-01-02T10:00:00Z","bid_price":%s}\n'
GAP = '{"type":"gap","start":"2024-01-02T10:00:00Z","reason":"disconnect"}\n'
READERS = ["pandas", "dataset", "polars", "duckdb"]


def of_hive(reader: str, root: Path) -> Rows:
    """Symbols, types and prices of a whole root, each tool called as docs/reading.md says."""
    names = ["symbol", "type", "price"]
    files = f"{root}/**/*.parquet"
    match reader:
        case "pandas":
            pandas = pytest.importorskip("pandas", reason="pandas is not installed")
            frame = pandas.read_parquet(root)[names].astype(object)
            found = frame.where(frame.notna(), None).itertuples(index=False, name=None)
            return list(found)
        case "dataset":
            from pyarrow import dataset

            table = dataset.dataset(root, partitioning="hive").to_table(columns=names)
            return [tuple(row.values()) for row in table.to_pylist()]
        case "polars":
            polars = pytest.importorskip("polars", reason="polars is not installed")
            how = {"hive_partitioning": True, "missing_columns": "insert"}
            return polars.scan_parquet(files, **how).select(names).collect().rows()
        case _:
            duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
            asked = f"read_parquet('{files}', union_by_name = true, hive_partitioning = true)"
            return duckdb.sql(f"SELECT {', '.join(names)} FROM {asked}").fetchall()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("symbols", [("SPY", "7203"), ("0700", "7203"), ("spy", "BTC/USD")])
@pytest.mark.some(4)
def test_hive_folders_by_the_book(
    symbols: tuple[str, str], reader: str, shell: Shell, tmp_path: Path
) -> None:
    """Symbols are text, also where all look like numbers; of two types no column is missing."""
    one, other = symbols
    text = TRADE.format(one, 470) + QUOTE % (other, 2500) + TRADE.format(other, 7)
    assert shell("mdc store --layout hive", stdin=text.encode()).status == 0
    want = [(one, "trade", Decimal(470)), (other, "quote", None), (other, "trade", Decimal(7))]
    assert sorted(of_hive(reader, tmp_path / "data"), key=str) == sorted(want, key=str)
    assert shell("mdc store --layout hive", stdin=GAP.encode()).status == 0  # without a symbol
    got = of_hive(reader, tmp_path / "data")
    assert sorted(got, key=str) == sorted([*want, ("_", "gap", None)], key=str)


def test_hive_files_have_no_column_of_their_folders(shell: Shell, tmp_path: Path) -> None:
    """And yet one by itself, and the archive without its catalog, give back all fields."""
    text = TRADE.format("0700", 470) + GAP
    assert shell("mdc store --layout hive", stdin=text.encode()).status == 0
    whole = shell("mdc cat --root data").events
    for part in parts_of(tmp_path / "data"):
        names = pq.read_schema(part).names
        assert "symbol" not in names and "type" not in names and "ts_event" in names
        (event,) = (e for e in shell(f"mdc cat '{part}'").events if "run_id" not in e)
        assert event in whole
        said = json.loads(shell(f"mdc inspect '{part}' --json").out)
        assert [one["type"] for one in said["types"]] == [event["type"]]
    (tmp_path / "data/_mdc/catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild --root data").status == 0
    for verb in ("verify --deep", "compact", "verify --deep"):
        assert shell(f"mdc {verb} --root data").status == 0
    keys = [(e["type"], e.get("symbol")) for e in shell("mdc cat --root data").events]
    assert ("trade", "0700") in keys and ("gap", None) in keys
    asked = shell('mdc query --root data "SELECT symbol, price FROM trade" --format csv')
    assert asked.out.splitlines()[1:] == ["0700,470"]
    assert shell("mdc pack create p.zip --root data").status == 0
    assert shell("mdc pack import p.zip --root copy").status == 0
    assert shell("mdc verify --root copy --deep").status == 0


def test_hive_folders_of_an_older_version(shell: Shell, tmp_path: Path) -> None:
    """They had the columns as well; they are read, and `compact` makes them such as of today."""
    text = TRADE.format("SPY", 470) + TRADE.format("7203", 2500)
    assert shell("mdc store --layout hive", stdin=text.encode()).status == 0
    root = tmp_path / "data"
    for part in parts_of(root):
        table = pq.ParquetFile(part).read()
        symbol = part.parts[-4].removeprefix("symbol=")
        for name, value in (("symbol", symbol), ("type", "trade")):
            column = pa.array([value], pa.string()).dictionary_encode()
            table = table.add_column(0, name, column)
        said = {k: v for k, v in table.schema.metadata.items() if k != b"mdc.constant"}
        pq.write_table(table.replace_schema_metadata(said), part)
    shutil.rmtree(root / "symbol=%20")
    (root / "_mdc/catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild --root data").status == 0
    before = shell("mdc cat --root data").lines
    assert shell("mdc compact --root data").status == 0
    assert all("symbol" not in pq.read_schema(part).names for part in parts_of(root))
    own = [line for line in before if "run_id" not in line]
    assert [x for x in shell("mdc cat --root data").lines if "run_id" not in x] == own
    want = [("7203", "trade", Decimal(2500)), ("SPY", "trade", Decimal(470))]
    for reader in READERS:
        assert sorted(of_hive(reader, root)) == want
    assert "0 files to" not in shell("mdc compact --root data").out


def test_a_root_of_two_types_has_all_columns_or_is_refused(shell: Shell, tmp_path: Path) -> None:
    """By pandas' and pyarrow's plain call, and below the folder of a symbol or a day."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    text = QUOTE % ("A", 2) + TRADE.format("A", "1.5") + TRADE.format("B", 3)
    for layout in get_args(Layout):
        assert (
            shell(f"mdc store --layout {layout} --root {layout}", stdin=text.encode()).status == 0
        )
        frame = pandas.read_parquet(tmp_path / layout)
        assert (len(frame), frame["price"].count(), frame["bid_price"].count()) == (3, 2, 1)
    for folder in ("by-symbol/A", "by-date/2024-01-02", "by-date/2024-01-02/A"):
        frame = pandas.read_parquet(tmp_path / folder)
        assert frame["price"].count() == (1 if folder.endswith("A") else 2)
    assert not (tmp_path / "by-symbol/B" / storage.COLUMNS).exists()  # it has trades alone
    assert shell("mdc store --root by-symbol", stdin=(QUOTE % ("B", 4)).encode()).status == 0
    assert pandas.read_parquet(tmp_path / "by-symbol/B")["price"].count() == 1


@pytest.mark.parametrize("layout", get_args(Layout))
def test_a_root_of_two_types_in_sql_and_polars(layout: str, shell: Shell, tmp_path: Path) -> None:
    """Where their plain call cannot have all columns it is an error, and the other way right."""
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    polars = pytest.importorskip("polars", reason="polars is not installed")
    text = QUOTE % ("A", 2) + TRADE.format("A", "1.5") + TRADE.format("B", 3)
    assert shell(f"mdc store --layout {layout}", stdin=text.encode()).status == 0
    files = f"{tmp_path}/data/**/*.parquet"
    with pytest.raises(duckdb.Error, match="union_by_name"):
        duckdb.sql(f"SELECT * FROM '{files}'").fetchall()
    with pytest.raises(polars.exceptions.PolarsError, match="missing_columns"):
        polars.scan_parquet(files).collect()
    asked = f"SELECT count(price), sum(price) FROM read_parquet('{files}', union_by_name = true)"
    assert duckdb.sql(asked).fetchall() == [(2, Decimal("4.5"))]
    whole = polars.scan_parquet(files, missing_columns="insert").select(polars.col("price").sum())
    assert whole.collect().item() == Decimal("4.5")


def test_the_columns_of_a_root_are_as_wide_as_its_files(shell: Shell, tmp_path: Path) -> None:
    """Also when a value that needs more digits comes in later."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    for price in ("1.5", "123456789012.5"):
        text = TRADE.format("A", price) + QUOTE % ("A", 1)
        assert shell("mdc store", stdin=text.encode()).status == 0
    found = pandas.read_parquet(tmp_path / "data")["price"].dropna().tolist()
    assert sorted(found) == [Decimal("1.5"), Decimal("123456789012.5")]
    kinds = {pq.read_schema(tmp_path / "data" / storage.COLUMNS).field("price").type}
    kinds |= {pq.read_schema(p).field("price").type for p in tmp_path.glob("data/A/trade/*")}
    assert kinds == {pa.decimal128(36, 18)}


def test_an_archive_of_an_older_version_gets_its_columns(shell: Shell, tmp_path: Path) -> None:
    """By the next store, or by `compact`; what `ls --links` gives out has them as well."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    text = TRADE.format("A", "1.5") + QUOTE % ("A", 1)
    for verb, later in (("compact", ""), ("store", TRADE.format("B", 1))):
        assert shell(f"mdc store --root {verb}", stdin=text.encode()).status == 0
        for path in (tmp_path / verb).rglob(storage.COLUMNS):
            path.unlink()
        assert "price" not in pandas.read_parquet(tmp_path / verb)
        assert shell(f"mdc {verb} --root {verb}", stdin=later.encode()).status == 0
        assert pandas.read_parquet(tmp_path / verb)["price"].count() == 1 + bool(later)
    assert shell("mdc ls --root store --links snap").status == 0
    assert pandas.read_parquet(tmp_path / "snap")["price"].count() == 2
    # A folder that is emptied goes, with the columns in it.
    assert shell("mdc retain --yes --by event --root compact --max-size 1B").status == 0
    assert not (tmp_path / "compact" / "A").exists()
