"""An import goes on past what cannot be read: it is set aside, counted, and named."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import Shell, says_nothing

GOOD = "34200000,1600000,100,N,0,0\n"
DAYS = ("20240102", "20240103", "20240104")


def folder(root: Path, middle: str | bytes = GOOD, **beside: str) -> Path:
    """Three days of trades of one stock, the text or the whole file of the middle one given."""
    for day in DAYS:
        path = root / f"equity/usa/tick/xyz/{day}_trade.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        if day == DAYS[1] and isinstance(middle, bytes):
            path.write_bytes(middle)
            continue
        with ZipFile(path, "w") as archive:
            archive.writestr("rows.csv", middle if day == DAYS[1] else GOOD)
            for name, text in beside.items():
                archive.writestr(f"__MACOSX/{name}", text)
    return root


def test_a_bad_row(shell: Shell, tmp_path: Path) -> None:
    folder(tmp_path / "lean", GOOD + "34200001,16000\n")
    done = shell("mdc import --profile lean lean --quarantine bad.jsonl")
    assert done.status == 0
    assert [(e["ts_event"][:10], e["price"], e["size"]) for e in done.events] == [
        (f"2024-01-0{day}", "160", "100") for day in (2, 3, 4)
    ]
    assert "import: 4 in = 3 out + 1 rejected + 0 dropped\n" in done.err
    path = tmp_path / "lean/equity/usa/tick/xyz/20240103_trade.zip"
    where = "lean/equity/usa/tick/xyz/20240103_trade.zip#rows.csv line 2"
    assert f"{where}: 2 fields, not 3 or 6" in done.err
    (record,) = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert record["where"] == f"{path}#rows.csv line 2"
    assert record["text"] == "34200001,16000"
    assert record["reason"].startswith("2 fields, not 3 or 6")
    (end,) = [e for e in done.all_events if e["type"] == "end"]
    assert (end["counts"], end["reason"]) == ({"trade": "3"}, "eof")


def test_a_cut_zip_and_what_a_mac_left(shell: Shell, tmp_path: Path) -> None:
    folder(tmp_path / "lean", b"PK cut off", x="x")
    done = shell("mdc import --profile lean lean | mdc validate | mdc store --root data")
    assert done.status == 65
    assert "import: 3 in = 2 out + 1 rejected" in done.err
    assert "20240103_trade.zip: not a zip that can be read" in done.err
    assert [e["type"] for e in shell("mdc cat --root data").events] == ["gap", "trade", "trade"]


@pytest.mark.parametrize("middle", ["row", "zip", "checksum", "hole"])
@pytest.mark.some(2)
def test_a_file_that_breaks_off(shell: Shell, tmp_path: Path, middle: str) -> None:
    """What is before that comes, all other files come, and nobody takes it for whole."""
    rows = "".join(f"{34200000 + n},1600000,{n + 1},N,0,0\n" for n in range(3000))
    root = folder(tmp_path / "lean", rows)
    path = root / "equity/usa/tick/xyz/20240103_trade.zip"
    if middle == "row":
        folder(root, rows + "34209999,16000")
    elif middle == "hole":
        folder(root, rows + "\0" * 5 + "\n")
    else:
        whole = path.read_bytes()
        cut = whole.replace(rows[-200:].encode(), b"X" * 200, 1)
        path.write_bytes(whole[:50_000] if middle == "zip" else cut)
    done = shell("mdc import --profile lean lean --quarantine q")
    assert done.status == 65
    assert f"truncated input: {path}#rows.csv" in done.err
    (gap,) = [e for e in done.all_events if e["type"] == "gap"]
    assert (gap["reason"], "20240103_trade.zip" in gap["extra"]["file"]) == ("truncated", True)
    assert done.all_events[-1]["reason"] == "truncated"
    trades = [e for e in done.events if e["type"] == "trade"]
    sizes = [int(e["size"]) for e in trades if e["ts_event"].startswith("2024-01-03")]
    least = {"row": 3000, "hole": 3000, "zip": 1500, "checksum": 2900}[middle]
    assert sizes == list(range(1, len(sizes) + 1)) and least <= len(sizes) <= 3000
    assert trades[-1]["ts_event"].startswith("2024-01-04")
    partial = shell("mdc import --profile lean lean --partial --quarantine q2")
    assert (partial.status, len(partial.all_events)) == (0, len(done.all_events))
    stored = shell("mdc import --profile lean lean --partial | mdc store --root data")
    assert stored.status == 65  # whoever comes behind knows as well


def test_strict(shell: Shell, tmp_path: Path) -> None:
    folder(tmp_path / "lean", "oops\n")
    done = shell("mdc import --profile lean lean --strict")
    assert (done.status, len(done.events)) == (1, 2)
    folder(tmp_path / "sound")
    assert shell("mdc import --profile lean sound --strict").status == 0


def test_nothing_that_can_be_read(shell: Shell, tmp_path: Path) -> None:
    folder(tmp_path / "lean", "x\ny,1\n")
    done = shell("mdc import --profile lean lean/equity/usa/tick/xyz/20240103_trade.zip")
    assert (done.status, done.events) == (65, [])
    assert "import: 2 in = 0 out + 2 rejected" in done.err


@pytest.mark.parametrize("arguments", ["t.csv", "--symbol SPY t.csv", "--profile cvs t.csv"])
def test_the_profile_must_be_named(shell: Shell, tmp_path: Path, arguments: str) -> None:
    (tmp_path / "t.csv").write_text("no table\n")  # what is one is told by its content
    done = shell(f"mdc import {arguments}")
    assert done.status == 2 and says_nothing(done.out)
    assert "known: " in done.err and "lean" in done.err


def test_a_side_that_lean_does_not_tell_of(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "lean/crypto/coinbase/tick/btcusd/20240102_quote.zip"
    path.parent.mkdir(parents=True)
    with ZipFile(path, "w") as archive:
        archive.writestr("q.csv", "0,42000,1,42001,2\n1,42000.5,1,0,0\n2,,,42001,2\n")
    done = shell("mdc import --profile lean lean | mdc validate")
    assert done.status == 0
    assert [e["type"] for e in done.events] == ["quote"] * 3
    both, bid, ask = ({k: v for k, v in e.items() if k[:3] in ("bid", "ask")} for e in done.events)
    assert len(both) == 4
    assert bid == {"bid_price": "42000.5", "bid_size": "1"}
    assert ask == {"ask_price": "42001", "ask_size": "2"}
