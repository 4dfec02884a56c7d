"""A circuit breaker: who fails again and again is left alone for a while."""

from collections import deque

from mdc_core.times import SECOND

FAILURES, SPAN = 5, 60.0


class Breaker:
    """Opens with so many failed tries in `span` seconds (0: never), for as long; one decides then.

    `closed` lets everything be tried, `open` nothing, `half-open` the one try. A connection that
    worked is no failed try, however it ended. Times are nanoseconds, and may go back.
    """

    def __init__(self, failures: int = FAILURES, span: float = SPAN) -> None:
        self.state = "closed"
        self._failed: deque[int] = deque(maxlen=failures)
        self._failures, self._span = failures, int(span * SECOND)

    def failed(self, now: int) -> None:
        """A try has failed."""
        if not self._failures:
            return
        self._failed.append(now)
        is_full = len(self._failed) == self._failures and now - self._failed[0] <= self._span
        if is_full or self.state == "half-open":
            self.state = "open"

    def worked(self) -> None:
        """A connection worked."""
        self.state = "closed"
        self._failed.clear()

    @property
    def rest(self) -> float:
        """Seconds for which nothing is to be tried behind a failure."""
        return self._span / SECOND if self.state == "open" else 0.0

    def tries_one(self) -> bool:
        """It is time for the next try; whether that is the one which decides."""
        if self.state != "open":
            return False
        self.state = "half-open"
        return True
