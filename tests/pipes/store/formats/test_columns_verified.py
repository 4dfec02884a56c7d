"""`mdc verify` of the files of columns, by which plain readers see all columns."""

import json
from pathlib import Path

import pytest

from mdc_core.archive.storage import COLUMNS
from tests.conftest import Shell

LAYOUTS = ("by-symbol", "by-date", "by-type", "flat", "hive")


def damage(path: Path, how: str) -> None:
    match how:
        case "gone":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:-20])
        case "of another":
            path.write_bytes(path.read_bytes().replace(b"price", b"prise"))


@pytest.mark.parametrize("how", ["gone", "cut", "of another"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.some(5)
def test_it_is_found_and_restored(layout: str, how: str, shell: Shell, tmp_path: Path) -> None:
    shell(f"mdc -q stream sim SPY AAPL --limit 30 | mdc -q store --layout {layout}")
    assert shell("mdc verify --deep").status == 0
    files = {file: file.read_bytes() for file in (tmp_path / "data").rglob(COLUMNS)}
    assert files
    for file in files:
        damage(file, how)
    done = shell("mdc verify --json")
    said = json.loads(done.out)
    assert (done.status, {one["kind"] for one in said}) == (1, {"columns"}), said
    named = {tmp_path / one["file"] for one in said}
    assert tmp_path / "data" / COLUMNS in named or layout == "hive"
    assert named <= files.keys()
    assert {one["hint"] for one in said} == {"mdc catalog rebuild"}
    assert shell("mdc catalog rebuild --dry-run").status == 0
    assert json.loads(shell("mdc verify --json").out) == said
    assert shell("mdc catalog rebuild").status == 0
    assert shell("mdc verify --deep").out == ""
    assert all(file.read_bytes() == files[file] for file in named)


def test_only_some_are_verified(shell: Shell, tmp_path: Path) -> None:
    shell("mdc -q stream sim SPY AAPL --limit 60 | mdc -q store")
    (spy,) = (tmp_path / "data/SPY/trade").glob("*.parquet")
    flipped = bytearray(spy.read_bytes())
    flipped[40] ^= 1
    spy.write_bytes(flipped)
    for words, status in (
        ("", 1),
        ("--symbol SPY", 1),
        ("--type trade", 1),
        ("--symbol AAPL", 0),
        ("--symbol SPY --type quote", 0),
        ("--date 2024-01-02", 1),
        ("--to 2024-01-01", 1),  # nothing is there
        ("--to 2024-01-01 --allow-empty", 0),
        ("--symbol NONE", 1),
    ):
        done = shell(f"mdc verify --deep {words}")
        assert done.status == status, (words, done)
        damaged = words in ("", "--symbol SPY", "--type trade", "--date 2024-01-02")
        assert ("SPY/trade" in done.out) == damaged, (words, done)
