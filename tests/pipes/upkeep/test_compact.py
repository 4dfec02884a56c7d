"""`mdc compact`: fewer files, the same events."""

import json
import random
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell
from tests.pipes.upkeep.compacting import parts, stored

FILES = {
    "by-symbol": "{symbol}/{type}/{date}",
    "by-date": "{date}/{symbol}/{type}",
    "by-type": "{type}/{symbol}/{date}",
    "flat": "{symbol}_{type}_{date}",
    "hive": "symbol={symbol}/type={type}/date={date}/data",
}
CODECS = {"parquet": "", "jsonl": "", "zstd": ".zst", "gzip": ".gz"}


@pytest.mark.parametrize(
    ("layout", "form"),
    [
        ("by-symbol", "parquet"),
        ("by-symbol", "jsonl"),
        ("by-date", "jsonl --compression zstd"),
        ("by-type", "parquet"),
        ("flat", "parquet"),
        ("hive", "jsonl --compression gzip"),
    ],
)
def test_each_period_becomes_one_file(layout: str, form: str, shell: Shell, tmp_path: Path) -> None:
    lines = stored(shell, f"--layout {layout} --format {form}")
    before = parts(tmp_path / "data")
    done = shell("mdc compact")
    assert done.status == 0, done.err
    after = parts(tmp_path / "data")
    suffix = f".{form.split()[0]}" + CODECS[form.rpartition(" ")[2]]
    assert sorted(after) == sorted(
        FILES[layout].format(symbol=symbol, type=kind, date="2024-01-02") + suffix
        for symbol in ("SPY", "AAPL", "BTC%2FUSD")
        for kind in ("quote", "trade")
    )
    assert shell("mdc cat --root data").lines == lines
    sizes = [sum(map(len, files.values())) / 1024 for files in (before, after)]
    assert f"18 files to 6, {sizes[0]:.1f} KiB to {sizes[1]:.1f} KiB" in done.err
    again = shell("mdc compact")
    assert (again.status, again.out, again.err) == (0, "", "mdc compact: nothing to do\n")
    # The names say what they are also to those who have no catalog.
    for file in (tmp_path / "data/_mdc").glob("catalog*"):
        file.unlink()
    again = shell("mdc compact")
    assert (again.status, again.out, again.err) == (0, "", "mdc compact: nothing to do\n")
    assert parts(tmp_path / "data") == after
    assert shell("mdc cat --root data --symbol SPY --from 2024-01-02").lines == [
        line for line in lines if '"symbol":"SPY"' in line
    ]


def test_what_is_said(shell: Shell, tmp_path: Path) -> None:
    stored(shell)
    before = parts(tmp_path / "data")
    dry = shell("mdc compact --dry-run --json --symbol SPY")
    assert (dry.status, parts(tmp_path / "data")) == (0, before)
    said = json.loads(dry.out)
    sizes: dict[str, int] = defaultdict(int)
    for path, data in before.items():
        sizes[path.rpartition("/")[0]] += len(data)
    spy = [sizes["SPY/quote"], sizes["SPY/trade"]]
    assert [
        (g["type"], g["files_before"], g["files_after"], g["bytes_before"], g["changed"])
        for g in said["groups"]
    ] == [("quote", 3, 1, spy[0], True), ("trade", 3, 1, spy[1], True)]
    assert (said["files_before"], said["files_after"], said["dry_run"]) == (6, 2, True)
    assert (said["bytes_before"], said["bytes_after"]) == (sum(spy), None)
    rows = Counter((e["symbol"], e["type"]) for e in shell("mdc cat --root data").events)
    done = json.loads(shell("mdc compact --json --symbol SPY --type trade").out)
    (group,) = done["groups"]
    new = parts(tmp_path / "data")["SPY/trade/2024-01-02.parquet"]
    assert (group["events"], group["bytes_after"]) == (rows["SPY", "trade"], len(new))
    assert (group["symbol"], group["period"], group["format"]) == (
        "SPY",
        "2024-01-02",
        "parquet",
    )
    kept = {path: data for path, data in before.items() if not path.startswith("SPY/trade")}
    assert parts(tmp_path / "data") == kept | {"SPY/trade/2024-01-02.parquet": new}
    text = shell("mdc compact --dry-run --symbol SPY").out
    assert text == f"would compact SPY quote 2024-01-02: 3 files to 1, {spy[0] / 1024:.1f} KiB\n"
    for span in ("--from 2024-01-03", "--to 2024-01-01"):
        none = shell(f"mdc compact {span}")
        assert none.status == 1 and none.err.startswith("mdc compact: no events in data ")
        assert "nothing to do" not in none.err
    assert shell("mdc compact --from 2024-01-02 --to 2024-01-02").out.count("3 files to 1") == 5


