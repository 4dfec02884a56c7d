"""Driving a feed: its lines work in threads of their own, and are mended when they break.

The threads put lists of events into the bounded buffer; whoever iterates over the Feed
takes them out. What `Upkeep` does not mend ends the feed and is raised where the events are
taken, behind the last of them.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol

from mdc_core.contracts import Subscription
from mdc_core.errors import NotThereError, RefusedError, VendorError
from mdc_core.events import Event
from mdc_core.live.buffer import Buffer
from mdc_core.live.clock import Clock, SystemClock
from mdc_core.live.upkeep.upkeep import Line, Retrying, Upkeep
from mdc_core.logs import Log

_LOOK = 0.2  # seconds between two looks at `stop` while nothing comes
_PATIENCE = 5  # looks for which a thread that was told to end is waited for
_WORKING = 5  # times as many, where it has a connection


class Change(NamedTuple):
    """What another subscription means for the lines of a feed: nothing, where it is the same."""

    new: Sequence[Line] = ()
    gone: Sequence[Line] = ()  # of no more use, if the others get what they ask for
    told: Sequence[Line] = ()  # to ask for something else


class FeedLines(Protocol):
    """The lines of a feed."""

    @property
    def lines(self) -> Sequence[Line]:
        """Those there are."""

    def subscribe(self, wanted: Subscription) -> Change:
        """Ask for this instead."""


class OneLine:
    """A feed of one line."""

    def __init__(self, line: Line) -> None:
        self.lines = [line]

    def subscribe(self, wanted: Subscription) -> Change:
        """Ask for this instead."""
        if wanted == self.lines[0].asked:
            return Change()
        self.lines[0].resubscribe(wanted)
        return Change(told=self.lines)


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


class LineState(NamedTuple):
    """How one line is."""

    state: str  # up, down
    breaker: str
    failure: str | None  # why it was lost last
    symbols: Sequence[str]
    granted: bool | None = True  # whether it has what it was told last; None: not answered yet
    refusals: Mapping[str, str] | None = None  # of that, by symbol; None: it is not answered


class Feed:
    """The events of some lines, in lists, until all end, one fails or `stop` is set."""

    def __init__(
        self,
        group: FeedLines,
        buffer: Buffer,
        stop: threading.Event,
        *,
        say: Log,
        retrying: Retrying | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.buffer = buffer
        self._group = group
        self._stop = stop
        self._clock = clock or SystemClock()
        self._say = say
        self._retrying = retrying
        self._error: BaseException | None = None
        self._lock, self._ends = threading.Lock(), threading.Lock()
        self._keeps: list[Upkeep] = []
        self._threads: list[threading.Thread] = []
        self._working = 0
        self._started = self._ending = False
        self._change = Change()  # whose lines are still to go
        for line in group.lines:
            self._add(line)

    def _add(self, line: Line) -> None:
        """One more line; it starts with the others, or at once."""
        keep = Upkeep(
            line,
            clock=self._clock,
            say=self._say,
            retrying=self._retrying,
            held_up=lambda: self.buffer.holds_up,
        )
        keep.is_added = self._started
        thread = threading.Thread(target=self._main, args=(keep,), name="mdc-feed", daemon=True)
        with self._lock:
            self._working += 1
            self._keeps.append(keep)
            self._threads.append(thread)
        if self._started:
            thread.start()

    def __iter__(self) -> Iterator[list[Event]]:
        self._started = True
        for thread in self._threads:
            thread.start()
        patience = _PATIENCE * _WORKING
        try:
            while (events := self.buffer.take(_LOOK)) is not None:
                yield events  # also none, so that the taker can look at the clock
                if self._change.gone:
                    self._part()
                if self._stop.is_set() or self._ending:
                    connected = self._hang_up()
                    if not events:
                        patience -= 1 if connected else _WORKING
                    if patience < 0:
                        # A thread hangs in connecting, or in a codec; it brings nothing more.
                        for keep in self._keeps:
                            keep.line.finish(self.buffer.tell)
                        self.buffer.close()
        finally:
            self.buffer.discard()
            if patience >= 0 and (self._hang_up() or not self._stop.is_set()):
                for thread in self._threads:
                    thread.join(_PATIENCE * _LOOK)
        if self._error is not None:
            raise self._error

    @property
    def was_up(self) -> bool:
        """Whether any line has been up."""
        return any(keep.was_up for keep in self._keeps)

    @property
    def connected(self) -> int:
        """How many lines are up."""
        return sum(keep.is_up for keep in self._keeps)

    @property
    def states(self) -> list[LineState]:
        """How its lines are that have not ended; from any thread."""
        found = []
        for keep in list(self._keeps):
            asked = keep.line.asked
            if asked is not None:
                failure = None if keep.failure is None else str(keep.failure)
                state = "up" if keep.is_up else "down"
                # In this order: whoever is granted by now has its refusals.
                told = keep.line.granted, keep.line.refusals
                found.append(LineState(state, keep.breaker, failure, asked.symbols, *told))
        return found

    @property
    def failure(self) -> VendorError | None:
        """The last failure of a line, if there was one."""
        return next((keep.failure for keep in reversed(self._keeps) if keep.failure), None)

    def end(self) -> None:
        """Hang up; what is still taken tells of what is lost by now."""
        self._ending = True
        self._hang_up()

    def resubscribe(self, subscription: Subscription) -> bool:
        """Ask for this instead; False: it is what is asked for."""
        change = self._group.subscribe(subscription)
        for line in change.new:
            self._add(line)
        self._change = change
        return any(change)

    def renew(self, symbols: Collection[str]) -> int:
        """Connect the lines of these symbols anew; how many there are. From any thread."""
        asked = [(keep.line, keep.line.asked) for keep in list(self._keeps)]
        return sum(
            line.renew() for line, wanted in asked if wanted and set(symbols) & set(wanted.symbols)
        )

    def _part(self) -> None:
        """End lines of no more use once that is certain: a refusal leaves all as it was."""
        answers = [line.granted for line in self._change.told]
        if None in answers:
            return
        gone, self._change = self._change.gone, Change()
        for keep in self._keeps:
            if keep.line in gone and all(answers):
                keep.ended = True
                keep.line.hang_up()

    def _hang_up(self) -> bool:
        """End all lines; False: none has a connection."""
        for keep in self._keeps:
            keep.ended = True
        if isinstance(self._clock, SystemClock):
            self._clock.interrupt()
        told = [keep.line.hang_up() for keep in self._keeps]
        return any(told)

    def _main(self, keep: Upkeep) -> None:
        outcome = ThreadOutcome()
        with outcome:
            keep.work(self.buffer.put, self.buffer.tell)
        if keep.is_added and isinstance(outcome.error, RefusedError | NotThereError):
            # What was asked for later leaves what was there before as it is.
            self._say.warning(f"{outcome.error}; what was asked for before goes on")
            outcome.error = None
        error = outcome.error
        with self._ends:  # one behind the other: whoever is last has the word
            last = self._working == 1
            if isinstance(error, RefusedError) and error.cause == "refusal" and not last:
                self._say.warning(f"{error}; the other connections go on")
                keep.line.refused(self.buffer.tell, error)
                outcome.error = None
            with self._lock:
                self._working -= 1
        with self._lock:
            if outcome.error is not None:
                self._error = self._error or outcome.error
        if outcome.error is not None:
            self._hang_up()
        if last or outcome.error is not None:
            self.buffer.close()
