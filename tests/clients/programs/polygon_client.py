"""polygon-api-client, or its heir massive: `MODULE URL KEY MARKET COUNT SUBSCRIPTION...`."""

import importlib
import sys
from typing import Any

from told import Told

MS = 1_000_000
SIDES = {1: "sell", 2: "buy"}


def main(module: str, url: str, key: str, market: str, count: str, *wanted: str) -> None:
    """Connect, subscribe, and tell what comes."""
    told = Told(int(count))

    def take(messages: list[Any]) -> None:
        for m in messages:
            match m.event_type:
                case "T":
                    told("trade", m.symbol, m.timestamp * MS, price=m.price, size=m.size, id=m.id)
                case "XT":
                    side = SIDES.get(m.conditions[0]) if m.conditions else None
                    values = {"price": m.price, "size": m.size, "id": m.id, "side": side}
                    told("trade", m.pair, m.timestamp * MS, **values)
                case "Q":
                    told("quote", m.symbol, m.timestamp * MS, **sides(m))
                case "AM":
                    values = {"open": m.open, "high": m.high, "low": m.low, "close": m.close}
                    told("bar", m.symbol, m.start_timestamp * MS, **values, volume=m.volume)
                case _:
                    sys.exit(f"unexpected: {m}")

    library = importlib.import_module(module)
    host = url.split("://")[1].partition("/")[0]
    library.WebSocketClient(
        key, feed=host, market=market, subscriptions=list(wanted), secure=False
    ).run(take)


def sides(m: Any) -> dict[str, Any]:
    """The best bid and offer; a price of 0 is none."""
    return {
        "bid_price": m.bid_price or None,
        "bid_size": m.bid_size,
        "ask_price": m.ask_price or None,
        "ask_size": m.ask_size,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
