"""Real frames of versions 2 and 1 beside the checkout, read a second time here."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mdc_core.plugin import Event, Subscription, Up, type_of
from mdc_providers.kraken.books import checksum_of
from mdc_providers.kraken.stream import Kraken

Frame = tuple[str, int]
ASKS = """
    45285.2 0.00100000 45286.4 1.54571953 45286.6 1.54571109 45289.6 1.54560911 45290.2 0.15890660
    45291.8 1.54553491 45294.7 0.04454749 45296.1 0.35380000 45297.5 0.09945542 45299.5 0.18772827
"""
BIDS = """
    45283.5 0.10000000 45283.4 1.54582015 45282.1 0.10000000 45281.0 0.10000000 45280.3 1.54592586
    45279.0 0.07990000 45277.6 0.03310103 45277.5 0.30000000 45277.3 1.54602737 45276.6 0.15445238
"""


@pytest.fixture(scope="session")
def samples(shared: Path) -> Path:
    path = shared / "wire" / "samples" / "kraken"
    if not path.exists():
        pytest.skip(f"no samples at {path}")
    return path


@pytest.fixture(scope="session")
def captures(shared: Path) -> Path:
    path = shared / "data" / "cryptofeed-capture"
    if not path.exists():
        pytest.skip(f"no captures at {path}")
    return path


def frames(path: Path) -> Iterator[Frame]:
    """The frames that came, as they stand in a file of samples."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if json.loads(line)["dir"] == "in":
            yield line[line.index('"frame":') + 8 : line.rindex("}")], 0


def captured(path: Path) -> Iterator[Frame]:
    """The frames that came, as they stand in one of cryptofeed's files."""
    for line in path.read_text(encoding="utf-8").splitlines():
        seconds, _, frame = line.partition(": ")
        if frame and "<" not in seconds:
            yield frame, int(Decimal(seconds) * 1_000_000_000)


def decoded(frames: Iterator[Frame], depth: int = 10) -> list[Any]:
    stream = Kraken(Subscription(("BTC/USD",), ("book",)), Kraken.Options(depth=depth), {})
    return [item for frame, now in frames for item in stream.receive(frame, now)]


def exact(frame: str) -> Any:
    return json.loads(frame, parse_float=str, parse_int=str)


def said(event: Event) -> dict[str, Any]:
    fields = msgspec.structs.asdict(event)
    return {"type": type_of(event), **{k: v for k, v in fields.items() if v is not None}}


@pytest.mark.parametrize("pair", ["btcusd", "ethusd"])
def test_every_checksum_and_level_of_a_capture(pair: str, samples: Path) -> None:
    name = f"v2_book25_{pair}.jsonl"
    expected = json.loads((samples / "expected.json").read_text())[name]
    found = decoded(frames(samples / name), 25)
    book, *deltas = [item for item in found if not isinstance(item, Up)]
    assert {type_of(delta) for delta in deltas} == {"delta"}  # no integrity, no gap
    messages = [exact(frame) for frame, _ in frames(samples / name)]
    data = [m["data"][0] for m in messages if m.get("channel") == "book"]
    sums = [item["checksum"] for item in data]
    assert [e.checksum for e in (book, *deltas) if e.checksum is not None] == sums
    assert len(sums) == expected["checksums_ok"]
    rows = [
        (side, at["price"], at["qty"])
        for item in data[1:]
        for side in ("bid", "ask")
        for at in item[f"{side}s"]
    ]
    assert [(d.side, f"{d.price:f}", f"{d.size:f}") for d in deltas] == rows
    assert book.depth == 25


@pytest.mark.parametrize("pair", ["btcusd", "ethusd"])
def test_the_book_behind_the_events_is_that_of_the_venue(pair: str, samples: Path) -> None:
    """From the events alone, their numbers spelled in another way."""
    name = f"v2_book25_{pair}.jsonl"
    expected = json.loads((samples / "expected.json").read_text())[name]
    book, *deltas = [e for e in decoded(frames(samples / name), 25) if isinstance(e, Event)]
    sides = {
        side: {at.price.normalize(): at.size.normalize() for at in getattr(book, f"{side}s")}
        for side in ("bid", "ask")
    }
    right = 0
    for delta in deltas:
        levels = sides[delta.side]
        levels[delta.price.normalize()] = delta.size.normalize()
        if delta.checksum is None:
            continue
        for side, levels in sides.items():
            best = sorted((p for p, size in levels.items() if size), reverse=side == "bid")
            sides[side] = {price: levels[price] for price in best[: book.depth]}
        tops = [[Levelled(*at) for at in sides[side].items()] for side in ("bid", "ask")]
        assert Kraken.book_checksum(*tops, book.extra) == delta.checksum
        right += 1
    assert right == expected["checksums_ok"] - 1
    for side in ("bid", "ask"):
        top = [[Decimal(at[0]), Decimal(at[1])] for at in expected[f"final_top10_{side}s"]]
        assert [list(at) for at in list(sides[side].items())[:10]] == top


class Levelled(msgspec.Struct):
    price: Decimal
    size: Decimal


