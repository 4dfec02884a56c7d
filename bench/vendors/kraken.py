"""Kraken: spot by WebSocket v2, a trade or a ticker a frame."""

from collections.abc import Iterator

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.vendor import Message, Row, Tick, Vendor, renamed

TRADE = {
    "symbol": "symbol",
    "timestamp": "ts_event",
    "price": "price",
    "qty": "size",
    "side": "aggressor_side",
    "trade_id": "trade_id",
    "ord_type": "condition",
}
QUOTE = {
    "symbol": "symbol",
    "timestamp": "ts_event",
    "bid": "bid_price",
    "bid_qty": "bid_size",
    "ask": "ask_price",
    "ask_qty": "ask_size",
}
DAY = {
    "volume": 997038.98383185,
    "vwap": 200.14,
    "low": 197.02,
    "high": 203.15,
    "change": -1.17,
    "change_pct": -0.17,
}
EXTRA = ("last", *DAY)
STATUS = (
    '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",'
    '"api_version":"v2","connection_id":16174536464690282295}]}'
)


class Kraken(Vendor):
    """Kraken's spot market."""

    name = provider = "kraken"
    symbols = ("BTC/USD", "ETH/USD", "SOL/USD")
    path = "/v2"
    asked = ({"channel": "trade"}, {"channel": "ticker", "event_trigger": "bbo"})

    def admit(self, client: ServerConnection) -> None:
        """Acknowledge each symbol of each request."""
        client.send(STATUS)
        left = len(self.asked)
        while left:
            request = orjson.loads(client.recv())
            if request["method"] != "subscribe":
                continue  # a ping
            left -= 1
            params, answer = request["params"], {"method": "subscribe", "success": True}
            if "req_id" in request:
                answer["req_id"] = request["req_id"]
            for symbol in params["symbol"]:
                result = {**params, "symbol": symbol, "snapshot": False}
                client.send(orjson.dumps({**answer, "result": result}), text=True)

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Messages of a channel."""
        for tick in ticks:
            channel = "trade" if tick.is_trade else "ticker"
            data = [_trade(tick) if tick.is_trade else _ticker(tick)]
            yield {"channel": channel, "type": "update", "data": data}, 1

    def join(self, server: ClientConnection) -> None:
        """Subscribe."""
        for params in self.asked:
            request = {"method": "subscribe", "params": {**params, "symbol": self.symbols}}
            server.send(orjson.dumps(request), text=True)

    def rows(self, message: Message) -> list[Row]:
        """Trades, or quotes with the statistics of the day."""
        match message.get("channel"):
            case "trade":
                return [renamed("trade", one, TRADE) for one in message["data"]]
            case "ticker":
                return [
                    {**renamed("quote", one, QUOTE), "extra": {name: one[name] for name in EXTRA}}
                    for one in message["data"]
                ]
        return []


def _trade(tick: Tick) -> Message:
    return {
        "symbol": tick.symbol,
        "side": "sell" if tick.is_sell else "buy",
        "price": orjson.Fragment(tick.text()),
        "qty": orjson.Fragment(tick.coins),
        "ord_type": "limit",
        "trade_id": tick.trade,
        "timestamp": f"{tick.time(6)}Z",
    }


def _ticker(tick: Tick) -> Message:
    return {
        "symbol": tick.symbol,
        "bid": orjson.Fragment(tick.bid().text()),
        "bid_qty": orjson.Fragment("3.78826000"),
        "ask": orjson.Fragment(tick.ask().text()),
        "ask_qty": orjson.Fragment(tick.coins),
        "last": orjson.Fragment(tick.text()),
        **DAY,
        "timestamp": f"{tick.time(6)}Z",
    }
