"""Lean's own sample data: every row arrives, with the values that were computed without mdc."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from mdc_core.contracts import ImportRequest
from mdc_core.errors import DataError
from mdc_core.times import MINUTE, from_ns
from mdc_exporters.lean.importer import Lean

SKIPPED = ("quote-bar", "option", "open-interest", "future")
TICKS = "equity/usa/tick"


@pytest.fixture(scope="module")
def root(shared: Path) -> Path:
    return shared / "data" / "lean"


def batches(path: Path, **options: Any) -> Iterator[pa.RecordBatch]:
    return Lean(ImportRequest(path), Lean.Options(**options)).batches()


def lines_of(path: Path) -> Iterator[list[str]]:
    with ZipFile(path) as archive:
        for name in archive.namelist():
            for line in archive.read(name).decode().splitlines():
                yield line.split(",")


def is_readable(path: Path) -> bool:
    kinds = ("option", "future")
    bars_of_quotes = path.stem.endswith("_quote") or "forex" in path.parts
    return not any(kind in path.parts for kind in kinds) and (
        "tick" in path.parts or not bars_of_quotes
    )


def test_every_row_of_every_file_in_order_of_time(root: Path) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    for path in filter(is_readable, root.rglob("*.zip")):
        at, symbol = path.relative_to(root).parts, path.parent.name
        kind = "quote" if path.stem.endswith("_quote") else "trade"
        if at[2] in ("hour", "daily"):
            symbol = path.stem.removesuffix("_trade")
        channel = f"lean:{'/'.join(at[:3])}/{kind}"
        expected[channel, symbol.upper()] += sum(1 for _ in lines_of(path))
    found: Counter[tuple[str, str]] = Counter()
    last = -(2**63)
    for batch in batches(root, skip=SKIPPED):
        batch.validate(full=True)
        times = batch["ts_event"].cast("int64").to_numpy()
        assert last <= times[0]
        assert (times[1:] >= times[:-1]).all()
        last = times[-1]
        table = pa.table({"channel": batch["channel"], "symbol": batch["symbol"]})
        for row in table.group_by(["channel", "symbol"]).aggregate([([], "count_all")]).to_pylist():
            found[row["channel"], row["symbol"]] += row["count_all"]
    assert found == expected
    assert sum(found.values()) > 1_400_000


def test_the_whole_folder_is_refused_by_name(root: Path) -> None:
    with pytest.raises(DataError, match="--skip future --skip option --skip quote-bar"):
        batches(root)


@pytest.mark.parametrize("kind", ["trade", "quote"])
def test_every_value_of_a_days_ticks(root: Path, kind: str) -> None:
    path = root / TICKS / "ibm" / f"20131007_{kind}.zip"
    midnight = datetime(2013, 10, 7, tzinfo=ZoneInfo("America/New_York"))
    start = int(midnight.timestamp()) * 1_000
    scales = (10_000, 1) if kind == "trade" else (10_000, 1, 10_000, 1)
    rows = (row for batch in batches(path) for row in _values(batch, kind))
    for row, line in zip(rows, lines_of(path), strict=True):
        assert row[0] == (start + int(line[0])) * 1_000_000
        numbers = [None if v is None else int(v * s) for v, s in zip(row[1:], scales, strict=True)]
        said = [int(text) for text in line[1 : 3 if kind == "trade" else 5]]
        if kind == "quote":
            said = [
                *(said[:2] if any(said[:2]) else (None, None)),
                *(said[2:] if any(said[2:]) else (None, None)),
            ]
        assert numbers == said


def _values(batch: pa.RecordBatch, kind: str) -> Iterable[tuple[Any, ...]]:
    sides = ("bid_price", "bid_size", "ask_price", "ask_size")
    names = ("price", "size") if kind == "trade" else sides
    columns = [batch[name].to_pylist() for name in names]
    return zip(batch["ts_event"].cast("int64").to_pylist(), *columns, strict=True)


def test_volume_weighted_price_of_a_session(root: Path) -> None:
    amount, volume, count = Decimal(0), Decimal(0), 0
    day = datetime(2013, 10, 7, tzinfo=ZoneInfo("America/New_York"))
    opens, closes = (
        int(day.replace(hour=h, minute=m).timestamp()) * 10**9 for h, m in ((9, 30), (16, 0))
    )
    for batch in batches(root / TICKS / "ibm/20131007_trade.zip"):
        for time, price, size in _values(batch, "trade"):
            count += 1
            if opens <= time < closes:
                amount, volume = amount + price * size, volume + size
    assert (count, volume) == (24_293, 3_753_440)
    assert round(amount / volume, 8) == Decimal("182.52904497")


@pytest.mark.parametrize(
    ("name", "count", "sha256"),
    [
        (
            "ibm/20131008",
            424,
            "5113840715b888e1ce35f8d6edb9052ed9b85f7183a187add1b3ff2e09e44a65",
        ),
        (
            "bac/20131007",
            595,
            "dc8b9d229f26038dd9e6873803fd21999d737217af405f1eef03bc03592c2b5a",
        ),
    ],
)
def test_minutes_made_of_trades(root: Path, name: str, count: int, sha256: str) -> None:
    minutes: dict[int, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for batch in batches(root / TICKS / f"{name}_trade.zip"):
        flags = batch["extra"].to_pylist()
        for (time, price, size), flag in zip(_values(batch, "trade"), flags, strict=True):
            if flag is None:
                minutes[time - time % MINUTE].append((price, size))
    text = ""
    for start, trades in minutes.items():
        prices = [price for price, _ in trades]
        bar = (prices[0], max(prices), min(prices), prices[-1])
        volume = int(sum(size for _, size in trades))
        text += f"{start},{','.join(f'{p:.4f}' for p in bar)},{volume},{len(trades)}\n"
    assert len(minutes) == count
    assert hashlib.sha256(text.encode()).hexdigest() == sha256


def test_stock_quotes_tell_of_one_side(root: Path) -> None:
    bids = asks = both = 0
    for batch in batches(root / TICKS / "bac/20131007_quote.zip"):
        bid, ask = (batch[f"{side}_price"].is_valid().to_numpy(False) for side in ("bid", "ask"))
        assert (bid == batch["bid_venue"].is_valid().to_numpy(False)).all()
        bids, asks, both = bids + bid.sum(), asks + ask.sum(), both + (bid & ask).sum()
    assert (bids, asks, both) == (238_427, 238_428, 0)


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        (
            "fxcm/tick/eurusd/20140501",
            51_053,
            "2014-05-01T05:00:01.787000000Z",
            "2014-05-02T04:59:47.638000000Z",
        ),
        (
            "fxcm/tick/eurusd/20140502",
            96_406,
            "2014-05-02T05:00:00.611000000Z",
            "2014-05-02T20:59:11.909000000Z",
        ),
        (
            "fxcm/tick/eurusd/20140504",
            8_025,
            "2014-05-04T19:00:51.815000000Z",
            "2014-05-05T04:59:58.346000000Z",
        ),
        (
            "oanda/tick/eurusd/20140501",
            24_179,
            "2014-05-01T00:00:00.292000000Z",
            "2014-05-01T23:59:31.310000000Z",
        ),
        (
            "oanda/tick/eurusd/20140504",
            1_164,
            "2014-05-04T21:00:00.462000000Z",
            "2014-05-04T23:59:48.314000000Z",
        ),
    ],
)
def test_currency_ticks(root: Path, name: str, count: int, first: str, last: str) -> None:
    times = [
        time
        for batch in batches(root / "forex" / f"{name}_quote.zip")
        for time in batch["ts_event"].cast("int64").to_pylist()
    ]
    assert (len(times), from_ns(times[0]), from_ns(times[-1])) == (count, first, last)


def test_daily_bars_begin_at_midnight_in_new_york(root: Path) -> None:
    path = root / "equity/usa/daily/uw.zip"
    (batch,) = batches(path)
    times = batch["ts_event"].cast("int64").to_pylist()
    columns = [batch[name].to_pylist() for name in ("open", "high", "low", "close", "volume")]
    rows = zip(times, *columns, strict=True)
    for line, (time, *prices, volume) in zip(lines_of(path), rows, strict=True):
        day = datetime.strptime(line[0], "%Y%m%d %H:%M")
        day = day.replace(tzinfo=ZoneInfo("America/New_York"))
        assert time == int(day.timestamp()) * 10**9
        assert [int(price * 10_000) for price in prices] == [int(text) for text in line[1:5]]
        assert volume == int(line[5])
