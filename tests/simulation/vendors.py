"""Each vendor's codec against its mock server in virtual time, over a network that fails by a seed.

No thread and no socket: the server's side is the vendor's `Sandbox`, the network a heap of
frames that are under way. What is cut, kept back, spoiled, said twice or never answered is
chosen by the seed.
"""

import heapq
import random
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

from mdc_core.errors import BusyError, UnavailableError
from mdc_core.live.transports import NORMAL, TransportClosed
from mdc_core.plugin import (
    HangUp,
    Request,
    Response,
    Sandbox,
    Stream,
    Subscription,
    Trade,
    from_ns,
)
from mdc_core.times import SECOND
from tests.simulation.venue import LASTS, START, Virtual

_VIOLATION = 1008  # the code of a WebSocket whose server had enough
_MICROSECOND, _MILLISECOND = 1_000, 1_000_000


class Vendor(NamedTuple):
    """A codec, and what it is asked for."""

    name: str
    where: str
    symbols: tuple[str, ...]
    options: Mapping[str, Any] = MappingProxyType({})
    resolution: int = _MICROSECOND  # nanoseconds, of the times that the protocol has
    is_public: bool = False  # asked without credentials: they are signed, with the day's time

    @property
    def stream(self) -> type[Stream]:
        """The codec's class."""
        module, _, name = self.where.partition(":")
        found: type[Stream] = getattr(import_module(f"mdc_providers.{module}"), name)
        return found

    def connect(self, wanted: Subscription) -> Stream:
        """A codec for one connection."""
        stream = self.stream
        secrets = {} if self.is_public else dict(self.sandbox.test_secrets)
        return stream(wanted, stream.Options(**self.options), secrets)

    @property
    def sandbox(self) -> type[Sandbox]:
        """The vendor's mock server."""
        assert self.stream.sandbox is not None
        return self.stream.sandbox


VENDORS = (
    Vendor("alpaca", "alpaca.stream:Alpaca", ("SPY", "AAPL", "IBM")),
    Vendor("alpaca-crypto", "alpaca.stream:Alpaca", ("BTC/USD", "ETH/USD"), {"feed": "crypto"}),
    Vendor("polygon", "polygon.stream:Polygon", ("SPY", "AAPL", "IBM"), {}, _MILLISECOND),
    Vendor("tiingo", "tiingo.stream:Tiingo", ("SPY", "AAPL", "IBM")),
    Vendor(
        "kraken_futures",
        "kraken_futures.stream:KrakenFutures",
        ("PF_XBTUSD", "PF_ETHUSD"),
        {},
        _MILLISECOND,
    ),
    Vendor("binance", "binance.stream:Binance", ("BTCUSDT", "ETHUSDT"), {}, _MILLISECOND),
    Vendor(
        "binance-usdm",
        "binance.stream:Binance",
        ("BTCUSDT", "ETHUSDT"),
        {"market": "usdm"},
        _MILLISECOND,
    ),
    Vendor(
        "binance-coinm",
        "binance.stream:Binance",
        ("BTCUSD_PERP", "ETHUSD_PERP"),
        {"market": "coinm"},
        _MILLISECOND,
    ),
    Vendor("okx", "okx.stream:Okx", ("BTC-USDT", "BTC-USDT-SWAP"), {}, _MILLISECOND),
    Vendor("finnhub", "finnhub.stream:Finnhub", ("AAPL", "BINANCE:BTCUSDT"), {}, _MILLISECOND),
    Vendor("kraken", "kraken.stream:Kraken", ("BTC/USD", "ETH/USD", "SOL/USD")),
    Vendor("coinbase", "coinbase.stream:Coinbase", ("BTC-USD", "ETH-USD")),
    Vendor(
        "coinbase-exchange",
        "coinbase.stream:Coinbase",
        ("BTC-USD", "ETH-USD"),
        {"feed": "exchange"},
        is_public=True,
    ),
)


class Played(NamedTuple):
    """A trade that happens at the venue; its price is like that of no other."""

    time: int
    trade: Trade


