"""Symbols that differ by case alone, or by how Unicode spells them, have files of their own."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import get_args
from unicodedata import normalize

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from mdc_core.archive.catalog.layout import Layout, names_of
from tests.conftest import Shell, parts_of

SYMBOLS = [
    "SPY",
    "spy",
    "Spy",
    "sPY",
    "BACpL",
    "BACPL",
    "caf\u00e9",
    "cafe\u0301",
    "trade",
    "TRADE",
]


def lines(days: int = 2) -> str:
    made = []
    for day in range(1, days + 1):
        for number, symbol in enumerate(SYMBOLS):
            event = {"type": "trade", "symbol": symbol, "ts_event": f"2024-01-0{day}T12:00:00Z"}
            made.append(json.dumps(event | {"price": day, "size": number + 1, "seq": day}) + "\n")
    return "".join(made)


def parts(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in parts_of(root)]


def held(shell: Shell, root: str = "data", also: str = "") -> Counter[tuple[str, str]]:
    done = shell(f"mdc cat --root {root} {also}")
    assert done.status == 0, done.err
    return Counter((event["symbol"], event["size"]) for event in done.events)


WHOLE = Counter({(symbol, str(number)): 2 for number, symbol in enumerate(SYMBOLS, 1)})


def is_sound(shell: Shell, root: str = "data") -> bool:
    done = shell(f"mdc verify --deep --root {root}")
    return (done.status, done.out) == (0, "")


@pytest.mark.parametrize("layout", get_args(Layout))
@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@pytest.mark.some(3)
def test_names_differ_without_case(layout: str, form: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(lines())
    line = f"mdc store --root data --layout {layout} --format {form} < events.jsonl"
    assert shell(line).status == 0
    found = parts(tmp_path / "data")
    assert len(found) == 2 * len(SYMBOLS)
    assert len({normalize("NFC", path).casefold() for path in found}) == len(found)
    assert held(shell) == WHOLE
    for symbol in ("SPY", "spy", SYMBOLS[6]):
        number = SYMBOLS.index(symbol) + 1
        assert held(shell, also=f"--symbol {symbol}") == {(symbol, str(number)): 2}
    assert shell("mdc compact --root data").status == 0
    assert held(shell) == WHOLE and is_sound(shell)
    (tmp_path / "data/_mdc/catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild --root data").status == 0
    assert held(shell) == WHOLE and is_sound(shell)
    shutil.rmtree(tmp_path / "data/_mdc")  # a plain directory
    assert held(shell, also="--symbol spy") == {("spy", "2"): 2}


def test_plain_globs_of_tickers(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(lines())
    assert shell("mdc store --root data < events.jsonl").status == 0
    files = list(tmp_path.glob("data/SPY/trade/*.parquet"))
    assert ds.dataset(files).to_table()["symbol"].to_pylist() == ["SPY"] * 2


def test_hive_readers_decode_the_names(shell: Shell, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    (tmp_path / "events.jsonl").write_text(lines())
    assert shell("mdc store --root data --layout hive < events.jsonl").status == 0
    files = f"{tmp_path}/data/**/*.parquet"
    asked = "SELECT symbol, count(*) FROM read_parquet(?, hive_partitioning=true) GROUP BY 1"
    assert dict(duckdb.execute(asked, [files]).fetchall()) == dict.fromkeys(SYMBOLS, 2)
    table = pq.read_table(tmp_path / "data", columns=["symbol"])
    assert Counter(table["symbol"].to_pylist()) == dict.fromkeys(SYMBOLS, 2)


@pytest.fixture(params=get_args(Layout))
def old(request: pytest.FixtureRequest, shell: Shell, tmp_path: Path) -> str:
    """An archive in which all names are those of an older version; its layout."""
    (tmp_path / "events.jsonl").write_text(lines())
    layout = str(request.param)
    assert shell(f"mdc store --root data --layout {layout} < events.jsonl").status == 0
    for symbol in SYMBOLS:
        new, older = names_of(symbol)[0], names_of(symbol)[-1]
        for path in parts(tmp_path / "data"):
            pieces = [
                piece.replace(new, older, 1)
                if piece.removeprefix("symbol=").partition("_")[0] == new
                else piece
                for piece in path.split("/")
            ]
            target = tmp_path / "data" / "/".join(pieces)
            target.parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / path).rename(target)
    (tmp_path / "data/_mdc/catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild --root data").status == 0
    assert len({path.casefold() for path in parts(tmp_path / "data")}) < 2 * len(SYMBOLS)
    return layout


@pytest.mark.some(2)
def test_an_archive_of_an_older_version(old: str, shell: Shell, tmp_path: Path) -> None:
    assert held(shell) == WHOLE and is_sound(shell)
    assert held(shell, also="--symbol spy") == {("spy", "2"): 2}
    assert shell("mdc pack create given.zip --root data").status == 0
    # What comes in, moves, or is written anew has names of today.
    assert shell(f"mdc store --again --root data --layout {old} < events.jsonl").status == 0
    assert held(shell) == dict.fromkeys(WHOLE, 4) and is_sound(shell)
    (tmp_path / "mdc.toml").write_text('[tier.cold]\ndirectory = "../cold"\n')
    assert shell("mdc tier migrate --root data --now 2024-09-01").status == 0
    folded = {path.casefold() for path in parts(tmp_path / "cold")}
    assert len(folded) == 4 * len(SYMBOLS)
    assert held(shell) == dict.fromkeys(WHOLE, 4) and is_sound(shell)
    (tmp_path / "mdc.toml").unlink()
    assert shell("mdc pack import given.zip --root other").status == 0
    found = parts(tmp_path / "other")
    assert len({path.casefold() for path in found}) == len(found) == 2 * len(SYMBOLS)
    assert held(shell, "other") == WHOLE and is_sound(shell, "other")


@pytest.mark.some(2)
def test_compaction_gives_current_names(old: str, shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc compact --root data").status == 0
    found = parts(tmp_path / "data")
    assert len({path.casefold() for path in found}) == len(found) == 2 * len(SYMBOLS)
    assert held(shell) == WHOLE and is_sound(shell)
