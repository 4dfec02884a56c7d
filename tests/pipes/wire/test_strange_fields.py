"""Fields that a type does not have move under `extra`, whatever the encoding, with their values."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.lines.values import encode_json
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from tests.conftest import ROOT, Shell

NEWER = {"mdc.versions": '{"trade":"1.7.0"}'}
Row = dict[str, Any]


def write_jsonl(path: Path, table: pa.Table, rows: list[Row]) -> None:
    path.write_bytes(b"".join(encode_json(row) + b"\n" for row in rows))


def write_stream(path: Path, table: pa.Table, rows: list[Row]) -> None:
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


def write_small(path: Path, table: pa.Table, rows: list[Row]) -> None:
    """Each row a batch, which are read many at once."""
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, 1)


def write_arrow_file(path: Path, table: pa.Table, rows: list[Row]) -> None:
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def write_parquet(path: Path, table: pa.Table, rows: list[Row]) -> None:
    pq.write_table(table, path)


def write_feather(path: Path, table: pa.Table, rows: list[Row]) -> None:
    feather.write_feather(table, path)


ENCODINGS: dict[str, Callable[[Path, pa.Table, list[Row]], None]] = {
    "x.jsonl": write_jsonl,
    "x.arrows": write_stream,
    "small.arrows": write_small,
    "x.arrow": write_arrow_file,
    "x.parquet": write_parquet,
    "x.feather": write_feather,
}
DIGITS = "123456789012345678901234567890.12345678"
ROWS: list[Row] = [
    {
        "type": "trade",
        "symbol": "A",
        "price": Decimal("1.5"),
        "yield": Decimal(DIGITS),
        "owner": {"name": 'a "b"', "ids": [2**63 - 1, None, -1], "deep": {"flag": True}},
        "extra": '{"kept":[1.10,null]}',
    },
    {"type": "quote", "symbol": "A", "price": Decimal(7), "owner": None, "rank": 2**64 - 1},
    {"type": "trade", "symbol": "A", "price": Decimal(2), "venues": []},
    {"type": "trade", "symbol": "A", "price": Decimal(3)},
]
ids = pa.struct(
    [
        ("name", pa.string()),
        ("ids", pa.list_(pa.int64())),
        ("deep", pa.struct([("flag", pa.bool_())])),
    ]
)
SCHEMA = pa.schema(
    [
        ("type", pa.string()),
        ("symbol", pa.string()),
        ("price", pa.decimal128(20, 4)),
        ("yield", pa.decimal128(38, 8)),
        ("owner", ids),
        ("extra", pa.string()),
        ("rank", pa.uint64()),
        ("venues", pa.list_(pa.string())),
    ]
)
OWNER = r'{"name":"a \"b\"","ids":[9223372036854775807,null,-1],"deep":{"flag":true}}'
WANT = (
    '{"type":"trade","v":"1.0.0","symbol":"A",'
    f'"extra":{{"kept":[1.10,null],"owner":{OWNER},"yield":{DIGITS}}},"price":1.5}}\n'
    '{"type":"quote","v":"1.0.0","symbol":"A","extra":{"price":7,"rank":18446744073709551615}}\n'
    '{"type":"trade","v":"1.0.0","symbol":"A","extra":{"venues":[]},"price":2}\n'
    '{"type":"trade","v":"1.0.0","symbol":"A","price":3}\n'
)


@pytest.fixture
def sh(shell: Shell, tmp_path: Path, install: Callable[..., None]) -> Callable[[str], Any]:
    """A shell in which a third party's format is installed."""
    folder = tmp_path / "packages"
    install(folder, "mdc-others", "[mdc.store]\nfeather = mdc_acme.feather:AcmeFeather\n")
    return lambda command: shell(command, PYTHONPATH=f"{folder}:{ROOT / 'examples/mdc-acme/src'}")


def without_control(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if '"run_id"' not in line)


