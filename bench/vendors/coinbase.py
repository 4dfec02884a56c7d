"""Coinbase: Advanced Trade with up to three trades a message, Exchange with one event."""

from collections.abc import Iterator
from itertools import count
from typing import ClassVar

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.vendor import Message, Row, Tick, Vendor, renamed

PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD")
MAKER = {"BUY": "sell", "SELL": "buy", "buy": "sell", "sell": "buy"}  # -> the aggressor
TRADE = {
    "product_id": "symbol",
    "time": "ts_event",
    "price": "price",
    "size": "size",
    "trade_id": "trade_id",
}
QUOTE = {
    "product_id": "symbol",
    "best_bid": "bid_price",
    "best_bid_quantity": "bid_size",
    "best_ask": "ask_price",
    "best_ask_quantity": "ask_size",
}
EXCHANGE_QUOTE = {
    "product_id": "symbol",
    "time": "ts_event",
    "best_bid": "bid_price",
    "best_bid_size": "bid_size",
    "best_ask": "ask_price",
    "best_ask_size": "ask_size",
}
DAY = {
    "volume_24_h": "19975.95927439",
    "low_24_h": "197.02",
    "high_24_h": "203.15",
    "low_52_w": "150.5",
    "high_52_w": "495.9",
    "price_percent_chg_24_h": "0.02501394006035",
}
EXCHANGE_DAY = {
    "open_24h": "199.5",
    "volume_24h": "19975.95927439",
    "low_24h": "197.02",
    "high_24h": "203.15",
    "volume_30d": "619975.95927439",
}


class Coinbase(Vendor):
    """Coinbase Advanced Trade, whose messages are numbered."""

    name = provider = "coinbase"
    symbols = PRODUCTS
    channels: ClassVar[tuple[str, ...]] = ("market_trades", "ticker", "heartbeats")
    shape = "1 to 3 trades or a ticker a frame"

    def admit(self, client: ServerConnection) -> None:
        """Answer each request with the state of the connection."""
        state: dict[str, list[str]] = {}
        for number, _ in enumerate(self.channels):
            asked = orjson.loads(client.recv())
            state[asked["channel"]] = asked.get("product_ids") or ["heartbeats"]
            events = [{"subscriptions": state}]
            client.send(orjson.dumps(envelope("subscriptions", number, events)), text=True)

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Trades of a product, newest first, or a ticker."""
        held: list[Tick] = []
        numbers = count(len(self.channels))
        for tick in ticks:
            if held and (not tick.is_trade or tick.symbol != held[0].symbol or len(held) == 3):
                events = [{"type": "update", "trades": [_trade(one) for one in reversed(held)]}]
                yield envelope("market_trades", next(numbers), events, held[-1]), len(held)
                held = []
            if tick.is_trade:
                held.append(tick)
            else:
                events = [{"type": "update", "tickers": [_ticker(tick)]}]
                yield envelope("ticker", next(numbers), events, tick), 1

    def join(self, server: ClientConnection) -> None:
        """Subscribe."""
        for channel in self.channels:
            asked = {"type": "subscribe", "product_ids": self.symbols, "channel": channel}
            server.send(orjson.dumps(asked), text=True)

    def rows(self, message: Message) -> list[Row]:
        """Trades, oldest first, or quotes with the statistics of the day."""
        rows: list[Row] = []
        for event in message["events"]:
            for one in reversed(event.get("trades", ())):
                row = renamed("trade", one, TRADE)
                row["aggressor_side"] = MAKER[one["side"]]
                rows.append(row)
            for one in event.get("tickers", ()):
                row = renamed("quote", one, QUOTE)
                row["ts_event"] = message["timestamp"]
                row["extra"] = {name: one[name] for name in ("price", *DAY)}
                rows.append(row)
        return rows


class CoinbaseExchange(Vendor):
    """The feed of Coinbase Exchange."""

    name = "coinbase-exchange"
    provider = "coinbase"
    symbols = PRODUCTS
    arguments = ("--feed", "exchange")

    def admit(self, client: ServerConnection) -> None:
        """Answer with the state of the connection."""
        channels = orjson.loads(client.recv())["channels"]
        client.send(orjson.dumps({"type": "subscriptions", "channels": channels}), text=True)

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Matches and tickers."""
        for tick in ticks:
            yield _match(tick) if tick.is_trade else _exchange_ticker(tick), 1

    def join(self, server: ClientConnection) -> None:
        """Subscribe."""
        names = ("matches", "ticker", "heartbeat")
        channels = [{"name": name, "product_ids": self.symbols} for name in names]
        server.send(orjson.dumps({"type": "subscribe", "channels": channels}), text=True)

    def rows(self, message: Message) -> list[Row]:
        """A trade, or a quote with the statistics of the day."""
        match message["type"]:
            case "match":
                row = renamed("trade", message, TRADE)
                row["aggressor_side"] = MAKER[message["side"]]
                row["extra"] = {name: message[name] for name in MATCH_EXTRA}
                return [row]
            case "ticker":
                row = renamed("quote", message, EXCHANGE_QUOTE)
                row["extra"] = {name: message[name] for name in TICKER_EXTRA}
                return [row]
        return []


MATCH_EXTRA = ("maker_order_id", "taker_order_id", "sequence")
TICKER_EXTRA = ("sequence", "price", *EXCHANGE_DAY, "side", "trade_id", "last_size")


def envelope(channel: str, number: int, events: list[Message], tick: Tick | None = None) -> Message:
    """A message of Advanced Trade."""
    time = "2024-01-02T14:30:00Z" if tick is None else f"{tick.time()}Z"
    return {"channel": channel, "timestamp": time, "sequence_num": number, "events": events}


def _trade(tick: Tick) -> Message:
    return {
        "product_id": tick.symbol,
        "trade_id": str(1_068_572_000 + tick.trade),
        "price": tick.text(),
        "size": tick.coins,
        "time": f"{tick.time(6)}Z",
        "side": "BUY" if tick.is_sell else "SELL",
    }


def _ticker(tick: Tick) -> Message:
    return {
        "type": "ticker",
        "product_id": tick.symbol,
        "price": tick.text(),
        **DAY,
        "best_bid": tick.bid().text(),
        "best_ask": tick.ask().text(),
        "best_bid_quantity": "0.02858092",
        "best_ask_quantity": tick.coins,
    }


def _match(tick: Tick) -> Message:
    return {
        "type": "match",
        "trade_id": tick.trade,
        "maker_order_id": f"ac928c66-ca53-498f-9c13-{tick.number:012x}",
        "taker_order_id": f"132fb6ae-456b-4654-b4e0-{tick.number:012x}",
        "side": "buy" if tick.is_sell else "sell",
        "size": tick.coins,
        "price": tick.text(),
        "product_id": tick.symbol,
        "sequence": 3 * tick.number,
        "time": f"{tick.time(6)}Z",
    }


def _exchange_ticker(tick: Tick) -> Message:
    return {
        "type": "ticker",
        "sequence": 3 * tick.number,
        "product_id": tick.symbol,
        "price": tick.text(),
        **EXCHANGE_DAY,
        "best_bid": tick.bid().text(),
        "best_bid_size": "0.02858092",
        "best_ask": tick.ask().text(),
        "best_ask_size": tick.coins,
        "side": "sell" if tick.is_sell else "buy",
        "time": f"{tick.time(6)}Z",
        "trade_id": tick.trade,
        "last_size": "0.00311",
    }