def metadata(path: Path) -> dict[bytes, bytes]:
    found = pq.read_metadata(path).metadata
    assert found is not None
    return found


def test_others_read_it_and_know_where_it_is_from(shell: Shell, tmp_path: Path) -> None:
    stored(shell, "--row-group 100", symbols="SPY")
    before = {metadata(path)[b"mdc.origin_key"] for path in tmp_path.glob("data/SPY/trade/*")}
    old = sorted(tmp_path.glob("data/SPY/trade/*"))
    events = [e for e in shell("mdc cat --root data").events if e["type"] == "trade"]
    assert shell("mdc compact --row-group 250").status == 0
    file = tmp_path / "data/SPY/trade/2024-01-02.parquet"
    assert not any(path.exists() for path in old)
    meta = pq.read_metadata(file)
    groups = [meta.row_group(index).num_rows for index in range(meta.num_row_groups)]
    assert groups[:-1] == [250] * (len(events) // 250)
    assert sum(groups) == len(events)
    key = metadata(file)[b"mdc.origin_key"].decode()
    names = json.loads((tmp_path / f"data/_mdc/origins/{key}.json").read_bytes())["origins"]
    assert sorted(names) == sorted(map(bytes.decode, before))
    assert metadata(file)[b"mdc.made_by"] == b"compact"
    inputs = json.loads(metadata(file)[b"mdc.inputs"])
    assert [path for path, _ in inputs] == [
        path.relative_to(tmp_path / "data").as_posix() for path in old
    ]
    with duckdb.connect() as db:
        query = f"select price::varchar, size::varchar from '{file}'"
        rows = db.execute(query).fetchall()
    assert [(float(p), float(s)) for p, s in rows] == [
        (float(e["price"]), float(e["size"])) for e in events
    ]


def test_a_size_is_aimed_at(shell: Shell, tmp_path: Path) -> None:
    chance = random.Random(7)
    head = '{"type":"trade","v":"1.0.0","symbol":"SPY","ts_event":"2024-01-02T14:'
    text = "".join(
        f'{head}{10 + n // 400}:{n % 60:02d}.000000000Z","price":{n}'
        f',"trade_id":"{chance.randbytes(200).hex()}"}}\n'
        for n in range(12_000)
    )
    assert shell("mdc store --again", stdin=text.encode()).status == 0
    lines = shell("mdc cat --root data").lines
    done = shell("mdc compact --target-size 1MB")
    assert done.status == 0, done.err
    assert shell("mdc cat --root data").lines == lines
    files = parts(tmp_path / "data")
    assert list(files) == [f"SPY/trade/2024-01-02.{n}.parquet" for n in (1, 2, 3)]
    assert all(500_000 < len(data) < 1_500_000 for data in files.values())
    ends = []
    for path in files:
        times = pq.read_table(tmp_path / "data" / path)["ts_event"].cast(pa.int64()).to_pylist()
        ends.append((int(times[0] or 0), int(times[-1] or 0)))
    assert all(a[1] < b[0] for a, b in pairwise(ends))
    again = shell("mdc compact --target-size 1MB")
    assert (again.out, again.err) == ("", "mdc compact: nothing to do\n")
    assert parts(tmp_path / "data") == files
    # A larger target brings them together.
    assert shell("mdc compact").status == 0
    assert sorted(parts(tmp_path / "data")) == ["SPY/trade/2024-01-02.parquet"]
    assert shell("mdc cat --root data").lines == lines


@pytest.mark.parametrize("layout", ["by-symbol", "hive", "by-date"])
def test_a_file_that_is_alone_stays_as_it_is(shell: Shell, tmp_path: Path, layout: str) -> None:
    line = f"mdc -q stream sim SPY AAPL --limit 50 | mdc -q store --layout {layout}"
    assert shell(line).status == 0
    files = parts(tmp_path / "data")
    assert len(files) == 4
    for options in ("", "--sort", "--dedup"):
        assert shell(f"mdc compact {options}").err == "mdc compact: nothing to do\n"
        assert parts(tmp_path / "data") == files


TWICE = [
    {
        "type": "trade",
        "symbol": "SPY",
        "ts_event": "2024-01-02T10:00:00Z",
        "provider": "a",
        "venue": "V",
        "trade_id": "7",
        "price": 1.5,
        "size": 1,
    },
    {
        "type": "trade",
        "symbol": "SPY",
        "ts_event": "2024-01-02T11:00:00Z",
        "provider": "a",
        "venue": "V",
        "trade_id": "8",
        "price": 1.25,
        "size": 1,
    },
    {
        "type": "trade",
        "symbol": "SPY",
        "ts_event": "2024-01-02T10:00:00Z",
        "provider": "a",
        "venue": "W",
        "trade_id": "7",
        "price": 1.5,
        "size": 1,
    },
    # Without an id: the same twice is two trades.
    {"type": "trade", "symbol": "SPY", "ts_event": "2024-01-02T12:00:00Z", "price": 2},
    {"type": "trade", "symbol": "SPY", "ts_event": "2024-01-02T12:00:00Z", "price": 2},
    {
        "type": "quote",
        "symbol": "SPY",
        "ts_event": "2024-01-02T10:00:00Z",
        "seq": 5,
        "bid_price": 1,
    },
    {
        "type": "quote",
        "symbol": "SPY",
        "ts_event": "2024-01-02T10:00:01Z",
        "seq": 5,
        "bid_price": 1,
    },
    {
        "type": "delta",
        "symbol": "SPY",
        "ts_event": "2024-01-02T10:00:00Z",
        "seq": 5,
        "action": "add",
        "price": 1,
    },
]


def test_dedup(shell: Shell, tmp_path: Path) -> None:
    """What was stored twice is there once, by identity; what has none is all there."""
    text = "".join(json.dumps(row) + "\n" for row in TWICE)
    for _ in range(2):
        assert shell("mdc store --again", stdin=text.encode()).status == 0
    twice = Counter(shell("mdc cat --root data").lines)
    dry = shell("mdc compact --dedup --dry-run")
    assert dry.status == 0
    assert "would compact SPY trade 2024-01-02: 2 files to 1" in dry.out
    assert Counter(shell("mdc cat --root data").lines) == twice
    done = shell("mdc compact --dedup --json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["duplicates"] == [
        {"symbol": "SPY", "type": "quote", "events": 2},
        {"symbol": "SPY", "type": "trade", "events": 3},
    ]
    assert "5 duplicates" in done.err and "SPY" not in done.err  # each once
    wanted = {
        line: n if '"price":2}' in line or '"delta"' in line else 1 for line, n in twice.items()
    }
    assert Counter(shell("mdc cat --root data").lines) == wanted
    assert shell("mdc compact --dedup").err == "mdc compact: nothing to do\n"


def test_one_identity_with_other_content_is_told_and_stays(shell: Shell) -> None:
    """Two facilities behind one venue number alike; a vendor says number 0 for all."""
    text = b"""\
{"type":"trade","symbol":"A","ts_event":"2024-01-02T15:00:00Z","price":180,"size":5,"venue":"FINR","trade_id":"628"}
{"type":"trade","symbol":"A","ts_event":"2024-01-02T15:00:02Z","price":180.01,"size":3,"venue":"FINR","trade_id":"628"}
{"type":"trade","symbol":"A","ts_event":"2024-01-02T15:00:02Z","price":180.01,"size":3,"venue":"FINR","trade_id":"628"}
{"type":"trade","symbol":"B","ts_event":"2024-01-02T15:00:00Z","price":48.06,"size":9,"channel":"c","seq":0}
{"type":"trade","symbol":"B","ts_event":"2024-01-02T15:00:00Z","price":49.06,"size":1,"channel":"c","seq":0}
{"type":"trade","symbol":"B","ts_event":"2024-01-02T15:00:00Z","price":49.06,"size":1,"conditions":["I"],"channel":"c","seq":0}
"""
    assert shell("mdc store --again", stdin=text).status == 0
    before = shell("mdc cat --root data").lines
    done = shell("mdc compact --dedup")
    assert "A trade 2024-01-02: 1 file to 1" in done.out and done.out.endswith(", 1 duplicate\n")
    assert shell("mdc cat --root data").lines == [*before[:4], *before[5:]]
    checked = shell("mdc validate --check duplicate --on-fail drop", stdin=text)
    found = [(e["severity"], e["message"]) for e in checked.events if e["type"] == "integrity"]
    assert found == [
        ("warning", "duplicate: trade 628 again, but it says something else"),
        ("error", "duplicate: trade 628 again"),
        ("warning", "duplicate: number 0 again, of the same time, but it says something else"),
        ("warning", "duplicate: number 0 again, of the same time, but it says something else"),
    ]
    assert len([e for e in checked.events if e["type"] == "trade"]) == 5


def test_fills_of_one_id_that_are_numbered_apart_stay(shell: Shell) -> None:
    line = (
        '{"type":"trade","symbol":"A","ts_event":"2024-01-02T15:00:00Z","price":1,"size":5,'
        '"provider":"p","channel":"%s","trade_id":"7","seq":%d}\n'
    )
    sent = (("p-1", 4), ("p-1", 5), ("p-1", 5), ("p-2", 1))  # the last two came again
    assert shell("mdc store", stdin="".join(line % one for one in sent).encode()).status == 0
    assert ", 2 duplicates" in shell("mdc compact --dedup").out
    left = [(e["channel"], e["seq"]) for e in shell("mdc cat --root data").events]
    assert left == [("p-1", "4"), ("p-1", "5")]


def test_dedup_finds_what_was_compacted_before(shell: Shell) -> None:
    text = "".join(json.dumps(row) + "\n" for row in TWICE).encode()
    for _ in range(2):
        assert shell("mdc store --again", stdin=text).status == 0
    assert shell("mdc compact").status == 0
    done = shell("mdc compact --dedup")
    assert "SPY trade 2024-01-02: 1 file to 1" in done.out
    assert ", 3 duplicates\n" in done.out
    assert len(shell("mdc cat --root data").lines) == 11


def test_without_dedup_everything_stays(shell: Shell) -> None:
    text = "".join(json.dumps(row) + "\n" for row in TWICE)
    for _ in range(2):
        assert shell("mdc store --again", stdin=text.encode()).status == 0
    lines = shell("mdc cat --root data").lines
    assert shell("mdc compact").status == 0
    assert shell("mdc cat --root data").lines == lines
    assert len(lines) == 16


def test_sort(shell: Shell, tmp_path: Path) -> None:
    """A file of others under the right name, out of order, is only rewritten when asked to."""
    row = {"type": "trade", "symbol": "SPY"}
    rows = [{**row, "ts_event": f"2024-01-02T10:00:0{n}Z", "price": n} for n in (3, 1, 2)]
    file = tmp_path / "data/SPY/trade/2024-01-02.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert shell("mdc compact").err == "mdc compact: nothing to do\n"
    assert shell("mdc compact --sort").status == 0
    prices = [json.loads(line)["price"] for line in file.read_text().splitlines()]
    assert prices == [1, 2, 3]
    assert shell("mdc compact --sort").err == "mdc compact: nothing to do\n"


def test_profiles_of_mdc_toml_hold(shell: Shell, tmp_path: Path) -> None:
    """The codec stays, but where mdc.toml names another."""
    stored(shell, "--compression lz4", symbols="SPY AAPL")
    (tmp_path / "mdc.toml").write_text('[compression.symbols]\nAAPL = "portable"\n')
    assert shell("mdc compact").status == 0
    codecs = {
        symbol: pq.read_metadata(tmp_path / f"data/{symbol}/trade/2024-01-02.parquet")
        .row_group(0)
        .column(0)
        .compression
        for symbol in ("SPY", "AAPL")
    }
    assert codecs == {"SPY": "LZ4", "AAPL": "GZIP"}


def test_events_of_equal_time_in_two_formats_keep_their_order(shell: Shell, tmp_path: Path) -> None:
    line = '{"type":"trade","symbol":"A","ts_event":"2024-01-02T14:30:00Z","price":%d,"size":1}\n'
    for number, form in enumerate(["parquet", "jsonl", "parquet", "jsonl", "parquet"]):
        (tmp_path / "t.jsonl").write_text(line % number)
        assert shell(f"mdc store --root data --format {form} < t.jsonl").status == 0
    before = shell("mdc cat --root data").lines
    for options in ("", "--dedup"):
        assert shell(f"mdc compact --root data {options}").status == 0
        assert shell("mdc cat --root data").lines == before