@pytest.mark.parametrize("metadata", [None, NEWER], ids=["of others", "newer"])
@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.some(4)
def test_every_encoding_says_the_same(
    name: str, metadata: dict[str, str] | None, sh: Callable[[str], Any], tmp_path: Path
) -> None:
    rows = [{k: v for k, v in row.items() if v is not None} for row in ROWS]
    for row in rows:
        row |= {"v": "1.7.0"} if metadata and row["type"] == "trade" else {}
        row |= {"extra": json.loads(row["extra"], parse_float=Decimal)} if "extra" in row else {}
    table = pa.Table.from_pylist(ROWS, SCHEMA).replace_schema_metadata(metadata)
    ENCODINGS[name](tmp_path / name, table, rows)
    done = sh(f"mdc convert {name}")
    assert (done.status, without_control(done.out)) == (0, WANT)
    assert sh(f"mdc convert {name} --format arrow | mdc store").status == 0
    stored = sh("mdc cat --root data").out
    assert sorted(without_control(stored).splitlines()) == sorted(WANT.splitlines())


def one_trade(path: Path, **columns: Any) -> None:
    pq.write_table(pa.table({"type": ["trade"], "symbol": ["A"], **columns}), path)


def test_values_that_json_has_not(shell: Shell, tmp_path: Path) -> None:
    at = pa.array([1704207000123456789])
    one_trade(
        tmp_path / "x.parquet",
        a=pa.array([float("nan")]),
        b=at.cast(pa.timestamp("ns", "UTC")),
        c=at.cast(pa.timestamp("ns")),
        d=pa.array([date(2024, 1, 2)]),
        e=pa.array([b"\xff"]),
        f=pa.array([timedelta(seconds=1.5)]),
        g=pa.array(["x"]).dictionary_encode(),
        h=pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        i=pa.array([[float("inf")]]),
    )
    extra = json.loads(without_control(shell("mdc convert x.parquet").out))["extra"]
    assert extra == {
        "a": "NaN",
        "b": "2024-01-02T14:50:00.123456789Z",
        "c": "2024-01-02T14:50:00.123456789",
        "d": "2024-01-02",
        "e": "/w==",
        "f": "PT1.5S",
        "g": "x",
        "h": {"k": 1},
        "i": ["Infinity"],
    }


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"foo": [1], "extra": ['{"foo":2}']}, "'foo' stands both in the event and under `extra`"),
        ({"v": ["0.9.0"]}, "trade 0.9.0 in a column `v` is older than this mdc"),
        ({"v": ["2.0.0"]}, "newer"),
    ],
)
def test_what_cannot_be_moved_is_told(
    columns: dict[str, Any], said: str, shell: Shell, tmp_path: Path
) -> None:
    one_trade(tmp_path / "x.parquet", **columns)
    done = shell("mdc convert x.parquet")
    assert (done.status, without_control(done.out)) == (65, "")
    assert f"x.parquet: {said}" in done.err or said in done.err


def test_versions_that_stand_in_a_column(shell: Shell, tmp_path: Path) -> None:
    """DuckDB makes one of the lines that it reads."""
    one_trade(tmp_path / "x.parquet", v=["1.0.0"])
    out = shell("mdc convert x.parquet").out
    assert without_control(out) == '{"type":"trade","v":"1.0.0","symbol":"A"}\n'


def test_a_part_of_another_tool(shell: Shell, tmp_path: Path) -> None:
    """SQL, which scans the parts of mdc as they are, sees what `cat` does; so does compaction."""
    folder = tmp_path / "data/A/trade"
    folder.mkdir(parents=True)
    at = pa.array([1704207000123456789]).cast(pa.timestamp("ns", "UTC"))
    one_trade(folder / "2024-01-02.parquet", ts_event=at, foo=["x"])
    seen = []
    assert shell("mdc catalog rebuild --root data").status == 0
    for command in ("mdc count --root data", "mdc compact --root data"):
        assert shell(command).status == 0
        seen.append(shell("mdc query --root data 'SELECT extra FROM trade'").out)
        assert '"extra":{"foo":"x"}' in shell("mdc cat --root data").out
    assert [json.loads(text) for text in seen] == [{"extra": '{"foo":"x"}'}] * 2


