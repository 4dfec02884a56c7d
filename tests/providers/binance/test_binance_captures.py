"""Real captures: counts equal an independent count, books equal the exchange's best quotes."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from mdc_core.plugin import (
    Book,
    Delta,
    Event,
    Fetch,
    Gap,
    Integrity,
    Ladder,
    Level,
    Quote,
    Trade,
    to_ns,
)
from tests.providers.binance.captures import (
    Comparison,
    counted,
    decode,
    dropped,
    lines_of,
    market_counts,
)

# How many changes of the book have a best quote of the exchange beside them.
FILES = {
    "spot/btcusdt_20240808": ("spot", 3449),
    "cm/ethusd_perp_20240808": ("coinm", 22886),
    "usdm/btcusdt_20240808": ("usdm", 6546),
}


@pytest.fixture(scope="session")
def captures(shared: Path) -> Path:
    folder = shared / "data" / "binance-capture"
    if not folder.exists():
        pytest.skip(f"no captures at {folder}")
    return folder


@pytest.mark.parametrize("name", FILES)
@pytest.mark.some(1)
def test_books_are_the_exchanges_own_and_every_event_is_there(captures: Path, name: str) -> None:
    market, changes = FILES[name]
    lines = list(lines_of(captures / f"{name}.gz"))
    comparison, counts, others = Comparison(lines), Counter[tuple[str, str]](), []
    last = None
    for _, found in decode(lines, market):
        comparison.take(found)
        counts += market_counts(found)
        others += [item for item in found if not isinstance(item, Book | Delta | Trade | Quote)]
        for event in found:
            if isinstance(event, Delta) and event.seq != last:
                assert event.extra is not None and event.seq is not None
                before = event.extra.get("pu", event.extra["U"] - 1)
                assert last is None or before == last  # ids chain
                last = event.seq
    assert (comparison.compared, comparison.equal) == (changes, changes)
    expected, snapshot = counted(lines)
    (symbol,) = {symbol for symbol, _ in expected}
    expected[symbol, "delta"] -= dropped(lines, snapshot)
    assert counts == expected + Counter({(symbol, "book"): 1})
    # The first change was all there was to ask for, and nothing was missing.
    (asked,) = others
    assert isinstance(asked, Fetch) and asked.request.params["symbol"] == symbol


@pytest.mark.parametrize(
    ("name", "market"), [("spot/btcusdt_20240809", "spot"), ("cm/ethusd_perp_20240809", "coinm")]
)
@pytest.mark.some(1)
def test_a_capture_without_a_snapshot_stays_out_of_step_and_says_so(
    captures: Path, name: str, market: str
) -> None:
    lines = list(lines_of(captures / f"{name}.gz"))
    items = [item for _, found in decode(lines, market) for item in found]
    expected, snapshot = counted(lines)
    assert not snapshot
    (symbol,) = {symbol for symbol, _ in expected}
    changes = expected.pop((symbol, "delta"))
    assert market_counts(items) == expected
    said, gap = [item for item in items if isinstance(item, Integrity | Gap)]
    assert isinstance(said, Integrity) and isinstance(gap, Gap)
    assert said.message == (
        f"the book of {symbol} had no snapshot: {changes} changes were not used"
    )
    assert (gap.symbol, gap.count, gap.reason) == (symbol, changes, "no snapshot")
    depth = [d["data"] for _, t in lines if (d := json.loads(t))["stream"].find("@depth") > 0]
    assert gap.start is not None and gap.end is not None
    times = [d.get("T", d["E"]) for d in (depth[0], depth[-1])]
    assert [to_ns(gap.start), to_ns(gap.end)] == [ms * 1_000_000 for ms in times]


@pytest.mark.parametrize(
    ("name", "market", "compared", "misses"),
    [
        # Two bids that the snapshot does not reach are heard of only when they go.
        ("spot/btcusdt", "spot", 3449 + 3044, 2),
        ("cm/ethusd_perp", "coinm", 22886 + 16246, 0),
    ],
)
def test_two_captures_of_one_connection_are_one_book(
    captures: Path, name: str, market: str, compared: int, misses: int
) -> None:
    files = [captures / f"{name}_{day}.gz" for day in ("20240808", "20240809")]
    lines = [line for file in files for line in lines_of(file)]
    comparison = Comparison(lines)
    for _, found in decode(lines, market):
        assert not any(isinstance(item, Gap | Integrity) for item in found)
        comparison.take(found)
    assert (comparison.compared, comparison.equal) == (compared, compared - misses)


def test_samples_give_the_results_of_an_independent_replay(shared: Path) -> None:
    folder = shared / "wire" / "samples" / "binance"
    name = "spot_btcusdt_20240808_part1.jsonl"
    if not (folder / name).exists():
        pytest.skip(f"no samples at {folder}")
    expected = json.loads((folder / "expected.json").read_text())[name]
    rows = map(json.loads, (folder / name).read_text().splitlines())
    lines = [(row["recv_ns"], json.dumps(row["frame"])) for row in rows]
    items = [item for _, found in decode(lines, "spot") for item in found]
    events = [item for item in items if isinstance(item, Event)]
    trades = [event for event in events if isinstance(event, Trade)]
    assert len(trades) == expected["trades"]
    ids = [int(trade.trade_id or 0) for trade in trades]
    assert ids == list(range(expected["trade_id_first"], expected["trade_id_last"] + 1))
    assert sum(trade.size or 0 for trade in trades) == Decimal(expected["trade_volume"])
    numbers = [e.seq for e in events if isinstance(e, Delta)]
    assert len(dict.fromkeys(numbers)) == expected["depth_applied"]
    assert numbers[-1] == expected["final_update_id"]
    ladder = Ladder()
    for event in events:
        if isinstance(event, Book):
            ladder.snapshot(event.bids or (), event.asks or ())
        elif isinstance(event, Delta) and event.price is not None and event.size is not None:
            ladder.change(event.side, Level(event.price, event.size))  # type: ignore[arg-type]
    for side in ("bid", "ask"):
        best = [[level.price, level.size] for level in ladder.top(side, 5)]  # type: ignore[arg-type]
        assert best == [[Decimal(t) for t in pair] for pair in expected[f"final_best5_{side}s"]]


def test_the_aggressor_is_whoever_was_not_the_maker(captures: Path) -> None:
    """A sale takes a bid, a purchase an offer: most trades are at the quote before them."""
    quote, agree, other = None, 0, 0
    for _, found in decode(lines_of(captures / "usdm/btcusdt_20240808.gz"), "usdm"):
        for event in found:
            if isinstance(event, Quote):
                quote = event
            elif isinstance(event, Trade) and quote is not None:
                sides = {quote.bid_price: "sell", quote.ask_price: "buy"}
                if event.price in sides:
                    agree += sides[event.price] == event.aggressor_side
                    other += sides[event.price] != event.aggressor_side
    assert agree > 10 * other > 0


def test_several_symbols_each_with_its_snapshot(shared: Path) -> None:
    file = shared / "wire" / "samples" / "binance" / "us_multi_2021.jsonl"
    if not file.exists():
        pytest.skip(f"no samples at {file}")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    lines = [(row["recv_ns"], json.dumps(row["frame"])) for row in rows]
    items = [item for _, found in decode(lines, "spot") for item in found]
    counts = market_counts(items)
    names = Counter(row["frame"].get("stream", "?") for row in rows)
    for symbol in ("COMPUSDT", "OMGBUSD", "CRVUSDT", "ZRXUSDT"):
        assert counts[symbol, "quote"] == names[f"{symbol.lower()}@bookTicker"]
        assert counts[symbol, "book"] == 1, symbol
    assert counts["OMGBUSD", "trade"] == names["omgbusd@aggTrade"] == 11
    assert counts["OMGBUSD", "bar"] == names["omgbusd@kline_1m"] == 5
    assert not [item for item in items if isinstance(item, Gap | Integrity)]
