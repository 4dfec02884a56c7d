"""How long to wait before the same is asked for again on a connection: exponential backoff.

A codec whose book never fits would else ask the vendor for it at each change. The first request
of a name goes out at once, the next 1, 2, 4, ... 60 seconds behind the one before; after five
minutes without one it begins anew. Of requests that wait, the latest stands for all.
"""

from msgspec import Struct

from mdc_core.contracts import Fetch, Send
from mdc_core.live.session.deadlines import NEVER
from mdc_core.live.session.turn import Turn
from mdc_core.times import SECOND

BASE, CAP, FORGET = 1 * SECOND, 60 * SECOND, 300 * SECOND

Ask = Send | Fetch


class Requests(Struct):
    """The requests of one name."""

    at: int  # when the last one went out
    pause: int = BASE
    waiting: list[Ask] = []

    @property
    def due(self) -> int:
        """When what waits may go out."""
        return self.at + self.pause if self.waiting else NEVER


class RequestBackoff:
    """Holds back what a connection's codec asks for `again` too soon."""

    def __init__(self) -> None:
        self._names: dict[str, Requests] = {}
        self._turn: Turn | None = None  # all of a name in a turn are one request
        self._of_turn: dict[str, bool] = {}  # whether it may go out
        self.due = NEVER  # when something that waits may go out

    def passes(self, ask: Ask, turn: Turn, now: int) -> bool:
        """Whether this may go out now; else it waits."""
        name = ask.again
        if name is None:
            return True
        if turn is not self._turn:
            self._turn, self._of_turn = turn, {}
        if name not in self._of_turn:
            self._of_turn[name] = self._begin(name, now)
        if not self._of_turn[name]:
            self._names[name].waiting.append(ask)
            self.due = min(self.due, self._names[name].due)
        return self._of_turn[name]

    def _begin(self, name: str, now: int) -> bool:
        """A turn's first request of a name: whether it goes out now, in the place of others."""
        before = self._names.get(name)
        if before is None or (not before.waiting and now - before.at >= FORGET):
            self._names[name] = Requests(now)
            return True
        if not before.waiting and now - before.at >= before.pause:
            before.at, before.pause = now, min(2 * before.pause, CAP)
            return True
        before.waiting = []
        return False

    def released(self, now: int) -> list[Ask]:
        """What has waited long enough."""
        found: list[Ask] = []
        for requests in self._names.values() if self.due <= now else ():
            if requests.due <= now:
                found += requests.waiting
                requests.at, requests.pause = now, min(2 * requests.pause, CAP)
                requests.waiting = []
        self.due = min((requests.due for requests in self._names.values()), default=NEVER)
        return found
