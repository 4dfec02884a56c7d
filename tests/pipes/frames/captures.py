"""Captures of others read another way than ours: what is in them, by symbol and type."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

Told = Iterator[tuple[str, str, int | None]]  # type, symbol, the number of its sender
Reading = Callable[[list[Any]], Told]
COINBASE = {"snapshot": "book", "l2update": "delta", "match": "trade", "ticker": "quote"}
KRAKEN_FUTURES = {"book_snapshot": "book", "book": "delta", "trade": "trade"}
BINANCE = {"trade": "trade", "bookTicker": "quote"}


class Line(NamedTuple):
    """A line, and its frame where it has one that came."""

    text: str
    frame: Any


def lines_of(path: Path, most: int) -> list[Line]:
    """The first lines of a capture of cryptofeed's, or of a collector's."""
    packed = path.suffix == ".gz"
    with gzip.open(path, "rt") if packed else path.open() as file:  # type: ignore[union-attr]
        found = [line for line, _ in zip(file, range(most), strict=False)]
    mark = " " if packed else ": "
    return [Line(text, _frame(*text.partition(mark))) for text in found]


def _frame(head: str, _: str, frame: str) -> Any:
    is_one = head.replace(".", "").isdigit()
    return json.loads(frame, parse_float=Decimal) if is_one else None


def coinbase(frames: list[Any]) -> Told:
    """What frames of Coinbase's Exchange are."""
    for frame in frames:
        if kind := COINBASE.get(frame["type"]):
            for _ in frame.get("changes", [None]):
                yield kind, frame["product_id"], None


def kraken(frames: list[Any]) -> Told:
    """What frames of Kraken's first WebSocket are."""
    for frame in frames:
        if not isinstance(frame, list):
            continue
        _, *parts, channel, pair = frame
        if channel == "trade":
            yield from (("trade", pair, None) for _ in parts[0])
        elif channel == "ticker":
            yield "quote", pair, None
        elif "as" in parts[0]:
            yield "book", pair, None
        else:
            levels = (level for part in parts for side in "ab" for level in part.get(side, ()))
            yield from (("delta", pair, None) for _ in levels)


def kraken_futures(frames: list[Any]) -> Told:
    """What frames of Kraken Futures are; they number each change of a book."""
    for frame in frames:
        feed = frame.get("feed")
        if "event" in frame or feed not in (*KRAKEN_FUTURES, "ticker_lite"):
            continue
        yield KRAKEN_FUTURES.get(feed, "quote"), frame["product_id"], frame.get("seq")


def okx(frames: list[Any]) -> Told:
    """What frames of OKX are."""
    for frame in frames:
        channel, symbol = frame["arg"]["channel"], frame["arg"]["instId"]
        for row in frame.get("data", ()):
            if channel == "books" and frame["action"] == "update":
                yield from (("delta", symbol, None) for _ in (*row["bids"], *row["asks"]))
            else:
                kinds = {"trades": "trade", "tickers": "quote", "books": "book"}
                yield kinds[channel], symbol, None


def binance(frames: list[Any]) -> Told:
    """What frames of Binance are; changes go out behind a snapshot, if they are newer."""
    at: int | None = None
    held: list[Any] = []
    for frame in frames:
        if "lastUpdateId" in frame:
            if at is None:
                at = frame["lastUpdateId"]
                yield "book", "", at
            for change in held:
                yield from _levels(change, at)
            held = []
            continue
        data, what = frame["data"], frame["stream"].partition("@")[2].partition("@")[0]
        if what in BINANCE:
            yield BINANCE[what], data["s"], None
        elif at is None:
            held.append(data)
        else:
            yield from _levels(data, at)


def _levels(change: Any, at: int) -> Told:
    if change["u"] > at:
        yield from (("delta", change["s"], change["u"]) for _ in (*change["b"], *change["a"]))


def counted(told: list[tuple[str, str, int | None]]) -> Counter[tuple[str, str]]:
    """How many there are of each type and symbol."""
    return Counter((kind, symbol) for kind, symbol, _ in told)
