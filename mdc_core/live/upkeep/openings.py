"""New connections to a vendor keep to what it allows in a time; what is beyond waits its turn."""

import threading
from collections import deque

from mdc_core.contracts import Limits
from mdc_core.live.clock import Clock
from mdc_core.times import SECOND


class Openings:
    """The new connections of all lines of a feed, failed ones as well; from any thread.

    Those of another process are not known, where the vendor counts them by address.
    """

    def __init__(self, limits: Limits) -> None:
        self._per = limits.openings_per * SECOND
        self._turns: deque[int] | None = None  # of the last ones
        if limits.openings is not None:
            self._turns = deque(maxlen=limits.openings)
        self._lock = threading.Lock()

    def delay(self, clock: Clock) -> float:
        """Seconds to wait before the next connection, whose turn is taken."""
        if self._turns is None:
            return 0.0
        with self._lock:
            now = clock.ns()
            turn = now
            if len(self._turns) == self._turns.maxlen:
                turn = max(now, self._turns[0] + self._per)
            self._turns.append(turn)
        return (turn - now) / SECOND
