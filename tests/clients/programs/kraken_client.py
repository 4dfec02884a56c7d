"""python-kraken-sdk: `URL COUNT SYMBOL...`."""

import asyncio
import sys
from datetime import datetime, timezone
from typing import Any

from kraken.spot import SpotWSClient
from told import Told

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017


def nanoseconds(text: str) -> int:
    """Kraken's times are RFC 3339 with microseconds, or more."""
    head, _, digits = text.removesuffix("Z").partition(".")
    seconds = int((datetime.fromisoformat(f"{head}+00:00") - EPOCH).total_seconds())
    return seconds * 10**9 + int(digits.ljust(9, "0"))


async def run(url: str, told: Told, symbols: list[str]) -> None:
    """Connect, subscribe, and tell what comes."""

    async def take(message: dict[str, Any]) -> None:
        for m in message.get("data", ()):
            if message.get("channel") == "trade":
                values = {"price": m["price"], "size": m["qty"], "id": m["trade_id"]}
                told("trade", m["symbol"], nanoseconds(m["timestamp"]), side=m["side"], **values)

    client = SpotWSClient(callback=take, ws_url=url.removesuffix("/v2"))
    await client.start()
    await client.subscribe(params={"channel": "trade", "symbol": symbols, "snapshot": False})
    while not client.exception_occur:
        await asyncio.sleep(1)
    sys.exit("the client has failed")


def main(url: str, count: str, *symbols: str) -> None:
    """Run until all has come."""
    asyncio.run(run(url, Told(int(count)), list(symbols)))


if __name__ == "__main__":
    main(*sys.argv[1:])
