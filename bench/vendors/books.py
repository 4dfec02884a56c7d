"""Order books: a snapshot of each product, then changes, many or one in a frame."""

from collections.abc import Iterator
from itertools import count, cycle, islice

from vendors.coinbase import Coinbase, envelope
from vendors.kraken_futures import KrakenFutures
from vendors.vendor import Message, Row, Tick, renamed

DEPTH = 50  # levels of a side in a snapshot
CHANGES = (1, 12, 3, 30, 6, 2, 16, 1, 9)  # in a frame of Coinbase, by turns
LEVEL = {"event_time": "ts_event", "price_level": "price", "new_quantity": "size"}
CHANGE = {"timestamp": "ts_event", "seq": "seq", "price": "price", "qty": "size"}
SNAPSHOT = {"product_id": "symbol", "timestamp": "ts_event", "seq": "seq"}
SIDES = {"bid": "bid", "offer": "ask", "buy": "bid", "sell": "ask"}


class CoinbaseBook(Coinbase):
    """The books of Coinbase Advanced Trade."""

    name = "coinbase-book"
    arguments = ("--type", "book")
    channels = ("level2", "heartbeats")
    shape = "1 to 30 changes a frame"

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """A snapshot of each product, then changes."""
        numbers = count(len(self.channels))
        for symbol in self.symbols:
            tick = next(ticks)._replace(cents=20_000)
            sides = (("bid", -1), ("offer", 1))
            levels = [
                _level(tick._replace(cents=20_000 + step * n), side)
                for side, step in sides
                for n in range(1, DEPTH + 1)
            ]
            events = [{"type": "snapshot", "product_id": symbol, "updates": levels}]
            yield envelope("l2_data", next(numbers), events, tick), 1
        for symbol, changes in zip(cycle(self.symbols), cycle(CHANGES), strict=False):
            found = [*islice(ticks, changes)]
            levels = [_level(*_beside(tick, ("bid", "offer"))) for tick in found]
            events = [{"type": "update", "product_id": symbol, "updates": levels}]
            yield envelope("l2_data", next(numbers), events, found[-1]), changes

    def rows(self, message: Message) -> list[Row]:
        """A book, or a row for each level that changes."""
        rows: list[Row] = []
        for event in message["events"] if message["channel"] == "l2_data" else ():
            symbol, levels = event["product_id"], event["updates"]
            if event["type"] == "snapshot":
                row: Row = {"type": "book", "symbol": symbol, "ts_event": levels[0]["event_time"]}
                for side, name in (("bid", "bids"), ("offer", "asks")):
                    row[name] = [
                        {"price": one["price_level"], "size": one["new_quantity"]}
                        for one in levels
                        if one["side"] == side
                    ]
                rows.append(row)
                continue
            for one in levels:
                row = renamed("delta", one, LEVEL)
                row["symbol"], row["side"] = symbol, SIDES[one["side"]]
                row["action"] = "cancel" if one["new_quantity"] == "0" else "modify"
                rows.append(row)
        return rows


class KrakenFuturesBook(KrakenFutures):
    """The books of Kraken Futures, whose changes are numbered."""

    name = "kraken-futures-book"
    arguments = ("--type", "book")
    feeds = ("book", "heartbeat")
    shape = "a change a frame"

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """A snapshot of each product, then changes."""
        numbers = {symbol: count(1) for symbol in self.symbols}
        for symbol in self.symbols:
            sides = {
                side: [{"price": (20_000 + step * n) / 100, "qty": n} for n in range(1, DEPTH + 1)]
                for side, step in (("bids", -1), ("asks", 1))
            }
            head = {"feed": "book_snapshot", "product_id": symbol, "timestamp": next(ticks).ms}
            yield {**head, "seq": 0, **sides}, 1
        for tick in ticks:
            at, side = _beside(tick, ("buy", "sell"))
            yield (
                {
                    "feed": "book",
                    "product_id": tick.symbol,
                    "side": side,
                    "seq": next(numbers[tick.symbol]),
                    "price": at.cents / 100,
                    "qty": 0 if tick.is_trade else tick.size / 1000,
                    "timestamp": tick.ms,
                },
                1,
            )

    def rows(self, message: Message) -> list[Row]:
        """A book, or a level that changes."""
        match message.get("feed"):
            case "book" if "event" not in message:
                row = renamed("delta", message, CHANGE)
                row["symbol"], row["side"] = message["product_id"], SIDES[message["side"]]
                row["action"] = "modify" if message["qty"] else "cancel"
                return [row]
            case "book_snapshot":
                row = renamed("book", message, SNAPSHOT)
                for name in ("bids", "asks"):
                    row[name] = [
                        {"price": one["price"], "size": one["qty"]} for one in message[name]
                    ]
                return [row]
        return []


def _beside(tick: Tick, sides: tuple[str, str]) -> tuple[Tick, str]:
    """A level near the middle, which does not cross, and its side."""
    away = 1 + tick.size % 20
    cents = 20_000 - away if tick.is_sell else 20_000 + away
    return tick._replace(cents=cents), sides[not tick.is_sell]


def _level(tick: Tick, side: str) -> Message:
    return {
        "side": side,
        "event_time": f"{tick.time(6)}Z",
        "price_level": tick.text(),
        "new_quantity": "0" if tick.is_trade else tick.coins,
    }
