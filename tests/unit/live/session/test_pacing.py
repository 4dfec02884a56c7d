"""A vendor's limit of messages in a time is kept to, whatever a codec sends, by a clock of ours."""

import random

import pytest

from mdc_core.contracts import Items, Limits, Send, Stream, Subscription, Up
from mdc_core.errors import RefusedError
from mdc_core.live.session import connection
from mdc_core.live.session.actions import Action, Disconnect
from mdc_core.live.session.connection import FeedSession
from mdc_core.times import SECOND

START = 1_700_000_000 * SECOND


class Chatty(Stream):
    """Sends as many messages as it is told to, numbered."""

    login_within = 5.0
    count = 0

    def opened(self, now: int) -> Items:
        return [self._next() for _ in self.subscription.symbols]

    def receive(self, frame: str | bytes, now: int) -> Items:
        if frame == "ok":
            return [Up()]
        return [self._next() for _ in range(int(frame))]

    def _next(self) -> Send:
        self.count += 1
        return Send(str(self.count))


def session_of(limits: Limits, symbols: int = 1) -> FeedSession:
    wanted = Subscription(tuple(f"S{number}" for number in range(symbols)))
    make = lambda wanted: Chatty(wanted, None, {})  # noqa: E731
    return FeedSession("chatty", make, wanted, mask=str, limits=limits)


def sent(actions: list[Action]) -> list[str]:
    return [str(action.frame) for action in actions if isinstance(action, Send)]


@pytest.mark.parametrize("seed", range(20))
def test_no_second_has_more_messages_than_the_vendor_takes(seed: int) -> None:
    chance = random.Random(seed)
    limits = Limits(messages=chance.choice((1, 3, 10)), per=chance.choice((1, 60)))
    session = session_of(limits)
    out = [(START, frame) for frame in sent(session.opened(START))]
    session.received("ok", START)
    now, asked = START, len(session.subscription.symbols)
    while asked < 60 or session.next_tick() < now + 120 * SECOND:
        step = chance.randrange(2 * SECOND)
        if session.next_tick() <= now + step or asked >= 60:
            now = max(session.next_tick(), now)
            actions = session.tick(now)
        else:
            now += step
            count = chance.choice((0, 1, 1, 7))
            asked += count
            actions = session.received(str(count), now)
        out += [(now, frame) for frame in sent(actions)]
    assert [int(frame) for _, frame in out] == list(range(1, asked + 1)), "each once, in order"
    most = limits.messages or 0
    for first, later in zip(out, out[most:], strict=False):
        assert later[0] - first[0] >= limits.per * SECOND


def test_a_subscription_that_takes_its_time_is_no_login_without_an_answer() -> None:
    session = session_of(Limits(messages=1, per=4), symbols=5)
    assert sent(session.opened(START)) == ["1"]
    now, out = START, []
    while now < START + 16 * SECOND:
        now = session.next_tick()
        actions = session.tick(now)
        assert not any(isinstance(action, Disconnect) for action in actions)
        out += sent(actions)
    assert out == ["2", "3", "4", "5"]
    (end,) = session.tick(now + 5 * SECOND)
    assert isinstance(end, Disconnect) and "login was not answered within 5 s" in str(end.error)


def test_a_message_that_is_too_large_is_not_sent() -> None:
    session = session_of(Limits(message=1), symbols=10)
    *rest, end = session.opened(START)
    assert sent(rest) == list("123456789")
    assert isinstance(end, Disconnect) and isinstance(end.error, RefusedError)
    assert str(end.error) == "a message of 2 bytes, and the vendor takes 1"


def test_a_clock_that_is_set_by_years_has_nobody_wait_for_each_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks: list[int] = []

    class Ticking(Chatty):
        every = 1.0

        def tick(self, now: int) -> Items:
            ticks.append(now)
            return []

    monkeypatch.setattr(connection, "MOST_TICKS", 100)
    make = lambda wanted: Ticking(wanted, None, {})  # noqa: E731
    session = FeedSession("ticking", make, Subscription(("S",)), mask=str)
    session.opened(0)
    session.received("ok", 5 * SECOND)
    assert ticks == [n * SECOND for n in range(1, 6)]
    session.received("0", START)
    assert ticks[5:] == [START - n * SECOND for n in range(100, -1, -1)]
    assert session.next_tick() <= START + SECOND
