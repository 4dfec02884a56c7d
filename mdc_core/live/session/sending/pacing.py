"""What is sent on a connection keeps to the vendor's limit of messages in a time."""

from collections import deque

from mdc_core.contracts import Limits, Send
from mdc_core.live.session.deadlines import NEVER
from mdc_core.times import SECOND


class Pacing:
    """Lets the first messages pass at once; what is beyond the limit waits, in order."""

    __slots__ = ("_per", "_sent", "_waiting", "due")

    def __init__(self, limits: Limits) -> None:
        self.due = NEVER  # when the first of those that wait may go out
        self._per = limits.per * SECOND
        self._sent: deque[int] | None = None  # when the last ones went out
        if limits.messages is not None:
            self._sent = deque(maxlen=limits.messages)
        self._waiting: deque[Send] = deque()

    def passes(self, send: Send, now: int) -> bool:
        """Whether this goes out now; else it waits for its turn."""
        if self._sent is None:
            return True
        if not self._waiting and self._has_room(now):
            self._sent.append(now)
            return True
        self._waiting.append(send)
        self.due = self._sent[0] + self._per
        return False

    def pinged(self, now: int) -> None:
        """A ping went out, which is a message as well."""
        if self._sent is not None:
            self._sent.append(now)

    def released(self, now: int) -> list[Send]:
        """What has waited long enough."""
        found: list[Send] = []
        if self._sent is None or self.due > now:
            return found
        while self._waiting and self._has_room(now):
            found.append(self._waiting.popleft())
            self._sent.append(now)
        self.due = self._sent[0] + self._per if self._waiting else NEVER
        return found

    def _has_room(self, now: int) -> bool:
        sent = self._sent
        assert sent is not None
        return len(sent) < (sent.maxlen or 0) or now - sent[0] >= self._per
