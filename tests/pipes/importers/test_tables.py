"""Parquet, Arrow and lines of JSON that others wrote."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell

DAY = 1_704_205_800  # 2024-01-02T14:30:00Z


def table(prices: Any, times: Any = None) -> pa.Table:
    """Trades as another tool has them."""
    rows = len(prices)
    times = (
        pa.array([DAY * 10**6 + n for n in range(rows)], pa.timestamp("us"))
        if times is None
        else times
    )
    names = pa.array(["A"] * rows).dictionary_encode()
    return pa.table(
        {"time": times, "sym": names, "price": prices, "size": pa.array([3] * rows, pa.int32())}
    )


MAPPED = "--type trade --map time=ts_event,sym=symbol"


def test_floats_by_their_digits(shell: Shell, tmp_path: Path) -> None:
    pq.write_table(
        table(pa.array([470.01, 0.1 + 0.2, 1e22, float("nan"), 3.0, None])), tmp_path / "t.parquet"
    )
    line = f"mdc import --profile parquet t.parquet {MAPPED}"
    done = shell(line)
    assert (done.status, done.events) == (2, [])
    assert "price is a float, which is not exact" in done.err and "--digits price=2" in done.err
    done = shell(
        f"mdc import --profile parquet t.parquet {MAPPED} --digits price=2 --quarantine bad"
    )
    assert done.status == 0, done.err
    assert [event["price"] for event in done.events] == ["470.01", "3"]
    bad = [json.loads(line) for line in (tmp_path / "bad").read_text().splitlines()]
    assert [one["where"] for one in bad] == [f"t.parquet row {row}" for row in (2, 3, 4, 6)]
    assert "0.30000000000000004 has more than 2 digits" in bad[0]["reason"]
    assert [one["reason"] for one in bad[2:]] == ["price is missing"] * 2
    done = shell(f"{line} --digits price=17")
    assert done.events[1]["price"] == "0.30000000000000004"


def test_floats_of_32_bits(shell: Shell, tmp_path: Path) -> None:
    pq.write_table(table(pa.array([4.45, 16777217.0, 0.1], pa.float32())), tmp_path / "t.parquet")
    done = shell(f"mdc import t.parquet {MAPPED} --digits price=2")
    assert [event["price"] for event in done.events] == ["4.45", "16777216", "0.1"]


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.feather", "t.arrows"])
@pytest.mark.parametrize(
    "times",
    [
        pa.array([DAY], pa.timestamp("s")),
        pa.array([DAY * 10**9], pa.timestamp("ns", "Europe/Berlin")),
        pa.array([DAY * 10**3], pa.int64()),
        pa.array(["2024-01-02T14:30:00Z"], pa.large_string()),
    ],
    ids=lambda times: str(times.type),
)
def test_types_of_others(shell: Shell, tmp_path: Path, name: str, times: Any) -> None:
    made = table(pa.array([Decimal("470.010")], pa.decimal128(9, 3)), times)
    if name == "t.parquet":
        pq.write_table(made, tmp_path / name)
    elif name == "t.feather":
        feather.write_feather(made, tmp_path / name)
    else:
        new = pa.ipc.new_file if name == "t.arrow" else pa.ipc.new_stream
        with new(tmp_path / name, made.schema) as writer:
            writer.write_table(made)
    unit = "--time-unit ms" if pa.types.is_integer(times.type) else ""
    done = shell(f"mdc import --profile parquet {name} {MAPPED} {unit}")
    assert done.status == 0, done.err
    (event,) = done.events
    assert (event["symbol"], event["price"], event["size"]) == ("A", "470.01", "3")
    assert event["ts_event"] == "2024-01-02T14:30:00.000000000Z"


def test_a_local_clock(shell: Shell, tmp_path: Path) -> None:
    wall = [1_704_205_800, 1_710_037_800, 1_720_000_000]  # the second is in no clock of New York
    pq.write_table(
        table(pa.array([1, 2, 3]), pa.array(wall, pa.timestamp("s"))), tmp_path / "t.parquet"
    )
    done = shell(f"mdc import t.parquet {MAPPED} --tz America/New_York")
    assert [e["ts_event"][:19] for e in done.events] == [
        "2024-01-02T19:30:00",
        "2024-07-03T13:46:40",
    ]
    assert "t.parquet row 2: ts_event: '2024-03-10 02:30:00' is never shown" in done.err


def test_what_is_no_field_is_kept(shell: Shell, tmp_path: Path) -> None:
    made = table(pa.array([1]))
    more = {
        "n": pa.array([7]),
        "f": pa.array([0.5]),
        "l": pa.array([["x"]]),
        "s": pa.array([{"a": 1}]),
        "none": pa.array([None], pa.string()),
    }
    for name, column in more.items():
        made = made.append_column(name, column)
    pq.write_table(made, tmp_path / "t.parquet")
    (event,) = shell(f"mdc import t.parquet {MAPPED}").events
    assert event["extra"] == {"n": "7", "f": "0.5", "l": ["x"], "s": {"a": "1"}}


def test_a_damaged_file_is_told(shell: Shell, tmp_path: Path) -> None:
    pq.write_table(table(pa.array([1])), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[: len(whole) // 2])
    done = shell(f"mdc import --profile parquet t.parquet {MAPPED}")
    assert (done.status, done.events) == (65, [])
    assert "t.parquet: it cannot be read" in done.err


def test_lines_of_json(shell: Shell, tmp_path: Path) -> None:
    lines = [
        '{"data":{"T":1704205800123,"p":"470.010","q":1e2},"s":"A","n":{"x":1.10}}',
        "no json",
        '{"data":{"T":1704205800124,"p":470.0200000000000001,"q":1},"s":"A"}',
        '{"data":{"T":1704205800125,"p":[],"q":1},"s":"A"}',
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(lines) + "\n")
    fields = "--type trade --map data.T=ts_event,data.p=price,data.q=size,s=symbol --time-unit ms"
    done = shell(f"mdc import --profile jsonl t.jsonl {fields} --drop-column data --quarantine bad")
    assert done.status == 0, done.err
    first, second = done.events
    assert (first["price"], first["size"], first["extra"]) == (
        "470.01",
        "100",
        {"n": {"x": "1.10"}},
    )
    assert (second["ts_event"][17:23], second["price"]) == ("00.124", "470.0200000000000001")
    bad = [json.loads(line) for line in (tmp_path / "bad").read_text().splitlines()]
    assert [(one["where"], one["text"]) for one in bad] == [
        ("t.jsonl line 2", lines[1]),
        ("t.jsonl line 4", lines[3]),
    ]


def test_lines_that_are_arrays(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("[1704205800000,1,3,1,2,9]\n[1704205860000,1,3]\n")
    names = "--columns ts_event,open,high,low,close,volume --type bar --set interval=1m"
    done = shell(f"mdc import --profile jsonl t.jsonl {names} --symbol A --time-unit ms")
    assert [(e["symbol"], e["high"], e["interval"]) for e in done.events] == [("A", "3", "1m")]
    assert "t.jsonl line 2: 3 values, not 6" in done.err
    (tmp_path / "one.json").write_text("[[1704205800000,1,3,1,2,9]]")
    done = shell("mdc import one.json")
    assert done.status == 65 and "jq -c '.[]' one.json | mdc import --profile jsonl -" in done.err


def test_a_format_of_a_third_party(shell: Shell, tmp_path: Path) -> None:
    """Whoever gives rows of columns has all options of a table, in a plugin of one file."""
    (tmp_path / "pairs.py").write_text(
        '''"""Rows of NAME:VALUE."""

import pyarrow as pa

from mdc_core.columns import TableImporter, TableSample, row_texts
from mdc_core.plugin import BadRow


class Pairs(TableImporter):
    """Lines of NAME:VALUE pairs."""

    profile = "pairs"
    suffixes = (".pairs",)

    def columns(self, path):
        rows = [dict(word.split(":", 1) for word in line.split()) for line in path.open()]
        return {name: pa.array([row.get(name) for row in rows]) for name in rows[0]}

    def sample(self, path, options):
        return TableSample(self.columns(path))

    def rows(self, path, settled):
        columns = self.columns(path)
        events, reasons = self.events(settled, columns)
        for row, text in row_texts(columns, sorted(reasons)).items():
            yield BadRow(text, f"{path} row {row + 1}", reasons[row])
        yield events
'''
    )
    rows = "time:1704205800 px:1,5 n:2\n" * 6 + "time:1704205801 px:x n:3\n"
    (tmp_path / "A.pairs").write_text(rows)
    line = "mdc --plugin pairs.py import --profile pairs A.pairs --symbol A --type trade"
    assert "which column is size?" in shell(line).err
    done = shell(f"{line} --map n=size --yes")
    assert done.status == 0, done.err
    assert [(e["symbol"], e["price"], e["size"]) for e in done.events] == [("A", "1.5", "2")] * 6
    assert "A.pairs row 7: price: 'x' is not a number" in done.err
