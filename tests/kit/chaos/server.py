"""A vendor's server on loopback that ends each connection in another way, and keeps the ledger.

The vendor's words are those of its mock server, the socket is real. What goes wrong is said by a
plan: how each connection ends and where, and what happens on the way.
"""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mdc_core.plugin import HangUp, Request, Sandbox, Subscription
from tests.kit.chaos.ledger import Ledger
from tests.kit.chaos.wire import Gone, Wire
from tests.kit.deadline import DEADLINE
from tests.simulation.vendors import Vendor

# How a connection ends, and where: as soon as it is made, instead of the handshake, behind the
# greeting, behind the answer to the first message, or behind some trades.
ENDINGS = (
    "reset later",
    "shut later",
    "torn later",
    "close later",
    "silent later",
    "garbage later",
    "no-text later",
    "huge later",
    "bomb later",
    "reset connect",
    "refuse handshake",
    "shut greeting",
    "silent greeting",
    "close answer",
    "reset answer",
)
# What happens on the way; "slow" is a reader that stops reading.
EVENTS = ("plain", "plain", "spoiled", "strange", "large", "pieces", "dribble", "tick", "slow")
CODES = (1000, 1001, 1011, 1012, 4000)
_HUGE = 65 << 20  # bytes; the largest frame that is taken is 64 MiB
_LARGE = 1 << 20
_BURST = 400  # trades while the reader has stopped
_PAUSE = 0.05  # seconds for which a quiet market is quiet
_STRANGE = '{"mystery": 17}'


class Stop(Exception):  # noqa: N818 - the end of a connection, as it was planned
    """This connection is at its end."""


class Plan(NamedTuple):
    """What happens on one connection, and how it ends."""

    how: str
    where: str
    steps: Sequence[str] = ()
    repeats: int = 0  # trades that are told once more at its begin


def plans(chance: random.Random, disconnects: int) -> Iterator[Plan]:
    """So many connections that end badly: each way is taken before one is taken again."""
    ways: list[str] = []
    events: list[str] = []
    for _ in range(disconnects):
        ways = ways or chance.sample(ENDINGS, len(ENDINGS))
        how, where = ways.pop().split()
        steps = []
        if where == "later":
            for _ in range(chance.randrange(2, 6)):
                events = events or chance.sample(EVENTS, len(EVENTS))
                steps.append(events.pop())
        yield Plan(how, where, steps, chance.choice((0, 0, 3)))


class Reader:
    """Who reads what comes of the feed: it can be told to stop, and asked what it has seen."""

    def pause(self) -> None:
        """Read no more."""

    def resume(self) -> None:
        """Read again."""

    def saw(self, price: str, wait: float) -> bool:
        """Whether the trade of this price has come through, within so many seconds."""
        raise NotImplementedError


class ChaosServer:
    """Serves one client after the other; `over` is set when all plans are carried out."""

    def __init__(self, vendor: Vendor, seed: int, disconnects: int) -> None:
        self.vendor = vendor
        self.ledger = Ledger(vendor.symbols, vendor.resolution)
        self.reader = Reader()
        self.over = threading.Event()
        self.errors: list[BaseException] = []
        self.newest_is_over = threading.Event()
        self.newest_is_over.set()
        self.history: list[tuple[int, str]] = []  # what was done when, for who looks at a failure
        self.served = 0  # connections
        self._chance = random.Random(f"{vendor.name} {seed}")
        self._plans = plans(self._chance, disconnects)
        self._newest: Sandbox | None = None
        self._lock = threading.Lock()  # of the sandbox, and of whose turn it is
        self._parked: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, with the path that the vendor's URL has."""
        feed = self.vendor.connect(Subscription(self.vendor.symbols)).endpoints()[0].url
        place = urlsplit(feed)
        path = place.path + (f"?{place.query}" if place.query else "")
        return f"ws://127.0.0.1:{self._listener.getsockname()[1]}{path}"

    def __enter__(self) -> "ChaosServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        for connection in self._parked:
            connection.close()

    def leave(self) -> None:
        """Listen no more, and end the last connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.over.set()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._answer(connection)
        except Gone:
            connection.close()
        except BaseException as error:
            self.errors.append(error)
            connection.close()
            self.over.set()

    def _answer(self, connection: socket.socket) -> None:
        wire = Wire(connection, compresses=self.served % 2 == 1)
        asked = wire.asked()
        if "Upgrade" in asked.headers:
            with self._lock:
                self.served += 1
                plan = next(self._plans, None)
            Visit(self, wire, plan).serve(asked)
            return
        headers = {name.lower(): value for name, value in asked.headers.raw_items()}
        url = f"http://{headers.get('host', '')}{asked.path}"
        with self._lock:
            assert self._newest is not None
            answer = self._newest.respond(Request(url, headers=headers).plain())
        wire.answer(answer)

    def sandbox(self, path: str) -> Sandbox:
        """The vendor's side of a new connection."""
        with self._lock:
            kind = self.vendor.sandbox
            self._newest = kind(path, {}, kind.Options())
            return self._newest

    def ask(self, speak: Callable[[], Iterable[str | bytes]]) -> list[str | bytes]:
        """What the sandbox says to something."""
        with self._lock:
            return list(speak())

    def park(self, wire: Wire) -> None:
        """Leave a connection open without a word."""
        self._parked.append(wire.socket)

    @property
    def chance(self) -> random.Random:
        """What is left to chance."""
        return self._chance


