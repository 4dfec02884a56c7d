"""Tiingo: stocks of IEX, an array a frame."""

from collections.abc import Iterator

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.vendor import STOCKS, Message, Row, Tick, Vendor

FLAGS = ("halted", "after_hours", "intermarket_sweep", "odd_lot", "nms_rule_611_exempt")


class Tiingo(Vendor):
    """Tiingo's feed of IEX."""

    name = provider = "tiingo"
    symbols = STOCKS
    path = "/iex"

    def admit(self, client: ServerConnection) -> None:
        """Answer with the number of the subscription."""
        client.recv()
        client.send(
            '{"response":{"code":200,"message":"Success"},'
            '"data":{"subscriptionId":49804739},"messageType":"I"}'
        )

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Frames of one row."""
        for tick in ticks:
            yield {"messageType": "A", "service": "iex", "data": _data(tick)}, 1

    def join(self, server: ClientConnection) -> None:
        """Subscribe."""
        wanted = {"thresholdLevel": 5, "tickers": [symbol.lower() for symbol in STOCKS]}
        asked = {"eventName": "subscribe", "authorization": "bench", "eventData": wanted}
        server.send(orjson.dumps(asked), text=True)
        server.recv()

    def rows(self, message: Message) -> list[Row]:
        """A trade or a quote, by the places of the array."""
        data = message["data"]
        conditions = [word for word, flag in zip(FLAGS, data[11:], strict=True) if flag]
        row = {"symbol": data[3].upper(), "ts_event": data[1], "conditions": conditions}
        if data[0] == "T":
            return [{"type": "trade", **row, "price": data[9], "size": data[10]}]
        row |= {"bid_size": data[4], "bid_price": data[5]}
        return [{"type": "quote", **row, "ask_price": data[7], "ask_size": data[8]}]


def _data(tick: Tick) -> list[Message]:
    hour = "09"  # New York
    text = tick.time()
    head = [f"{text[:11]}{hour}{text[13:]}-05:00", tick.ns, tick.symbol.lower()]
    if tick.is_trade:
        price, odd = tick.cents / 100, int(tick.size < 100)
        return ["T", *head, *[None] * 5, price, tick.size, None, 0, 0, odd, 0]
    bid, ask = (tick.cents - 1) / 100, (tick.cents + 1) / 100
    mid = tick.cents / 100
    return ["Q", *head, 100, bid, mid, ask, tick.size, None, None, 0, 0, None, None, None]
