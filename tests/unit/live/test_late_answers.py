"""An answer by HTTP that comes when the connection which asked is gone."""

from collections.abc import Callable
from typing import Any

import pytest

from mdc_core.errors import RefusedError, UnavailableError
from mdc_core.live.line import StreamLine
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.transports import NORMAL, TransportClosed
from mdc_core.live.transports.memory import serving
from mdc_core.live.upkeep.upkeep import Upkeep
from mdc_core.logs import Log
from mdc_core.plugin import Connection, Endpoint, Event, Request, Response, Subscription
from mdc_core.times import SECOND
from tests.simulation.venue import Codec, Virtual

QUIET = Log(threshold=100)


class Server:
    """Cuts the first connection before its question is answered."""

    def __init__(self, late: object) -> None:
        self.clock = Virtual(1)
        self.connections = 0
        self._late = late
        self._asked: list[Callable[[Any], None]] = []

    def ask(self, request: Request, reply: Callable[[Any], None]) -> None:
        """A question: it is answered later, or never."""
        self._asked.append(reply)

    def connect(self, path: str, now: int) -> "Peer":
        """One more connection."""
        self.connections += 1
        if self.connections == 1:
            return Peer(now, ["cut"])
        if self.connections > 2:
            raise RefusedError("once more")
        first, own = self._asked[0], lambda: self._asked[-1](Response(200, {}, b"token"))
        return Peer(now, [lambda: first(self._late), own, '["up"]', "end"])


class Peer:
    """What a server does, one thing a second."""

    pings = False

    def __init__(self, now: int, plan: list[Any]) -> None:
        self._now, self._plan = now, plan

    def due(self) -> int:
        return self._now + SECOND

    def frames(self, now: int) -> list[str | bytes]:
        self._now = now
        match self._plan.pop(0):
            case "cut":
                raise TransportClosed("connection lost")
            case "end":
                raise TransportClosed("closed", NORMAL)
            case str(frame):
                return [frame]
            case act:
                act()
                return []

    def heard(self, frame: str | bytes, now: int) -> None:
        """The login."""

    def lives(self, now: int) -> bool:
        return True


@pytest.mark.parametrize("late", [UnavailableError("reset"), Response(500)], ids=str)
def test_an_answer_to_a_connection_that_is_gone_is_of_no_use(late: object) -> None:
    server, events = Server(late), list[Event]()
    session = FeedSession(
        "sim", lambda wanted: Codec(wanted, None, {}), Subscription(("A",)), mask=str
    )
    with serving("late", server.connect) as url:
        line = StreamLine(
            session,
            Endpoint(url),
            clock=server.clock,
            say=QUIET,
            end_on_close=True,
            ask=server.ask,
        )
        Upkeep(line, clock=server.clock, say=QUIET).work(events.extend, events.extend)
    assert server.connections == 2
    states = [event.state for event in events if isinstance(event, Connection)]
    assert states == ["down", "resubscribed"]
