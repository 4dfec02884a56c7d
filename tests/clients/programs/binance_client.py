"""python-binance: `URL COUNT SYMBOL...`."""

import asyncio
import sys

from binance import AsyncClient, BinanceSocketManager
from told import Told

MS = 1_000_000


async def run(url: str, told: Told, symbols: list[str]) -> None:
    """Connect, subscribe, and tell what comes."""
    manager = BinanceSocketManager(AsyncClient(), max_queue_size=10_000)
    manager.STREAM_URL = url.partition("/stream")[0].partition("/ws")[0].rstrip("/") + "/"
    streams = [f"{symbol.lower()}@trade" for symbol in symbols]
    async with manager.multiplex_socket(streams) as socket:
        while True:
            message = await socket.recv()
            m = message["data"]
            values = {"price": m["p"], "size": m["q"], "id": m["t"]}
            told("trade", m["s"], m["T"] * MS, side="sell" if m["m"] else "buy", **values)


def main(url: str, count: str, *symbols: str) -> None:
    """Run until all has come."""
    asyncio.run(run(url, Told(int(count)), list(symbols)))


if __name__ == "__main__":
    main(*sys.argv[1:])
