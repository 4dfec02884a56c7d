"""Files and folders behind links are read, once each, whatever leads to them."""

import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import Shell

HEADER = "type,symbol,ts_event,price,size\n"
ROW = "trade,SPY,2024-01-02T15:00:0{}Z,{},1\n"


@pytest.fixture
def root(shell: Shell, tmp_path: Path) -> Path:
    assert shell("mdc stream sim SPY AAPL --limit 200 --seed 3 | mdc store").status == 0
    return tmp_path / "data"


def counts(shell: Shell) -> dict[str, int]:
    done = shell("mdc count --root data --json")
    assert done.status == 0
    found: dict[str, int] = json.loads(done.out)
    return found


@pytest.mark.parametrize("catalog", [True, False])
@pytest.mark.parametrize("how", ["folder", "file"])
def test_what_was_moved_and_linked_is_there(
    how: str, catalog: bool, shell: Shell, root: Path, tmp_path: Path
) -> None:
    before, events = counts(shell), shell("mdc cat --root data").out
    moved = root / "SPY" if how == "folder" else next((root / "SPY/trade").iterdir())
    shutil.move(moved, tmp_path / moved.name)
    moved.symlink_to(tmp_path / moved.name)
    if catalog:
        assert shell("mdc catalog rebuild --root data").status == 0
        assert shell("mdc verify --root data").status == 0
    else:
        shutil.rmtree(root / "_mdc")
    assert counts(shell) == before
    data = [line for line in events.splitlines() if '"run_id"' not in line]
    assert [x for x in shell("mdc cat --root data").out.splitlines() if '"run_id"' not in x] == data


def test_nothing_is_counted_twice(shell: Shell, root: Path, tmp_path: Path) -> None:
    """Links to what is in the archive, above it, to nothing, and into another one."""
    before = counts(shell)
    shutil.copytree(root, tmp_path / "other")
    (root / "alias").symlink_to(root / "SPY")
    (root / "circle").symlink_to(".")
    (root / "above").symlink_to("..")
    (root / "SPY/trade/gone.parquet").symlink_to("nowhere")
    (root / "foreign").symlink_to(tmp_path / "other/SPY")
    part = next((root / "AAPL/trade").iterdir())
    (root / "AAPL/trade/again.parquet").symlink_to(part)
    assert shell("mdc catalog rebuild --root data").status == 0
    assert counts(shell) == before


def test_linked_folders_are_imported(shell: Shell, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "a.csv").write_text(HEADER + ROW.format(1, 1))
    (elsewhere / "b.csv").write_text(HEADER + ROW.format(2, 2))
    (folder / "linked").symlink_to(elsewhere)
    (folder / "again").symlink_to(elsewhere)
    (folder / "b.csv").symlink_to(elsewhere / "b.csv")
    (folder / "circle").symlink_to("..")
    (folder / "gone.csv").symlink_to("nowhere")
    done = shell("mdc import --profile csv in")
    prices = [json.loads(line).get("price") for line in done.out.splitlines()]
    assert [price for price in prices if price] == [1, 2]
    assert "gone.csv: cannot be read" in done.err


def test_linked_folders_of_lean_are_imported(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "lean/crypto/coinbase/tick/btcusd"
    folder.mkdir(parents=True)
    with ZipFile(folder / "20240102_quote.zip", "w") as file:
        file.writestr("20240102_btcusd_quote_tick.csv", "0,42000,1,42001,2\n")
    whole = shell("mdc import --profile lean lean").out.count('"symbol":"BTCUSD"')
    shutil.move(folder, tmp_path / "btcusd")
    folder.symlink_to(tmp_path / "btcusd")
    assert shell("mdc import --profile lean lean").out.count('"symbol":"BTCUSD"') == whole == 1
