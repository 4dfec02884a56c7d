"""What is sent on a connection: asked for again not too soon, and within the vendor's limits."""

from mdc_core.contracts import Fetch, Limits, Send
from mdc_core.errors import RefusedError
from mdc_core.live.session.actions import Action
from mdc_core.live.session.deadlines import NEVER
from mdc_core.live.session.sending.pacing import Pacing
from mdc_core.live.session.sending.request_backoff import RequestBackoff
from mdc_core.live.session.turn import Turn
from mdc_core.texts import counted


class Outbox:
    """Passes on what a codec sends, now or when its time comes."""

    __slots__ = ("_limits", "_pacing", "_requests", "due")

    def __init__(self, limits: Limits) -> None:
        self.due = NEVER  # when something that waits may go out
        self._limits = limits
        self._pacing, self._requests = Pacing(limits), RequestBackoff()

    @property
    def is_paced(self) -> bool:
        """Whether something waits for its turn."""
        return self._pacing.due != NEVER

    def takes(self, ask: Send | Fetch, turn: Turn, now: int) -> bool:
        """Send this, now or in its turn; False: it is asked for again too soon, and waits."""
        if isinstance(ask, Send) and (largest := self._limits.message) is not None:
            size = len(ask.frame.encode() if isinstance(ask.frame, str) else ask.frame)
            if size > largest:
                text = f"a message of {counted(size, 'byte')}, and the vendor takes {largest}"
                turn.end(RefusedError(text, hint="ask for fewer symbols at once"))
                return True
        passes = self._requests.passes(ask, turn, now)
        if passes:
            turn.rest += self._paced(ask, now)
        self._look()
        return passes

    def released(self, now: int) -> list[Action]:
        """What has waited long enough."""
        if now < self.due:
            return []
        found: list[Action] = [*self._pacing.released(now)]
        for ask in self._requests.released(now):
            found += self._paced(ask, now)
        self._look()
        return found

    def pinged(self, now: int) -> None:
        """A ping went out, which is a message as well."""
        self._pacing.pinged(now)

    def _paced(self, ask: Send | Fetch, now: int) -> list[Action]:
        return [ask] if isinstance(ask, Fetch) or self._pacing.passes(ask, now) else []

    def _look(self) -> None:
        self.due = min(self._requests.due, self._pacing.due)
