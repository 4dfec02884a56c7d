"""Driving a feed: its line works in a thread of its own, and is mended when it breaks.

The thread puts lists of events into the bounded buffer; whoever iterates over the Feed
takes them out. `UnavailableError` and `BusyError` are mended, with backoff; any other
error ends the feed and is raised where the events are taken, behind the last of them.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Protocol

from mdc_core.contracts import Subscription
from mdc_core.errors import BusyError, UnavailableError
from mdc_core.events import Event
from mdc_core.live.backoff import Backoff
from mdc_core.live.buffer import Buffer
from mdc_core.logs import Log

Put = Callable[[Sequence[Event]], None]

HEALTHY_SECONDS = 60.0
HEALTHY_EVENTS = 1000
_LOOK = 0.2  # seconds between two looks at `stop` while nothing comes
_PATIENCE = 5  # looks for which a thread that was told to end is waited for


class Resubscribed(UnavailableError):  # noqa: N818 - on purpose, no error
    """The line was cut by ourselves; it is mended at once."""


class Line(Protocol):
    """What brings events: a WebSocket connection, or a library that has its own."""

    def run(self, put: Put) -> None:
        """Connect and pass events on; returns when the feed has come to its end."""

    def lost(self, put: Put, reason: str) -> None:
        """Account for a connection that was lost, or could not be made."""

    def finish(self, put: Put) -> None:
        """Account for what is open at the end."""

    def resubscribe(self, subscription: Subscription) -> None:
        """Ask for this instead."""

    def hang_up(self) -> bool:
        """End the connection from another thread; False: there is none."""


class ThreadOutcome:
    """How work in a thread ended: an error is kept for another thread to raise."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.error = error
        return True


class Feed:
    """The events of a line, in lists, until it ends or `stop` is set."""

    def __init__(
        self,
        line: Line,
        buffer: Buffer,
        stop: threading.Event,
        *,
        say: Log,
        backoff: Backoff | None = None,
        wait: Callable[[float], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.buffer = buffer
        self._line = line
        self._stop = stop
        # Not `stop` itself: a signal handler may set that one while we hold its lock.
        self._ended = threading.Event()
        self._say = say
        self._backoff = backoff or Backoff()
        self._wait = wait or self._ended.wait
        self._clock = clock
        self._outcome = ThreadOutcome()
        self._thread = threading.Thread(target=self._main, name="mdc-feed", daemon=True)

    def __iter__(self) -> Iterator[list[Event]]:
        self._thread.start()
        patience = _PATIENCE
        try:
            while (events := self.buffer.take(_LOOK)) is not None:
                yield events  # also none, so that the taker can look at the clock
                if self._stop.is_set():
                    patience -= not self._hang_up()
                    if patience < 0:
                        # The thread hangs in connecting; it would bring nothing more.
                        self._line.finish(self.buffer.tell)
                        self.buffer.close()
        finally:
            self.buffer.discard()
            if self._hang_up() or not self._stop.is_set():
                self._thread.join(_PATIENCE * _LOOK)
        if self._outcome.error is not None:
            raise self._outcome.error

    def resubscribe(self, subscription: Subscription) -> None:
        """Ask for this instead."""
        self._line.resubscribe(subscription)

    def _hang_up(self) -> bool:
        self._ended.set()
        return self._line.hang_up()

    def _main(self) -> None:
        with self._outcome:
            self._work()
        self.buffer.close()

    def _work(self) -> None:
        put, tell = self.buffer.put, self.buffer.tell
        try:
            while not self._ended.is_set():
                since, count = self._clock(), self.buffer.accepted
                try:
                    return self._line.run(put)
                except Resubscribed as error:
                    self._line.lost(tell, str(error))
                except (UnavailableError, BusyError) as error:
                    if self._ended.is_set():
                        return None
                    self._line.lost(tell, str(error))
                    if self._was_healthy(since, count):
                        self._backoff.reset()
                    self._pause(error)
        finally:
            self._line.finish(tell)

    def _was_healthy(self, since: float, count: int) -> bool:
        lasted = self._clock() - since >= HEALTHY_SECONDS
        return lasted or self.buffer.accepted - count >= HEALTHY_EVENTS

    def _pause(self, error: UnavailableError | BusyError) -> None:
        delay = self._backoff.delay(error)
        self._say.warning(f"{error}; trying again in {delay:.1f} s")
        self._wait(delay)
