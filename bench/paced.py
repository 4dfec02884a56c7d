"""How long an event is under way: a feed at a steady rate, and a reader that looks at its watch.

python bench/paced.py serve EVENTS RATE    prints its URL; Alpaca's protocol, a trade a frame
python bench/paced.py lines < LINES        the delays of the trades, as JSON
python bench/paced.py acks < LINES         those of the acks behind them, of `store --ack --tee`

The id of a trade is when it was sent, by the monotonic clock of the machine in nanoseconds.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator

import orjson
from vendors.alpaca import Alpaca
from vendors.vendor import ticks
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

LEAD = 1.5  # seconds from the subscription to the first event, in which all has started
WARM = 10  # of so many delays the first is left out: an archive is made, modules are loaded


def feed(connection: ServerConnection, events: int, rate: float) -> None:
    """Let a client in, and send so many trades at this rate; then listen."""
    vendor = Alpaca()
    trades = (tick for tick in ticks(vendor.symbols) if tick.is_trade)
    try:
        vendor.admit(connection)
        start = time.monotonic() + LEAD
        for number, tick in zip(range(events), trades, strict=False):
            time.sleep(max(start + number / rate - time.monotonic(), 0))
            message = vendor.message(tick)
            message["i"] = time.monotonic_ns()
            connection.send(orjson.dumps([message]), text=True)
        while True:
            connection.recv()
    except (ConnectionClosed, OSError):
        return  # the client has what it wanted


def of_lines(lines: Iterable[bytes]) -> Iterator[int]:
    """The delay of each trade, in nanoseconds."""
    for line in lines:
        now = time.monotonic_ns()
        event = orjson.loads(line)
        if event["type"] == "trade":
            yield now - int(event["trade_id"])


def of_acks(lines: Iterable[bytes]) -> Iterator[int]:
    """How long each trade took until it was said to be durable, in nanoseconds."""
    sent: list[int] = []
    told = 0
    for line in lines:
        now = time.monotonic_ns()
        event = orjson.loads(line)
        if event["type"] == "trade":
            sent.append(int(event["trade_id"]))
        elif event["type"] == "ack":
            count = event["counts"].get("trade", 0)
            yield from (now - moment for moment in sent[told:count])
            told = max(told, count)


def summary(delays: Iterable[int]) -> dict[str, float]:
    """How many there are, and the delay in ms that half of them, and 99 of 100, stay below."""
    found = [delay / 1e6 for delay in delays]
    if not found:
        sys.exit("no event has come")
    ms = sorted(found[len(found) // WARM :])
    return {"events": len(ms), "p50": ms[len(ms) // 2], "p99": ms[len(ms) * 99 // 100]}


def main() -> None:
    """As the arguments say."""
    match sys.argv[1:]:
        case ["serve", events, rate]:
            count, pace = int(events), float(rate)
            with serve(lambda c: feed(c, count, pace), "127.0.0.1", 0, compression=None) as server:
                host, port = server.socket.getsockname()
                print(f"ws://{host}:{port}{Alpaca.path}", flush=True)
                server.serve_forever()
        case ["lines"]:
            print(json.dumps(summary(of_lines(sys.stdin.buffer))))
        case ["acks"]:
            print(json.dumps(summary(of_acks(sys.stdin.buffer))))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
