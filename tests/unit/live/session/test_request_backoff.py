"""What a codec asks for again and again goes out at 0, 1, 3, 7, ... seconds, by a clock of ours."""

from collections.abc import Iterable, Iterator

import pytest

from mdc_core.contracts import Fetch, Items, Request, Send, Stream, Subscription
from mdc_core.live.session.actions import Action, Warn
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.upkeep.loss import Loss
from mdc_core.times import SECOND

START = 1_700_000_000 * SECOND
TENTH = SECOND // 10


class Wrong(Stream):
    """Finds each book wrong, and asks for it again in two words; answers pings."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.asked = 0

    def receive(self, frame: str | bytes, now: int) -> Items:
        word, _, name = str(frame).partition(" ")
        if word == "ping":
            return [Send("pong")]
        self.asked += 1
        if word == "fetch":
            return [Fetch(Request("https://wrong.example"), name, again=name)]
        return [Send(f"{what} {name} {self.asked}", again=name) for what in ("unsub", "sub")]


@pytest.fixture
def session() -> FeedSession:
    session = FeedSession(
        "wrong", lambda wanted: Wrong(wanted, None, {}), Subscription(("A",)), mask=str
    )
    session.opened(START)
    return session


def sent(actions: Iterable[Action]) -> list[Send | Fetch]:
    return [action for action in actions if isinstance(action, Send | Fetch)]


def storm(session: FeedSession, frame: str, seconds: int, start: int = 0) -> Iterator[float]:
    """The seconds at which something goes out, of a book that is wrong ten times in each."""
    for number in range(seconds * 10):
        ns = START + start * SECOND + number * TENTH
        if sent(session.received(frame, ns)):
            yield (ns - START) / SECOND


@pytest.mark.parametrize("frame", ["book A", "fetch A"])
def test_the_pauses_grow_to_a_minute(session: FeedSession, frame: str) -> None:
    assert list(storm(session, frame, 310)) == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303]


def test_it_begins_anew_when_all_was_well_for_five_minutes(session: FeedSession) -> None:
    assert list(storm(session, "book A", 2)) == [0, 1]
    assert sent(session.tick(START + 3 * SECOND))  # the one that waited
    assert list(storm(session, "book A", 5, 302)) == [302]
    assert sent(session.tick(START + 310 * SECOND))
    assert list(storm(session, "book A", 5, 610)) == [610, 611, 613]


def test_of_those_that_wait_the_latest_goes_out_whole_when_it_is_time(session: FeedSession) -> None:
    first = sent(session.received("book A", START))
    assert [item.frame for item in first if isinstance(item, Send)] == ["unsub A 1", "sub A 1"]
    for number in range(3):
        assert not sent(session.received("book A", START + (2 + number) * TENTH))
    due = START + SECOND
    assert session.next_tick() == due
    assert not sent(session.tick(due - 1))
    later = sent(session.tick(due))
    assert [item.frame for item in later if isinstance(item, Send)] == ["unsub A 4", "sub A 4"]
    assert session.next_tick() > due
    assert not sent(session.tick(due + 100 * SECOND))


def test_other_names_and_what_has_none_do_not_wait(session: FeedSession) -> None:
    assert len(sent(session.received("book A", START))) == 2
    assert len(sent(session.received("book B", START + 1))) == 2
    for number in range(100):
        assert len(sent(session.received("ping", START + number))) == 1


def test_people_are_told_once(session: FeedSession) -> None:
    actions = [a for n in range(50) for a in session.received("book A", START + n * TENTH)]
    (warning,) = [action for action in actions if isinstance(action, Warn)]
    assert warning.text == "wrong asks for A again too often, and waits"


def test_a_new_connection_asks_at_once(session: FeedSession) -> None:
    list(storm(session, "book A", 2))
    session.closed(Loss("cut"), START + 2 * SECOND)
    session.opened(START + 2 * SECOND)
    assert list(storm(session, "book A", 2, 2)) == [2, 3]
