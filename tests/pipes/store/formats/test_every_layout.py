"""Every layout with every partition and format: stored, listed, read, verified, compacted."""

import json
import re
from itertools import product
from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of

LAYOUTS = ("by-symbol", "by-date", "by-type", "flat", "hive")
PERIODS = {
    "none": ["all"],
    "hourly": ["2024-01-02T12", "2024-01-02T13", "2024-01-03T00", "2024-02-01T12", "undated"],
    "daily": ["2024-01-02", "2024-01-03", "2024-02-01", "undated"],
    "monthly": ["2024-01", "2024-02", "undated"],
}
TIMES = (
    "2024-01-02T12:00:00Z",
    "2024-01-02T13:00:00Z",
    "2024-01-03T00:00:00Z",
    "2024-02-01T12:00:00Z",
    None,
)
SYMBOLS = ("SPY", "BTC/USD", "..", "con", "a b%2F", "_", "")


def lines() -> str:
    """An event of each symbol, type and time."""
    rows = []
    for number, (at, symbol, kind) in enumerate(product(TIMES, SYMBOLS, ("trade", "quote"))):
        row = {"type": kind, "symbol": symbol, "ts_event": at, "seq": number}
        rows.append({name: value for name, value in row.items() if value is not None})
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(("layout", "partition"), [*product(LAYOUTS, PERIODS)])
@pytest.mark.some(5)
def test_what_is_stored_is_found_again(
    layout: str, partition: str, shell: Shell, tmp_path: Path
) -> None:
    form = "jsonl --compression zstd" if layout in ("flat", "by-date") else "parquet"
    (tmp_path / "in.jsonl").write_text(lines())
    stored = shell(
        f"mdc store --layout {layout} --partition {partition} --format {form} < in.jsonl"
    )
    assert stored.status == 0, stored.err
    root = tmp_path / "data"
    everything = shell("mdc cat --root data").events
    assert len(everything) == len(TIMES) * len(SYMBOLS) * 2
    paths = [path.relative_to(root).as_posix() for path in parts_of(root)]
    assert all(re.fullmatch(r"[A-Za-z0-9.%=_/-]+", path) for path in paths)
    listed = json.loads(shell("mdc ls --json --tree").out)
    assert sorted(one["path"] for one in listed) == paths
    assert len(paths) == len(SYMBOLS) * 2 * len(PERIODS[partition])
    assert sum(one["events"] for one in listed) == len(everything)
    # By symbol, type and time: no more and no less than is asked for, with the catalog or not.
    asked = {
        "--symbol ..": lambda e: e["symbol"] == "..",
        "--symbol SPY,con --type quote": lambda e: (
            e["symbol"] in ("SPY", "con") and e["type"] == "quote"
        ),
        "--from 2024-01-03 --to 2024-01-31": lambda e: e.get("ts_event", "")[:10] == "2024-01-03",
    }
    for options, wanted in asked.items():
        found = shell(f"mdc cat --root data {options}").events
        assert found == [event for event in everything if wanted(event)], options
    assert shell("mdc verify --deep")[:2] == (0, "")
    done = shell("mdc compact --root data")
    assert done.status == 0, done.err
    assert shell("mdc cat --root data").events == everything
    assert len(parts_of(root)) == len(paths)
    assert shell("mdc verify --deep")[:2] == (0, "")
    (root / "_mdc" / "catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild").status == 0
    assert shell("mdc cat --root data").events == everything
    again = json.loads(shell("mdc ls --json --tree").out)
    rows = {(one["symbol"], one["type"], one["events"]) for one in listed}
    assert {(one["symbol"], one["type"], one["events"]) for one in again} == rows


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.some(2)
def test_without_its_catalog_an_archive_is_read_by_its_paths(
    layout: str, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_text(lines())
    assert shell(f"mdc store --layout {layout} --format jsonl < in.jsonl").status == 0
    everything = shell("mdc cat --root data").events
    (tmp_path / "data" / "_mdc").rename(tmp_path / "aside")
    assert shell("mdc cat --root data").events == everything
    for symbol in ("SPY", "..", "_"):
        found = shell(f"mdc cat --root data --symbol {symbol} --type trade").events
        wanted = [e for e in everything if e["symbol"] == symbol and e["type"] == "trade"]
        assert found == wanted
    day = shell("mdc cat --root data --from 2024-02-01 --to 2024-02-01").events
    assert day == [e for e in everything if e.get("ts_event", "").startswith("2024-02-01")]
