"""python-kraken-sdk: `URL COUNT SYMBOL...`."""

import asyncio
import sys
from typing import Any

from kraken.spot import SpotWSClient
from told import Told


async def run(url: str, told: Told, symbols: list[str]) -> None:
    """Connect, subscribe, and tell what comes."""

    async def take(message: dict[str, Any]) -> None:
        channel = message.get("channel")
        for m in message.get("data", ()):
            if channel == "trade":
                values = {"price": m["price"], "size": m["qty"], "trade_id": m["trade_id"]}
                told("trade", m["symbol"], m["timestamp"], **values, side=m["side"])
            elif channel == "ticker":
                bid = {"bid_price": m["bid"], "bid_size": m["bid_qty"]}
                ask = {"ask_price": m["ask"], "ask_size": m["ask_qty"]}
                told("quote", m["symbol"], m["timestamp"], **bid, **ask)

    client = SpotWSClient(callback=take, ws_url=url.removesuffix("/v2"))
    await client.start()
    await client.subscribe(params={"channel": "trade", "symbol": symbols, "snapshot": False})
    ticker = {"channel": "ticker", "symbol": symbols, "event_trigger": "bbo", "snapshot": False}
    await client.subscribe(params=ticker)
    while not client.exception_occur:
        await asyncio.sleep(1)
    sys.exit("the client has failed")


def main(url: str, count: str, *symbols: str) -> None:
    """Run until all has come."""
    asyncio.run(run(url, Told(int(count)), list(symbols)))


if __name__ == "__main__":
    main(*sys.argv[1:])
