"""Real captures: the books are what the exchanges themselves say, by their quotes and checksums."""

from collections import Counter
from pathlib import Path

import pytest

from mdc_core.plugin import Book, Delta, Subscription
from mdc_providers.coinbase.stream import Coinbase
from mdc_providers.kraken.stream import Kraken
from tests.conftest import Shell
from tests.pipes.books.captures import binance, decoded, encoded
from tests.pipes.books.rows import lines, sides

SPOT = "spot/btcusdt_2024080"
KRAKEN = ("XMR/USD", "WAVES/EUR", "ADA/XBT", "XBT/CHF", "GRT/ETH")
COINBASE = ("SKL-USD", "BAND-GBP", "CRV-EUR", "YFI-BTC", "NU-GBP")


def files(shared: Path, *names: str) -> list[Path]:
    paths = [shared / "data" / name for name in names]
    for path in paths:
        if not path.exists():
            pytest.skip(f"no capture at {path}")
    return paths


@pytest.mark.parametrize(
    ("names", "misses"),
    [
        (["spot/btcusdt_20240808.gz"], 0),
        (["spot/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz"], 2),
        (["cm/ethusd_perp_20240808.gz"], 0),
        (["usdm/btcusdt_20240808.gz"], 0),
    ],
)
@pytest.mark.some(1)
def test_best_levels_are_the_quotes_of_the_exchange(
    shell: Shell, shared: Path, tmp_path: Path, names: list[str], misses: int
) -> None:
    paths = files(shared, *(f"binance-capture/{name}" for name in names))
    capture = binance(*paths)
    (tmp_path / "depth.jsonl").write_bytes(lines(capture.events))
    done = shell("mdc book --levels 1 depth.jsonl")
    assert done.status == 0, done.err
    assert not [row for row in done.events if row["type"] == "integrity"]
    found = {int(row["seq"]): sides(row) for row in done.events}
    assert set(capture.updates) <= set(found) | {u for u, n in capture.updates.items() if not n}
    wrong = compared = 0
    for update, told in capture.told():
        if update in found:
            bids, asks = found[update]
            compared += 1
            wrong += (*bids[0], *asks[0]) != told
    assert compared > 3_000
    assert wrong == misses, "of levels beyond the snapshot that nobody can know"


def test_a_capture_without_a_snapshot_stays_unknown_and_says_so(
    shell: Shell, shared: Path, tmp_path: Path
) -> None:
    (path,) = files(shared, f"binance-capture/{SPOT}9.gz")
    (tmp_path / "depth.jsonl").write_bytes(lines(binance(path).events))
    done = shell("mdc book depth.jsonl")
    (said,) = done.events
    assert (said["type"], said["symbol"], said["severity"]) == ("integrity", "BTCUSDT", "warning")
    assert said["message"].startswith("no snapshot has come")


def test_all_checksums_of_kraken_hold(shell: Shell, shared: Path, tmp_path: Path) -> None:
    (path,) = files(shared, "cryptofeed-capture/KRAKEN.ws.50.0")
    stream = Kraken(Subscription(KRAKEN, ("book",)), Kraken.Options(depth=1000), {})
    events = [e for e in decoded(stream, "kraken", path) if isinstance(e, Book | Delta)]
    told = Counter(event.symbol for event in events if isinstance(event, Delta) and event.checksum)
    assert sum(told.values()) == 2078
    (tmp_path / "book.jsonl").write_bytes(encoded(events))
    done = shell("mdc book --levels 1 book.jsonl")
    assert Counter(row["type"] for row in done.events) == {"book": 2078 + len(KRAKEN)}
    assert not [row for row in shell("mdc validate --check book book.jsonl").events if _said(row)]
    # One that says something else: from there on its book is frozen, and no other.
    bad = next(e for e in events[1000:] if isinstance(e, Delta) and e.checksum)
    right, bad.checksum = bad.checksum, "1"
    (tmp_path / "bad.jsonl").write_bytes(encoded(events))
    done = shell("mdc validate --check book bad.jsonl")
    (said,) = (row for row in done.events if _said(row))
    assert (said["symbol"], said["ts_event"], said["severity"]) == (
        bad.symbol,
        bad.ts_event,
        "error",
    )
    why = f"its checksum is {right}, not 1"
    assert said["message"] == f"frozen until the next snapshot: {why}"
    frozen = shell("mdc book --levels 1 bad.jsonl")
    books = Counter(row["symbol"] for row in frozen.events if row["type"] == "book")
    assert {symbol: count for symbol, count in books.items() if symbol != bad.symbol} == {
        symbol: count + 1 for symbol, count in told.items() if symbol != bad.symbol
    }
    assert books[bad.symbol] < told[bad.symbol]


def _said(row: dict[str, str]) -> bool:
    return row["type"] == "integrity"


def test_books_of_coinbase_are_never_crossed(shell: Shell, shared: Path, tmp_path: Path) -> None:
    (path,) = files(shared, "cryptofeed-capture/COINBASE.ws.28.0")
    options = Coinbase.Options(feed="exchange")
    stream = Coinbase(Subscription(COINBASE, ("book",)), options, {})
    events = [e for e in decoded(stream, "coinbase", path) if isinstance(e, Book | Delta)]
    (tmp_path / "book.jsonl").write_bytes(encoded(events))
    done = shell("mdc book --levels 1 book.jsonl")
    updates = {(e.symbol, e.ts_event) for e in events}
    assert Counter(row["type"] for row in done.events).keys() == {"book"}
    assert len(updates) <= len(done.events) < len(updates) + 10, "some come late"
    for row in done.events:
        bids, asks = sides(row)
        assert not bids or not asks or bids[0][0] < asks[0][0]
