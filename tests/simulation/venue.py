"""A venue that goes wrong by a seed, the time in which it does, and what it knows to be true."""

import heapq
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from mdc_core.errors import BusyError, UnavailableError
from mdc_core.live.transports import NORMAL, TransportClosed
from mdc_core.plugin import (
    Bad,
    Endpoint,
    Fetch,
    Integrity,
    Items,
    Reconnect,
    Request,
    Response,
    Send,
    Stream,
    Subscription,
    Trade,
    Up,
    from_ns,
)
from mdc_core.times import SECOND

START = 1_704_205_800 * SECOND
SYMBOLS = ("A", "B", "C")
LASTS = 600 * SECOND
PING, PATIENCE = 20.0, 25 * SECOND
PLACES = ("opening", "login", "answer", "up", "first")  # where a connection may go wrong


Trading = tuple[int, str, int, int]  # number, symbol, time and price in cents


class Virtual:
    """A clock whose time passes by waiting for it."""

    def __init__(self, seed: int) -> None:
        self._now = START
        self.random = random.Random(seed).random

    def ns(self) -> int:
        return self._now

    def wait(self, seconds: float) -> None:
        self._now += max(int(seconds * SECOND), 1)


class Codec(Stream):
    """The venue's protocol: lists of [seq, symbol, price], a ping, a login with a token."""

    channels = default_channels = ("trade",)
    every = PING
    login_within = 5.0
    silence = 120.0

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint("mem://venue")]

    def opened(self, now: int) -> Items:
        return [Fetch(Request("http://venue.invalid/token"), "token")]

    def fetched(self, tag: str, response: Response, now: int) -> Items:
        if response.status != 200:
            return [Reconnect(f"HTTP {response.status}")]
        return [self._say("login")]

    def tick(self, now: int) -> Items:
        said = Integrity(check="tick", severity="info", message=from_ns(now))
        return [Send('["ping"]'), said]

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        self.subscription = subscription
        return [self._say("change")]

    def receive(self, frame: str | bytes, now: int) -> Items:
        for message in msgspec.json.decode(frame, type=list[Any]):
            match message:
                case "up":
                    yield Up()
                case "bye":
                    yield Reconnect("the venue says bye")
                case [int(seq), str(symbol), int(time), int(cents)]:
                    price = Decimal(cents) / 100
                    head = {"symbol": symbol, "ts_event": from_ns(time), "seq": seq}
                    yield Trade(**head, price=price, size=Decimal(1))
                case _:
                    yield Bad(msgspec.json.encode(message), "no message of the venue")

    def _say(self, word: str) -> Send:
        return Send(msgspec.json.encode([word, *self.subscription.symbols]).decode())


class Truth:
    """All that is traded at the venue, and what became of it on the way out."""

    def __init__(self, chance: random.Random) -> None:
        times = sorted(START + chance.randrange(LASTS) for _ in range(chance.randrange(30, 250)))
        self.frames: list[list[Trading]] = []
        seq = 0
        for time in times:
            self.frames.append([])
            for _ in range(chance.choice((1, 1, 1, 2, 5))):
                seq += 1
                trade = (seq, chance.choice(SYMBOLS), time, chance.randrange(100, 99_999))
                self.frames[-1].append(trade)
        self.trades = [trade for trades in self.frames for trade in trades]
        self.sent: set[int] = set()
        self.spoiled: set[int] = set()  # sent in a frame, or a message, that nobody can read
        self.bad = 0  # such frames and messages


