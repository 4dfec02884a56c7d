"""How long to wait before the next try: exponential backoff with full jitter."""

import random
from collections.abc import Callable

from mdc_core.errors import BusyError, UnavailableError

BASE, CAP = 1.0, 30.0
_MOST_DOUBLINGS = 10


class Backoff:
    """Counts failures in a row; `retries` says how many are forgiven (None: any number)."""

    def __init__(
        self, retries: int | None = None, *, draw: Callable[[], float] = random.random
    ) -> None:
        self.retries = retries
        self.failures = 0
        self._draw = draw

    def delay(self, error: UnavailableError | BusyError) -> float:
        """Seconds to wait after this failure; raises the error if it was one too many."""
        self.failures += 1
        if self.retries is not None and self.failures > self.retries:
            tries = f"{self.failures} tries" if self.failures > 1 else "1 try"
            raise type(error)(f"{error} (given up after {tries})", hint=error.hint) from error
        doublings = min(self.failures - 1, _MOST_DOUBLINGS)
        delay = self._draw() * min(CAP, BASE * (1 << doublings))
        return max(delay, getattr(error, "after", None) or 0.0)

    def reset(self) -> None:
        """It works again: the next failure is the first one."""
        self.failures = 0
