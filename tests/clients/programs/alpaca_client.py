"""alpaca-py, which speaks MessagePack: `URL KEY SECRET COUNT SYMBOL...`."""

import sys
from datetime import datetime, timezone
from typing import Any

from alpaca.data.live import StockDataStream
from told import Told

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017


def nanoseconds(moment: datetime) -> int:
    """Its datetimes have microseconds."""
    since = moment - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def main(url: str, key: str, secret: str, count: str, *symbols: str) -> None:
    """Connect, subscribe, and tell what comes."""
    told = Told(int(count))

    async def trade(m: Any) -> None:
        told("trade", m.symbol, nanoseconds(m.timestamp), price=m.price, size=m.size, id=m.id)

    async def quote(m: Any) -> None:
        values = {"bid_price": m.bid_price or None, "bid_size": m.bid_size}
        values |= {"ask_price": m.ask_price or None, "ask_size": m.ask_size}
        told("quote", m.symbol, nanoseconds(m.timestamp), **values)

    stream = StockDataStream(key, secret, url_override=url)
    stream.subscribe_trades(trade, *symbols)
    stream.subscribe_quotes(quote, *symbols)
    stream.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
