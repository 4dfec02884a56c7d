"""An archive in the order of event time gives the books that the stream gave as it came.

A change that came before a snapshot of the same moment stands behind it in an archive: the
snapshot has it, and it makes no book of its own.
"""

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.pipes.books.rows import OPEN, change, event, lines, snapshot

Row = dict[str, Any]
SYMBOLS = ("BTCUSDT", "ETHUSDT")
CAT = "mdc cat --root data"


def came(row: Row, second: float) -> Row:
    """The same event, received in this second."""
    return row | {"ts_recv": f"{OPEN}{second:012.9f}Z"}


# As it came. The snapshots have times of their own: the first is later than two changes that
# belong on it, the last as late as the gap before it and a change that it has already.
STREAM = [
    came(snapshot(3, "10x1 9x1", "11x1", seq=5), 10),
    came(change(2, "bid 10x2", seq=6), 10),
    came(change(2.5, "bid 9x0", seq=7), 10),
    came(snapshot(1, "1x1", "2x1", symbol="B", seq=1), 10.1),
    came(change(4, "ask 11x3", seq=8), 11),
    came(change(5, "ask 12x1", seq=9), 12),
    came(change(5, "ask 12.5x1", seq=10), 12.1),
    came(event("gap", 5, reason="sequence"), 13),
    came(snapshot(5, "10x4", "11x4", seq=20), 14),
    came(change(5, "ask 11x5", seq=21), 14),
    came(event("gap", 5.5, reason="sequence"), 14.5),
    came(snapshot(7, "10x6", "12x6", seq=30), 15),
    came(change(6, "bid 10x7", seq=31), 15),
    came(change(8, "bid 10x8", seq=32), 16),
]


def books(done: Any) -> list[Row]:
    return books_in(done.events)


def test_books_of_the_archive_are_those_of_the_stream(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "live.jsonl").write_bytes(lines(STREAM))
    live = shell("mdc book live.jsonl")
    assert len(books(live)) == 12
    assert [r["message"] for r in live.events if r["type"] == "integrity"] == [
        "frozen until the next snapshot: gap (sequence)",
        "known from here on; 0 changes passed over before",
    ] * 2
    assert shell("mdc store live.jsonl --root data").status == 0
    stored = shell("mdc cat --root data --symbol A").events
    places = {row["seq"]: at for at, row in enumerate(stored) if row["type"] != "gap"}
    assert places["6"] < places["7"] < places["5"], "a snapshot behind what belongs on it"
    assert places["20"] < places["9"] < places["21"], "and before what it has"
    of_a = [row for row in books(live) if row["symbol"] == "A" and row["seq"] not in ("9", "10")]
    for command in (CAT, f"{CAT} --format arrow"):
        done = shell(f"{command} | mdc book")
        assert done.status == 0, done.err
        assert [row for row in books(done) if row["symbol"] == "A"] == of_a
        of_b = [row for row in books(live) if row["symbol"] == "B"]
        assert [row for row in books(done) if row["symbol"] == "B"] == of_b
        said = [row for row in done.events if row["type"] == "integrity"]
        assert [(row["about"], row["ts_event"][17:21]) for row in said] == [
            ("gap", "05.5"),
            ("book", "07.0"),
        ], "of the first gap the snapshot knows"


def test_however_the_rows_are_cut(shell: Shell, tmp_path: Path) -> None:
    ordered = sorted(STREAM, key=lambda row: (row["ts_event"], row["type"]))
    (tmp_path / "whole.jsonl").write_bytes(lines(ordered))
    whole = shell("mdc book whole.jsonl").events
    for rows in (1, 3):
        for at in range(0, len(ordered), rows):
            (tmp_path / f"{rows}-{at:02}.jsonl").write_bytes(lines(ordered[at : at + rows]))
        done = shell(f"mdc book {rows}-*.jsonl").events
        assert [r for r in done if r["type"] != "gap"] == [r for r in whole if r["type"] != "gap"]


