"""Keeping one line up: it is connected again until it ends, is given up or told to end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mdc_core.contracts import Subscription
from mdc_core.errors import NotThereError, RefusedError, UnavailableError, VendorError
from mdc_core.events import Connection, Event, Market
from mdc_core.live.clock import Clock
from mdc_core.live.session.asked import Resubscribed
from mdc_core.live.upkeep.backoff import Backoff
from mdc_core.live.upkeep.breaker import Breaker
from mdc_core.live.upkeep.loss import Loss
from mdc_core.logs import Log
from mdc_core.texts import waited
from mdc_core.times import SECOND

PutEvents = Callable[[Sequence[Event]], None]
Retried = Callable[[str, float], None]  # the cause, and the seconds until the next try
Renew = Callable[[], bool]  # reads the secrets once more; whether they are others

HEALTHY_SECONDS = 60.0
HEALTHY_EVENTS = 1000


class Line(Protocol):
    """What brings events: a connection of ours, or a library that has its own."""

    @property
    def asked(self) -> Subscription | None:
        """What it asks for, or will as soon as it can; None: it has ended."""

    @property
    def granted(self) -> bool | None:
        """Whether it has what it was told last to ask for; None: nobody has answered yet."""

    @property
    def refusals(self) -> Mapping[str, str] | None:
        """What was refused of that, by symbol, and in which words; None: it is never answered."""

    def run(self, put: PutEvents) -> None:
        """Connect and pass events on; returns when the feed has come to its end."""

    def lost(self, put: PutEvents, loss: Loss) -> None:
        """Account for a connection that was lost, or could not be made."""

    def half_open(self, put: PutEvents) -> None:
        """Tell that the circuit breaker lets one connection be tried."""

    def refused(self, put: PutEvents, error: RefusedError) -> None:
        """Tell that all of it is refused, while other lines go on."""

    def finish(self, put: PutEvents) -> None:
        """Account for what is open at the end."""

    def resubscribe(self, subscription: Subscription) -> None:
        """Ask for this instead."""

    def renew(self) -> bool:
        """Connect anew, from another thread; False: there is no connection to be renewed."""

    def hang_up(self) -> bool:
        """End the connection from another thread; False: there is none."""


class Retrying:
    """How the lines of a feed are tried again, and who is told.

    `backoff` is from which to which wait, in seconds; `breaker` so many failures in so many
    seconds, 0 for none. Without, what is usual.
    """

    def __init__(
        self,
        retries: int | None = None,
        *,
        backoff: tuple[float, float] | None = None,
        breaker: tuple[int, float] | None = None,
        retried: Retried = lambda cause, delay: None,
        renew: Renew = lambda: False,
    ) -> None:
        self.retries, self.retried, self.renew = retries, retried, renew
        self._backoff, self._breaker = backoff, breaker

    def backoff(self, clock: Clock) -> Backoff:
        """The backoff of one line."""
        base, cap = self._backoff or (None, None)
        return Backoff(self.retries, base=base, cap=cap, draw=clock.random)

    def breaker(self) -> Breaker:
        """The circuit breaker of one line."""
        return Breaker() if self._breaker is None else Breaker(*self._breaker)


class Upkeep:
    """Keeps a line up: connects it again until it ends, is given up or told to end."""

    def __init__(
        self,
        line: Line,
        *,
        clock: Clock,
        say: Log,
        retrying: Retrying | None = None,
        held_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self.line = line
        self.ended = False
        self.is_up = self.was_up = False
        self.is_added = False  # by a change, later than the others
        self.failure: VendorError | None = None  # the last one
        self._retrying = retrying or Retrying()
        self._clock, self._say, self._held_up = clock, say, held_up
        self._backoff, self._breaker = self._retrying.backoff(clock), self._retrying.breaker()
        self._put: PutEvents
        self._count = 0
        self._worked = False  # this time: something has come of an instrument
        self._renewed = False  # the secrets were read again since it was up

    @property
    def breaker(self) -> str:
        """The state of its circuit breaker."""
        return self._breaker.state

    def work(self, put: PutEvents, tell: PutEvents) -> None:
        """Bring events by `put`, and by `tell` what is told of the connection."""
        self._put = put
        try:
            while not self.ended:
                since, count = self._clock.ns(), self._count
                self._worked = self.is_up = False
                if self._breaker.tries_one():
                    self.line.half_open(tell)
                try:
                    return self.line.run(self._pass_on)
                except Resubscribed as error:
                    self.line.lost(tell, Loss.by(error, 0.0))
                except VendorError as error:
                    if self.ended:
                        return None
                    self._failed(error, tell, healthy=self._was_healthy(since, count))
        finally:
            self.line.finish(tell)

    def _pass_on(self, events: Sequence[Event]) -> None:
        self._count += len(events)
        if not self._worked:
            self._look_at(events)
        self._put(events)

    def _look_at(self, events: Sequence[Event]) -> None:
        self._worked = any(isinstance(event, Market) for event in events)
        if self._worked or any(map(says_up, events)):
            self.is_up = self.was_up = True
            self._renewed = False

    def _was_healthy(self, since: int, count: int) -> bool:
        lasted = self._clock.ns() - since >= HEALTHY_SECONDS * SECOND
        return lasted or self._count - count >= HEALTHY_EVENTS

    def _failed(self, error: VendorError, tell: PutEvents, *, healthy: bool) -> None:
        """Tell of a loss and wait; raises an error after which nothing is tried any more."""
        if error.cause in ("network", "server-close") and self._held_up():
            text = f"{error} (the buffer was full: what reads the events is too slow)"
            error = UnavailableError(text, hint=error.hint, cause="slow-consumer")
        try:
            if self._is_hopeless(error):
                raise error
            delay = self._delay(error, healthy=healthy)
        except VendorError:
            self.line.lost(tell, Loss.by(error, breaker=self._breaker.state))
            raise
        self.failure, self.is_up = error, False
        state = self._breaker.state
        self.line.lost(tell, Loss.by(error, delay, state))
        why = "" if state == "closed" else f", for the circuit breaker is {state}"
        self._say.warning(f"{error}; trying again in {waited(delay)}{why}")
        self._retrying.retried(str(error), delay)
        self._clock.wait(delay)

    def _is_hopeless(self, error: VendorError) -> bool:
        if isinstance(error, RefusedError) and error.cause == "login":
            if self._renewed:
                return True
            self._renewed = True  # once: they may have been changed meanwhile
            return not (self._retrying.renew() or self.was_up)
        is_refusal = isinstance(error, RefusedError | NotThereError)
        return is_refusal and (self.is_up or not self.was_up)

    def _delay(self, error: VendorError, *, healthy: bool) -> float:
        # Who is let in and refused right behind it is no better off than one who is not let in.
        is_refused = isinstance(error, RefusedError) and error.cause == "login"
        if healthy or (self._worked and not is_refused):
            self._backoff.worked(healthy=healthy)
            self._breaker.worked()
        else:
            self._breaker.failed(self._clock.ns())
        return max(self._backoff.delay(error), self._breaker.rest)


def says_up(event: Event) -> bool:
    """Whether it is told that a connection is up."""
    return isinstance(event, Connection) and event.state != "down"