class VendorVenue:
    """Makes the server's side of each connection."""

    def __init__(self, vendor: Vendor, seed: int) -> None:
        self.vendor = vendor
        self.chance = random.Random(f"{vendor.name} {seed}")
        self.clock = Virtual(seed)
        self.faulty = self.chance.random() < 0.9
        self.latency = self.chance.choice((0.0, 0.01, 0.2, 3.0))
        self.tape = list(self._trades())
        self.delivered: set[int] = set()  # numbers of trades whose frame reached the client
        self.spoiled: set[int] = set()  # those in a frame that nobody can read
        self.bad_frames = 0
        self.repeated: set[int] = set()  # those that were said once more behind a reconnect
        self.served = 2**63  # since when the server has told of trades
        self.changes: list[tuple[int, Subscription]] = []
        if self.chance.random() < 0.4:
            when = START + self.chance.randrange(LASTS)
            fewer = vendor.symbols[: self.chance.randrange(1, len(vendor.symbols) + 1)]
            self.changes.append((when, Subscription(fewer)))
        self.resubscribe: Callable[[Subscription], None] = lambda wanted: None
        self.peer: VendorPeer | None = None

    def _trades(self) -> Iterable[Played]:
        step, count = self.vendor.resolution, self.chance.randrange(30, 200)
        times = sorted(START + self.chance.randrange(LASTS // step) * step for _ in range(count))
        ids = dict.fromkeys(self.vendor.symbols, 9_000)
        for number, time in enumerate(times):
            trade = Trade(symbol=self.chance.choice(self.vendor.symbols), ts_event=from_ns(time))
            trade.price, trade.size = Decimal(10_001 + number * 2) / 100, Decimal(1 + number)
            trade.aggressor_side = self.chance.choice(("buy", "sell"))
            ids[trade.symbol or ""] += 1
            trade.trade_id = str(ids[trade.symbol or ""])
            yield Played(time, trade)

    def connect(self, path: str, now: int) -> "VendorPeer":
        """One more connection, unless this is one of the times at which there is none."""
        self.clock.wait(self.chance.uniform(0, 2))
        if self.faulty and now < START + LASTS:
            match self.chance.randrange(8):
                case 0:
                    raise UnavailableError("connection refused")
                case 1:
                    raise BusyError("too many", after=self.chance.uniform(0, 40))
        self.peer = VendorPeer(self, self.clock.ns())
        return self.peer

    def ask(self, request: Request, reply: Callable[[Any], None]) -> None:
        """Answer a question by HTTP, at once."""
        if self.faulty and self.chance.random() < 0.1:
            return reply(self.chance.choice((Response(500), UnavailableError("reset"))))
        assert self.peer is not None
        return reply(self.peer.sandbox.respond(request))


class VendorPeer:
    """The server's side of one connection, and the network before it."""

    pings = True

    def __init__(self, venue: VendorVenue, now: int) -> None:
        vendor, chance = venue.vendor, venue.chance
        self._venue, self._chance = venue, chance
        path = vendor.connect(Subscription(vendor.symbols)).endpoints()[0].url.partition("//")[2]
        place = "/" + path.partition("/")[2]
        self.sandbox = vendor.sandbox(place, {}, vendor.sandbox.Options())
        self._plan: list[tuple[int, int, Any]] = []
        self._count, self._last, self._late = 0, now, now
        self._spoke, self._arrives = 0, now
        self._is_mute = self._is_playing = False
        self._faulty = venue.faulty and now < START + LASTS
        self._spoils = self._faulty and chance.random() < 0.3
        if self._faulty and chance.random() < 0.7:
            kind = chance.choice(("cut", "cut", "silent"))
            self._at(now + int(chance.expovariate(1 / chance.choice((1, 60))) * SECOND), kind)
        if self._faulty and chance.random() < 0.1:
            self._at(now + chance.randrange(LASTS), ("jump", chance.uniform(0, 50)))
        self._repeats = chance.choice((0, 0, 3)) if self._faulty else 0
        self._keeps_back = chance.random() < 0.3  # answers, behind what has happened meanwhile
        if self._faulty and chance.random() < 0.05:
            self._says(self.sandbox.refuse(), now)
            self._at(self._last, "full")
            return
        self._says(self.sandbox.greet(), now)
        self._at(now + int(self.sandbox.patience * SECOND), "patience")
        if self.sandbox.every:
            self._at(now + int(self.sandbox.every * SECOND), "tick")

    def due(self) -> int:
        return self._plan[0][0] if self._plan else 2**63

    def lives(self, now: int) -> bool:
        return not self._is_mute

    def heard(self, frame: str | bytes, now: int) -> None:
        """The frame is under way to the server."""
        if self._is_mute:
            return
        if now != self._spoke:  # what is said at once arrives at once, and in order
            self._spoke, self._arrives = now, max(self._arrives, now + self._way())
        self._at(self._arrives, ("heard", frame))

    def frames(self, now: int) -> list[str | bytes]:
        _, _, what = heapq.heappop(self._plan)
        match what:
            case "cut":
                raise TransportClosed("connection lost")
            case "full":
                raise TransportClosed("closed", _VIOLATION)
            case "end" if self._last >= now:
                self._at(self._last + 1, "end")  # behind what is under way
            case "end":
                raise TransportClosed("closed", NORMAL)
            case "silent":
                self._plan, self._is_mute = [], True
            case "patience" if not self.sandbox.subscribed:
                self._says(self.sandbox.expire(), now)
                self._at(self._last, "full")
            case "tick":
                self._hears(lambda: self.sandbox.tick(now), now)
                self._at(now + int((self.sandbox.every or 1) * SECOND), "tick")
            case Subscription():
                self._venue.resubscribe(what)
            case int(number):
                self._trade(number, now)
            case ("jump", seconds):
                self._venue.clock.wait(seconds)
            case ("heard", frame):
                self._answer(frame, now)
            case ("told", frame, numbers):
                return self._told(frame, numbers)
        return []

    def _answer(self, frame: str | bytes, now: int) -> None:
        self._hears(lambda: self.sandbox.receive(frame), now, keeps_back=self._keeps_back)
        if self.sandbox.subscribed and not self._is_playing:
            self._is_playing = True
            self._play(now)

    def _hears(
        self, ask: Callable[[], Iterable[str | bytes]], now: int, *, keeps_back: bool = False
    ) -> None:
        """What the server says to something is under way; it may be the last."""
        try:
            answers = list(ask())
            if keeps_back and self.sandbox.subscribed:
                late = now + int(self._chance.uniform(0, 4) * SECOND)
                self._late = max(self._late, self._last, late)  # answers keep their own order
                for answer in answers:
                    self._at(self._late, ("told", answer, ()))
            else:
                self._says(answers, now)
        except HangUp as end:
            self._says(end.frames, now)
            self._at(self._last, "full")

    def _play(self, since: int) -> None:
        """Plan what is traded from here on; some vendors begin with the last few again."""
        before = [n for n, played in enumerate(self._venue.tape) if played.time <= since]
        for number in before[len(before) - self._repeats :] if self._repeats else ():
            self._venue.repeated.add(number)
            self._trade(number, since)
        for number, played in enumerate(self._venue.tape):
            if played.time > since:
                self._at(played.time, number)
        for when, wanted in self._venue.changes:
            if when > since:
                self._at(when, wanted)
        self._at(max(START + LASTS, since) + 30 * SECOND, "end")

    def _trade(self, number: int, now: int) -> None:
        """A trade happens: it is under way to whoever has subscribed to it."""
        frames = list(self.sandbox.feed([self._venue.tape[number].trade]))
        if frames:
            self._venue.served = min(self._venue.served, now - 1)
        self._says(frames, now, (number,))

    def _says(self, frames: Iterable[str | bytes], now: int, numbers: tuple[int, ...] = ()) -> None:
        for frame in list(frames):
            self._last = max(self._last, now + self._way())  # none overtakes another
            self._at(self._last, ("told", frame, numbers))

    def _told(self, frame: str | bytes, numbers: tuple[int, ...]) -> list[str | bytes]:
        if numbers and self._spoils and self._chance.random() < 0.05:
            self._venue.spoiled |= {*numbers}
            self._venue.bad_frames += 1
            return [frame[: self._chance.randrange(1, max(len(frame) - 1, 2))]]
        self._venue.delivered |= {*numbers}
        return [frame]

    def _way(self) -> int:
        return int(self._venue.latency * self._chance.random() * SECOND)

    def _at(self, time: int, what: Any) -> None:
        self._count += 1
        heapq.heappush(self._plan, (time, self._count, what))
