"""Alpaca: stocks, ten trades and quotes in a frame."""

from collections.abc import Iterator
from itertools import islice

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.vendor import STOCKS, Message, Row, Tick, Vendor, renamed

EVENTS = 10  # in a frame
KINDS = {"t": "trade", "q": "quote"}
FIELDS = {
    "t": {
        "S": "symbol",
        "t": "ts_event",
        "x": "venue",
        "p": "price",
        "s": "size",
        "i": "trade_id",
        "c": "conditions",
        "z": "tape",
    },
    "q": {
        "S": "symbol",
        "t": "ts_event",
        "bx": "bid_venue",
        "bp": "bid_price",
        "bs": "bid_size",
        "ax": "ask_venue",
        "ap": "ask_price",
        "as": "ask_size",
        "c": "conditions",
        "z": "tape",
    },
}


class Alpaca(Vendor):
    """Alpaca's stocks."""

    name = provider = "alpaca"
    symbols = STOCKS
    path = "/v2/iex"
    shape = "10 events a frame"

    def admit(self, client: ServerConnection) -> None:
        """Greet, let in, and acknowledge."""
        client.send('[{"T":"success","msg":"connected"}]')
        client.recv()
        client.send('[{"T":"success","msg":"authenticated"}]')
        asked = orjson.loads(client.recv())
        del asked["action"]
        client.send(orjson.dumps([{"T": "subscription", **asked}]), text=True)

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Lists of events."""
        while True:
            yield [self.message(tick) for tick in islice(ticks, EVENTS)], EVENTS

    def join(self, server: ClientConnection) -> None:
        """Log in and subscribe."""
        server.recv()
        server.send('{"action":"auth","key":"bench","secret":"bench"}')
        server.recv()
        server.send(orjson.dumps({"action": "subscribe", "trades": STOCKS, "quotes": STOCKS}))
        server.recv()

    def rows(self, message: Message) -> list[Row]:
        """Trades and quotes."""
        return [renamed(KINDS[one["T"]], one, FIELDS[one["T"]]) for one in message]

    def message(self, tick: Tick) -> Message:
        """A trade or a quote."""
        time = f"{tick.time()}Z"
        if tick.is_trade:
            return {
                "T": "t",
                "S": tick.symbol,
                "i": 52_983_525_000_000 + tick.number,
                "x": "V",
                "p": tick.cents / 100,
                "s": tick.size,
                "c": ["@", "I"],
                "z": "C",
                "t": time,
            }
        return {
            "T": "q",
            "S": tick.symbol,
            "bx": "V",
            "bp": (tick.cents - 1) / 100,
            "bs": 100,
            "ax": "Q",
            "ap": (tick.cents + 1) / 100,
            "as": tick.size,
            "c": ["R"],
            "z": "C",
            "t": time,
        }
