"""Finnhub: trades alone, a few in a frame."""

from collections.abc import Iterator
from itertools import cycle, islice

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.vendor import STOCKS, Message, Row, Tick, Vendor, renamed

EVENTS = (1, 3, 8, 2, 5, 1, 4)  # in a frame, by turns
FIELDS = {"s": "symbol", "t": "ts_event", "p": "price", "v": "size", "c": "conditions"}


class Finnhub(Vendor):
    """Finnhub's trades of stocks."""

    name = provider = "finnhub"
    symbols = STOCKS
    path = "/?token=bench"
    shape = "1 to 8 trades a frame"

    def admit(self, client: ServerConnection) -> None:
        """Take the subscriptions; nothing is answered."""
        for _ in STOCKS:
            client.recv()

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Lists of trades."""
        for events in cycle(EVENTS):
            yield (
                {"data": [_trade(tick) for tick in islice(ticks, events)], "type": "trade"},
                events,
            )

    def join(self, server: ClientConnection) -> None:
        """Subscribe."""
        for symbol in STOCKS:
            server.send(orjson.dumps({"type": "subscribe", "symbol": symbol}), text=True)

    def rows(self, message: Message) -> list[Row]:
        """Trades."""
        return [renamed("trade", one, FIELDS) for one in message["data"]]


def _trade(tick: Tick) -> Message:
    return {
        "c": ["1", "12"],
        "p": tick.cents / 100,
        "s": tick.symbol,
        "t": tick.ms,
        "v": tick.size,
    }
