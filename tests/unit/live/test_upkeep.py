"""Keeping a line up, by a clock of ours: waits by cause, the circuit breaker, who was too slow."""

from collections.abc import Sequence
from typing import Any

import pytest

from mdc_core.contracts import Endpoint, Limits, Subscription
from mdc_core.errors import (
    BusyError,
    ConfigError,
    RefusedError,
    UnavailableError,
    VendorError,
)
from mdc_core.events import Event
from mdc_core.live.line import StreamLine
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.upkeep.backoff import Backoff
from mdc_core.live.upkeep.breaker import Breaker
from mdc_core.live.upkeep.loss import Loss
from mdc_core.live.upkeep.openings import Openings
from mdc_core.live.upkeep.upkeep import HEALTHY_EVENTS, PutEvents, Retrying, Upkeep
from mdc_core.logs import Log, Mask
from mdc_core.plugin import Trade
from mdc_core.times import SECOND

LOST = UnavailableError("lost")


class Virtual:
    """Time passes by waiting."""

    def __init__(self) -> None:
        self.now = 0
        self.random = lambda: 1.0

    def ns(self) -> int:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


class Failing:
    """A line that fails with each of these, works where there is None, and then ends."""

    asked = granted = None

    def __init__(self, clock: Virtual, *fates: VendorError | None, brings: int = 0) -> None:
        self._clock, self._fates, self._brings = clock, [*fates], brings
        self.told: list[tuple[float, str, str, float | None]] = []

    def run(self, put: PutEvents) -> None:
        if not self._fates:
            return
        fate = self._fates.pop(0)
        if fate is None or self._brings:
            put([Trade()] * (self._brings or 1))
        raise fate or LOST

    def lost(self, put: PutEvents, loss: Loss) -> None:
        seconds = self._clock.now / SECOND
        self.told.append((seconds, loss.cause, loss.breaker, loss.retry_in))

    def half_open(self, put: PutEvents) -> None:
        self.told.append((self._clock.now / SECOND, "", "half-open", None))

    def finish(self, put: PutEvents) -> None:
        pass

    def resubscribe(self, subscription: Subscription) -> None:
        pass

    def hang_up(self) -> bool:
        return False


def kept_up(
    *fates: VendorError | None, held_up: bool = False, breaker: str = "on", brings: int = 0
) -> Failing:
    clock = Virtual()
    line = Failing(clock, *fates, brings=brings)
    retrying = Retrying(breaker=(3, 10.0) if breaker == "on" else (0, 0.0))
    keep = Upkeep(
        line, clock=clock, say=Log(threshold=100), retrying=retrying, held_up=lambda: held_up
    )

    def nowhere(events: Sequence[Event]) -> None:
        pass

    keep.work(nowhere, nowhere)
    return line


def test_the_breaker_opens_tries_one_and_opens_again() -> None:
    line = kept_up(*[LOST] * 4)
    assert line.told == [
        (0, "network", "closed", 1),
        (1, "network", "closed", 2),
        (3, "network", "open", 10),
        (13, "", "half-open", None),
        (13, "network", "open", 10),
        (23, "", "half-open", None),
    ]


def test_a_connection_that_worked_is_no_failed_try() -> None:
    line = kept_up(LOST, LOST, None, LOST, LOST, breaker="on")
    assert [state for _, _, state, _ in line.told] == ["closed"] * 5
    line = kept_up(*[LOST] * 9, breaker="off")
    assert {state for _, _, state, _ in line.told} == {"closed"}


def test_a_login_that_is_refused_behind_each_first_event_is_a_failed_try() -> None:
    refused = RefusedError("auth failed", cause="login")
    told = kept_up(*[refused] * 4, brings=1).told
    assert [(state, wait) for _, _, state, wait in told] == [
        ("closed", 1),
        ("closed", 2),
        ("open", 10),
        ("half-open", None),
        ("open", 10),
        ("half-open", None),
    ]
    told = kept_up(*[refused] * 4, brings=HEALTHY_EVENTS).told
    assert [(state, wait) for _, _, state, wait in told] == [("closed", 1)] * 4


def test_failures_far_apart_are_none_too_many() -> None:
    breaker = Breaker(2, 10.0)
    for second in (0, 11, 22, 33, 5):  # the clock was set back
        breaker.failed(second * SECOND)
        opened = breaker.state
    assert opened == "open"
    breaker.worked()
    breaker.failed(100 * SECOND)
    assert (breaker.state, breaker.rest) == ("closed", 0.0)


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (LOST, [1, 2, 4]),
        (BusyError("too many"), [10, 20, 40]),
        (BusyError("too many", after=3.0), [3, 3, 4]),
        (BusyError("closed", cause="maintenance"), [61, 62, 64]),
        (BusyError("closed", cause="maintenance", after=600.0), [601, 602, 604]),
        (BusyError("slow", cause="slow-consumer"), [1, 2, 4]),
    ],
)
def test_waits_are_by_cause(error: VendorError, waits: list[float]) -> None:
    backoff = Backoff(draw=lambda: 1.0)
    assert [backoff.delay(error) for _ in range(3)] == waits
    assert [Backoff(base=0.5, cap=0.5, draw=lambda: 1.0).delay(LOST)] == [0.5]


def test_a_vendor_that_hangs_up_while_we_are_held_up_met_a_slow_consumer() -> None:
    busy = BusyError("full", after=0.0)
    assert [cause for _, cause, _, _ in kept_up(None, busy, held_up=True).told] == [
        "slow-consumer",
        "limit",
    ]


def test_new_connections_take_turns_in_any_span_of_the_limit() -> None:
    """Three in ten seconds, whenever they are asked for; who asks later waits behind the others."""
    clock, openings = Virtual(), Openings(Limits(openings=3, openings_per=10))
    turns = []
    for after in (0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 30.0):
        clock.wait(after)
        turns.append(clock.now / SECOND + openings.delay(clock))
    assert turns == [0.0, 4.0, 4.0, 10.0, 14.0, 14.0, 20.0, 34.0]
    free = Openings(Limits())
    assert [free.delay(clock) for _ in range(5)] == [0.0] * 5


def test_a_line_does_not_connect_before_its_turn() -> None:
    """A try that fails is one as well."""
    clock, limits = Virtual(), Limits(openings=1, openings_per=10)
    nothing: Any = None
    session = FeedSession("x", nothing, Subscription(("A",)), mask=Mask(), limits=limits)
    line = StreamLine(session, Endpoint("ftp://x"), clock=clock, say=Log(threshold=100))
    tried = []
    for _ in range(3):
        with pytest.raises(ConfigError):
            line.run(nothing)
        tried.append(clock.now // SECOND)
    assert tried == [0, 10, 20]