class Visit:
    """One connection, from its handshake to its end."""

    def __init__(self, server: ChaosServer, wire: Wire, plan: Plan | None) -> None:
        self._server, self._wire, self._plan = server, wire, plan
        self._ledger, self._chance = server.ledger, server.chance
        self._number = server.served
        self._before, server.newest_is_over = server.newest_is_over, threading.Event()
        self._is_over = server.newest_is_over
        self._sandbox: Sandbox

    def serve(self, asked: Any) -> None:
        """Serve it as it is planned, or, without a plan, to the end of the run."""
        self._before.wait(DEADLINE)  # the market is with one connection at a time
        try:
            if self._number > 1:  # a feed begins with its first connection
                self._happen(self._chance.randrange(2))
            self._meet("connect")
            self._meet("handshake")
            self._wire.accept(asked)
            self._sandbox = self._server.sandbox(asked.path)
            self._say_all(self._sandbox.greet)
            self._meet("greeting")
            self._answer_until_subscribed()
            self._play()
        except HangUp as end:
            self._wire.close(end.code)
        except Stop:
            return
        finally:
            self._is_over.set()

    def _answer_until_subscribed(self) -> None:
        is_first = True
        while not self._sandbox.subscribed:
            self._hear(1.0)
            if is_first:
                self._meet("answer")
                is_first = False
        while self._sandbox.settle and self._hear(min(self._sandbox.settle, _PAUSE)):
            pass

    def _play(self) -> None:
        plan = self._plan
        if plan is None:
            self._end()
            return
        self._repeat(plan.repeats)
        for step in plan.steps:
            self._step(step)
        self._meet("later")

    def _repeat(self, count: int) -> None:
        """Tell the last trades once more, as some vendors do behind a reconnect."""
        for number in range(max(len(self._ledger.trades) - count, 0), len(self._ledger.trades)):
            self._tell([number])

    def _step(self, step: str) -> None:
        self._note(f"{step}, trade {len(self._ledger.trades)}")
        match step:
            case "spoiled":
                self._spoil()
            case "strange":
                self._wire.say(_STRANGE)
            case "tick":
                self._say_all(lambda: self._sandbox.tick(time.time_ns()))
            case "slow":
                self._server.reader.pause()
                try:
                    for _ in range(_BURST // 4):
                        self._tell(self._happen(4))
                finally:
                    self._server.reader.resume()
            case _:
                self._tell(self._happen(self._chance.randrange(1, 5)), step)
        while self._hear(0.0):
            pass

    def _end(self) -> None:
        """All has gone wrong that was to: go on until a trade has come through."""
        while not self._server.over.is_set():
            (number,) = self._happen(1)
            self._tell([number])
            price = str(self._ledger.trades[number].trade.price)
            if self._server.reader.saw(price, 1.0):
                self._server.over.set()
            while self._hear(0.0):
                pass
        self._wire.drain()

    def _happen(self, count: int) -> list[int]:
        """So many trades happen at the venue."""
        symbols = self._server.vendor.symbols
        return [
            self._ledger.trade(self._chance.choice(symbols), time.time_ns()) for _ in range(count)
        ]

    def _frames(self, numbers: Sequence[int]) -> list[str | bytes]:
        trades = [self._ledger.trades[number].trade for number in numbers]
        return self._server.ask(lambda: self._sandbox.feed(trades))

    def _tell(self, numbers: Sequence[int], manner: str = "plain") -> None:
        """Tell of these trades; the ledger has them when the last byte is with the system."""
        if self._server.served > self._number:
            raise Gone  # to another connection
        frames = self._frames(numbers)
        if not frames:
            return  # nobody has subscribed to them yet
        self._ledger.partly |= {*numbers}
        for frame in frames:
            self._send(frame, manner)
        self._ledger.told.update(numbers)
        self._ledger.partly -= {*numbers}

    def _send(self, frame: str | bytes, manner: str) -> None:
        wire = self._wire
        match manner, frame:
            case "large", str():
                wire.say(frame[0] + " " * _LARGE + frame[1:])
            case "pieces", _:
                wire.write(wire.bytes_of(frame, parts=3))
            case "dribble", _:
                data = iter(wire.bytes_of(frame))
                wire.write(*iter(lambda: bytes(islice(data, 7)), b""))
            case _:
                wire.say(frame)

    def _spoil(self) -> None:
        """Tell of a trade in a frame that breaks off."""
        (number,) = self._happen(1)
        for frame in self._frames([number])[:1]:
            broken = frame[: self._chance.randrange(len(frame) * 3 // 4, len(frame) - 1)]
            text = broken if isinstance(broken, str) else broken.decode("latin-1")
            self._ledger.spoiled[number] = text
            self._wire.say(broken)

    def _note(self, what: str) -> None:
        self._server.history.append((time.time_ns(), f"connection {self._number}: {what}"))

    def _meet(self, where: str) -> None:
        """End here, if it is here that this connection does."""
        if self._plan is None or self._plan.where != where:
            return
        wire = self._wire
        self._note(f"{self._plan.how} {where}")
        if self._plan.how == "reset" and where == "later":  # with much under way
            for _ in range(_BURST // 4):
                self._tell(self._happen(4))
        if self._number > 1 or where in ("answer", "later"):
            self._happen(self._chance.randrange(3))  # nobody is told of it any more
        match self._plan.how:
            case "reset":
                wire.reset()
            case "shut":
                wire.shut()
            case "close":
                wire.close(self._chance.choice(CODES))
            case "silent":
                self._server.park(wire)
            case "refuse":
                wire.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
                wire.shut()
            case "torn":
                self._tear()
            case "garbage":
                wire.say_raw(0x3, 8, b"no frame")  # an opcode that there is not
                wire.drain()
            case "no-text":
                wire.say_raw(0x1, 2, b"\xff\xfe")
                wire.drain()
            case "huge":
                wire.say_raw(0x1, _HUGE, b"[" + b" " * 1000)
                wire.drain()
            case "bomb":
                wire.say(" " * _HUGE)  # small on the wire, if the client lets it be compressed
                wire.drain()
        raise Stop

    def _tear(self) -> None:
        """Break off in the midst of a frame."""
        (number,) = self._happen(1)
        self._ledger.partly.add(number)
        data = b"".join(self._wire.bytes_of(frame) for frame in self._frames([number]))
        if data:
            self._wire.write(data[: self._chance.randrange(1, len(data))])
        self._ledger.partly.discard(number)
        self._wire.shut()

    def _hear(self, wait: float) -> bool:
        """Answer the client's next frame, if it comes in time."""
        frame = self._wire.hear(wait)
        if frame is None:
            return False
        self._say_all(lambda: self._sandbox.receive(frame))
        return True

    def _say_all(self, speak: Callable[[], Iterable[str | bytes]]) -> None:
        for frame in self._server.ask(speak):
            self._wire.say(frame)
