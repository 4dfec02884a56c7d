"""A feed of the venue in virtual time, and what must be true of it whatever went wrong."""

from itertools import pairwise
from pathlib import Path

import msgspec

from mdc_core.live.frames.head import FileHead
from mdc_core.live.line import StreamLine
from mdc_core.live.recorded.capture import Capture
from mdc_core.live.recorded.recording import recordings
from mdc_core.live.recorded.replay import CaptureReplay
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.transports.memory import serving
from mdc_core.live.upkeep.upkeep import Retrying, Upkeep
from mdc_core.logs import Log, Mask
from mdc_core.plugin import Connection, Endpoint, Event, Gap, Integrity, Subscription, Trade, to_ns
from tests.kit.chaos.ledger import Hole, check_turns
from tests.simulation.venue import SYMBOLS, Codec, Truth, Venue, Virtual

QUIET = Log(threshold=100)


def session() -> FeedSession:
    """A new session of the feed."""
    return FeedSession(
        "sim",
        lambda wanted: Codec(wanted, None, {}),
        Subscription(SYMBOLS),
        mask=Mask(),
    )


def again(head: FileHead, line: str, symbols: tuple[str, ...] | None) -> FeedSession:
    """The session of a replay."""
    return session()


def simulate(seed: int, folder: Path) -> tuple[Venue, list[Event], FeedSession]:
    """What a feed gives of the venue of this seed, from its first try to its end."""
    venue, clock, events = Venue(seed), Virtual(seed), list[Event]()
    venue.clock = clock
    (folder / "c.jsonl").unlink(missing_ok=True)
    capture = Capture(folder / "c.jsonl", Mask())
    feed = session()
    with serving("venue", venue.connect) as url:
        line = StreamLine(
            feed,
            Endpoint(url),
            clock=clock,
            say=QUIET,
            capture=capture,
            end_on_close=True,
            ask=venue.token,
        )
        venue.resubscribe = line.resubscribe
        waits: list[float] = []
        keep = Upkeep(
            line,
            clock=clock,
            say=QUIET,
            retrying=Retrying(retried=lambda cause, delay: waits.append(delay)),
        )
        keep.work(events.extend, events.extend)
    capture.close()
    assert max(waits, default=0.0) <= 60.0, "no wait is longer than the longest asked for"
    return venue, events, feed


def check(seed: int, folder: Path) -> tuple[int, int]:
    """Raise AssertionError for what is wrong; returns the numbers of trades and of gaps."""
    venue, events, feed = simulate(seed, folder)
    truth = venue.truth
    got = [event for event in events if isinstance(event, Trade)]
    _check_trades(truth, got)
    _check_states(events)
    gaps = [event for event in events if isinstance(event, Gap)]
    holes = [Hole.of(gap.symbol, gap.start, gap.end) for gap in gaps]
    have = {trade.seq for trade in got}
    always = set(SYMBOLS).intersection(*(wanted.symbols for _, wanted in venue.changes))
    for seq, symbol, time, _ in truth.trades:
        if seq in have or seq in truth.spoiled or symbol not in always or time <= venue.served:
            continue
        assert any(hole.has(time, symbol) for hole in holes), f"{seq} is missing, and in no gap"
    read = [e for e in events if isinstance(e, Integrity) and e.check == "frame"]
    assert len(read) == feed.rejected <= truth.bad
    replay = CaptureReplay(recordings(folder / "c.jsonl"), again, say=QUIET)
    replayed = [event for some in replay for event in some]
    encode = msgspec.json.encode
    both = (_without_last_ticks(replayed), _without_last_ticks(events))
    assert [encode(e) for e in both[0]] == [encode(e) for e in both[1]]
    return len(got), len(gaps)


def _without_last_ticks(events: list[Event]) -> list[Event]:
    """The events up to the last frame: a capture does not say when it was stopped."""
    last = len(events)
    while last and isinstance(event := events[last - 1], Integrity) and event.check == "tick":
        last -= 1
    return events[:last]


def _check_trades(truth: Truth, got: list[Trade]) -> None:
    by_seq = {trade[0]: trade for trade in truth.trades}
    for trade in got:
        _, symbol, time, cents = by_seq[trade.seq or 0]
        assert (trade.symbol, to_ns(trade.ts_event or "")) == (symbol, time)
        assert trade.price is not None and trade.price * 100 == cents
        assert to_ns(trade.ts_recv or "") >= time
    numbers = [trade.seq or 0 for trade in got]
    assert all(a < b for a, b in pairwise(numbers)), "each once, in order"
    assert {*numbers} <= truth.sent - truth.spoiled


def _check_states(events: list[Event]) -> None:
    """Up and down by turns, down again for another cause, and nothing is traded in between."""
    states = [event for event in events if isinstance(event, Connection)]
    check_turns((e.state == "down", (e.cause, e.breaker, e.attempt is None)) for e in states)
    is_up = False
    for event in events:
        if isinstance(event, Connection):
            is_up = event.state != "down"
        elif isinstance(event, Trade):
            assert is_up, "a trade while the connection is down"
