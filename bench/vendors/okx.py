"""OKX: spot, a trade or a ticker a frame."""

from collections.abc import Iterator

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.vendor import Message, Row, Tick, Vendor, renamed

TRADE = {
    "instId": "symbol",
    "ts": "ts_event",
    "seqId": "seq",
    "px": "price",
    "sz": "size",
    "side": "aggressor_side",
    "tradeId": "trade_id",
    "count": "count",
    "source": "source",
}
QUOTE = {
    "instId": "symbol",
    "ts": "ts_event",
    "bidPx": "bid_price",
    "bidSz": "bid_size",
    "askPx": "ask_price",
    "askSz": "ask_size",
}
DAY = {
    "open24h": "199.50",
    "high24h": "203.15",
    "low24h": "197.02",
    "volCcy24h": "1284337.21",
    "vol24h": "6421.68605",
}
ROUND = {"sodUtc0": "199.61", "sodUtc8": "199.98"}
EXTRA = ("instType", "last", "lastSz", *DAY, *ROUND)


class Okx(Vendor):
    """OKX's spot market."""

    name = provider = "okx"
    symbols = ("BTC-USDT", "ETH-USDT", "SOL-USDT")
    path = "/ws/v5/public"

    def admit(self, client: ServerConnection) -> None:
        """Acknowledge each argument."""
        for arg in orjson.loads(client.recv())["args"]:
            answer = {"event": "subscribe", "arg": arg, "connId": "a4d3ae55"}
            client.send(orjson.dumps(answer), text=True)

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Messages of a channel and an instrument."""
        for tick in ticks:
            arg = {"channel": "trades" if tick.is_trade else "tickers", "instId": tick.symbol}
            yield {"arg": arg, "data": [_trade(tick) if tick.is_trade else _ticker(tick)]}, 1

    def join(self, server: ClientConnection) -> None:
        """Subscribe."""
        channels = ("trades", "tickers")
        args = [{"channel": kind, "instId": name} for kind in channels for name in self.symbols]
        server.send(orjson.dumps({"op": "subscribe", "args": args}), text=True)

    def rows(self, message: Message) -> list[Row]:
        """Trades, or quotes with the statistics of the day."""
        if "data" not in message:
            return []
        if message["arg"]["channel"] == "trades":
            return [renamed("trade", one, TRADE) for one in message["data"]]
        return [
            {**renamed("quote", one, QUOTE), "extra": {name: one[name] for name in EXTRA}}
            for one in message["data"]
        ]


def _trade(tick: Tick) -> Message:
    return {
        "instId": tick.symbol,
        "tradeId": str(tick.trade),
        "px": tick.text(),
        "sz": tick.coins,
        "side": "sell" if tick.is_sell else "buy",
        "ts": str(tick.ms),
        "count": "1",
        "source": "0",
        "seqId": tick.number,
    }


def _ticker(tick: Tick) -> Message:
    return {
        "instType": "SPOT",
        "instId": tick.symbol,
        "last": tick.text(),
        "lastSz": "0.00311",
        "askPx": tick.ask().text(),
        "askSz": tick.coins,
        "bidPx": tick.bid().text(),
        "bidSz": "1.25",
        **DAY,
        "ts": str(tick.ms),
        **ROUND,
    }
