"""Kraken Futures: perpetual futures, a trade or a ticker a frame."""

from collections.abc import Iterator
from typing import ClassVar

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.vendor import Message, Row, Tick, Vendor, renamed

TRADE = {
    "product_id": "symbol",
    "time": "ts_event",
    "seq": "seq",
    "price": "price",
    "qty": "size",
    "side": "aggressor_side",
    "uid": "trade_id",
    "type": "condition",
}
QUOTE = {
    "product_id": "symbol",
    "time": "ts_event",
    "bid": "bid_price",
    "bid_size": "bid_size",
    "ask": "ask_price",
    "ask_size": "ask_size",
}
STATE = {
    "funding_rate": 6.21e-07,
    "funding_rate_prediction": -3.43e-07,
    "relative_funding_rate_prediction": -1.71e-06,
    "volume": 262306.237,
    "dtm": 0,
    "leverage": "50x",
    "premium": 0.1,
    "last": 200.02,
    "change": 2.995109121267192,
    "pair": "XBT:USD",
    "maturityTime": 0,
    "volumeQuote": 52474613.7,
    "open": 199.5,
    "high": 203.15,
    "low": 197.02,
}
OTHERS = {
    "relative_funding_rate": 3.12e-06,
    "next_funding_rate_time": 1_704_207_600_000,
    "index": 200.03,
    "suspended": False,
    "tag": "perpetual",
    "openInterest": 1077.0694,
    "markPrice": 200.02,
    "post_only": False,
}


class KrakenFutures(Vendor):
    """Kraken's perpetual futures."""

    name = "kraken-futures"
    provider = "kraken_futures"
    symbols = ("PF_XBTUSD", "PF_ETHUSD", "PF_SOLUSD")
    path = "/ws/v1"
    feeds: ClassVar[tuple[str, ...]] = ("trade", "ticker", "heartbeat")

    def admit(self, client: ServerConnection) -> None:
        """Acknowledge each feed; that of trades begins with none."""
        client.send('{"event":"info","version":1}')
        for _ in self.feeds:
            asked = orjson.loads(client.recv())
            client.send(orjson.dumps({**asked, "event": "subscribed"}), text=True)

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Messages of a feed and a product."""
        for tick in ticks:
            yield _trade(tick) if tick.is_trade else _ticker(tick), 1

    def join(self, server: ClientConnection) -> None:
        """Subscribe."""
        for feed in self.feeds:
            asked = {"event": "subscribe", "feed": feed, "product_ids": self.symbols}
            if feed == "heartbeat":
                del asked["product_ids"]
            server.send(orjson.dumps(asked), text=True)

    def rows(self, message: Message) -> list[Row]:
        """A trade, or a quote with the statistics of the day."""
        if "event" in message:
            return []
        if message["feed"] == "trade":
            return [renamed("trade", message, TRADE)]
        quote = renamed("quote", message, QUOTE)
        return [{**quote, "extra": {name: message[name] for name in STATE}}]


def _trade(tick: Tick) -> Message:
    return {
        "feed": "trade",
        "product_id": tick.symbol,
        "uid": f"05af78ac-a774-478c-a50c-{tick.number:012x}",
        "side": "sell" if tick.is_sell else "buy",
        "type": "fill",
        "seq": tick.trade,
        "time": tick.ms,
        "qty": tick.size / 1000,
        "price": tick.cents / 100,
    }


def _ticker(tick: Tick) -> Message:
    return {
        "time": tick.ms,
        "product_id": tick.symbol,
        "feed": "ticker",
        "bid": (tick.cents - 1) / 100,
        "ask": (tick.cents + 1) / 100,
        "bid_size": 12.5,
        "ask_size": tick.size / 1000,
        **STATE,
        **OTHERS,
    }
