"""polygon-api-client: `URL COUNT SYMBOL...`."""

import sys
from typing import Any

from polygon import WebSocketClient
from told import Told


def main(url: str, count: str, *symbols: str) -> None:
    """Connect, subscribe, and tell what comes."""
    told = Told(int(count))

    def take(messages: list[Any]) -> None:
        for m in messages:
            if m.event_type == "T":
                told("trade", m.symbol, m.timestamp, price=m.price, size=m.size, trade_id=m.id)
            else:
                bid = {"bid_price": m.bid_price, "bid_size": m.bid_size}
                ask = {"ask_price": m.ask_price, "ask_size": m.ask_size}
                told("quote", m.symbol, m.timestamp, **bid, **ask)

    host = url.split("://")[1].partition("/")[0]
    wanted = [f"{kind}.{symbol}" for symbol in symbols for kind in "TQ"]
    client = WebSocketClient("bench", feed=host, subscriptions=wanted, secure=False)
    client.run(take)


if __name__ == "__main__":
    main(*sys.argv[1:])
