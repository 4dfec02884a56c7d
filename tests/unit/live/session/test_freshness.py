"""Channels and symbols that go silent while others go on, by a clock of ours."""

import random
from collections.abc import Iterator
from datetime import datetime
from itertools import count

import pytest

from mdc_core.contracts import Items, Stream, Subscription
from mdc_core.errors import UnavailableError
from mdc_core.events import Integrity, Quote, Status, Trade
from mdc_core.live.market.hours import Hours
from mdc_core.live.session.actions import Action, Disconnect, Put, Warn
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.session.deadlines import Timing
from mdc_core.live.upkeep.loss import Loss
from mdc_core.times import SECOND, from_ns, to_ns

START = to_ns("2026-11-30T15:00:00Z")  # a Monday, 10:00 in New York
STOCKS = (("equity",), ("XNYS",))
CRYPTO = (("crypto",), ())


class Words(Stream):
    """`trade A`, `quote B`, `halted A`, several with commas."""

    def receive(self, frame: str | bytes, now: int) -> Items:
        for words in str(frame).split(","):
            kind, symbol = words.split()
            head = {"symbol": symbol, "ts_event": from_ns(now)}
            match kind:
                case "trade":
                    yield Trade(**head)
                case "quote":
                    yield Quote(**head)
                case status:
                    yield Status(**head, status=status)


Frames = Iterator[tuple[float, str]]


def session_of(of: tuple[tuple[str, ...], tuple[str, ...]], start: int = START) -> FeedSession:
    session = FeedSession(
        "words",
        lambda wanted: Words(wanted, None, {}),
        Subscription(("A", "B", "C")),
        mask=str,
        timing=Timing(ping=10**6),
        hours=Hours(*of),
    )
    session.opened(start)
    return session


def run(
    session: FeedSession, frames: Frames, start: int = START
) -> list[tuple[float, Integrity | Disconnect]]:
    """What is found, and when, in seconds from the start; it connects again at once."""
    told: list[tuple[float, Integrity | Disconnect]] = []

    def take(actions: list[Action], now: int) -> None:
        for action in actions:
            if isinstance(action, Put):
                found = [e for e in action.events if isinstance(e, Integrity)]
                told.extend(((now - start) / SECOND, e) for e in found)
            elif isinstance(action, Disconnect):
                told.append(((now - start) / SECOND, action))
                session.closed(Loss(str(action.error), "stall"), now)
                session.opened(now)
            else:
                assert isinstance(action, Warn)

    for seconds, frame in frames:
        now = start + int(seconds * SECOND)
        while (due := session.next_tick()) <= now:
            take(session.tick(due), due)
        take(session.received(frame, now), now)
    return told


def usual(seconds: float, until: float, seed: int = 0, rate: float = 10.0) -> Frames:
    """Ten frames a second at random times: quotes of three symbols, now and then a trade."""
    chance = random.Random(seed)
    while (seconds := seconds + chance.expovariate(rate)) < until:
        kind = "trade" if chance.random() < 0.1 else "quote"
        yield seconds, f"{kind} {chance.choice('AABC')}"


def without(frames: Frames, *words: str) -> Frames:
    return ((second, frame) for second, frame in frames if not any(w in frame for w in words))


def test_a_silent_channel_is_told_and_then_another_connection_made() -> None:
    session = session_of(CRYPTO)
    told = run(session, (f for f in [*usual(0, 600), *without(usual(600, 800), "trade")]))
    (first, finding), (second, end) = told[0], next(t for t in told if isinstance(t[1], Disconnect))
    assert isinstance(finding, Integrity) and isinstance(end, Disconnect)
    assert (finding.check, finding.severity, finding.about) == ("freshness", "warning", "trade")
    assert finding.symbol is None and finding.message is not None
    assert finding.message.startswith("no trade at all for ") and finding.channel == "words-1"
    assert 610 < first < 660 < second < 720
    assert isinstance(end.error, UnavailableError) and end.error.cause == "stall"
    assert sum(isinstance(what, Disconnect) for _, what in told) == 1, "once for a silence"
    (_, over), *rest = run(session, usual(800, 900))
    assert isinstance(over, Integrity) and over.severity == "info"
    assert over.message is not None and over.message.startswith("trade at all again, after ")
    assert rest == []


def test_a_silent_symbol_is_told_and_the_connection_stays() -> None:
    session = session_of(CRYPTO)
    told = run(session, (f for f in [*usual(0, 600), *without(usual(600, 900), " B")]))
    found = [what for _, what in told]
    assert all(isinstance(what, Integrity) and what.symbol == "B" for what in found)
    assert {what.about for what in found if isinstance(what, Integrity)} == {"quote", "trade"}
    assert len(found) == 2


@pytest.mark.parametrize("seed", range(4))
def test_chance_is_no_alarm(seed: int) -> None:
    """Hours, with a rate that falls to a hundredth and rises again."""
    parts = [usual(900 * n, 900 * (n + 1), seed * 7 + n, rate) for n, rate in enumerate(RATES)]
    told = run(session_of(CRYPTO), (frame for part in parts for frame in part))
    assert told == []


RATES = (10.0, 3.0, 0.5, 0.1, 0.5, 20.0)


