"""One client's visit to a sandbox server: it subscribes, and is played the events."""

import math
import time
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from mdc_core.contracts import Sandbox
from mdc_core.errors import MdcError
from mdc_core.events import Event
from mdc_core.live.sandbox.faults import MALFORMED, Faults
from mdc_core.live.sandbox.playback import AT_ONCE, PlaybackPace
from mdc_core.live.sandbox.visitor import Visitor


class CableCut(Exception):  # noqa: N818 - a fault that was asked for
    """Cut this line without a word, after so many events."""

    def __init__(self, played: int) -> None:
        super().__init__()
        self.played = played


class PlaybackPlan(Struct):
    """What one client is played."""

    events: Iterator[Event]
    pace: PlaybackPace
    faults: Faults
    disconnects: int  # lines that this server has cut before


class SandboxClient:
    """The conversation with one client; raises HangUp, CableCut or TransportClosed."""

    def __init__(
        self,
        visitor: Visitor,
        sandbox: Sandbox,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._visitor = visitor
        self._sandbox = sandbox
        self._clock = clock
        self._played = 0
        self._tick_due = clock() + (sandbox.every or math.inf)

    def subscribe(self) -> bool:
        """Greet, and answer until the client has subscribed; False: it lost its time."""
        self.send(self._sandbox.greet())
        deadline = self._clock() + self._sandbox.patience
        while not self._sandbox.subscribed:
            if not self._listen(deadline):
                self.send(self._sandbox.expire())
                return False
        return True

    def play(self, programme: PlaybackPlan) -> None:
        """Send the events, paced, with the faults that are due."""
        faults, disconnects = programme.faults, programme.disconnects
        fault_at = faults.next_place(0, disconnects)
        due: list[Event] = []
        try:
            for event in programme.events:
                delay = programme.pace.delay(event)
                if delay > 0:
                    self._feed(due, faults)
                    self._wait(delay)
                due.append(event)
                if len(due) == AT_ONCE or self._played + len(due) == fault_at:
                    self._feed(due, faults)
                    if self._played == fault_at:
                        self._fail(faults, disconnects)
                        fault_at = faults.next_place(self._played, disconnects)
        except MdcError:
            self._feed(due, faults)  # what stands before the damage
            raise
        self._feed(due, faults)

    def send(self, frames: Iterable[str | bytes]) -> None:
        """Send frames."""
        for frame in frames:
            self._visitor.send(frame)

    def _feed(self, events: list[Event], faults: Faults) -> None:
        """Send these events, and forget them."""
        if not events:
            return
        for frame in self._sandbox.feed(events):
            if faults.slow:
                self._wait(faults.slow)
            self._visitor.send(frame)
        self._played += len(events)
        events.clear()
        self._wait(0.0)

    def _fail(self, faults: Faults, disconnects: int) -> None:
        if self._played == faults.malformed_after:
            self._visitor.send(MALFORMED)
        if self._played == faults.stall_after:
            self._wait(math.inf)
        if self._played == faults.disconnect_after and disconnects < faults.times:
            raise CableCut(self._played)

    def _wait(self, seconds: float) -> None:
        """Wait, and answer the client meanwhile."""
        deadline = self._clock() + seconds
        while self._listen(deadline):
            pass

    def _listen(self, deadline: float) -> bool:
        """Answer one frame, if one comes in time; what the server says by itself is said."""
        while True:
            self._tick()
            due = min(deadline, self._tick_due)
            try:
                wait = None if due == math.inf else max(due - self._clock(), 0.0)
                frame = self._visitor.recv(wait)
            except TimeoutError:
                if self._clock() >= deadline:
                    return False
                continue
            self.send(self._sandbox.receive(frame))
            return True

    def _tick(self) -> None:
        """Say by itself what is due; ticks that were missed are not made up for."""
        now = self._clock()
        if now >= self._tick_due:
            assert self._sandbox.every is not None
            self._tick_due = now + self._sandbox.every
            self.send(self._sandbox.tick(time.time_ns()))
