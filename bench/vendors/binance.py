"""Binance: spot and USD-M futures, a trade or a best bid and offer a frame."""

from collections.abc import Iterator

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.vendor import Message, Row, Tick, Vendor, renamed

TRADE = {"s": "symbol", "T": "ts_event", "p": "price", "q": "size", "t": "trade_id"}
QUOTE = {
    "s": "symbol",
    "b": "bid_price",
    "B": "bid_size",
    "a": "ask_price",
    "A": "ask_size",
    "u": "seq",
}


class Binance(Vendor):
    """Binance's spot market."""

    name = provider = "binance"
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    path = "/stream"
    arguments = ("--no-check-symbols",)

    def admit(self, client: ServerConnection) -> None:
        """Acknowledge the subscription, unless the URL has it."""
        if client.request is None or "streams=" not in client.request.path:
            number = orjson.loads(client.recv())["id"]
            client.send(orjson.dumps({"result": None, "id": number}), text=True)

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Messages of the combined form."""
        for tick in ticks:
            data = self.trade(tick) if tick.is_trade else self.quote(tick)
            stream = "trade" if tick.is_trade else "bookTicker"
            yield {"stream": f"{tick.symbol.lower()}@{stream}", "data": data}, 1

    def trade(self, tick: Tick) -> Message:
        """A trade; `m` says that the buyer was the maker."""
        return {
            "e": "trade",
            "E": tick.ms + 1,
            "s": tick.symbol,
            "t": tick.trade,
            "p": tick.text(8),
            "q": tick.coins,
            "T": tick.ms,
            "m": tick.is_sell,
            "M": True,
        }

    def quote(self, tick: Tick) -> Message:
        """The best bid and offer, without a time."""
        return {
            "u": 50_093_239_000 + tick.number,
            "s": tick.symbol,
            "b": tick.bid().text(8),
            "B": "3.78826000",
            "a": tick.ask().text(8),
            "A": tick.coins,
        }

    def join(self, server: ClientConnection) -> None:
        """Subscribe."""
        kinds = ("trade", "bookTicker")
        streams = [f"{symbol.lower()}@{kind}" for symbol in self.symbols for kind in kinds]
        server.send(orjson.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}), text=True)
        server.recv()

    def rows(self, message: Message) -> list[Row]:
        """A trade or a quote."""
        data = message["data"]
        if message["stream"].endswith("@trade"):
            side = "sell" if data["m"] else "buy"
            return [{**renamed("trade", data, TRADE), "aggressor_side": side}]
        return [renamed("quote", data, QUOTE)]


class BinanceFutures(Binance):
    """Binance's USD-M futures, whose best bids and offers have a time."""

    name = "binance-usdm"
    path = "/stream"
    arguments = ("--no-check-symbols", "--market", "usdm")

    def trade(self, tick: Tick) -> Message:
        """A trade, and what kind of order made it."""
        return {
            "e": "trade",
            "E": tick.ms + 1,
            "T": tick.ms,
            "s": tick.symbol,
            "t": tick.trade,
            "p": tick.text(),
            "q": f"{tick.size / 1000:.3f}",
            "X": "MARKET",
            "m": tick.is_sell,
        }

    def quote(self, tick: Tick) -> Message:
        """The best bid and offer."""
        return {
            "e": "bookTicker",
            "u": 50_093_239_000 + tick.number,
            "s": tick.symbol,
            "b": tick.bid().text(),
            "B": "3.788",
            "a": tick.ask().text(),
            "A": f"{tick.size / 1000:.3f}",
            "T": tick.ms,
            "E": tick.ms + 1,
        }

    def rows(self, message: Message) -> list[Row]:
        """A trade or a quote, each with its time."""
        (row,) = super().rows(message)
        row["ts_event"] = message["data"]["T"]
        return [row]
