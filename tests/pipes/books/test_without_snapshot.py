"""A capture that has no snapshot of a book: nothing comes out of `mdc book`, and it is said why."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell

AT = 1_700_000_000
MS = AT * 1000
FRAMES: dict[str, tuple[str, list[Any]]] = {
    "binance": (
        "binance",
        [
            {
                "stream": "btcusdt@depth@100ms",
                "data": {"e": "depthUpdate", "E": MS + n, "s": "BTCUSDT", "U": n, "u": n}
                | {"b": [["10.5", "1.25"]], "a": []},
            }
            for n in range(1, 6)
        ],
    ),
    "kraken": (
        "kraken",
        [
            {
                "channel": "book",
                "type": "update",
                "data": [
                    {
                        "symbol": "BTC/USD",
                        "bids": [{"price": 10.5, "qty": 1.25}],
                        "asks": [],
                        "checksum": 1,
                        "timestamp": f"2023-11-14T22:13:2{n}.000000Z",
                    }
                ],
            }
            for n in range(1, 6)
        ],
    ),
    "coinbase": (
        "coinbase --option feed=exchange",
        [
            {"type": "l2update", "product_id": "BTC-USD", "changes": [["buy", "10.5", "1.25"]]}
            | {"time": f"2023-11-14T22:13:2{n}.000000Z"}
            for n in range(1, 6)
        ],
    ),
    "okx": (
        "okx",
        [
            {
                "arg": {"channel": "books", "instId": "BTC-USDT"},
                "action": "update",
                "data": [
                    {"bids": [["10.5", "1.25", "0", "1"]], "asks": [], "ts": str(MS + n)}
                    | {"checksum": 1, "seqId": n, "prevSeqId": n - 1}
                ],
            }
            for n in range(2, 7)
        ],
    ),
}


def lines_of(frames: list[Any]) -> str:
    """As cryptofeed keeps them."""
    return "".join(f"{AT}.{n}: {json.dumps(frame)}\n" for n, frame in enumerate(frames))


@pytest.mark.parametrize("vendor", FRAMES)
def test_changes_alone_are_no_book(shell: Shell, tmp_path: Path, vendor: str) -> None:
    provider, frames = FRAMES[vendor]
    (tmp_path / "capture.txt").write_text(lines_of(frames))
    unknown(shell, tmp_path, provider)


CAPTURES = [
    ("cryptofeed-capture/COINBASE.ws.28.0", "coinbase --option feed=exchange", '"snapshot"'),
    ("cryptofeed-capture/KRAKEN.ws.50.0", "kraken", '"as":'),
    ("cryptofeed-capture/OKX.ws.1.0", "okx", '"action":"snapshot"'),
]


@pytest.mark.parametrize(("file", "provider", "snapshot"), CAPTURES)
@pytest.mark.some(1)
def test_real_captures_without_their_snapshots(
    shell: Shell, shared: Path, tmp_path: Path, file: str, provider: str, snapshot: str
) -> None:
    path = shared / "data" / file
    if not path.exists():
        pytest.skip(f"no capture at {path}")
    kept = [line for line in path.read_text().splitlines(keepends=True) if snapshot not in line]
    (tmp_path / "capture.txt").write_text("".join(kept[:1000]))
    unknown(shell, tmp_path, provider)


def unknown(shell: Shell, folder: Path, provider: str) -> None:
    """Neither by a pipe nor by an archive does a book come of it; each symbol is told."""
    for command in (
        f"mdc frames decode capture.txt --provider {provider}",
        f"mdc frames import capture.txt raw --provider {provider} && mdc frames decode raw",
    ):
        done = shell(f"{command} | tee d.jsonl | mdc book")
        assert done.status == 0, done.err
        events = [json.loads(line) for line in (folder / "d.jsonl").read_text().splitlines()]
        changed = {row["symbol"] for row in events if row["type"] == "delta"}
        told = [row for row in done.events if row["type"] == "integrity"]
        assert {row["type"] for row in done.events} <= {"connection", "integrity", "gap"}
        assert {row["symbol"] for row in told} >= changed
        assert told and all(row["check"] == "book" for row in told)
        assert all("snapshot" in row["message"] or "never came" in row["message"] for row in told)
