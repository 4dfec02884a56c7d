"""One client's visit to a mock server: it subscribes, and is played the events."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from msgspec import Struct

from mdc_core.contracts import Request, Response, Sandbox
from mdc_core.errors import MdcError
from mdc_core.events import Event, type_of
from mdc_core.live.sandbox.faults import MALFORMED, Faults
from mdc_core.live.sandbox.playback import AT_ONCE, PlaybackPace
from mdc_core.live.sandbox.visitor import Visitor
from mdc_core.live.transports import TransportClosed
from mdc_core.logs import Log
from mdc_core.texts import counted

_NOTHING = 1_000  # events of which a client gets none, after which it is told
NOTHING_WITHIN = 10.0  # seconds, or after so long
_NAMED = 5  # symbols
_LOOK = 0.02  # seconds between two looks whether something was asked for by HTTP


class CableCut(Exception):  # noqa: N818 - a fault that was asked for
    """Cut this line without a word, after so many events."""

    def __init__(self, played: int) -> None:
        super().__init__()
        self.played = played


class LineStalled(Exception):  # noqa: N818 - a fault that was asked for
    """The client has left a line that fell silent after so many events."""

    def __init__(self, played: int) -> None:
        super().__init__()
        self.played = played


class PlaybackPlan(Struct):
    """What one client is played, and the books that there are before it."""

    books: list[Event]
    events: Iterator[Event]
    pace: PlaybackPace
    faults: Faults
    disconnects: int = 0  # lines that this server has cut before
    stalls: int = 0  # and that fell silent


class SandboxClient:
    """The conversation with one client; raises HangUp, CableCut, LineStalled or TransportClosed."""

    def __init__(
        self,
        visitor: Visitor,
        sandbox: Sandbox,
        *,
        say: Log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._visitor = visitor
        self._sandbox = sandbox
        self._say = say
        self._clock = clock
        self._played = 0
        self._began = clock()
        self._for_nobody: set[tuple[str, str]] | None = set()  # types and symbols, so far
        self._tick_due = clock() + (sandbox.every or math.inf)
        self._lock = threading.Lock()  # of the sandbox, which is asked by HTTP as well
        self.is_over = False
        self.is_heard = False  # whether the client has asked for anything

    def subscribe(self) -> bool:
        """Greet, and answer until the client has subscribed; False: it lost its time."""
        self._say_all(self._sandbox.greet)
        deadline = self._clock() + self._sandbox.patience
        while not self._sandbox.subscribed:
            if not self._listen(deadline):
                self._say_all(self._sandbox.expire)
                return False
        settle = self._sandbox.settle
        while settle and self._listen(self._clock() + settle):
            pass
        return True

    def play(self, programme: PlaybackPlan) -> None:
        """Send the events, paced, with the faults that are due."""
        self._began = self._clock()
        faults, before = programme.faults, (programme.disconnects, programme.stalls)
        fault_at = faults.next_place(0, *before)
        due: list[Event] = []
        if programme.books:
            self._say_all(partial(self._sandbox.feed, programme.books))
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
                        self._fail(faults, *before)
                        fault_at = faults.next_place(self._played, *before)
        except MdcError:
            self._feed(due, faults)  # what stands before the damage
            raise
        self._feed(due, faults)
        self._tell_of_nothing()
        end = self._clock() + self._sandbox.patience
        while self._sandbox.awaits and self._clock() < end:
            self._wait(_LOOK)

    def send(self, frames: Iterable[str | bytes]) -> None:
        """Send frames."""
        for frame in frames:
            self._visitor.send(frame)

    def respond(self, request: Request) -> Response:
        """The answer to a request by HTTP, from any thread."""
        with self._lock:
            self.is_heard = True
            return self._sandbox.respond(request)

    def _say_all(self, speak: Callable[[], Iterable[str | bytes]]) -> None:
        self.send(self._frames(speak))

    def _frames(self, speak: Callable[[], Iterable[str | bytes]]) -> Iterator[str | bytes]:
        """What the sandbox says; while it makes a frame nobody else asks it for anything."""
        with self._lock:
            frames = iter(speak())
        while True:
            with self._lock:
                frame = next(frames, None)
            if frame is None:
                return
            yield frame

    def _feed(self, events: list[Event], faults: Faults) -> None:
        """Send these events, and forget them."""
        if not events:
            return
        if self._for_nobody is not None:
            self._for_nobody |= {(event.symbol or "", type_of(event)) for event in events}
        for frame in self._frames(partial(self._sandbox.feed, events)):
            self._for_nobody = None
            if faults.slow:
                self._wait(faults.slow)
            self._visitor.send(frame)
        self._played += len(events)
        events.clear()
        if self._played >= _NOTHING or self._clock() >= self._began + NOTHING_WITHIN:
            self._tell_of_nothing()
        self._wait(0.0)

    def _tell_of_nothing(self) -> None:
        """Say, once, that the client has subscribed to nothing of what is played."""
        if not self._for_nobody:
            return
        symbols, types = (sorted(set(names)) for names in zip(*self._for_nobody, strict=True))
        self._for_nobody = None
        more = [f"{len(symbols) - _NAMED:,} more"] if len(symbols) > _NAMED else []
        self._say.warning(
            f"the client asked for none of the first {counted(self._played, 'event')}: "
            f"they are {', '.join(types)} of {', '.join([*symbols[:_NAMED], *more])}"
        )

    def _fail(self, faults: Faults, disconnects: int, stalls: int) -> None:
        if self._played == faults.malformed_after:
            self._visitor.send(MALFORMED)
        if self._played == faults.stall_after and not stalls:
            try:
                self._wait(math.inf)
            except TransportClosed:
                raise LineStalled(self._played) from None
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
            self.is_heard = True
            self._say_all(partial(self._sandbox.receive, frame))
            return True

    def _tick(self) -> None:
        """Say by itself what is due; ticks that were missed are not made up for."""
        now = self._clock()
        if now >= self._tick_due:
            assert self._sandbox.every is not None
            self._tick_due = now + self._sandbox.every
            self._say_all(partial(self._sandbox.tick, time.time_ns()))
