"""`convert --floats`: tables for tools that reckon in floats, which never come back as exact."""

import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell

PRICES = ("29.92", "1e-18", "123456789012345678.123456789012345678", "0.1", "-37.63", "0")
TRADE = '{"type":"trade","symbol":"A","ts_event":"2024-01-02T14:30:00.123456789Z","price":%s}\n'
BOOK = (
    '{"type":"book","symbol":"A","ts_event":"2024-01-02T14:30:01Z","asks":[],'
    '"bids":[{"price":470.21,"size":3,"count":2},{"price":0.3,"size":1}]}\n'
)
EVENTS = "".join(TRADE % price for price in PRICES) + BOOK


@pytest.fixture(params=["x.parquet", "x.arrow"])
def table(request: pytest.FixtureRequest, shell: Shell, tmp_path: Path) -> pa.Table:
    (tmp_path / "events.jsonl").write_text(EVENTS)
    assert shell(f"mdc convert events.jsonl --floats -o {request.param}").status == 0
    if request.param.endswith("t"):
        return pq.read_table(tmp_path / request.param)
    return feather.read_table(tmp_path / request.param)


def test_the_nearest_float_of_each_decimal(table: pa.Table) -> None:
    """Arrow's own cast of 29.92 is not the nearest."""
    assert table["price"].type == pa.float64()
    assert table["price"].to_pylist() == [*(float(Decimal(price)) for price in PRICES), None]
    bids = [{"price": 470.21, "size": 3.0, "count": 2}, {"price": 0.3, "size": 1.0, "count": None}]
    assert table["bids"].to_pylist() == [None] * len(PRICES) + [bids]
    assert not any(pa.types.is_decimal(field.type) for field in table.schema)
    assert table["ts_event"].cast(pa.int64())[0].as_py() == 1704205800123456789
    assert table.schema.metadata[b"mdc.floats"] == b"nearest"


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_it_is_not_read_back(name: str, shell: Shell, tmp_path: Path) -> None:
    """Also where another tool has made decimals of the floats, and kept the metadata."""
    (tmp_path / "events.jsonl").write_text(TRADE % "29.92")
    assert shell(f"mdc convert events.jsonl --floats -o {name}").status == 0
    for verb in ("cat", "convert", "validate"):
        done = shell(f"mdc {verb} {name}")
        assert done.status == 65
        assert "its numbers are floats, which are not exact" in done.err
    if name == "x.parquet":
        floats = pq.read_table(tmp_path / name)
        at = floats.schema.get_field_index("price")
        exact = pa.array([Decimal("29.92")], pa.decimal128(18, 9))
        pq.write_table(floats.set_column(at, "price", exact), tmp_path / name)
        assert shell(f"mdc cat {name}").status == 65


@pytest.mark.parametrize("asked", ["", "-o x.jsonl", "-o x.arrows.zst", "--format arrow"])
def test_only_tables_have_floats(asked: str, shell: Shell) -> None:
    done = shell(f"mdc convert --floats {asked}", stdin=EVENTS.encode())
    assert done.status == 2
    assert "--floats is for Parquet and Arrow files" in done.err


def test_portable_as_well(shell: Shell, tmp_path: Path) -> None:
    command = "mdc convert --floats --portable -o x.parquet"
    assert shell(command, stdin=EVENTS.encode()).status == 0
    found = pq.read_table(tmp_path / "x.parquet", columns=["ts_event", "ts_event_ns", "price"])
    assert found.schema.types == [pa.timestamp("us", "UTC"), pa.int64(), pa.float64()]
    assert json.loads(shell("mdc inspect x.parquet --json").out)["events"] == len(PRICES) + 1
