"""A feed on loopback in Alpaca's protocol, and the shortest client one could write for it.

python bench/feed.py serve 300000     prints its URL; as fast as the client reads
python bench/feed.py read URL 300000  one JSON line an event on standard output
"""

import random
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

FRAME_EVENTS = 10
PREPARED = 30_000  # frames held in memory; a longer feed plays them again
GREETING = b'[{"T":"success","msg":"connected"}]'
AUTHENTICATED = b'[{"T":"success","msg":"authenticated"}]'
START = 1_704_205_800  # 2024-01-02T14:30:00Z
SYMBOLS = ("SPY", "AAPL", "MSFT", "NVDA", "AMZN")

FIELDS = {
    "t": {
        "S": "symbol",
        "t": "ts_event",
        "x": "venue",
        "p": "price",
        "s": "size",
        "i": "trade_id",
        "c": "conditions",
        "z": "tape",
    },
    "q": {
        "S": "symbol",
        "t": "ts_event",
        "bx": "bid_venue",
        "bp": "bid_price",
        "bs": "bid_size",
        "ax": "ask_venue",
        "ap": "ask_price",
        "as": "ask_size",
        "c": "conditions",
        "z": "tape",
    },
}
NAMES = {"t": "trade", "q": "quote"}


def messages() -> Iterator[dict[str, Any]]:
    """Trades (40 %) and quotes without end, the same in each run."""
    dice = random.Random(1)
    cents = dict.fromkeys(SYMBOLS, 20_000)
    moment = 0
    while True:
        moment += dice.randrange(1_000, 200_000)
        symbol = dice.choice(SYMBOLS)
        cents[symbol] += dice.choice((-1, 0, 0, 0, 1))
        price, seconds = cents[symbol], moment // 10**9
        time = f"2024-01-02T14:30:{seconds % 60:02d}.{moment % 10**9:09d}Z"
        if dice.random() < 0.4:
            yield {
                "T": "t",
                "S": symbol,
                "i": 52_983_525_000_000 + moment,
                "x": "V",
                "p": price / 100,
                "s": dice.randrange(1, 500),
                "c": ["@", "I"],
                "z": "C",
                "t": time,
            }
        else:
            yield {
                "T": "q",
                "S": symbol,
                "bx": "V",
                "bp": (price - 1) / 100,
                "bs": dice.randrange(1, 20) * 100,
                "ax": "Q",
                "ap": (price + 1) / 100,
                "as": dice.randrange(1, 20) * 100,
                "c": ["R"],
                "z": "C",
                "t": time,
            }


def prepared(events: int) -> list[bytes]:
    """Frames as they travel, ten events in each."""
    source = messages()
    count = min(PREPARED, -(-events // FRAME_EVENTS))
    return [
        Frame(Opcode.TEXT, orjson.dumps(list(islice(source, FRAME_EVENTS)))).serialize(mask=False)
        for _ in range(count)
    ]


def feed(connection: ServerConnection, frames: list[bytes], events: int) -> None:
    """Greet, let in, and send frames until there were as many events; then listen."""
    try:
        connection.send(GREETING, text=True)
        connection.recv()
        connection.send(AUTHENTICATED, text=True)
        asked = orjson.loads(connection.recv())
        del asked["action"]
        connection.send(orjson.dumps([{"T": "subscription", **asked}]), text=True)
        # Past the library's own send, which would cost more than a client's reading.
        for number in range(-(-events // FRAME_EVENTS)):
            connection.socket.sendall(frames[number % len(frames)])
        while True:
            connection.recv()
    except (ConnectionClosed, OSError):
        return  # the client has what it wanted


def serve_forever(events: int) -> None:
    """Serve every client the same feed, until killed."""
    frames = prepared(events)
    # A ping of the library would come in the midst of a frame.
    with serve(
        lambda c: feed(c, frames, events), "127.0.0.1", 0, compression=None, ping_interval=None
    ) as server:
        host, port = server.socket.getsockname()
        print(f"ws://{host}:{port}/v2/iex", flush=True)
        server.serve_forever()


def read(url: str, events: int) -> None:
    """Subscribe, and write as many events as one object a line, under our names."""
    with connect(url, compression=None, ping_interval=None, max_size=None) as socket:
        socket.recv()
        socket.send('{"action":"auth","key":"bench","secret":"bench"}')
        socket.recv()
        socket.send(orjson.dumps({"action": "subscribe", "trades": SYMBOLS, "quotes": SYMBOLS}))
        socket.recv()
        while events > 0:
            lines = []
            for message in orjson.loads(socket.recv()):
                kind = message["T"]
                row = {"type": NAMES[kind]}
                for theirs, ours in FIELDS[kind].items():
                    row[ours] = message[theirs]
                lines.append(orjson.dumps(row) + b"\n")
            sys.stdout.buffer.write(b"".join(lines))
            sys.stdout.buffer.flush()
            events -= len(lines)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", events]:
            serve_forever(int(events))
        case ["read", url, events]:
            read(url, int(events))
        case _:
            sys.exit(__doc__)
