"""What an archive holds: `ls` and `du`, against the events that were stored."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell, parts_of

EVENTS = "mdc stream sim SPY AAPL 'BTC/USD' --limit 2000 --seed 3"
DAYS = (
    '{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T23:59:59.999999999Z","price":1}\n'
    '{"type":"trade","symbol":"SPY","ts_event":"2024-01-03T00:00:00Z","price":2}\n'
    '{"type":"trade","symbol":"SPY","ts_event":"2024-01-05T12:00:00Z","price":3}\n'
    '{"type":"trade","symbol":"SPY","price":4}\n'
    '{"type":"gap","ts_event":"2024-01-03T01:00:00Z","reason":"disconnect"}\n'
)


def expected(events: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, str, str]]:
    """Number, first and last time of the events by symbol and type."""
    times = defaultdict(list)
    for event in events:
        times[event["symbol"], event["type"]].append(event["ts_event"])
    return {key: (len(all_), min(all_), max(all_)) for key, all_ in times.items()}


@pytest.mark.parametrize("form", ["parquet", "jsonl", "jsonl --compression zstd"])
@pytest.mark.parametrize("layout", ["by-symbol", "hive", "flat"])
@pytest.mark.some(3)
def test_ls_tells_what_was_stored(form: str, layout: str, shell: Shell, tmp_path: Path) -> None:
    events = shell(f"{EVENTS} | tee events.jsonl").events
    stored = shell(f"mdc store --format {form} --layout {layout} < events.jsonl")
    assert stored.status == 0, stored.err
    done = shell("mdc ls --json")
    assert done.status == 0, done.err
    rows = json.loads(done.out)
    found = {(r["symbol"], r["type"]): (r["events"], r["first"], r["last"]) for r in rows}
    assert found == expected(events)
    assert {(r["periods"], r["files"]) for r in rows} == {(1, 1)}
    sizes = [path.stat().st_size for path in parts_of(tmp_path / "data")]
    assert sorted(r["bytes"] for r in rows) == sorted(sizes)
    du = json.loads(shell("mdc du --json").out)
    beside = {one["kind"]: one["bytes"] for one in du["beside"]}
    kept = [p.stat().st_size for p in (tmp_path / "data/_mdc").rglob("*") if p.is_file()]
    assert beside == {"catalog": sum(kept)}
    assert du["total"] == sum(sizes) + beside["catalog"]
    assert [(p["symbol"], p["type"], p["bytes"]) for p in du["files"]] == [
        (r["symbol"], r["type"], r["bytes"]) for r in rows
    ]


@pytest.fixture
def days(shell: Shell, tmp_path: Path) -> None:
    """An archive of several days, with events that have no time, and no symbol."""
    (tmp_path / "days.jsonl").write_text(DAYS)
    assert shell("mdc store < days.jsonl").status == 0


def plain(shell: Shell) -> None:
    """Leave of the archive only its parts, as a plain directory."""
    assert shell("rm -r data/_mdc").status == 0


def columns(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()]


@pytest.mark.usefixtures("days")
def test_the_table(shell: Shell) -> None:
    done = shell("mdc ls")
    head, gap, trade = columns(done.out)
    assert head[:5] == ["SYMBOL", "TYPE", "PERIODS", "FILES", "EVENTS"]
    assert head[5:] == ["BYTES", "FIRST", "LAST", "TIER"]
    at = "2024-01-03T01:00:00.000000000Z"
    assert [*gap[:5], *gap[-3:]] == ["-", "gap", "1", "1", "1", at, at, "hot"]
    first, last = "2024-01-02T23:59:59.999999999Z", "2024-01-05T12:00:00.000000000Z"
    assert [*trade[:5], *trade[-3:]] == ["SPY", "trade", "4", "4", "4", first, last, "hot"]


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize("catalog", [True, False])
def test_filters_and_the_tree(catalog: bool, shell: Shell) -> None:
    if not catalog:
        plain(shell)
    span = "--from 2024-01-03 --to 2024-01-03"
    lines = columns(shell(f"mdc ls --tree --symbol SPY {span}").out)
    assert lines[:2] == [["SPY"], ["trade"]]
    names = [line[0].split(".")[0] for line in lines[2:]]
    assert names[0] == "SPY/trade/2024-01-03"
    assert lines[2][-2] == "2024-01-03T00:00:00.000000000Z"
    # What has no time is in no span, which the catalog knows; of a file it is not said.
    assert names[1:] == ([] if catalog else ["SPY/trade/undated"])
    (undated,) = [line for line in columns(shell("mdc ls --tree").out) if "undated" in line[0]]
    assert undated[-3:] == ["-", "-", "hot"]
    read = shell(f"mdc cat --root data --symbol SPY {span}").events
    assert [event["type"] for event in read] == ["trade", "gap"]  # one gap of all symbols
    rows = json.loads(shell("mdc ls --tree --type gap --json").out)
    assert [(r["symbol"], r["type"], r["events"]) for r in rows] == [(None, "gap", 1)]
    assert rows[0]["path"].startswith("_/gap/2024-01-03.")
    # The period of the file can hold it, but none of its events is of that time.
    late = shell("mdc ls --json --type gap --from 2024-01-03T02:00")
    assert (late.status, json.loads(late.out)) == (1, [])
    assert shell("mdc ls --symbol QQQ").out == ""


@pytest.mark.parametrize("catalog", [True, False])
def test_a_footer_is_enough(catalog: bool, shell: Shell, tmp_path: Path) -> None:
    """Every data page is overwritten; `ls`, `du` and `count` need none."""
    assert shell(f"{EVENTS} | mdc store").status == 0
    if not catalog:
        plain(shell)
    before = [shell(f"mdc {verb} --json").out for verb in ("ls", "du", "count --root data")]
    for path in parts_of(tmp_path / "data"):
        footer = pq.read_metadata(path).serialized_size + 8
        with path.open("r+b") as file:
            file.seek(4)
            file.write(bytes(path.stat().st_size - footer - 4))
    after = [shell(f"mdc {verb} --json").out for verb in ("ls", "du", "count --root data")]
    assert after == before
    assert json.loads(after[2])["total"] == 2000


def test_hostile_symbols(shell: Shell, tmp_path: Path) -> None:
    symbols = ["", "../x", "a.parquet", "\x1b[2Jé", "2024-01-01", "X" * 10_000]
    rows = [{"type": "trade", "symbol": s, "price": 1} for s in symbols] + [{"type": "trade"}]
    lines = [json.dumps({**row, "ts_event": "2024-01-02T00:00:00Z"}) + "\n" for row in rows]
    (tmp_path / "hostile.jsonl").write_text("".join(lines))
    assert shell("mdc store < hostile.jsonl").status == 0
    done = shell("mdc ls --json")
    assert done.status == 0, done.err
    found = [(r["symbol"], r["events"]) for r in json.loads(done.out)]
    assert found == [(None, 1), *((symbol, 1) for symbol in sorted(symbols))]
    table = shell("mdc ls").out
    assert "\x1b" not in table
    assert "'\\x1b[2J\\xe9'" in table
    assert json.loads(shell("mdc count --root data --json").out)["total"] == 7


def test_a_file_of_several(shell: Shell, tmp_path: Path) -> None:
    """A file that `store` did not write is read."""
    (tmp_path / "data").mkdir()
    events = shell(f"{EVENTS} | tee all.jsonl").events
    assert shell("mdc convert all.jsonl -o data/all.parquet").status == 0
    rows = json.loads(shell("mdc ls --json").out)
    found = {(r["symbol"], r["type"]): (r["events"], r["first"], r["last"]) for r in rows}
    assert found == expected(events)
    assert sum(r["bytes"] for r in rows) == (tmp_path / "data/all.parquet").stat().st_size
    counted = json.loads(shell("mdc count --root data --json").out)
    assert counted["counts"] == Counter(event["type"] for event in events)


@pytest.mark.usefixtures("days")
def test_damaged_files_are_named_and_the_others_shown(shell: Shell, tmp_path: Path) -> None:
    plain(shell)
    path = next(tmp_path.glob("data/SPY/trade/2024-01-05.*"))
    path.write_bytes(path.read_bytes()[:-20])
    (tmp_path / "data" / "torn.jsonl").write_text('{"type":"trade"\n')
    (tmp_path / "data" / "torn.jsonl.gz").write_bytes(b"\x1f\x8b\x08nothing")
    done = shell("mdc ls --json")
    assert done.status == 65
    assert [(r["type"], r["events"]) for r in json.loads(done.out)] == [("gap", 1), ("trade", 3)]
    said = done.err.splitlines()
    assert [
        name in line
        for name, line in zip((path.name, "torn.jsonl", "torn.jsonl.gz"), said, strict=True)
    ] == [True] * 3
    du = shell("mdc du --json")
    assert du.status == 65
    sizes = [path.stat().st_size for path in parts_of(tmp_path / "data")]
    assert json.loads(du.out)["total"] == sum(sizes)


def test_du_of_what_is_beside_the_parts(shell: Shell, tmp_path: Path) -> None:
    """Journals, damaged ones, trash and what is unfinished, each by itself and in the total."""
    line = '{"type":"trade","symbol":"SPY","price":1}\n'
    assert shell("mdc store", stdin=line.encode()).status == 0
    state = tmp_path / "data" / "_mdc"
    sizes = {"journal/x-0001.journal": 70_000, "damaged/y-0001.journal": 3_000}
    sizes |= {"trash/0": 200, "tmp/rewrite-1/1.part": 40, "catalog.sqlite.damaged-1": 5}
    for name, size in sizes.items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_bytes(b"x" * size)
    known = [state / "catalog.sqlite", state / "archive.json", *(state / "origins").iterdir()]
    catalog = sum(path.stat().st_size for path in known)
    (part,) = (path.stat().st_size for path in tmp_path.glob("data/SPY/trade/*"))
    said = json.loads(shell("mdc du --json").out)
    assert said["beside"] == [
        {"kind": "catalog", "files": 3, "bytes": catalog},
        {"kind": "damaged", "files": 2, "bytes": 3_005},
        {"kind": "journals", "files": 1, "bytes": 70_000},
        {"kind": "trash", "files": 1, "bytes": 200},
        {"kind": "unfinished", "files": 1, "bytes": 40},
    ]
    assert said["total"] == part + catalog + 73_245
    shown = columns(shell("mdc du").out)
    assert ["journals", "1", "68.4", "KiB"] in shown
    assert ["damaged", "2", "2.9", "KiB"] in shown
    assert [row[0] for row in shown[-2:]] == ["unfinished", "total"]


def test_du_in_human_units(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    line = '{"type":"trade","symbol":"SPY"}'
    (tmp_path / "data" / "one.jsonl").write_text(line + " " * (1536 - len(line)))
    rows = [["SYMBOL", "TYPE", "FILES", "BYTES"], ["SPY", "trade", "1", "1.5", "KiB"]]
    assert columns(shell("mdc du").out) == [*rows, ["total", "1.5", "KiB"]]


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("mdc ls", 65, "no archive at data"),
        ("mdc du", 65, "no archive at data"),
        ("mdc ls --root nowhere", 65, "no archive at nowhere"),
        ("mdc du --root nowhere", 65, "no archive at nowhere"),
        ("mkdir data; mdc ls --type trad", 2, "did you mean trade?"),
        ("mkdir data; mdc ls --from never", 2, "never"),
    ],
)
def test_errors(line: str, status: int, said: str, shell: Shell) -> None:
    done = shell(line)
    assert done.status == status
    assert done.out == ""
    assert said in done.err


def test_an_empty_archive(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert shell("mdc ls")[:2] == (1, "")
    assert shell("mdc ls --tree")[:2] == (1, "")
    assert shell("mdc ls --json")[:2] == (1, "[]\n")
    assert json.loads(shell("mdc du --json").out) == {"files": [], "beside": [], "total": 0}
