"""Polygon: stocks, up to twenty trades and quotes in a frame."""

from collections.abc import Iterator
from itertools import cycle, islice

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.vendor import STOCKS, Message, Row, Tick, Vendor, renamed

EVENTS = (1, 20, 3, 12, 7, 2, 16, 5, 9, 15)  # in a frame, by turns
KINDS = {"T": "trade", "Q": "quote"}
FIELDS = {
    "T": {
        "sym": "symbol",
        "t": "ts_event",
        "x": "venue",
        "q": "seq",
        "p": "price",
        "s": "size",
        "i": "trade_id",
        "c": "conditions",
        "z": "tape",
    },
    "Q": {
        "sym": "symbol",
        "t": "ts_event",
        "q": "seq",
        "bp": "bid_price",
        "bs": "bid_size",
        "bx": "bid_venue",
        "ap": "ask_price",
        "as": "ask_size",
        "ax": "ask_venue",
        "c": "conditions",
        "z": "tape",
        "i": "indicators",
    },
}


class Polygon(Vendor):
    """Polygon's stocks."""

    name = provider = "polygon"
    symbols = STOCKS
    path = "/stocks"
    shape = "1 to 20 events a frame"

    def admit(self, client: ServerConnection) -> None:
        """Greet, let in, and acknowledge each subscription."""
        client.send(_status("connected", "Connected Successfully"))
        client.recv()
        client.send(_status("auth_success", "authenticated"))
        for wanted in orjson.loads(client.recv())["params"].split(","):
            client.send(_status("success", f"subscribed to: {wanted}"))

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Lists of events."""
        for events in cycle(EVENTS):
            yield [_message(tick) for tick in islice(ticks, events)], events

    def join(self, server: ClientConnection) -> None:
        """Log in and subscribe."""
        server.recv()
        server.send('{"action":"auth","params":"bench"}')
        server.recv()
        wanted = [f"{kind}.{symbol}" for symbol in STOCKS for kind in "TQ"]
        server.send(orjson.dumps({"action": "subscribe", "params": ",".join(wanted)}), text=True)

    def rows(self, message: Message) -> list[Row]:
        """Trades and quotes."""
        return [
            renamed(KINDS[one["ev"]], one, FIELDS[one["ev"]])
            for one in message
            if one["ev"] != "status"
        ]


def _status(word: str, text: str) -> str:
    return f'[{{"ev":"status","status":"{word}","message":"{text}"}}]'


def _message(tick: Tick) -> Message:
    if tick.is_trade:
        return {
            "ev": "T",
            "sym": tick.symbol,
            "x": 4,
            "i": str(tick.number),
            "z": 3,
            "p": tick.cents / 100,
            "s": tick.size,
            "c": [12, 37],
            "t": tick.ms,
            "q": tick.number,
        }
    return {
        "ev": "Q",
        "sym": tick.symbol,
        "bx": 4,
        "bp": (tick.cents - 1) / 100,
        "bs": 100,
        "ax": 11,
        "ap": (tick.cents + 1) / 100,
        "as": tick.size,
        "c": 1,
        "i": [604],
        "t": tick.ms,
        "q": tick.number,
        "z": 3,
    }