class Venue:
    """Makes the server's side of each connection."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.truth = Truth(self.chance)
        self.faulty = self.chance.random() < 0.9
        self.changes: list[tuple[int, Subscription]] = []
        if self.chance.random() < 0.4:
            when = START + self.chance.randrange(LASTS)
            self.changes.append((when, Subscription(self.chance.choice((("A", "B"), SYMBOLS)))))
        self.eager = self.chance.random() < 0.3  # serves whoever connects, before any login
        self.latency = self.chance.choice((0.0, 0.0, 0.2, 5.0))
        self.served = 2**63  # since when somebody is, or may have been
        self.clock: Virtual
        self.resubscribe: Callable[[Subscription], None] = lambda wanted: None

    def connect(self, path: str, now: int) -> "Peer":
        """One more connection, unless this is one of the times at which there is none."""
        if self.eager:
            self.served = min(self.served, now)
        self.clock.wait(self.chance.uniform(0, 2))
        if self.faulty and now < START + LASTS:
            match self.chance.randrange(8):
                case 0:
                    raise UnavailableError("connection refused")
                case 1:
                    raise BusyError("too many", after=self.chance.uniform(0, 40))
        return Peer(self, now)

    def token(self, request: Request, reply: Callable[[Any], None]) -> None:
        """Answer a question by HTTP, at once."""
        if self.faulty and self.chance.random() < 0.1:
            broken = UnavailableError("connection reset")
            return reply(self.chance.choice((Response(500), broken)))
        return reply(Response(200, {}, b"token"))


class Peer:
    """The server's side of one connection."""

    pings = False

    def __init__(self, venue: Venue, now: int) -> None:
        self._venue, self._chance = venue, venue.chance
        self._plan: list[tuple[int, int, Any]] = []
        self._count = 0
        self._symbols: tuple[str, ...] = ()
        self._heard = now
        self._leaving = False
        faulty = venue.faulty and now < START + LASTS
        self._mute = faulty and self._chance.random() < 0.1
        self._doom: tuple[str, str] | None = None
        if faulty and self._chance.random() < 0.7:
            kind = self._chance.choice(("cut", "cut", "bye", "silent"))
            place = self._chance.choice((*PLACES, "later", "later"))
            self._doom = place, kind
            if place == "later":
                self._at(now + int(self._chance.expovariate(1 / 60) * SECOND), kind)
        self._at(now, "patience")
        self._meet("opening", now)
        if venue.eager:
            self._symbols = SYMBOLS
            self._feed(now)

    def due(self) -> int:
        return self._plan[0][0] if self._plan else 2**63

    def heard(self, frame: str | bytes, now: int) -> None:
        self._heard = now
        word, *symbols = msgspec.json.decode(frame)
        if word == "ping" or self._mute:
            return
        if word != "login":
            self._symbols = tuple(symbols)
            self._at(now, "up")
            return
        self._meet("login", now)
        late = now + self._chance.randrange(2 * SECOND)
        self._meet("answer", late)
        self._at(late, "up")
        self._meet("up", late)
        if not self._venue.eager:
            self._venue.served = min(self._venue.served, late)
            self._symbols = tuple(symbols)
            self._feed(late)

    def lives(self, now: int) -> bool:
        return not self._mute

    def frames(self, now: int) -> list[str | bytes]:
        _, _, what = heapq.heappop(self._plan)
        match what:
            case "cut":
                raise TransportClosed("connection lost")
            case "end":
                raise TransportClosed("closed", NORMAL)
            case "silent":
                self._plan, self._mute = [], True
            case "patience":
                if self._heard + PATIENCE < now:
                    raise AssertionError("the client has not pinged")
                self._at(now + SECOND, "patience")
            case "bye":
                self._leaving = True  # said behind the next trades, in their frame
            case "up":
                return ['["up"]']
            case Subscription():
                self._venue.resubscribe(what)
            case [*trades]:
                return self._told(trades)
        return []

    def _at(self, time: int, what: Any) -> None:
        self._count += 1
        heapq.heappush(self._plan, (time, self._count, what))

    def _feed(self, since: int) -> None:
        """Plan what is traded from here on, each as it arrives."""
        arrives = since
        for trades in self._venue.truth.frames:
            if (time := trades[0][2]) > since:
                way = self._venue.latency * self._chance.random()
                arrives = max(arrives, time + int(way * SECOND))
                self._meet("first", arrives)
                self._at(arrives, trades)
        for when, wanted in self._venue.changes:
            if when > since:
                self._at(when, wanted)
        self._at(max(START + LASTS, arrives, since) + SECOND, "end")

    def _meet(self, place: str, time: int) -> None:
        """Go wrong here, if it is here that this connection does."""
        if self._doom is not None and self._doom[0] == place:
            self._at(time, self._doom[1])
            self._doom = None

    def _told(self, trades: list[Any]) -> list[str | bytes]:
        """A frame of these trades, as far as they are asked for; now and then a spoiled one."""
        truth = self._venue.truth
        parts: list[Any] = [trade for trade in trades if trade[1] in self._symbols]
        if not parts:
            return []
        truth.sent |= {trade[0] for trade in parts}
        fate = self._chance.random() if self._venue.faulty else 1.0
        if fate < 0.02:
            truth.spoiled |= {trade[0] for trade in parts}
            truth.bad += 1
            return [msgspec.json.encode(parts).decode()[:-2]]
        if fate < 0.04:
            place = self._chance.randrange(len(parts) + 1)
            parts.insert(place, ["what", "is", "this"])
            truth.bad += 1
        if self._leaving:
            parts.append("bye")
        return [msgspec.json.encode(parts).decode()]
