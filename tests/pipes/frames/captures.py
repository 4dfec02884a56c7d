"""Captures of others read another way than ours: what is in them, by symbol and type."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from mdc_core.times import to_ns

SIDES = {"buy": "bid", "sell": "ask", "b": "bid", "a": "ask"}
MAKERS = {"buy": "sell", "sell": "buy"}
D = Decimal


class Told(NamedTuple):
    """What an event has to be: its type, symbol, the number of its sender, time and fields."""

    kind: str
    symbol: str
    number: int | None
    ns: int | None  # None: it is that of its receipt, or of a level
    fields: dict[str, Any]


Reading = Callable[[list[Any]], Iterator[Told]]


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


def _book(bids: Any, asks: Any) -> dict[str, Any]:
    return {"bids": _levels(bids), "asks": _levels(asks)}


def _levels(rows: Any) -> list[tuple[Decimal, Decimal]]:
    return [(D(price), D(size)) for price, size, *_ in rows]


def _delta(side: str, price: Any, size: Any) -> dict[str, Any]:
    action = "modify" if D(size) else "cancel"
    return {"action": action, "side": SIDES[side], "price": D(price), "size": D(size)}


def _quote(bid: Any, ask: Any, *sizes: Any) -> dict[str, Any]:
    bids, asks = (D(size) for size in sizes) if sizes else (None, None)
    return {"bid_price": D(bid), "bid_size": bids, "ask_price": D(ask), "ask_size": asks}


def _trade(price: Any, size: Any, side: str, name: str | None) -> dict[str, Any]:
    return {"price": D(price), "size": D(size), "aggressor_side": side, "trade_id": name}


def coinbase(frames: list[Any]) -> Iterator[Told]:
    """What frames of Coinbase's Exchange are."""
    for m in frames:
        symbol, ns = m.get("product_id", ""), to_ns(m["time"]) if "time" in m else None
        match m["type"]:
            case "snapshot":
                yield Told("book", symbol, None, ns, _book(m["bids"], m["asks"]))
            case "l2update":
                yield from (Told("delta", symbol, None, ns, _delta(*row)) for row in m["changes"])
            case "match":
                fields = _trade(m["price"], m["size"], MAKERS[m["side"]], str(m["trade_id"]))
                yield Told("trade", symbol, None, ns, fields)
            case "ticker":
                yield Told("quote", symbol, None, ns, _quote(m["best_bid"], m["best_ask"]))


def kraken(frames: list[Any]) -> Iterator[Told]:
    """What frames of Kraken's first WebSocket are."""
    for frame in frames:
        if not isinstance(frame, list):
            continue
        _, *parts, channel, pair = frame
        if channel == "trade":
            for price, size, seconds, side, *_ in parts[0]:
                taker = {"b": "buy", "s": "sell"}[side]
                fields = _trade(price, size, taker, None)
                yield Told("trade", pair, None, int(D(seconds) * 10**9), fields)
        elif channel == "ticker":
            (bid, _, bids), (ask, _, asks) = parts[0]["b"], parts[0]["a"]
            yield Told("quote", pair, None, None, _quote(bid, ask, bids, asks))
        elif "as" in parts[0]:
            yield Told("book", pair, None, None, _book(parts[0]["bs"], parts[0]["as"]))
        else:
            levels = [(side, row) for part in parts for side in part if side in "ab"
                      for row in part[side]]  # fmt: skip
            for side, (price, size, seconds, *more) in levels:
                ns = None if more else int(D(seconds) * 10**9)
                yield Told("delta", pair, None, ns, _delta(side, price, size))


def kraken_futures(frames: list[Any]) -> Iterator[Told]:
    """What frames of Kraken Futures are; they number each change of a book."""
    for m in frames:
        symbol, number = m.get("product_id", ""), m.get("seq")
        ns = D(m.get("timestamp") or m.get("time") or 0) * 10**6
        match "" if "event" in m else m["feed"]:
            case "book_snapshot":
                bids, asks = ([(at["price"], at["qty"]) for at in m[n]] for n in ("bids", "asks"))
                yield Told("book", symbol, number, int(ns), _book(bids, asks))
            case "book":
                fields = _delta(m["side"], m["price"], m["qty"])
                yield Told("delta", symbol, number, int(ns), fields)
            case "trade":
                fields = _trade(m["price"], m["qty"], m["side"], m["uid"])
                yield Told("trade", symbol, number, int(ns), fields)
            case "ticker_lite":
                yield Told("quote", symbol, None, None, _quote(m["bid"], m["ask"]))


def okx(frames: list[Any]) -> Iterator[Told]:
    """What frames of OKX are."""
    for frame in frames:
        channel, symbol = frame["arg"]["channel"], frame["arg"]["instId"]
        for m in frame.get("data", ()):
            ns = int(m["ts"]) * 10**6
            if channel == "trades":
                fields = _trade(m["px"], m["sz"], m["side"], m["tradeId"])
                yield Told("trade", symbol, None, ns, fields)
            elif channel == "tickers":
                fields = _quote(m["bidPx"], m["askPx"], m["bidSz"], m["askSz"])
                yield Told("quote", symbol, None, ns, fields)
            elif frame["action"] == "snapshot":
                yield Told("book", symbol, None, ns, _book(m["bids"], m["asks"]))
            else:
                levels = [("b", row) for row in m["bids"]] + [("a", row) for row in m["asks"]]
                for side, (price, size, *_) in levels:
                    yield Told("delta", symbol, None, ns, _delta(side, price, size))


def binance(frames: list[Any]) -> Iterator[Told]:
    """What frames of Binance are; changes go out behind a snapshot, if they are newer."""
    at: int | None = None
    held: list[Any] = []
    for frame in frames:
        if "lastUpdateId" in frame:
            if at is None:
                at = frame["lastUpdateId"]
                yield Told("book", "", at, None, _book(frame["bids"], frame["asks"]))
            for change in held:
                yield from _changes(change, at)
            held = []
            continue
        m, what = frame["data"], frame["stream"].partition("@")[2].partition("@")[0]
        ns = m["T"] * 10**6 if "T" in m else None
        if what == "trade":
            fields = _trade(m["p"], m["q"], "sell" if m["m"] else "buy", str(m["t"]))
            yield Told("trade", m["s"], None, ns, fields)
        elif what == "bookTicker":
            yield Told("quote", m["s"], m["u"], ns, _quote(m["b"], m["a"], m["B"], m["A"]))
        elif at is None:
            held.append(m)
        else:
            yield from _changes(m, at)


def _changes(m: Any, at: int) -> Iterator[Told]:
    ns = m.get("T", m["E"]) * 10**6
    for side in ("b", "a") if m["u"] > at else ():
        for row in m[side]:
            yield Told("delta", m["s"], m["u"], ns, _delta(side, *row))


def counted(told: list[Told]) -> Counter[tuple[str, str]]:
    """How many there are of each type and symbol; a capture of Binance has one symbol."""
    symbols = {one.symbol for one in told if one.symbol}
    return Counter((one.kind, one.symbol or next(iter(symbols))) for one in told)
