"""A market without end by Alpaca's protocol, at a pace, whose server breaks off now and then."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from websockets.frames import Frame, Opcode

from mdc_core.plugin import Sandbox, from_ns
from mdc_core.times import SECOND
from mdc_providers.alpaca.sandbox import AlpacaSandbox
from tests.kit.chaos.wire import Gone, Wire

SYMBOLS = ("SPY", "AAPL", "MSFT", "NVDA", "AMZN")
KINDS = 5  # of so many events the first two are trades, the others quotes
_FRAME = 10  # events
_TICK = 0.01  # seconds
_BREAKS = ("reset", "shut", "close", "silent")
_TRADE = '{"T":"t","S":"%s","i":%d,"x":"V","p":%d.%02d,"s":%d,"c":["@","I"],"z":"C","t":"%s"}'
_QUOTE = (
    '{"T":"q","S":"%s","bx":"V","bp":%d.%02d,"bs":300,"ax":"Q","ap":%d.%02d,"as":%d,"c":["R"],'
    '"z":"C","t":"%s"}'
)


class Block(NamedTuple):
    """Events that happened together: the numbers from one to below another, one every `step`."""

    first: int
    stop: int
    time: int  # of the first, in nanoseconds
    step: int
    told: bool  # in full: the last byte of the last event is with the system


class SoakFeed:
    """Serves one client after the other, and keeps the ledger."""

    def __init__(self, rate: int, reconnect_every: float, enough: int = 1) -> None:
        self.ledger: list[Block] = []
        self.connections = 0
        self.error: BaseException | None = None
        self.is_over = threading.Event()  # all that was told has been read
        self._rate, self._every, self._enough = rate, reconnect_every, enough
        self.has_begun, self.is_enough = threading.Event(), threading.Event()
        self._ends = threading.Event()
        self._first, self._since = 0, time.time_ns()
        self._parked: list[Wire] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self._listener.getsockname()[1]}/v2/sip"

    def __enter__(self) -> "SoakFeed":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._listener.close()

    def end(self) -> None:
        """Tell nothing more as soon as there were enough connections; see `is_over`."""
        self.is_enough.wait()
        self._ends.set()

    def _serve(self) -> None:
        try:
            for way in itertools.cycle(_BREAKS):
                connection, _ = self._listener.accept()
                self.connections += 1
                try:
                    self._visit(Wire(connection), way)
                except Gone:
                    connection.close()
                if self._ends.is_set():
                    return
        except BaseException as error:
            self.error = error
        finally:
            for event in (self.has_begun, self.is_enough, self.is_over):
                event.set()

    def _visit(self, wire: Wire, way: str) -> None:
        """One connection: it ends in this way when it is time, or with the run."""
        asked = wire.asked()
        wire.accept(asked)
        sandbox: Sandbox = AlpacaSandbox(asked.path, {}, AlpacaSandbox.Options())
        self._say_all(wire, sandbox.greet())
        while not sandbox.subscribed:
            if (frame := wire.hear(1.0)) is not None:
                answers = list(sandbox.receive(frame))
                if not self.ledger:
                    self._since = time.time_ns()  # a feed begins with its first connection
                self._happen()  # up to here nobody is told
                self._say_all(wire, answers)
        self.has_begun.set()
        if self.connections >= self._enough:
            self.is_enough.set()
        until = time.monotonic() + self._every
        while time.monotonic() < until and not self._ends.is_set():
            self._happen(wire)
            if wire.hear(_TICK) is not None:
                raise AssertionError("the client has more to say")
        if self._ends.is_set():
            wire.all_read()
            self.is_over.set()
            wire.drain()
        elif way == "silent":
            self._parked.append(wire)
            self._parked[:-2] = []
        elif way == "close":
            wire.close(1001)
        else:
            getattr(wire, way)()

    def _happen(self, wire: Wire | None = None) -> None:
        """What has been traded since the last time; told, if there is somebody."""
        now = time.time_ns()
        count = (now - self._since) * self._rate // SECOND
        if not count:
            return
        step = (now - self._since) // count
        block = Block(self._first, self._first + count, self._since + 1, step, wire is not None)
        self._first, self._since = block.stop, now
        self.ledger.append(block._replace(told=False))
        if wire is not None:
            wire.write(_bytes_of(block))
            self.ledger[-1] = block

    @staticmethod
    def _say_all(wire: Wire, frames: object) -> None:
        for frame in frames:  # type: ignore[attr-defined]
            wire.say(frame)


def _bytes_of(block: Block) -> bytes:
    """The frames of these events, as they travel."""
    messages = list(_messages(block))
    texts = (",".join(messages[at : at + _FRAME]) for at in range(0, len(messages), _FRAME))
    frames = (Frame(Opcode.TEXT, f"[{text}]".encode()) for text in texts)
    return b"".join(frame.serialize(mask=False) for frame in frames)


def _messages(block: Block) -> Iterator[str]:
    """The number of an event is its trade's id, or the size of its ask."""
    for number in range(block.first, block.stop):
        moment = from_ns(block.time + (number - block.first) * block.step)
        symbol, whole, cents = SYMBOLS[number // 3 % 5], 200 + number // 100 % 50, number % 100
        if number % KINDS < 2:
            size = number % 499 + 1
            yield _TRADE % (symbol, number + 1, whole, cents, size, moment)
        else:
            yield _QUOTE % (symbol, whole, cents, whole + 1, cents, number + 1, moment)