def at(ms: int) -> str:
    return f"2024-01-02T14:30:00.{ms:03}000000Z"


def tape() -> list[Row]:
    """Two books and 600 changes, four of a symbol in each moment."""
    rows = [
        {"type": "book", "symbol": symbol, "ts_event": at(0)}
        | {"bids": _side(100, -1), "asks": _side(101, 1)}
        for symbol in SYMBOLS
    ]
    for n in range(600):
        price, size = (100 - n % 17, 101 + n % 13)[n % 3 == 0], n % 5
        rows.append({"type": "delta", "symbol": SYMBOLS[n % 2], "ts_event": at(1 + n // 8)})
        rows[-1] |= {"action": "modify" if size else "cancel", "side": ("bid", "ask")[n % 3 == 0]}
        rows[-1] |= {"price": f"{price}.50", "size": f"{size}.5" if size else "0"}
    return rows


def _side(best: int, step: int) -> list[Row]:
    return [{"price": f"{best + step * n}.50", "size": f"{n + 1}.25"} for n in range(20)]


def compared(shell: Shell, folder: Path) -> int:
    """Compare the books of an archive with those of its stream; how many there are."""
    live, stored = (shell(f"{verb} | mdc book --levels 5") for verb in ("cat live.jsonl", CAT))
    assert live.status == stored.status == 0, stored.err
    came = [json.loads(line) for line in (folder / "live.jsonl").read_text().splitlines()]
    snapshots = {(row["symbol"], row["ts_event"]): row["ts_recv"] for row in books_in(came)}
    numbers = {(row["symbol"], str(row["seq"])) for row in books_in(came)}
    known = [
        row
        for row in books(live)
        if snapshots.get((row["symbol"], row["ts_event"]), "") <= row["ts_recv"]
        or (row["symbol"], row["seq"]) in numbers
    ]
    for symbol in {row["symbol"] for row in known}:
        mine = [row for row in known if row["symbol"] == symbol]
        assert [row for row in books(stored) if row["symbol"] == symbol] == mine
    return len(known)


def books_in(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["type"] == "book"]


@pytest.mark.parametrize("market", ["spot", "usdm"])
@pytest.mark.some(1)
def test_binance_loses_changes_and_asks_for_another_snapshot(
    shell: Shell, tmp_path: Path, market: str
) -> None:
    (tmp_path / "tape.jsonl").write_text("".join(json.dumps(row) + "\n" for row in tape()))
    server = f"mdc mock binance --market {market} --once tape.jsonl --lose-nth 40 --speed 0.1x"
    client = f"mdc stream binance --market {market} --type book --mock --url $url"
    done = shell(
        f"{server} | {{ read url; timeout $DEADLINE {client} {' '.join(SYMBOLS)} | "
        "tee live.jsonl | mdc store --root data; }"
    )
    assert done.status == 0, done.err
    rows = [json.loads(line) for line in (tmp_path / "live.jsonl").read_text().splitlines()]
    assert [row for row in rows if row["type"] == "gap" and row["reason"] == "sequence"]
    assert len(books_in(rows)) > 2
    assert compared(shell, tmp_path) > 20


@pytest.mark.parametrize("file", ["spot/btcusdt_20240808", "usdm/btcusdt_20240808"])
@pytest.mark.some(1)
def test_real_captures_of_binance(shell: Shell, shared: Path, tmp_path: Path, file: str) -> None:
    path = shared / "data" / "binance-capture" / f"{file}.gz"
    if not path.exists():
        pytest.skip(f"no capture at {path}")
    with gzip.open(path, "rt") as whole:
        (tmp_path / "cut.txt").write_text("".join(islice(whole, 4000)))
    market = file.partition("/")[0]
    decode = f"mdc frames decode cut.txt --provider binance --option market={market}"
    done = shell(f"{decode} --type book | tee live.jsonl | mdc store --root data")
    assert done.status == 0, done.err
    assert compared(shell, tmp_path) > 200
