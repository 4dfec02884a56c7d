"""python-binance: `URL COUNT SYMBOL...`."""

import asyncio
import sys

from binance import AsyncClient, BinanceSocketManager
from told import Told


async def run(url: str, told: Told, symbols: list[str]) -> None:
    """Connect, subscribe, and tell what comes."""
    manager = BinanceSocketManager(AsyncClient(), max_queue_size=1_000_000)
    manager.STREAM_URL = url.partition("/stream")[0].rstrip("/") + "/"
    kinds = ("trade", "bookTicker")
    streams = [f"{symbol.lower()}@{kind}" for symbol in symbols for kind in kinds]
    async with manager.multiplex_socket(streams) as socket:
        while True:
            message = await socket.recv()
            m = message["data"]
            if message["stream"].endswith("@trade"):
                values = {"price": m["p"], "size": m["q"], "trade_id": m["t"]}
                told("trade", m["s"], m["T"], **values, side="sell" if m["m"] else "buy")
            else:
                bid = {"bid_price": m["b"], "bid_size": m["B"]}
                told("quote", m["s"], None, **bid, ask_price=m["a"], ask_size=m["A"])


def main(url: str, count: str, *symbols: str) -> None:
    """Run until all has come."""
    asyncio.run(run(url, Told(int(count)), list(symbols)))


if __name__ == "__main__":
    main(*sys.argv[1:])
