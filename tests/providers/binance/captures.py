"""Real captures beside the checkout, through the codec; they are read a second time here."""

import bisect
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from mdc_core.events import Market
from mdc_core.plugin import Book, Delta, Event, Ladder, Level, Subscription, type_of
from mdc_providers.binance.stream import Binance

Line = tuple[int, str]


def lines_of(path: Path) -> Iterator[Line]:
    """Receive time and text of each line."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            ns, _, text = line.rstrip("\n").partition(" ")
            yield int(ns), text


def decode(lines: Iterable[Line], market: str) -> Iterator[tuple[str, list[Any]]]:
    """Each line with what comes of it, and the last words."""
    stream = Binance(Subscription(()), Binance.Options(market=market), {})
    now = 0
    for now, text in lines:
        yield text, list(stream.receive(text, now))
    yield "", list(stream.closed(now))


def counted(lines: Iterable[Line]) -> tuple[Counter[tuple[str, str]], int]:
    """What the lines say, by symbol and type, and the update of the snapshot (0: none)."""
    counts: Counter[tuple[str, str]] = Counter()
    snapshot = 0
    for _, text in lines:
        line = json.loads(text)
        if "lastUpdateId" in line:
            snapshot = line["lastUpdateId"]
            continue
        data, what = line["data"], line["stream"].partition("@")[2].partition("@")[0]
        kind = {"trade": "trade", "bookTicker": "quote", "depth": "delta"}[what]
        counts[data["s"], kind] += len(data["b"]) + len(data["a"]) if what == "depth" else 1
    return counts, snapshot


def dropped(lines: Iterable[Line], snapshot: int) -> int:
    """Changes of levels that the snapshot has already."""
    count = 0
    for _, text in lines:
        data = json.loads(text).get("data", {})
        if data.get("e") == "depthUpdate" and data["u"] <= snapshot:
            count += len(data["b"]) + len(data["a"])
    return count


def tops(lines: Iterable[Line]) -> tuple[list[int], list[tuple[str, ...]]]:
    """The exchange's own best bid and offer, in the order of their updates."""
    found = {}
    for _, text in lines:
        line = json.loads(text)
        if line.get("stream", "").endswith("@bookTicker"):
            data = line["data"]
            found[data["u"]] = (data["b"], data["B"], data["a"], data["A"])
    numbers = sorted(found)
    return numbers, [found[number] for number in numbers]


class Comparison:
    """The book that is rebuilt from the events, beside the exchange's best quotes."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._numbers, self._tops = tops(lines)
        self.ladder = Ladder()
        self.compared = self.equal = 0
        self._is_there = False

    def take(self, events: Iterable[Event]) -> None:
        """The events of one line."""
        last = None
        for event in events:
            if isinstance(event, Book):
                self.ladder.snapshot(event.bids or (), event.asks or ())
                self._is_there = True
            elif isinstance(event, Delta):
                assert event.price is not None and event.size is not None and self._is_there
                self.ladder.change(event.side, Level(event.price, event.size))  # type: ignore[arg-type]
                last = event.seq
        if last is not None:
            self._compare(last)

    def _compare(self, number: int) -> None:
        at = bisect.bisect_right(self._numbers, number) - 1
        if at < 0:
            return
        self.compared += 1
        best = [*self.ladder.top("bid", 1), *self.ladder.top("ask", 1)]
        mine = [value for level in best for value in (level.price, level.size)]
        self.equal += mine == [Decimal(text) for text in self._tops[at]]


def market_counts(items: Iterable[Any]) -> Counter[tuple[str, str]]:
    """Events by symbol and type."""
    return Counter((e.symbol or "", type_of(e)) for e in items if isinstance(e, Market))
