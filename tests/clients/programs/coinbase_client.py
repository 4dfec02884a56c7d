"""coinbase-advanced-py: `URL COUNT SYMBOL...`."""

import json
import sys
from datetime import datetime, timezone

import websockets
from coinbase.websocket import WSClient
from told import Told
from websockets.legacy.client import connect

websockets.connect = connect  # what it calls is the interface of websockets before 14
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017
OTHER = {"BUY": "sell", "SELL": "buy"}  # it names the maker's side


def nanoseconds(text: str) -> int:
    """Its times are RFC 3339."""
    head, _, digits = text.removesuffix("Z").partition(".")
    seconds = int((datetime.fromisoformat(f"{head}+00:00") - EPOCH).total_seconds())
    return seconds * 10**9 + int(digits.ljust(9, "0"))


def main(url: str, count: str, *symbols: str) -> None:
    """Connect, subscribe, and tell what comes."""
    told = Told(int(count))

    def take(text: str) -> None:
        message = json.loads(text)
        if message["channel"] != "market_trades":
            return
        for event in message["events"]:
            for m in event["trades"] if event["type"] == "update" else ():
                values = {"price": m["price"], "size": m["size"], "side": OTHER[m["side"]]}
                told("trade", m["product_id"], nanoseconds(m["time"]), **values)

    client = WSClient(on_message=take, base_url=url, retry=False)
    client.open()
    client.market_trades(product_ids=list(symbols))
    client.heartbeats()  # as the vendor advises: else a quiet connection is closed
    while True:
        client.sleep_with_exception_check(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