@pytest.mark.parametrize(
    "kind", [pa.float64(), pa.float32(), pa.dictionary(pa.int8(), pa.float64())]
)
def test_floats_are_refused_with_a_way_out(kind: Any, shell: Shell, tmp_path: Path) -> None:
    more = {"size": pa.array(["1"]), "ts_event": pa.array(["2024-01-02T14:30:00Z"])}
    one_trade(tmp_path / "x.parquet", price=pa.array([1.5], kind), **more)
    done = shell("mdc convert x.parquet")
    assert (done.status, without_control(done.out)) == (65, "")
    assert "which is not exact" in done.err
    command = done.err.partition("hint: ")[2].strip()
    assert command == "mdc import --profile parquet x.parquet --digits price=1"
    assert [event["price"] for event in shell(command).events] == ["1.5"]


def four(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(st.none(), values), min_size=4, max_size=4)


numbers = four(st.integers(-(10**17), 10**17))
columns_of_others = st.dictionaries(
    st.sampled_from(["foo", "Größe", 'a"b', "a\\b", "zz"]),
    st.one_of(numbers, *map(four, (st.text(max_size=4), st.booleans(), numbers))),
    max_size=3,
)


@settings(max_examples=50, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["trade", "status"]), min_size=4, max_size=4),
    columns=columns_of_others,
    prices=numbers,
)
def test_lines_and_tables_agree(
    kinds: list[str], columns: dict[str, list[Any]], prices: list[int], tmp_path: Path
) -> None:
    """A price of a status is as strange as a column that no type has."""
    table = pa.table({"type": kinds, "symbol": list("ABCD"), "price": prices, **columns})
    rows = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    texts = []
    for name in ("x.jsonl", "x.arrows", "x.parquet"):
        ENCODINGS[name](tmp_path / name, table, rows)
        with (tmp_path / name).open("rb", buffering=0) as file:
            reader = Reader(file, name, Quarantine(keeps=False), tmp_path / name)
            texts.append(b"".join(encode_batch(chunk.batch) for chunk in reader))
    assert texts[0] == texts[1] == texts[2]
    assert texts[0].count(b"\n") == len(kinds)


LEVELS: list[Row] = [
    {"bids": [{"price": 1, "size": 2, "orders": 3}, {"price": 2, "size": 0}], "asks": []},
    {"bids": [], "asks": [{"price": 5, "size": 6, "count": 7, "orders": 2**62, "mm": "x"}]},
    {"bids": [{"price": 1, "size": 1}], "asks": [{"price": 2, "size": 1}], "zz": 1},
    {"bids": None, "asks": None},
]
BEYOND = [
    {"bids": [{"orders": 3}, {}]},
    {"asks": [{"orders": 2**62, "mm": "x"}]},
    {"zz": 1},
    None,
]


@pytest.mark.parametrize("name", ENCODINGS)
def test_fields_of_levels_that_nobody_knows(name: str, tmp_path: Path, shell: Shell) -> None:
    """A list for each list of levels: what each of them has beside its own fields."""
    base = {"type": "book", "symbol": "A", "ts_event": "2024-01-02T14:30:00Z"}
    rows = [{**base, **{k: v for k, v in row.items() if v is not None}} for row in LEVELS]
    level = pa.struct(
        [(n, pa.int64()) for n in ("price", "orders", "size", "count")] + [("mm", pa.string())]
    )
    whole = pa.table(
        {
            **{key: [base[key]] * 4 for key in ("type", "symbol")},
            "ts_event": pa.array([1704205800 * 10**9] * 4).cast(pa.timestamp("ns", "UTC")),
            "bids": pa.array([row["bids"] for row in LEVELS], pa.list_(level)),
            "asks": pa.array([row["asks"] for row in LEVELS], pa.large_list(level)),
            "zz": [row.get("zz") for row in LEVELS],
        }
    )
    ENCODINGS[name](tmp_path / name, whole, rows)
    done = shell(f"mdc convert --format jsonl {name}")
    assert done.status == 0, done.err
    lines = [json.loads(line) for line in done.out.splitlines() if '"book"' in line]
    lines = [line for line in lines if line["type"] == "book"]
    assert [line.get("extra") for line in lines] == BEYOND
    own = ("price", "size", "count")
    for line, row in zip(lines, LEVELS, strict=True):
        for side in ("bids", "asks"):
            levels = row[side] and [{k: v for k, v in one.items() if k in own} for one in row[side]]
            assert line.get(side) == levels
    back = shell(f"mdc convert --format arrow {name} | mdc convert --format jsonl")
    assert [json.loads(line) for line in back.out.splitlines()][1:-1] == lines
