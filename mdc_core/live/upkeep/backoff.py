"""How long to wait before the next try: exponential backoff with full jitter.

What the wait is depends on the cause. A limit of connections or requests counts each try, so it
is waited for much longer; a maintenance without an end is looked at from time to time; who was
too slow, and what ended on purpose, are back as soon as ever.
"""

import random
from collections.abc import Callable

from mdc_core.errors import VendorError
from mdc_core.texts import counted

BASE, CAP = 1.0, 30.0
LIMIT_BASE, LIMIT_CAP = 10.0, 300.0  # where the vendor does not say how long
MAINTENANCE = 60.0
_MOST_DOUBLINGS = 10


class Backoff:
    """Counts failures in a row; `retries` says how many are forgiven (None: any number).

    A connection that worked ends the row; only one that was healthy ends the growth of delays,
    so that a server that hangs up behind each first event is not asked at full speed.
    """

    def __init__(
        self,
        retries: int | None = None,
        *,
        base: float | None = None,
        cap: float | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.retries = retries
        self.failures = 0
        self._base, self._cap = BASE if base is None else base, CAP if cap is None else cap
        self._doublings = 0
        self._draw = draw

    def delay(self, error: VendorError) -> float:
        """Seconds to wait after this failure; raises the error if it was one too many."""
        self.failures += 1
        if self.retries is not None and self.failures > self.retries:
            tries = counted(self.failures, "try", "tries")
            text = f"{error} (given up after {tries})"
            raise type(error)(text, hint=error.hint, cause=error.cause) from error
        longest = 1 << self._doublings
        self._doublings = min(self._doublings + 1, _MOST_DOUBLINGS)
        jitter = self._draw()
        usual = jitter * min(self._cap, self._base * longest)
        if error.cause == "maintenance":  # all who wait for its end would be back at once
            return (MAINTENANCE if error.after is None else error.after) + usual
        if error.cause == "limit" and error.after is None:
            base, cap = max(LIMIT_BASE, self._base), max(LIMIT_CAP, self._cap)
            return (0.5 + jitter / 2) * min(cap, base * longest)
        return max(usual, error.after or 0.0)

    def worked(self, *, healthy: bool) -> None:
        """It worked: the next failure is the first one; and the next delay, if it did so well."""
        self.failures = 0
        if healthy:
            self._doublings = 0
