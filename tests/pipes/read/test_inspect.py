"""`mdc inspect`: what it says of whole, damaged and foreign files of every encoding."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

TRADE = '{"type":"trade","symbol":"%s","ts_event":"2024-01-02T14:30:0%d.5Z","price":1.50}\n'
PLAIN = TRADE % ("B", 2) + TRADE % ("A", 1) + TRADE % ("A", 3)
SIM = "mdc stream sim SPY AAPL --limit 500 --seed 1"


def inspected(shell, path, *, status=0, rows=3):
    done = shell(f"mdc inspect --json --limit {rows} {path}")
    assert done.status == status, done.err
    return json.loads(done.out, parse_float=str), done.err


def test_plain_jsonl(shell, tmp_path):
    (tmp_path / "a.txt").write_text(PLAIN)
    said, _ = inspected(shell, "a.txt", rows=1)
    types = said.pop("types")
    columns = {column["name"]: column for column in said.pop("columns")}
    sample = said.pop("sample")
    assert said == {
        "path": "a.txt",
        "bytes": len(PLAIN),
        "encoding": "jsonl",
        "compression": None,
        "codecs": [],
        "row_groups": None,
        "events": 3,
        "rejected": 0,
        "whole": True,
        "problems": [],
        "origin": None,
        "runs": 0,
        "first": "2024-01-02T14:30:01.500000000Z",
        "last": "2024-01-02T14:30:03.500000000Z",
        "symbols": 2,
        "first_symbols": ["A", "B"],
    }
    assert types == [{"type": "trade", "events": 3, "versions": ["1.0.0"]}]
    assert list(columns) == ["type", "symbol", "ts_event", "price"]
    assert columns["price"] == {
        "name": "price",
        "type": "decimal128(36, 18)",
        "narrow": False,
        "values": 3,
    }
    assert [row["symbol"] for row in sample] == ["B"]
    assert sample[0]["price"] == "1.5"


@pytest.mark.parametrize(
    ("name", "encoding", "compression"),
    [
        ("x.jsonl", "jsonl", None),
        ("x.jsonl.gz", "jsonl", "gzip"),
        ("x.jsonl.zst", "jsonl", "zstd"),
        ("x.jsonl.lz4", "jsonl", "lz4"),
        ("x.arrows", "arrow", None),
        ("x.arrows.zst", "arrow", "zstd"),
        ("x.parquet", "parquet", None),
    ],
)
@pytest.mark.some(3)
def test_every_encoding_says_the_same(shell, name, encoding, compression):
    assert shell(f"{SIM} > e.jsonl && mdc convert e.jsonl -o {name} && mv {name} odd").status == 0
    expected, _ = inspected(shell, "e.jsonl")
    said, _ = inspected(shell, "odd")
    assert (said["encoding"], said["compression"]) == (encoding, compression)
    for key in ("events", "types", "first", "last", "symbols", "first_symbols", "sample"):
        assert said[key] == expected[key], key
    assert sum(kind["events"] for kind in said["types"]) == said["events"] == 500
    if encoding == "parquet":
        assert said["origin"]["stage"] == "stream"
        assert said["origin"]["run_id"] == expected["origin"]["run_id"]
        assert (said["row_groups"], said["codecs"]) == (1, ["zstd"])
    else:
        assert said["origin"]["stage"] == "convert"
        assert said["origin"]["run_id"] == expected["origin"]["run_id"]
        assert said["origin"]["origin"]["stage"] == "stream"


def test_a_stored_part_knows_its_origin_and_its_narrow_columns(shell):
    shell(f"{SIM} | mdc store --root data && mv data/SPY/trade/*.parquet data/part")
    said, _ = inspected(shell, "data/part")
    origin = said["origin"]
    assert (origin["stage"], origin["provider"]) == ("stream", "sim")
    columns = {column["name"]: column for column in said["columns"]}
    assert columns["price"]["type"] == "decimal128(18, 9)"
    assert {name for name, column in columns.items() if column["narrow"]} == {"price", "size"}
    assert columns["price"]["values"] == said["events"]
    assert columns["ts_recv"]["values"] == 0
    assert said["types"] == [{"type": "trade", "events": said["events"], "versions": ["1.0.0"]}]
    assert said["first_symbols"] == ["SPY"]


def test_an_arrow_file(shell, tmp_path):
    table = pa.table({"type": ["trade", "trade"], "symbol": ["A", None], "seq": [1, 2]})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as file:
        file.write_table(table)
    said, _ = inspected(shell, "a.arrow")
    assert (said["encoding"], said["events"], said["first_symbols"]) == ("arrow-file", 2, ["A"])
    columns = {column["name"]: column for column in said["columns"]}
    assert (columns["seq"]["type"], columns["symbol"]["values"]) == ("int64", 1)
    assert said["first"] is None


def test_versions_that_lines_name(shell, tmp_path):
    named = TRADE.replace('"type"', '"v":"%s","type"', 1)
    lines = named % ("1.7.0", "A", 1) + named % ("1.0.0", "A", 2) + TRADE % ("A", 3)
    (tmp_path / "a.jsonl").write_text(lines)
    said, _ = inspected(shell, "a.jsonl")
    assert said["types"] == [{"type": "trade", "events": 3, "versions": ["1.0.0", "1.7.0"]}]


def test_text_for_people(shell):
    shell(f"{SIM} | mdc store --root data && mv data/SPY/trade/*.parquet data/part")
    done = shell("mdc inspect data/part --limit 1")
    lines = done.out.splitlines()
    assert lines[:2] == ["file         data/part", "encoding     parquet, zstd"]
    assert "whole        yes, by its footer" in lines
    assert any(line.startswith("origin       stream of sim, run ") for line in lines)
    assert "symbols      1: SPY" in lines
    price = next(line for line in lines if line.startswith("  price "))
    assert price.split()[1:3] == ["decimal128(18,", "9)"]
    assert price.endswith("  narrow")
    assert lines[-2] == "sample"
    assert json.loads(lines[-1])["symbol"] == "SPY"


def test_an_empty_file(shell, tmp_path):
    (tmp_path / "a").write_bytes(b"")
    said, _ = inspected(shell, "a")
    assert (said["encoding"], said["events"], said["whole"]) == ("empty", 0, True)


@pytest.mark.parametrize(
    ("make", "rows", "problem"),
    [
        ("head -n 100 e.jsonl", 99, "no `end` event"),
        ("sed 50d e.jsonl", 499, "wrote other counts than arrived"),
        ("gzip -c e.jsonl | head -c 6000", None, "the gzip data breaks off"),
        ("mdc convert e.jsonl --format arrow | head -c -1000", None, "breaks off"),
        ("sed '50s/.*/oops/' e.jsonl", 499, "1 line cannot be read: x: line 50"),
        ("head -c 3000 e.parquet", 0, "not a whole Parquet file"),
        ("gzip -c e.parquet", 0, "parquet inside gzip; unpack it first"),
        ("printf '\\x89PNG\\r\\n\\x1a\\nxx'", 0, "not a file of events"),
        ("printf 'a,b\\n1,2\\n'", 0, "not a file of events"),
        ("printf 'ARROW1\\0\\0rest'", 0, "damaged Arrow data"),
        ("printf '\\377\\377\\377\\377junk'", 0, "damaged Arrow data"),
        ("printf '\\x28\\xb5\\x2f\\xfdjunkjunk'", 0, "zstd data"),
    ],
)
@pytest.mark.some(5)
def test_what_is_wrong_is_said(shell, make, rows, problem):
    assert shell(f"{SIM} > e.jsonl && mdc convert e.jsonl -o e.parquet").status == 0
    shell(f"set +o pipefail; {make} > x")
    said, err = inspected(shell, "x", status=65)
    assert said["whole"] is False
    assert problem in said["problems"][0]
    assert problem in err
    assert said["events"] == rows if rows is not None else 0 < said["events"] <= 500
    done = shell("mdc inspect x")
    assert done.status == 65
    assert "whole        no\n" in done.out
    told = "".join(f"mdc inspect: {problem}\n" for problem in said["problems"])
    assert done.err == told and said["problems"][0] not in done.out


def write(path, columns, metadata=None):
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)


@pytest.mark.parametrize(
    ("columns", "metadata", "problem"),
    [
        ({"a": [1]}, None, "has a column `type`"),
        ({"symbol": ["A"]}, None, "has a column `type`"),
        ({"type": ["trade"], "price": [1.5]}, None, "not exact"),
        ({"type": ["trade"]}, {"mdc.versions": '{"trade":"9.0.0"}'}, "is newer than this mdc"),
        ({"type": ["trade"]}, {"mdc.versions": '{"trade":"x"}'}, "trade has no version: 'x'"),
        ({"type": ["trade"]}, {"mdc.versions": "{"}, "metadata that is not mdc's"),
        ({"type": ["trade"]}, {"mdc.origin": "[1]"}, "metadata that is not mdc's"),
        ({"type": ["trade"]}, {"mdc.origin": '{"a":' * 9999}, "metadata that is not mdc's"),
    ],
)
def test_foreign_parquet(shell, tmp_path, columns, metadata, problem):
    write(tmp_path / "x.parquet", columns, metadata)
    said, err = inspected(shell, "x.parquet", status=65)
    assert problem in said["problems"][0]
    assert problem in err
    assert [column["name"] for column in said["columns"]] == list(columns)


def test_text_that_is_not_utf8_in_a_column(shell, tmp_path):
    bad = pa.array([b"\xff\xfe"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 1, bad.buffers())
    write(tmp_path / "x.parquet", {"type": ["trade"], "symbol": text})
    said, _ = inspected(shell, "x.parquet", status=65)
    assert "UTF8" in said["problems"][0]


def test_names_cannot_play_with_the_terminal(shell, tmp_path):
    (tmp_path / "a").write_text(PLAIN.replace('"A"', '"\\u001b[31mA"'))
    done = shell("mdc inspect --limit 1 a")
    assert done.status == 0
    assert "\x1b" not in done.out
    assert "'\\x1b[31mA'" in done.out


def test_what_is_no_file(shell):
    for line, status, text in (
        ("mdc inspect nowhere", 65, "no such file or directory: nowhere"),
        ("mdc inspect .", 2, ". is a directory"),
        ("mdc inspect <(echo)", 2, "is not a regular file"),
        ("mdc inspect", 2, "FILE"),
    ):
        done = shell(line)
        assert (done.status, done.out) == (status, ""), line
        assert text in done.err


def test_a_name_that_is_not_utf8(shell):
    assert shell(f"{SIM} > $'a\\xff' && mdc convert $'a\\xff' -o b.parquet").status == 0
    said, _ = inspected(shell, "$'a\\xff'")
    assert (said["path"], said["events"]) == ("a\ufffd", 500)
    convert = f"{SIM} | mdc store --root $'r\\xff' && mdc convert $'a\\xff' -o b.arrow"
    assert shell(f"mv b.parquet $'b\\xff' && {convert} && mv b.arrow $'b\\xff.arrow'").status == 0
    said, _ = inspected(shell, "$'b\\xff'")
    assert (said["path"], said["encoding"], said["events"]) == ("b\ufffd", "parquet", 500)
    said, _ = inspected(shell, "$'b\\xff.arrow'")
    assert (said["path"], said["events"]) == ("b\ufffd.arrow", 500)
    said, _ = inspected(shell, "$'r\\xff'/SPY/trade/*")
    assert said["path"].startswith("r\ufffd/SPY/trade/")
    assert [one["type"] for one in said["types"]] == ["trade"] and said["events"] > 100
