"""How long to wait before the next try: exponential backoff with full jitter."""

import random
from collections.abc import Callable

from mdc_core.errors import MdcError
from mdc_core.texts import counted

BASE, CAP = 1.0, 30.0
_MOST_DOUBLINGS = 10


class Backoff:
    """Counts failures in a row; `retries` says how many are forgiven (None: any number).

    A connection that worked ends the row; only one that was healthy ends the growth of delays,
    so that a server that hangs up behind each first event is not asked at full speed.
    """

    def __init__(
        self, retries: int | None = None, *, draw: Callable[[], float] = random.random
    ) -> None:
        self.retries = retries
        self.failures = 0
        self._doublings = 0
        self._draw = draw

    def delay(self, error: MdcError) -> float:
        """Seconds to wait after this failure; raises the error if it was one too many."""
        self.failures += 1
        if self.retries is not None and self.failures > self.retries:
            tries = counted(self.failures, "try", "tries")
            raise type(error)(f"{error} (given up after {tries})", hint=error.hint) from error
        delay = self._draw() * min(CAP, BASE * (1 << self._doublings))
        self._doublings = min(self._doublings + 1, _MOST_DOUBLINGS)
        return max(delay, getattr(error, "after", None) or 0.0)

    def worked(self, *, healthy: bool) -> None:
        """It worked: the next failure is the first one; and the next delay, if it did so well."""
        self.failures = 0
        if healthy:
            self._doublings = 0
