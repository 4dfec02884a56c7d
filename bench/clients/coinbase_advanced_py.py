"""coinbase-advanced-py: `URL COUNT SYMBOL...`."""

import json
import sys

import websockets
from coinbase.websocket import WSClient
from told import Told
from websockets.legacy.client import connect

websockets.connect = connect  # what it calls is the interface of websockets before 14
OTHER = {"BUY": "sell", "SELL": "buy"}  # it names the maker's side


def main(url: str, count: str, *symbols: str) -> None:
    """Connect, subscribe, and tell what comes."""
    told = Told(int(count))

    def take(text: str) -> None:
        message = json.loads(text)
        for event in message["events"]:
            for m in reversed(event.get("trades", ())):
                values = {"price": m["price"], "size": m["size"], "trade_id": m["trade_id"]}
                told("trade", m["product_id"], m["time"], **values, side=OTHER[m["side"]])
            for m in event.get("tickers", ()):
                bid = {"bid_price": m["best_bid"], "bid_size": m["best_bid_quantity"]}
                ask = {"ask_price": m["best_ask"], "ask_size": m["best_ask_quantity"]}
                told("quote", m["product_id"], message["timestamp"], **bid, **ask)

    client = WSClient(on_message=take, base_url=url, retry=False)
    client.open()
    client.market_trades(product_ids=list(symbols))
    client.ticker(product_ids=list(symbols))
    client.heartbeats()
    while True:
        client.sleep_with_exception_check(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
