"""alpaca-py: `URL COUNT SYMBOL...`."""

import sys
from typing import Any

from alpaca.data.live import StockDataStream
from told import Told


def main(url: str, count: str, *symbols: str) -> None:
    """Connect, subscribe, and tell what comes."""
    told = Told(int(count))

    async def trade(m: Any) -> None:
        told("trade", m.symbol, m.timestamp, price=m.price, size=m.size, trade_id=m.id)

    async def quote(m: Any) -> None:
        bid = {"bid_price": m.bid_price, "bid_size": m.bid_size}
        ask = {"ask_price": m.ask_price, "ask_size": m.ask_size}
        told("quote", m.symbol, m.timestamp, **bid, **ask)

    stream = StockDataStream("bench", "bench", url_override=url)
    stream.subscribe_trades(trade, *symbols)
    stream.subscribe_quotes(quote, *symbols)
    stream.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
