"""What must be true of a vendor's feed in virtual time, whatever went wrong."""

from collections import Counter

from mdc_core.errors import MdcError
from mdc_core.live.buffer import Buffer, Policy
from mdc_core.live.line import StreamLine
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.transports.memory import serving
from mdc_core.live.upkeep.upkeep import Retrying, Upkeep
from mdc_core.logs import Log, Mask
from mdc_core.plugin import (
    Connection,
    Endpoint,
    Event,
    Gap,
    Integrity,
    Subscription,
    Trade,
    to_ns,
)
from tests.kit.chaos.ledger import Hole, check_turns
from tests.simulation.vendors import Vendor, VendorVenue
from tests.simulation.venue import LASTS, START

QUIET = Log(threshold=100)
MOST_WAITED = 3600.0  # seconds; no cause is waited for longer


class Desk:
    """Takes what a feed gives, now and then too late."""

    def __init__(self, venue: VendorVenue) -> None:
        self.events: list[Event] = []
        self._chance = venue.chance
        policy: Policy = self._chance.choice(("drop-oldest", "drop-newest", "spill"))
        is_slow = self._chance.random() < 0.3
        self.buffer = Buffer(10 if is_slow else 50_000, policy)
        self._looks = 0.05 if is_slow else 1.0

    def put(self, events: list[Event]) -> None:
        """Events of the feed."""
        if self.buffer.waiting + len(events) >= 2 * self.buffer.capacity:
            self.take()  # behind that even a dropper waits, and here nobody would end it
        self.buffer.put(events)
        assert self.buffer.waiting <= self.buffer.capacity + 100, "memory is bounded"
        if self._chance.random() < self._looks:
            self.take()

    def take(self) -> None:
        """Take what waits."""
        while events := self.buffer.take(0.0):
            self.events += events


def simulate(vendor: Vendor, seed: int) -> tuple[VendorVenue, list[Event]]:
    """What a feed gives of this seed, from its first try to its end."""
    venue = VendorVenue(vendor, seed)
    desk = Desk(venue)
    clock = venue.clock
    session = FeedSession(
        vendor.name,
        vendor.connect,
        Subscription(vendor.symbols),
        mask=Mask(),
        limits=vendor.stream.limits,
    )
    with serving("vendor", venue.connect) as url:
        line = StreamLine(
            session, Endpoint(url), clock=clock, say=QUIET, end_on_close=True, ask=venue.ask
        )
        venue.resubscribe = line.resubscribe
        waits: list[float] = []
        keep = Upkeep(
            line,
            clock=clock,
            say=QUIET,
            retrying=Retrying(retried=lambda cause, delay: waits.append(delay)),
        )
        try:
            keep.work(desk.put, desk.buffer.tell)
        except MdcError as error:
            raise AssertionError(f"the feed gives up: {error}") from error
    desk.buffer.close()
    desk.take()
    assert max(waits, default=0.0) <= MOST_WAITED
    return venue, desk.events


def check(vendor: Vendor, seed: int) -> tuple[int, int]:
    """Raise AssertionError for what is wrong; returns the numbers of trades and of gaps."""
    venue, events = simulate(vendor, seed)
    truth = {played.trade.price: number for number, played in enumerate(venue.tape)}
    got = Counter(truth[e.price] for e in events if isinstance(e, Trade))
    for event in events:
        if isinstance(event, Trade):
            _check_trade(event, venue.tape[truth[event.price]].trade)
    assert set(got) <= venue.delivered, "nothing is made up"
    again = {number for number, count in got.items() if count > 1}
    assert again <= venue.repeated, "each once"
    _check_missing(venue, got, events)
    _check_states(events)
    return len(got), sum(isinstance(event, Gap) for event in events)


def _check_trade(got: Trade, said: Trade) -> None:
    assert (got.symbol, got.size, got.ts_event) == (said.symbol, said.size, said.ts_event)
    assert to_ns(got.ts_recv or "") >= to_ns(said.ts_event or "")


def _check_missing(venue: VendorVenue, got: Counter[int], events: list[Event]) -> None:
    """Each trade is there, or told to be missing; as many as a gap counts are in it."""
    gaps = [event for event in events if isinstance(event, Gap)]
    holes = [Hole.of(gap.symbol, gap.start, gap.end, START) for gap in gaps]
    unread = sum(isinstance(e, Integrity) and e.check == "frame" for e in events)
    assert unread <= venue.bad_frames
    always = set(venue.vendor.symbols).intersection(*(w.symbols for _, w in venue.changes))
    missing = []
    for number, (time, trade) in enumerate(venue.tape):
        if number in got or trade.symbol not in always or time <= venue.served:
            continue
        if number in venue.spoiled and unread:
            continue
        missing.append(number)
        assert any(hole.has(time, trade.symbol) for hole in holes), (
            f"trade {number} of {trade.symbol} at {trade.ts_event} is missing, and in no gap"
        )


def _check_states(events: list[Event]) -> None:
    """Up and down by turns, down again for another cause; the feed comes to its end."""
    states = [event for event in events if isinstance(event, Connection)]
    check_turns((e.state == "down", (e.cause, e.breaker, e.attempt is None)) for e in states)
    last = max(event.ts_recv for event in events if event.ts_recv is not None)
    assert to_ns(last) < START + 20 * LASTS, "the run ends"
