"""Providers of small venues over TCP, UDP and HTTP, as a third party's package brings them."""

import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kit.installed import distribution

VENUES = '''\
"""Small venues, for tests."""
import struct
from decimal import Decimal
from mdc_core import plugin as mdc

TOKEN = "s3cret-token"


class LinesServer(mdc.Sandbox):
    test_secrets = {"LINES_TOKEN": TOKEN}

    class Options(mdc.Options):
        beats: int = 0

    def __init__(self, path, headers, options):
        super().__init__(path, headers, options)
        self.symbols = ()
        self.number = self.pongs = 0
        self.every = 0.02 if options.beats else None

    @property
    def subscribed(self):
        return bool(self.symbols)

    def receive(self, frame):
        match frame.split():
            case ["LOGIN", token, symbols] if token == TOKEN:
                self.symbols = symbols.split(",")
                return ["OK"]
            case ["PONG"]:
                self.pongs += 1
                if self.pongs == self.options.beats:
                    raise mdc.HangUp(f"T 0 SPY {self.pongs} {self.pongs} 1")
                return []
        raise mdc.HangUp("NO wrong token")

    def tick(self, now):
        return ["PING"]

    def feed(self, events):
        for event in events:
            if isinstance(event, mdc.Trade) and event.symbol in self.symbols:
                self.number += 1
                ns = mdc.to_ns(event.ts_event)
                yield f"T {self.number} {event.symbol} {ns} {event.price} {event.size}"


class Lines(mdc.Stream):
    secrets = ("LINES_TOKEN",)
    channels = default_channels = ("trade",)
    sandbox = LinesServer
    def endpoints(self):
        return [mdc.Endpoint("tcp://feed.lines.example:4001")]

    def opened(self, now):
        return [self.login(self.credentials["LINES_TOKEN"])]

    def login(self, token):
        return mdc.Send(f"LOGIN {token} {','.join(self.subscription.symbols)}")

    def receive(self, frame, now):
        if isinstance(frame, bytes):
            frame = frame.decode()
        match frame.split():
            case ["OK"]:
                return [mdc.Up()]
            case ["NO", *why]:
                return [mdc.Refused(f"lines says: {' '.join(why)}")]
            case ["PING"]:
                return [mdc.Send("PONG")]
            case ["SKIP", symbol]:
                return [mdc.Refused(f"lines has no {symbol}", (symbol,))]
            case ["SKIP", symbol, channel]:
                text = f"lines has no {channel} of {symbol}"
                return [mdc.Refused(text, (symbol,), (channel,))]
            case ["T", seq, symbol, ns, price, size]:
                head = {"symbol": symbol, "ts_event": mdc.from_ns(int(ns)), "seq": int(seq)}
                return [mdc.Trade(**head, price=Decimal(price), size=Decimal(size))]
        raise mdc.DataError(f"no message of Lines: {frame}")


class Hasty(Lines):
    login_within = 0.5


class Changing(Lines):
    """Changes its subscription on the connection that it has."""

    login_within = 600.0

    def resubscribe(self, subscription, now):
        return [mdc.Send(f"CHANGE {','.join(subscription.symbols)}")]


class Pairs(Changing):
    limits = mdc.Limits(symbols=2, connections=2)


class Both(Lines):
    channels = default_channels = ("trade", "quote")


class Alone(Lines):
    limits = mdc.Limits(symbols=1)


class Opening(Changing):
    limits = mdc.Limits(symbols=1, openings=2, openings_per=1)


class Impatient(Changing):
    def resubscribe(self, subscription, now):
        self.login_within = 0.1
        return super().resubscribe(subscription, now)


class ByConnection(Lines):
    sequence = "connection"


class ByChannel(Lines):
    sequence = "channel"

    def receive(self, frame, now):
        for item in super().receive(frame, now):
            if isinstance(item, mdc.Trade):
                item.channel = f"board{item.seq // 100}"
                item.seq %= 100
            yield item


class Strict(Lines):
    """Wants CR LF, and says something every fraction of a second."""

    silence = 0.25

    def endpoints(self):
        return [mdc.Endpoint("tcp://feed.lines.example:4001", framing=mdc.Lines("\\r\\n"))]


class Holes(Lines):
    """Says that something is missing, and no more; fails at what it does not know."""

    def receive(self, frame, now):
        match frame.split():
            case ["MISSING", symbol, count]:
                return [mdc.Gap(symbol=symbol, count=int(count), reason="sequence")]
            case ["WRONG", check]:
                text = "it does not fit"
                return [mdc.Integrity(check=check, severity="error", message=text)]
            case ["MISSING", symbol, count, ns]:
                return [mdc.Gap(symbol=symbol, count=int(count), ts_event=mdc.from_ns(int(ns)))]
            case ["WHAT", text]:
                return [mdc.Bad(frame, f"no {text}")]
        return super().receive(frame, now)


class Moody(Lines):
    """Says in each way that the connection is at an end."""

    silence = 0.25

    def receive(self, frame, now):
        match frame.split():
            case ["BYE"]:
                return [mdc.Reconnect("moody says bye")]
            case ["SLOW"]:
                return [mdc.Busy("moody says: too slow", cause="slow-consumer")]
            case ["FULL"]:
                return [mdc.Busy("moody is full", after=0.01)]
            case ["CLOSED"]:
                return [mdc.Maintenance("moody is closed", now - 1)]
            case ["DENIED"]:
                return [mdc.Refused("moody says: wrong token", cause="login")]
        return super().receive(frame, now)


class Paced(Lines):
    """Logs in for each symbol by itself; the venue takes two messages a second."""

    limits = mdc.Limits(messages=2)

    def opened(self, now):
        for symbol in self.subscription.symbols:
            yield mdc.Send(f"LOGIN {symbol}")


class Counted(Lines):
    """Counts each channel of each symbol."""

    channels = default_channels = ("trade", "quote")
    limits = mdc.Limits(subscriptions=5, connections=3)
    assets = ("crypto",)

    def receive(self, frame, now):
        match frame.split():
            case ["Q", symbol]:
                price = Decimal(1)
                head = {"symbol": symbol, "ts_event": mdc.from_ns(now)}
                return [mdc.Quote(**head, bid_price=price, ask_price=price)]
        return super().receive(frame, now)


class Beating(Lines):
    """Says something by itself."""

    every = 0.3

    def tick(self, now):
        return [mdc.Send("TICK")]


class Narrow(Lines):
    limits = mdc.Limits(symbols=2, connections=2)


class Wild(Lines):
    """Makes events that cannot be written, and fails as nobody should."""

    def receive(self, frame, now):
        match frame.split():
            case ["EXIT"]:
                raise SystemExit(3)
            case ["CANCEL"]:
                raise BaseException("cancelled")
            case ["SPLIT"]:
                yield mdc.Trade(symbol="\\ud800", ts_event=mdc.from_ns(now), price=Decimal(1))
            case ["WAIT", *words]:
                yield mdc.Busy(" ".join(words), after=1e308)
            case ["NO", *words]:
                yield mdc.Refused("\\x1b[31mno\\nmdc: " + " ".join(words) + "\\ud800")
            case ["NAN"]:
                yield mdc.Trade(symbol="SPY", ts_event=mdc.from_ns(now), size=Decimal("NaN"))
            case ["WHEN"]:
                yield mdc.Trade(symbol="SPY", ts_event="yesterday", price=Decimal(1))
            case ["FLOAT"]:
                yield mdc.Trade(symbol="SPY", ts_event=mdc.from_ns(now), price=0.1)
            case ["HALF"]:
                yield mdc.Trade(symbol="SPY", ts_event=mdc.from_ns(now), price=Decimal(7))
                raise RuntimeError("half a frame")
            case _:
                yield from super().receive(frame, now)


class Split(Lines):
    """Asks for each half of the symbols at another place."""

    def endpoints(self):
        halves = self.subscription.symbols[::2], self.subscription.symbols[1::2]
        return [
            mdc.Endpoint(f"tcp://{number}.lines.example:4001", share=mdc.Subscription(half))
            for number, half in enumerate(halves)
        ]


class Open(Lines):
    """Has a public feed as well, without a token."""

    secrets = ()
    optional_secrets = ("LINES_TOKEN",)

    def opened(self, now):
        return [self.login(self.credentials.get("LINES_TOKEN", "nobody"))]


class Datagrams(Lines):
    sandbox = None

    def endpoints(self):
        return [mdc.Endpoint("udp://feed.lines.example:4002")]


class Tokens(Lines):
    """Asks for a token by HTTP before it logs in."""

    secrets = ()
    sandbox = None

    class Options(mdc.Options):
        api: str

    def opened(self, now):
        params = {"for": ",".join(self.subscription.symbols)}
        return [mdc.Fetch(mdc.Request(self.options.api, params), "token")]

    def fetched(self, tag, response, now):
        if response.status != 200:
            return [mdc.Busy(f"HTTP {response.status}", after=0.0)]
        assert tag == "token" and response.headers["x-venue"] == "lines"
        return [self.login(response.body.decode())]


class BoardServer(mdc.Sandbox):
    """Trades by WebSocket, and by HTTP the number of the last one that this connection has."""

    last = 0
    subscribed = answered = False

    @property
    def awaits(self):
        return self.last > 0 and not self.answered

    def receive(self, frame):
        self.symbol, self.subscribed = frame, True
        return ["OK"]

    def feed(self, events):
        for event in events:
            self.last += 1
            yield f"{self.last} {mdc.to_ns(event.ts_event)} {event.price}"

    def respond(self, request):
        asked = request.params.get("symbol"), request.params.get("depth")
        if not self.subscribed or asked != (self.symbol, "5"):
            return mdc.Response(404, {}, f"no {asked[0]} at {request.where}".encode())
        self.answered = True
        return mdc.Response(200, {"X-Board": request.where}, b"%d" % self.last)


class Board(mdc.Stream):
    """Asks for the state of things when it has heard the first change of it, which it keeps."""

    channels = default_channels = ("trade",)
    sandbox = BoardServer

    def __init__(self, subscription, options, credentials):
        super().__init__(subscription, options, credentials)
        self.held = []

    def endpoints(self):
        return [mdc.Endpoint("wss://board.example:4004/feed")]

    def opened(self, now):
        return [mdc.Send(self.subscription.symbols[0])]

    def receive(self, frame, now):
        if frame == "OK":
            return [mdc.Up()]
        number, ns, price = frame.split()
        head = {"symbol": self.subscription.symbols[0], "ts_event": mdc.from_ns(int(ns))}
        trade = mdc.Trade(**head, seq=int(number), price=Decimal(price), size=Decimal(1))
        if self.held is None:
            return [trade] if trade.seq > self.last else []
        self.held.append(trade)
        params = {"symbol": self.subscription.symbols[0]}
        request = mdc.Request("https://rest.board.example/v1/last?depth=5", params)
        return [mdc.Fetch(request, "last")] if len(self.held) == 1 else []

    def fetched(self, tag, response, now):
        response.check()
        held, self.held = self.held, None
        status = mdc.Status(symbol=self.subscription.symbols[0], ts_event=mdc.from_ns(now))
        self.last = status.seq = int(response.body)
        status.message = response.headers["x-board"]
        return [status, *(trade for trade in held if trade.seq > status.seq)]


HEAD = struct.Struct(">cqqI")


class BinaryServer(mdc.Sandbox):
    subscribed = False

    def receive(self, frame):
        self.symbols, self.subscribed = frame[1:].decode().split(","), True
        return [b"K"]

    def feed(self, events):
        for event in events:
            if isinstance(event, mdc.Trade) and event.symbol in self.symbols:
                scaled = int(event.price * 10000), int(event.size)
                yield HEAD.pack(b"T", mdc.to_ns(event.ts_event), *scaled) + event.symbol.encode()


class Binary(mdc.Stream):
    channels = default_channels = ("trade",)
    sandbox = BinaryServer

    def endpoints(self):
        return [mdc.Endpoint("tls://binary.example:4003", framing=mdc.Lengths(2))]

    def opened(self, now):
        return [mdc.Send(b"L" + ",".join(self.subscription.symbols).encode())]

    def receive(self, frame, now):
        if frame == b"K":
            return [mdc.Up()]
        kind, ns, price, size = HEAD.unpack_from(frame)
        symbol = frame[HEAD.size :].decode()
        price = Decimal(price).scaleb(-4)
        return [mdc.Trade(symbol=symbol, ts_event=mdc.from_ns(ns), price=price, size=Decimal(size))]
'''
ENTRY_POINTS = """\
[mdc.stream]
lines = venues:Lines
hasty = venues:Hasty
changing = venues:Changing
pairs = venues:Pairs
impatient = venues:Impatient
by-connection = venues:ByConnection
by-channel = venues:ByChannel
strict = venues:Strict
holes = venues:Holes
moody = venues:Moody
paced = venues:Paced
counted = venues:Counted
opening = venues:Opening
both = venues:Both
alone = venues:Alone
beating = venues:Beating
narrow = venues:Narrow
wild = venues:Wild
split = venues:Split
open = venues:Open
datagrams = venues:Datagrams
tokens = venues:Tokens
binary = venues:Binary
board = venues:Board
"""


def install(folder: Path) -> Path:
    """A folder with the venues' package."""
    distribution(folder, "mdc-venues", ENTRY_POINTS)
    (folder / "venues.py").write_text(VENUES)
    return folder


Script = Callable[[socket.socket], None]


@contextmanager
def tcp(*scripts: Script) -> Iterator[str]:
    """A real TCP server; each connection is served by the next of the scripts, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        failed: queue.SimpleQueue[BaseException] = queue.SimpleQueue()

        def serve(script: Script, connection: socket.socket) -> None:
            with connection:
                try:
                    script(connection)
                except BaseException as error:
                    failed.put(error)
                    raise

        def accept() -> None:
            for script in scripts:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(script, connection), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        if not failed.empty():
            raise failed.get()


def rows(text: str, *names: str) -> list[dict[str, Any]]:
    """The events of some lines, all or those of these types."""
    found = [json.loads(line) for line in text.splitlines()]
    return [row for row in found if not names or row["type"] in names]


def line_of(connection: socket.socket) -> str:
    """What the client says next."""
    data = b""
    while not data.endswith(b"\n"):
        piece = connection.recv(1)
        assert piece, f"the client has left after {data!r}"
        data += piece
    return data.decode().strip()
