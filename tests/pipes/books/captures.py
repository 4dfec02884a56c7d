"""Captures of others beside the checkout as events of books: read here, or by a codec."""

import gzip
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from mdc_core.plugin import Event, from_ns
from mdc_core.wire.lines.jsonl import encode_rows

Best = tuple[Decimal, Decimal, Decimal, Decimal]


class BinanceCapture(NamedTuple):
    """Snapshots and changes as events, and the best quotes that the exchange itself told."""

    events: list[dict[str, Any]]
    updates: dict[int, int]  # how many changes each update has, by its last id
    quotes: dict[int, Best]  # by update id

    def told(self) -> Iterator[tuple[int, Best]]:
        """Each update with the newest best quote of the exchange up to it, if there is one."""
        ids = sorted(self.quotes)
        for update in self.updates:
            at = bisect_right(ids, update)
            if at:
                yield update, self.quotes[ids[at - 1]]


def binance(*paths: Path) -> BinanceCapture:
    """Files of one unbroken stream; what came before a snapshot, and is newer, is applied on it."""
    found = BinanceCapture([], {}, {})
    last: int | None = None
    held: list[tuple[int, Any]] = []
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                received, _, text = line.partition(" ")
                now, message = int(received), json.loads(text, parse_float=str)
                data = message.get("data", {})
                if "lastUpdateId" in message:
                    last = message["lastUpdateId"]
                    found.events.append(_snapshot(now, message, held))
                    for then, before in held:
                        if before["u"] > message["lastUpdateId"]:
                            _changes(found, then, before)
                elif "B" in data and "A" in data:
                    sizes = (Decimal(data[name]) for name in "bBaA")
                    found.quotes[data["u"]] = tuple(sizes)  # type: ignore[assignment]
                elif data.get("e") == "depthUpdate" and last is None:
                    held.append((now, data))
                elif data.get("e") == "depthUpdate":
                    _changes(found, now, data)
    if last is None:  # there is no snapshot: they are all that there is
        for then, before in held:
            _changes(found, then, before)
    return found


def _head(now: int, moment: int, symbol: str, update: int) -> dict[str, Any]:
    times = {"ts_event": from_ns(moment), "ts_recv": from_ns(now)}
    return {"symbol": symbol, **times, "provider": "binance", "channel": "binance-1", "seq": update}


def _snapshot(now: int, message: Any, held: list[tuple[int, Any]]) -> dict[str, Any]:
    symbol = held[0][1]["s"] if held else "BTCUSDT"
    sides = {
        name: [{"price": price, "size": size} for price, size in message[name]]
        for name in ("bids", "asks")
    }
    return {"type": "book", **_head(now, now, symbol, message["lastUpdateId"]), **sides}


def _changes(found: BinanceCapture, now: int, data: Any) -> None:
    head = _head(now, (data.get("T") or data["E"]) * 1_000_000, data["s"], data["u"])
    found.updates[data["u"]] = len(data["b"]) + len(data["a"])
    for side, name in (("bid", "b"), ("ask", "a")):
        for price, size in data[name]:
            action = "modify" if Decimal(size) else "cancel"
            change = {"action": action, "side": side, "price": price, "size": size}
            found.events.append({"type": "delta", **head, **change})


def decoded(stream: Any, provider: str, path: Path) -> Iterator[Event]:
    """The events of one of cryptofeed's files, as a provider's codec and the driver give them."""
    for line in path.read_text(encoding="utf-8").splitlines():
        seconds, _, frame = line.partition(": ")
        if not frame or "<" in seconds:
            continue
        now = int(Decimal(seconds) * 1_000_000_000)
        for item in stream.receive(frame, now):
            if isinstance(item, Event):
                item.ts_recv, item.provider = from_ns(now), provider
                item.channel = f"{provider}-1" + (f":{item.channel}" if item.channel else "")
                yield item


def encoded(events: Iterable[Event]) -> bytes:
    """Events as JSONL."""
    return encode_rows(list(events))