def test_all_silent_is_told_where_the_market_is_open() -> None:
    (at, end), *_ = run(session_of(CRYPTO), (f for f in [*usual(0, 100), (500.0, "quote A")]))
    assert isinstance(end, Disconnect) and "nothing has happened for 3" in str(end.error)
    assert 128 <= at <= 132 and end.error.exit_status == 69


def test_a_user_who_says_when_a_feed_is_stale_is_heeded() -> None:
    session = session_of(CRYPTO)
    session.timing = Timing(stale=1000.0, ping=10**6)
    frames = [*usual(0, 100), (500.0, "quote A")]
    assert run(session, iter(frames)) == []


@pytest.mark.parametrize(
    ("last", "following"),
    [
        ("2026-11-30T20:59:59Z", "2026-12-01T14:35:00Z"),  # over night
        ("2026-12-04T20:59:59Z", "2026-12-07T14:35:00Z"),  # over the weekend
        ("2026-11-25T20:59:59Z", "2026-11-27T14:35:00Z"),  # Thanksgiving
        ("2026-11-27T17:59:59Z", "2026-11-30T14:35:00Z"),  # a half day ends at 13:00
    ],
)
def test_a_market_that_is_closed_is_silent(last: str, following: str) -> None:
    start = to_ns(last) - 600 * SECOND
    later = (to_ns(following) - start) / SECOND
    frames = [*usual(0, 599), *usual(later, later + 60)]
    assert run(session_of(STOCKS, start), iter(frames), start) == []


def test_another_phase_of_the_day_is_learned_anew() -> None:
    """Behind the close there are no trades, and that is no silence."""
    start = to_ns("2026-11-30T20:30:00Z")
    frames = [*usual(0, 1800), *without(usual(1800, 3600), "trade")]
    assert run(session_of(STOCKS, start), iter(frames), start) == []


def test_a_halted_symbol_is_silent() -> None:
    session = session_of(STOCKS)
    halted = [*usual(0, 600), (600.0, "halted B"), *without(usual(600, 900), " B")]
    assert run(session, iter(halted)) == []
    back = [(900.0, "trading B"), (900.1, "quote B,trade B"), *usual(900.1, 1200)]
    assert run(session, iter(back)) == []
    gone = [*without(usual(1200, 1500), " B")]
    assert {what.symbol for _, what in run(session, iter(gone)) if isinstance(what, Integrity)} == {
        "B"
    }


def test_what_stands_where_nobody_looks_is_not_missed() -> None:
    """Trades move to where the sample does not see them: all is looked at before an alarm."""
    numbers = count()
    before = [(n / 10, "trade A" if n % 10 == 0 else "quote A") for n in range(6000)]
    hidden = []
    for n in range(6000, 9000):
        words = ["quote A", "quote B", "quote C"]
        words.insert(next(numbers) % 3 + 1, "trade A")
        hidden.append((n / 10, ",".join(words)))
        hidden.append((n / 10 + 0.001, "trade A"))
    told = run(session_of(CRYPTO), iter([*before, *hidden]))
    assert [what for _, what in told if isinstance(what, Disconnect)] == []


def test_sessions_of_us_stocks() -> None:
    hours = Hours(*STOCKS)

    def at(text: str) -> tuple[str, str]:
        phase = hours.at(to_ns(text))
        return phase.name, from_ns(phase.until)[:16]

    assert at("2026-11-30T14:29:59Z") == ("pre-market", "2026-11-30T14:30")
    assert at("2026-11-30T14:30:00Z") == ("session", "2026-11-30T21:00")
    assert at("2026-07-02T14:30:00Z") == ("session", "2026-07-02T20:00")
    assert at("2026-11-27T18:00:00Z") == ("post-market", "2026-11-27T22:00")
    assert at("2026-11-26T18:00:00Z") == ("closed", "2026-11-27T05:00")
    assert at("2026-11-28T01:00:00Z") == ("night", "2026-11-28T05:00")
    fx = Hours(("fx",))
    assert fx.at(to_ns("2026-11-27T21:59:59Z")).is_open
    assert not fx.at(to_ns("2026-11-29T21:59:59Z")).is_open
    future = Hours(("future",))
    assert future.at(to_ns("2026-11-30T22:30:00Z")).name == "break"
    assert future.at(to_ns("2026-11-29T23:00:00Z")).is_open
    assert not Hours(("equity",), ("XNOP",)).at(START).is_known
    assert not Hours(("equity", "crypto"), ("XNYS",)).at(START).is_known


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library
def test_the_rules_are_those_of_the_exchange() -> None:
    calendars = pytest.importorskip("exchange_calendars")
    from mdc_core.live.market.hours import is_half_day, is_session

    calendar = calendars.get_calendar("XNYS", start="2005-01-03", end="2027-11-30")
    sessions = {day.date() for day in calendar.sessions}
    halves = {day.date() for day in calendar.early_closes}
    first, last = (datetime(*day).toordinal() for day in ((2005, 1, 3), (2027, 11, 30)))
    days = [datetime.fromordinal(day).date() for day in range(first, last + 1)]
    assert {day for day in days if is_session(day)} == sessions
    assert {day for day in days if is_half_day(day)} == halves
