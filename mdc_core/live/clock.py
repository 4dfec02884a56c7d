"""The time, waiting and chance of a feed, in one place, so that a simulation has its own."""

import random
import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What a driver knows of time."""

    def ns(self) -> int:
        """Nanoseconds since 1970."""

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""

    def random(self) -> float:
        """A number from 0 to 1."""


class SystemClock:
    """The clock of this host; `interrupt` ends every wait, from any thread."""

    def __init__(self, interrupted: threading.Event | None = None) -> None:
        self._interrupted = interrupted or threading.Event()
        self.ns = time.time_ns
        self.random = random.random

    def wait(self, seconds: float) -> None:
        """Let so much time pass, or less when interrupted."""
        self._interrupted.wait(min(seconds, threading.TIMEOUT_MAX))

    def interrupt(self) -> None:
        """End the waits of now and later."""
        self._interrupted.set()
