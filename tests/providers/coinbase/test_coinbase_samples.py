"""Real sessions of both protocols beside the checkout, read a second time here."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mdc_core.plugin import (
    Bad,
    Bar,
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
from mdc_providers.coinbase.stream import Coinbase

ADVANCED = "advanced_trade_session_part1.jsonl"
EXCHANGE = "exchange_legacy_2021_part1.jsonl"
PLACES = {"bid": "bids", "ask": "asks"}
D = Decimal


@pytest.fixture(scope="session")
def samples(shared: Path) -> Path:
    path = shared / "wire" / "samples" / "coinbase"
    if not path.exists():
        pytest.skip(f"no samples at {path}")
    return path


@pytest.fixture
def expected(samples: Path) -> Any:
    return json.loads((samples / "expected.json").read_text(encoding="utf-8"))


def frames(path: Path) -> Iterator[tuple[int, str]]:
    """Each frame that came in, digit for digit, and when."""
    for line in path.read_text(encoding="utf-8").splitlines():
        head, _, text = line.partition('"frame":')
        row = json.loads(line)
        if row["dir"] == "in":
            assert head
            yield row["recv_ns"], text[:-1]


def connect(feed: str, symbols: tuple[str, ...], channels: tuple[str, ...]) -> Coinbase:
    stream = Coinbase(Subscription(symbols, channels), Coinbase.Options(feed=feed), {})
    list(stream.opened(0))
    return stream


def products(path: Path) -> tuple[str, ...]:
    asked = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return tuple(next(row["frame"]["product_ids"] for row in asked if row["dir"] == "out"))


def replayed(path: Path, feed: str, channels: tuple[str, ...]) -> list[Any]:
    stream = connect(feed, products(path), channels)
    return [item for now, frame in frames(path) for item in stream.receive(frame, now)]


def of(items: list[Any], kind: type) -> list[Any]:
    return [item for item in items if isinstance(item, kind)]


def said(event: Any, names: str) -> list[Any]:
    return [getattr(event, name) for name in names.split()]


def nine(text: str) -> str:
    return text[:-1].ljust(20, ".").ljust(29, "0") + "Z" if "." not in text else utc9(text)


def utc9(text: str) -> str:
    return text[:-1].ljust(29, "0") + "Z"


def books(items: list[Any]) -> dict[str, Ladder]:
    found: dict[str, Ladder] = {}
    for item in items:
        if isinstance(item, Book):
            found[item.symbol] = Ladder()
            found[item.symbol].snapshot(item.bids, item.asks)
        elif isinstance(item, Delta):
            assert (item.action == "cancel") == (item.size == 0)
            found[item.symbol].change(item.side, Level(item.price, item.size))
    return found


def best(ladder: Ladder, side: Any, count: int) -> list[list[Decimal]]:
    return [[at.price, at.size] for at in ladder.top(side, count)]


def exact(pairs: list[list[str]]) -> list[list[Decimal]]:
    return [[D(price), D(size)] for price, size in pairs]


def where(trade: Trade, quotes: list[Quote]) -> str:
    """Where a trade was in the last quote before it."""
    assert trade.ts_event and trade.price
    before = [q for q in quotes if q.symbol == trade.symbol and q.ts_event <= trade.ts_event]
    if not before:
        return "unknown"
    if trade.price >= before[-1].ask_price:
        return "ask"
    return "bid" if trade.price <= before[-1].bid_price else "between"


def test_a_session_of_advanced_trade_is_read_whole(samples: Path, expected: Any) -> None:
    wanted = expected[ADVANCED]
    items = replayed(samples / ADVANCED, "advanced", ("trade", "quote", "book", "bar"))
    assert not of(items, Bad) and not of(items, Gap) and len(of(items, Up)) == 1
    rows: dict[str, list[list[Any]]] = {"trade": [], "quote": [], "delta": []}
    for _, frame in frames(samples / ADVANCED):
        m = json.loads(frame)
        for part in m["events"]:
            if m["channel"] == "market_trades" and part["type"] == "update":
                for row in part["trades"][::-1]:
                    side = {"BUY": "sell", "SELL": "buy"}[row["side"]]
                    rows["trade"].append(
                        [
                            row["product_id"],
                            nine(row["time"]),
                            D(row["price"]),
                            D(row["size"]),
                            row["trade_id"],
                            side,
                        ]
                    )
            if m["channel"] == "ticker":
                for row in part["tickers"]:
                    rows["quote"].append(
                        [
                            row["product_id"],
                            m["timestamp"],
                            D(row["best_bid"]),
                            D(row["best_bid_quantity"]),
                            D(row["best_ask"]),
                            D(row["best_ask_quantity"]),
                            row["price"],
                        ]
                    )
            if m["channel"] == "l2_data" and part["type"] == "update":
                for row in part["updates"]:
                    side = {"bid": "bid", "offer": "ask"}[row["side"]]
                    rows["delta"].append(
                        [
                            part["product_id"],
                            nine(row["event_time"]),
                            side,
                            D(row["price_level"]),
                            D(row["new_quantity"]),
                        ]
                    )
    names = "symbol ts_event price size trade_id aggressor_side"
    assert [said(e, names) for e in of(items, Trade)] == rows["trade"]
    names = "symbol ts_event bid_price bid_size ask_price ask_size"
    found = [[*said(e, names), e.extra["price"]] for e in of(items, Quote)]
    assert found == [[r[0], utc9(r[1]), *r[2:]] for r in rows["quote"]]
    assert [said(e, "symbol ts_event side price size") for e in of(items, Delta)] == rows["delta"]
    volumes: Counter[str] = Counter()
    for trade in of(items, Trade):
        volumes[f"{trade.symbol}|update"] += trade.size
    assert {name: str(volume) for name, volume in volumes.items()} == {
        name: one["volume"] for name, one in wanted["trades"].items() if "update" in name
    }
    assert len(of(items, Quote)) == sum(
        wanted["events"][f"ticker:{kind}"] for kind in ("snapshot", "update")
    )
    assert len(of(items, Book)) == wanted["events"]["l2_data:snapshot"]
    assert len(of(items, Bar)) == 2 + wanted["events"]["candles:update"]


def test_the_book_of_advanced_trade_is_that_of_the_venue(samples: Path, expected: Any) -> None:
    final = books(replayed(samples / ADVANCED, "advanced", ("book",)))
    assert {*final} == {*expected[ADVANCED]["final_books"]}
    for symbol, wanted in expected[ADVANCED]["final_books"].items():
        for side, count in zip(("bid", "ask"), wanted["levels"], strict=True):
            assert best(final[symbol], side, 5) == exact(wanted[f"best5_{PLACES[side]}"])
            assert len(best(final[symbol], side, 100_000)) == count
        assert final[symbol].top("bid", 1)[0].price < final[symbol].top("ask", 1)[0].price


def test_the_aggressor_of_advanced_trade_is_the_opposite_of_the_side(samples: Path) -> None:
    items = replayed(samples / ADVANCED, "advanced", ("trade", "quote"))
    quotes = of(items, Quote)
    places = Counter((t.aggressor_side, where(t, quotes)) for t in of(items, Trade))
    assert places["buy", "ask"] >= 30 and places["sell", "bid"] >= 15
    assert not places["buy", "bid"] and not places["sell", "ask"]


def test_a_whole_snapshot_is_exact(samples: Path) -> None:
    """One frame of 2.5 MB."""
    line = gzip.decompress((samples / "advanced_trade_full_snapshot_ethusd.json.gz").read_bytes())
    row = json.loads(line)
    m = row.get("frame", row)
    m["sequence_num"] = 0
    stream = connect("advanced", ("ETH-USD",), ("book",))
    (book,) = stream.receive(json.dumps(m), 0)
    (part,) = m["events"]
    assert len(part["updates"]) > 23_000 and isinstance(book, Book)
    for side, levels in (("bid", book.bids), ("offer", book.asks)):
        wanted = [r for r in part["updates"] if r["side"] == side]
        assert levels is not None
        assert [[str(at.price), str(at.size)] for at in levels] == [
            [str(D(r["price_level"])), str(D(r["new_quantity"]))] for r in wanted
        ]


def test_a_lost_message_of_advanced_trade_is_told(samples: Path) -> None:
    stream = connect("advanced", ("BTC-USD", "ETH-USD"), ("trade", "quote", "book", "bar"))
    items = [
        item
        for number, (now, frame) in enumerate(frames(samples / ADVANCED))
        if number not in (100, 300, 301, 302)
        for item in stream.receive(frame, now)
    ]
    assert [gap.count for gap in of(items, Gap)] == [1, 3]


def test_a_session_of_exchange_is_read_whole(samples: Path, expected: Any) -> None:
    wanted = expected[EXCHANGE]["types"]
    items = replayed(samples / EXCHANGE, "exchange", ("trade", "quote", "book"))
    assert not of(items, Bad) and not of(items, Gap)
    assert len(of(items, Trade)) == wanted["match"]  # the last ones before it are history
    assert len(of(items, Quote)) == wanted["ticker"]
    assert len(of(items, Book)) == wanted["snapshot"]
    messages = [json.loads(frame) for _, frame in frames(samples / EXCHANGE)]
    changes = [
        [m["product_id"], nine(m["time"]), {"buy": "bid", "sell": "ask"}[s], D(price), D(size)]
        for m in messages
        if m["type"] == "l2update"
        for s, price, size in m["changes"]
    ]
    assert [said(e, "symbol ts_event side price size") for e in of(items, Delta)] == changes
    matches = [
        [m["product_id"], nine(m["time"]), D(m["price"]), D(m["size"]), str(m["trade_id"])]
        for m in messages
        if m["type"] == "match"
    ]
    names = "symbol ts_event price size trade_id"
    assert [said(e, names) for e in of(items, Trade)] == matches
    final = books(items)
    for symbol, sides in expected[EXCHANGE]["final_bbo"].items():
        tops = [best(final[symbol], side, 1)[0] for side in ("bid", "ask")]
        assert tops == exact(sides)
        assert tops[0][0] < tops[1][0]


def test_the_aggressor_of_exchange_is_that_of_its_ticker(samples: Path) -> None:
    """The side of a match is the maker's, that of the ticker with the same trade the taker's."""
    items = replayed(samples / EXCHANGE, "exchange", ("trade", "quote"))
    takers = {(q.symbol, str(q.extra["trade_id"])): q.extra["side"] for q in of(items, Quote)}
    pairs = Counter(
        (t.aggressor_side, takers[t.symbol, t.trade_id])
        for t in of(items, Trade)
        if (t.symbol, t.trade_id) in takers
    )
    assert pairs["buy", "buy"] >= 10 and pairs["sell", "sell"] >= 3
    assert not pairs["buy", "sell"] and not pairs["sell", "buy"]
    quotes = of(items, Quote)
    places = Counter((t.aggressor_side, where(t, quotes)) for t in of(items, Trade))
    assert not places["buy", "bid"] and not places["sell", "ask"]


def test_a_capture_of_exchange_has_every_event_of_it(shared: Path) -> None:
    path = shared / "data" / "cryptofeed-capture" / "COINBASE.ws.28.0"
    if not path.exists():
        pytest.skip(f"no capture at {path}")
    lines = [line.partition(": ") for line in path.read_text(encoding="utf-8").splitlines()]
    frames = [(head, text) for head, _, text in lines if text and not head.startswith("wss")]
    counted: Counter[tuple[str, str]] = Counter()
    for _, text in frames:
        m = json.loads(text)
        names = {"match": "trade", "ticker": "quote", "snapshot": "book", "l2update": "delta"}
        if m["type"] in names:
            count = len(m["changes"]) if m["type"] == "l2update" else 1
            counted[m["product_id"], names[m["type"]]] += count
    symbols = tuple(sorted({symbol for symbol, _ in counted}))
    stream = connect("exchange", symbols, ("trade", "quote", "book"))
    items = [
        item for head, text in frames for item in stream.receive(text, int(D(head) * 1_000_000_000))
    ]
    found = Counter(
        (item.symbol, type(item).__name__.lower())
        for item in items
        if isinstance(item, Trade | Quote | Book | Delta)
    )
    assert found == counted and len(symbols) == 5
    assert not of(items, Bad)
    ids: dict[str, list[int]] = {}
    for trade in of(items, Trade):
        ids.setdefault(trade.symbol, []).append(int(trade.trade_id))
    assert all(numbers == [*range(numbers[0], numbers[-1] + 1)] for numbers in ids.values())
    assert not of(items, Gap)
    for ladder in books(items).values():
        assert ladder.top("bid", 1)[0].price < ladder.top("ask", 1)[0].price
    assert told_by_tickers(items) == 57  # as many as there are trades


def told_by_tickers(items: list[Any]) -> int:
    """How many quotes say the best of the book as it is then; none from within it does not."""
    ladders: dict[str, Ladder] = {}
    since: dict[str, str] = {}
    count = 0
    for item in items:
        if isinstance(item, Book):
            ladders[item.symbol or ""] = ladder = Ladder()
            ladder.snapshot(item.bids or (), item.asks or ())
        elif isinstance(item, Delta):
            since.setdefault(item.symbol or "", item.ts_event or "")
            side: Any = item.side
            ladders[item.symbol or ""].change(side, Level(item.price or D(0), item.size or D(0)))
        elif isinstance(item, Quote) and item.ts_event >= since.get(item.symbol or "", "9"):
            tops = [best(ladders[item.symbol], side, 1)[0][0] for side in ("bid", "ask")]
            assert tops == [item.bid_price, item.ask_price], item
            count += 1
    return count
