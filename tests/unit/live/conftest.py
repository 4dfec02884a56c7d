"""A small vendor: its client, its server, and a real one on loopback."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mdc_core.live.buffer import Buffer
from mdc_core.live.feed import Feed, OneLine
from mdc_core.live.frames.head import FileHead
from mdc_core.live.line import StreamLine
from mdc_core.live.recorded.capture import Capture
from mdc_core.live.sandbox.faults import Faults
from mdc_core.live.sandbox.playback import Playback
from mdc_core.live.sandbox.server import SandboxServer
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.upkeep.upkeep import Retrying
from mdc_core.logs import Log, Mask
from mdc_core.plugin import (
    Busy,
    Endpoint,
    Event,
    HangUp,
    Items,
    Refused,
    Sandbox,
    Send,
    Stream,
    Subscription,
    Trade,
    Up,
    from_ns,
    utc,
)

SECRET = "s3cret/ä-value"


class Tick(msgspec.Struct):
    """A trade as Acme says it."""

    s: str
    t: str
    p: Decimal


class Acme(Stream):
    """A vendor that asks for a login and then sends lists of ticks."""

    secrets = ("ACME_TOKEN",)

    def endpoints(self) -> Sequence[Endpoint]:
        token = self.credentials["ACME_TOKEN"]
        return [Endpoint("ws://unused.invalid/feed", {"X-Token": token.encode().hex()})]

    def opened(self, now: int) -> Items:
        login = {"token": self.credentials["ACME_TOKEN"], "symbols": self.subscription.symbols}
        return [Send(msgspec.json.encode(login).decode())]

    def receive(self, frame: str | bytes, now: int) -> Items:
        match frame:
            case "welcome":
                return [Up()]
            case "ping":
                return [Send("pong")]
            case "no":
                return [Refused("acme says no")]
            case "full":
                return [Busy("acme is full")]
            case "boom":
                raise ZeroDivisionError("a bug in the codec")
        ticks = msgspec.json.decode(frame, type=list[Tick])
        return (Trade(symbol=t.s, ts_event=utc(t.t), price=t.p, size=Decimal(1)) for t in ticks)


class AcmeServer(Sandbox):
    """Acme's server."""

    test_secrets = {"ACME_TOKEN": SECRET}  # noqa: RUF012
    patience = 30.0

    def __init__(self, path: str, headers: Mapping[str, str], options: Any) -> None:
        super().__init__(path, headers, options)
        self.symbols: list[str] = []

    @property
    def subscribed(self) -> bool:
        return bool(self.symbols)

    def receive(self, frame: str | bytes) -> Iterable[str | bytes]:
        if frame == "pong":
            return []
        login = msgspec.json.decode(frame)
        if login["token"] != SECRET:
            raise HangUp("no")
        self.symbols = login["symbols"]
        return ["ping", "welcome"]

    def feed(self, events: Sequence[Event]) -> Iterable[str | bytes]:
        ticks = [
            Tick(e.symbol or "", e.ts_event or "", e.price)
            for e in events
            if isinstance(e, Trade) and e.symbol in self.symbols and e.price is not None
        ]
        for first in range(0, len(ticks), 10):
            part = ticks[first : first + 10]
            yield msgspec.json.Encoder(decimal_format="number").encode(part).decode()

    def expire(self) -> Iterable[str | bytes]:
        return ["no"]

    def refuse(self) -> Iterable[str | bytes]:
        return ["full"]


def trades(count: int, symbol: str = "SPY") -> list[Event]:
    """Trades whose price is their number."""
    return [
        Trade(symbol=symbol, ts_event=from_ns(n), price=Decimal(n), size=Decimal(1))
        for n in range(count)
    ]


class Ticking:
    """A clock that goes on by one microsecond a look, and remembers the waits."""

    def __init__(self, waits: list[float]) -> None:
        self._ns = 1_704_205_800_000_000_000
        self._waits = waits

    def ns(self) -> int:
        self._ns += 1000
        return self._ns

    def wait(self, seconds: float) -> None:
        self._waits.append(seconds)

    def random(self) -> float:
        return 1.0


class Passing(Ticking):
    """The same, whose time really passes."""

    def ns(self) -> int:
        return time.time_ns()


class Desk:
    """Builds a client of the small vendor for a test, with nothing to wait for."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.mask = Mask()
        self.mask.add(SECRET)
        self.log = Log(threshold=100)
        self.waits: list[float] = []

    def stream(self, subscription: Subscription) -> Stream:
        """The codec, with the right secret."""
        return Acme(subscription, None, {"ACME_TOKEN": SECRET})

    def session(
        self, make: Callable[[Subscription], Stream] | None = None, **more: Any
    ) -> FeedSession:
        """The session for two symbols."""
        wanted = Subscription(("SPY", "AAPL"))
        return FeedSession("acme", make or self.stream, wanted, mask=self.mask, **more)

    def replayed(self, head: FileHead, line: str, symbols: tuple[str, ...] | None) -> FeedSession:
        """The session of a replay."""
        return self.session(line=line)

    def feed(
        self,
        url: str,
        *,
        session: FeedSession | None = None,
        retries: int | None = None,
        buffer: Buffer | None = None,
        capture: Capture | None = None,
        end_on_close: bool = True,
        passing: bool = False,
        **more: Any,
    ) -> Feed:
        """A feed from that server."""
        clock = Passing(self.waits) if passing else Ticking(self.waits)
        line = StreamLine(
            session or self.session(),
            Endpoint(url, {"X-Token": SECRET.encode().hex()}),
            clock=clock,
            say=self.log,
            capture=capture,
            end_on_close=end_on_close,
            **more,
        )
        return Feed(
            OneLine(line),
            buffer or Buffer(),
            self.stop,
            say=self.log,
            retrying=Retrying(retries),
            clock=clock,
        )

    def server(
        self, events: Sequence[Event], faults: Faults | None = None, **more: Any
    ) -> SandboxServer:
        """The vendor's server, playing these events."""
        more.setdefault("tape", Playback(lambda: [events]))
        endpoint = self.stream(Subscription(("SPY",))).endpoints()[0]
        return SandboxServer(AcmeServer, endpoint=endpoint, say=self.log, faults=faults, **more)


@pytest.fixture
def desk() -> Iterable[Desk]:
    """What a test of a feed works at."""
    made = Desk()
    yield made
    made.stop.set()


@pytest.fixture
def acme() -> SimpleNamespace:
    """The small vendor: codec, server, events."""
    return SimpleNamespace(Stream=Acme, Sandbox=AcmeServer, trades=trades, secret=SECRET)
