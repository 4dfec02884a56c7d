"""Real frames of 2022 beside the checkout, read a second time here."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mdc_core.plugin import Book, Delta, Quote, Subscription, Trade, to_ns
from mdc_providers.okx.stream import Okx

CHANNELS = ("trade", "quote", "book")


@pytest.fixture(scope="session")
def frames(shared: Path) -> list[str]:
    path = shared / "data" / "cryptofeed-capture" / "OKX.ws.1.0"
    if not path.exists():
        pytest.skip(f"no captures at {path}")
    lines = (line.partition(": ") for line in path.read_text(encoding="utf-8").splitlines())
    return [frame for seconds, _, frame in lines if frame and "<" not in seconds]


@pytest.fixture(scope="session")
def found(frames: list[str]) -> list[Any]:
    stream = Okx(Subscription(("BTC-USDT",), CHANNELS), Okx.Options(), {})
    items = [item for frame in frames for item in stream.receive(frame, 0)]
    assert {type(item) for item in items} == {Book, Delta, Quote, Trade}  # nothing is wrong
    return items


def data(frames: list[str], channel: str) -> Iterator[tuple[str | None, dict[str, Any]]]:
    for frame in frames:
        m = json.loads(frame)
        if m["arg"]["channel"] == channel and "data" in m:
            yield from ((m.get("action"), item) for item in m["data"])


def test_every_level_and_every_checksum(frames: list[str], found: list[Any]) -> None:
    sums, levels = [], []
    for action, item in data(frames, "books"):
        sums.append(str(item["checksum"]))
        if action == "update":
            levels += [("bid", *row) for row in item["bids"]]
            levels += [("ask", *row) for row in item["asks"]]
    assert [e.checksum for e in found if getattr(e, "checksum", None)] == sums
    assert len(sums) == 98
    deltas = [e for e in found if isinstance(e, Delta)]
    assert [
        (d.side, f"{d.price:f}", f"{d.size:f}", "0", str(d.extra["orders"])) for d in deltas
    ] == levels


def test_the_checksum_of_the_events_alone(found: list[Any]) -> None:
    """Numbers may be spelled in another way."""
    sides: dict[str, dict[Decimal, Decimal]] = {}
    right = 0
    for event in found:
        if isinstance(event, Book):
            sides = {
                "bid": {at.price: at.size for at in event.bids or ()},
                "ask": {at.price: at.size for at in event.asks or ()},
            }
        elif isinstance(event, Delta):
            sides[event.side or ""][event.price] = event.size  # type: ignore[index]
        if getattr(event, "checksum", None) is None:
            continue
        tops = [
            [
                Spelled(price.quantize(Decimal("1e-18")), levels[price] + Decimal("0e-18"))
                for price in sorted((p for p in levels if levels[p]), reverse=side == "bid")[:25]
            ]
            for side, levels in sides.items()
        ]
        assert Okx.book_checksum(*tops, {}) == event.checksum
        right += 1
    assert right == 98


class Spelled(msgspec.Struct):
    price: Decimal
    size: Decimal


def test_the_side_of_a_trade_is_its_takers(frames: list[str], found: list[Any]) -> None:
    trades = [e for e in found if isinstance(e, Trade)]
    wanted = [
        (t["tradeId"], t["side"], t["px"], t["sz"], int(t["ts"])) for _, t in data(frames, "trades")
    ]
    given = [
        (e.trade_id, e.aggressor_side, f"{e.price:f}", f"{e.size:f}", milliseconds(e.ts_event))
        for e in trades
    ]
    assert given == wanted
    assert set(Counter(e.aggressor_side for e in trades)) == {"buy", "sell"}


def milliseconds(text: str | None) -> int:
    return to_ns(text or "") // 1_000_000


def test_quotes(frames: list[str], found: list[Any]) -> None:
    quotes = [e for e in found if isinstance(e, Quote)]
    assert [
        [f"{n:f}" for n in (e.bid_price, e.bid_size, e.ask_price, e.ask_size)] for e in quotes
    ] == [[t[n] for n in ("bidPx", "bidSz", "askPx", "askSz")] for _, t in data(frames, "tickers")]
    assert all((e.extra or {})["last"] for e in quotes)
