"""A real session beside the checkout: every event of it, by a second reading."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from mdc_core.plugin import (
    Bad,
    Book,
    Delta,
    Gap,
    Ladder,
    Level,
    Quote,
    Subscription,
    Trade,
    Up,
)
from mdc_providers.kraken_futures.stream import KrakenFutures

SIDES: tuple[Literal["bid", "ask"], ...] = ("bid", "ask")
NAMES = {"trade": Trade, "ticker_lite": Quote, "book_snapshot": Book, "book": Delta}


@pytest.fixture(scope="session")
def frames(shared: Path) -> list[tuple[int, str]]:
    path = shared / "data" / "cryptofeed-capture" / "KRAKEN_FUTURES.ws.1.0"
    if not path.exists():
        pytest.skip(f"no capture at {path}")
    lines = [line.partition(": ") for line in path.read_text(encoding="utf-8").splitlines()]
    found = [(head, text) for head, _, text in lines if text and not head.startswith("wss")]
    return [(int(Decimal(head) * 1_000_000_000), text) for head, text in found]


def replayed(frames: list[tuple[int, str]], lost: tuple[int, ...] = ()) -> list[Any]:
    symbols = sorted({m["product_id"] for _, t in frames if "product_id" in (m := json.loads(t))})
    wanted = Subscription(tuple(symbols), ("trade", "book", "ticker_lite"))
    stream = KrakenFutures(wanted, KrakenFutures.Options(), {})
    list(stream.opened(0))
    kept = [frame for number, frame in enumerate(frames) if number not in lost]
    return [item for now, text in kept for item in stream.receive(text, now)]


def of(items: list[Any], *kinds: type) -> list[Any]:
    return [item for item in items if isinstance(item, kinds)]


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def test_every_event_of_a_session_comes(frames: list[tuple[int, str]]) -> None:
    items = replayed(frames)
    messages = [exact(text) for _, text in frames]
    counted = Counter(
        (m["product_id"], NAMES[m["feed"]])
        for m in messages
        if "event" not in m and m["feed"] in NAMES
    )
    assert Counter((e.symbol, type(e)) for e in of(items, *NAMES.values())) == counted
    assert not of(items, Bad) and not of(items, Gap) and len(of(items, Up)) == 1
    wanted = [
        [m["product_id"], m["seq"], m["price"], m["qty"], {"buy": "bid", "sell": "ask"}[m["side"]]]
        for m in messages
        if "event" not in m and m["feed"] == "book"
    ]
    found = of(items, Delta)
    assert [[e.symbol, e.seq, e.price, e.size, e.side] for e in found] == wanted
    assert all((e.action == "cancel") == (e.size == 0) for e in found)
    wanted = [
        [m["product_id"], m["uid"], m["seq"], m["price"], m["qty"], m["side"]]
        for m in messages
        if "event" not in m and m["feed"] == "trade"
    ]
    names = "symbol trade_id seq price size aggressor_side"
    assert [[getattr(e, n) for n in names.split()] for e in of(items, Trade)] == wanted


def test_the_book_is_never_crossed_its_best_are_the_quotes_and_trades_where_the_taker_was(
    frames: list[tuple[int, str]],
) -> None:
    ladders: dict[str, Ladder] = {}
    quotes: dict[str, Quote] = {}
    places: Counter[tuple[str | None, str]] = Counter()
    compared = 0
    for item in replayed(frames):
        if isinstance(item, Book):
            ladders[item.symbol or ""] = ladder = Ladder()
            ladder.snapshot(item.bids or (), item.asks or ())
        elif isinstance(item, Delta):
            ladder = ladders[item.symbol or ""]
            side: Any = item.side
            ladder.change(side, Level(item.price or Decimal(0), item.size or Decimal(0)))
            bids, asks = ladder.top("bid", 1), ladder.top("ask", 1)
            assert bids[0].price < asks[0].price
        elif isinstance(item, Quote):
            quotes[item.symbol or ""] = item
            tops = [ladders[item.symbol or ""].top(side, 1)[0].price for side in SIDES]
            assert tops == [item.bid_price, item.ask_price]
            compared += 1
        elif isinstance(item, Trade) and (quote := quotes.get(item.symbol or "")):
            at = "ask" if item.price >= quote.ask_price else "between"  # type: ignore[operator]
            at = "bid" if item.price <= quote.bid_price else at  # type: ignore[operator]
            places[item.aggressor_side, at] += 1
    assert compared == 41  # each of them
    assert places == {("buy", "ask"): 2}  # all that there are behind a quote


def test_lost_messages_are_told_with_their_number(frames: list[tuple[int, str]]) -> None:
    changes = [n for n, (_, text) in enumerate(frames) if '"feed":"book","product' in text]
    gaps = of(replayed(frames, tuple(changes[1000:1003])), Gap)
    assert sum(gap.count for gap in gaps) == 3
    assert all(gap.reason == "sequence" and gap.symbol for gap in gaps)
