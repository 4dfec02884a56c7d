"""Parquet for tools that know no nanoseconds: what they read, and what mdc reads back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell

TRADE = '{"type":"trade","v":"1.0.0","symbol":"SPY","ts_event":"%s","price":470.25,"size":100}\n'
BOOK = (
    '{"type":"book","v":"1.1.0","symbol":"SPY","ts_event":"2024-01-02T14:30:00.000000999Z",'
    '"bids":[{"price":470.2,"size":3,"count":2}],"asks":[]}\n'
)
BAR = '{"type":"bar","v":"1.0.0","symbol":"SPY","ts_event":"%s","ts_close":"%s","open":1}\n'
WIDE = TRADE.replace("470.25", "123456789012.0000000001") % "2024-01-02T14:30:01.999999999Z"
EVENTS = (
    TRADE % "2024-01-02T14:30:00.123456789Z"
    + BOOK
    + TRADE.replace('"ts_event":"%s",', "")
    + TRADE % "1969-12-31T23:59:59.999999999Z"  # before the first second
    + BAR % ("2024-01-02T14:30:00.000000001Z", "2262-04-11T23:47:16.854775807Z")
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Rows = list[tuple[Any, ...]]
COLUMNS = ["ts_event", "ts_event_ns", "price"]


def moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)


def pyarrow_rows(path: Path) -> Rows:
    table = pq.read_table(path, columns=COLUMNS)
    return [tuple(row.values()) for row in table.to_pylist()]


def duckdb_rows(path: Path) -> Rows:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    found = duckdb.sql(f"SELECT epoch_us(ts_event), ts_event_ns, price FROM '{path}'")
    return [(moment(us), ns, price) for us, ns, price in found.fetchall()]


def polars_rows(path: Path) -> Rows:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    return polars.read_parquet(path).select(COLUMNS).rows()


def pandas_rows(path: Path) -> Rows:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.read_parquet(path, dtype_backend="pyarrow")[COLUMNS]
    found = frame.itertuples(index=False, name=None)
    return [tuple(None if value is pandas.NA else value for value in row) for row in found]


def spark_rows(path: Path) -> Rows:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    building = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = building.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    chosen = ["unix_micros(ts_event) as us", "ts_event_ns", "price"]
    found = spark.read.parquet(str(path)).selectExpr(*chosen).collect()
    return [(moment(row.us), row.ts_event_ns, row.price) for row in found]


@pytest.fixture
def file(shell: Shell, tmp_path: Path) -> Path:
    (tmp_path / "events.jsonl").write_text(EVENTS)
    assert shell("mdc convert --portable events.jsonl -o x.parquet").status == 0
    return tmp_path / "x.parquet"


@pytest.mark.parametrize("read", [pyarrow_rows, duckdb_rows, polars_rows, pandas_rows, spark_rows])
def test_readers_without_nanoseconds(read: Callable[[Path], Rows], file: Path) -> None:
    whole = [1704205800123456789, 1704205800000000999, None, -1, 1704205800000000001]
    price = Decimal("470.25")
    prices = [price, None, price, price, None]
    want = [
        (moment(ns if ns is None else ns // 1000), ns, price)
        for ns, price in zip(whole, prices, strict=True)
    ]
    assert read(file) == want


def of_events(text: str) -> str:
    return "".join(x for x in text.splitlines(keepends=True) if '"run_id"' not in x)


def test_it_is_read_back_exactly(shell: Shell, file: Path, tmp_path: Path) -> None:
    zoned = pa.timestamp("us", "UTC")
    assert {pq.read_schema(file).field(name).type for name in ("ts_event", "ts_close")} == {zoned}
    for command in ("mdc convert x.parquet", "mdc convert x.parquet --format arrow | mdc convert"):
        assert of_events(shell(command).out) == EVENTS
    merged = of_events(shell("mdc cat x.parquet").out)
    assert sorted(merged.splitlines()) == sorted(EVENTS.splitlines())
    said = json.loads(shell("mdc inspect x.parquet --json").out)
    assert said["first"] == "1969-12-31T23:59:59.999999999Z"
    # As another tool writes it, without the metadata.
    pq.write_table(pq.read_table(file).replace_schema_metadata(None), tmp_path / "other.parquet")
    assert of_events(shell("mdc convert other.parquet").out) == EVENTS
    pq.write_table(pq.read_table(file).drop_columns(["ts_event"]), tmp_path / "less.parquet")
    assert of_events(shell("mdc convert less.parquet").out) == EVENTS


def test_decimals_that_are_wide(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(WIDE)
    assert shell("mdc convert --portable events.jsonl -o x.parquet").status == 0
    assert of_events(shell("mdc cat x.parquet").out) == WIDE


def test_nothing(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("")
    assert shell("mdc convert --portable none.jsonl -o x.parquet").status == 0
    assert of_events(shell("mdc cat x.parquet").out) == ""


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("ts_event_ns", [1704205800123456789, 7, None, -1, 0], "row 2: ts_event is 2024-01-02"),
        ("ts_event_ns", [1704205800123456789, None, None, -1, 0], "row 2: ts_event is 2024-01-02"),
        ("ts_event_ns", [1.5, None, None, -1, 0], "ts_event_ns is double, not nanoseconds"),
        ("ts_event", ["x"] * 5, "ts_event is string beside ts_event_ns, not a time"),
    ],
)
@pytest.mark.parametrize("verb", ["cat", "inspect", "validate"])
def test_pairs_that_differ_are_refused(
    verb: str, column: str, values: list[Any], said: str, shell: Shell, file: Path
) -> None:
    table = pq.read_table(file)
    at = table.schema.get_field_index(column)
    pq.write_table(table.set_column(at, column, pa.array(values)), file)
    done = shell(f"mdc {verb} x.parquet")
    assert done.status == 65
    assert said in done.err + done.out


def test_it_is_no_part_of_an_archive(shell: Shell, file: Path, tmp_path: Path) -> None:
    """Whoever scans the files of an archive would take the microseconds for the times."""
    (tmp_path / "one.jsonl").write_text(TRADE % "2024-01-02T14:30:00.123456789Z")
    assert shell("mdc convert --portable one.jsonl -o data/SPY/trade/x.parquet").status == 0
    done = shell("mdc catalog rebuild --root data")
    assert done.status == 1
    assert "microseconds for other tools" in done.err + done.out
    done = shell("mdc query --root data 'SELECT ts_event FROM trade'")
    assert "14:30:00.123456000" not in done.out


def test_only_parquet_is_portable(shell: Shell) -> None:
    for output in ("", "-o x.jsonl", "-o x.arrows"):
        done = shell(f"mdc convert --portable {output}", stdin=EVENTS.encode())
        assert done.status == 2
        assert "--portable is for Parquet" in done.err