def test_the_documented_and_captured_frames(samples: Path) -> None:
    found = decoded(frames(samples / "v2_small_frames.jsonl"))
    events = [said(item) for item in found if isinstance(item, Event)]
    messages = [exact(frame) for frame, _ in frames(samples / "v2_small_frames.jsonl")]
    data = {m["channel"]: m["data"] for m in messages if "data" in m}
    trades = [e for e in events if e["type"] == "trade"]
    assert [
        (e["symbol"], e["aggressor_side"], str(e["price"]), str(e["size"]), e["trade_id"])
        for e in trades
    ] == [(t["symbol"], t["side"], t["price"], t["qty"], t["trade_id"]) for t in data["trade"]]
    (quote,), (ticker,) = [e for e in events if e["type"] == "quote"], data["ticker"]
    assert [str(quote[n]) for n in ("bid_price", "bid_size", "ask_price", "ask_size")] == [
        ticker[n] for n in ("bid", "bid_qty", "ask", "ask_qty")]  # fmt: skip
    assert {n: str(v) for n, v in quote["extra"].items()} == {
        n: ticker[n] for n in ("last", "volume", "vwap", "low", "high", "change", "change_pct")
    }
    bars = [e for e in events if e["type"] == "bar"]
    assert [
        (b["ts_event"], *(str(b[n]) for n in ("open", "high", "low", "close", "volume", "vwap")))
        for b in bars
    ] == [
        (c["interval_begin"], *(c[n] for n in ("open", "high", "low", "close", "volume", "vwap")))
        for c in data["ohlc"]
    ]
    assert [b["is_final"] for b in bars] == [True] * (len(bars) - 1) + [False]


def test_the_side_of_a_trade_is_its_takers(samples: Path) -> None:
    """Kraken's `side` is the taker's, in both versions; `b` of version 1 is buy."""
    found = decoded(frames(samples / "v2_small_frames.jsonl"))
    assert {e.aggressor_side for e in found if isinstance(e, Event) and said(e)["type"] == "trade"
            } == {"buy"}  # fmt: skip
    path = samples / "v1_legacy_ticker_trade_2021.jsonl"
    rows = [
        row
        for frame, _ in frames(path)
        for m in [exact(frame)]
        if isinstance(m, list) and m[2] == "trade"
        for row in m[1]
    ]
    sides = [said(e)["aggressor_side"] for e in decoded(frames(path)) if said(e)["type"] == "trade"]
    assert sides == [{"b": "buy", "s": "sell"}[row[3]] for row in rows] and len(set(sides)) == 2


def test_books_of_version_1_hold_all_their_checksums(captures: Path) -> None:
    path = captures / "KRAKEN.ws.50.0"
    found = [said(e) for e in decoded(captured(path))]
    counts = Counter((e["symbol"], e["type"]) for e in found)
    wanted: Counter[tuple[str, str]] = Counter()
    sums = []
    for frame, _ in captured(path):
        m = exact(frame)
        if not isinstance(m, list):
            continue
        whole = {name: value for part in m[1:-2] for name, value in part.items()}
        if "as" in whole:
            wanted[m[-1], "book"] += 1
        else:
            wanted[m[-1], "delta"] += len(whole.get("a", [])) + len(whole.get("b", []))
            sums.append(whole["c"])
    assert counts == wanted  # no integrity, no gap
    assert [e["checksum"] for e in found if "checksum" in e] == sums
    assert len(sums) == 2078


def test_trades_and_quotes_of_version_1(captures: Path) -> None:
    trades = [said(e) for e in decoded(captured(captures / "KRAKEN.ws.48.0"))]
    rows = [(m[-1], row) for frame, _ in captured(captures / "KRAKEN.ws.48.0")
            if isinstance(m := exact(frame), list) for row in m[1]]  # fmt: skip
    assert [(e["symbol"], f"{e['price']:f}", f"{e['size']:f}") for e in trades] == [
        (pair, row[0], row[1]) for pair, row in rows]  # fmt: skip
    quotes = [said(e) for e in decoded(captured(captures / "KRAKEN.ws.49.0"))]
    tickers = [m for frame, _ in captured(captures / "KRAKEN.ws.49.0")
               if isinstance(m := exact(frame), list)]  # fmt: skip
    assert [(e["symbol"], f"{e['bid_price']:f}", f"{e['ask_size']:f}") for e in quotes] == [
        (m[-1], m[1]["b"][0], m[1]["a"][2]) for m in tickers]  # fmt: skip


def test_the_checksum_of_the_documentation() -> None:
    """The test vector of "Book checksum (WebSocket v2)"."""
    sides = [
        [Levelled(Decimal(p), Decimal(q)) for p, q in zip(side[::2], side[1::2], strict=True)]
        for side in (BIDS.split(), ASKS.split())
    ]
    assert checksum_of(*sides) == 3310070434
    assert Kraken.book_checksum(*sides, {}) is None  # nobody knows how its numbers were spelled
    plain = [[Levelled(at.price.normalize(), at.size.normalize()) for at in s] for s in sides]
    precisions = {"price_precision": 1, "qty_precision": 8}
    assert Kraken.book_checksum(*plain, precisions) == "3310070434"
    assert Kraken.book_checksum(*plain, {"price_precision": 0, "qty_precision": 8}) is None
    assert Kraken.book_checksum([], [], precisions) == "0"
