"""One connection that asks for a symbol on some channels, and ends when that is answered."""

import threading
from collections.abc import Sequence
from time import monotonic

from msgspec import Struct

from mdc_core.errors import MdcError, RefusedError, UnavailableError
from mdc_core.events import Connection, Event, Integrity, Market
from mdc_core.live.feed import ThreadOutcome
from mdc_core.live.line import StreamLine
from mdc_core.live.source import SourceLine

SETTLE = 1.0  # seconds in which a refusal comes where nothing is acknowledged, or behind it
_LOOK = 0.01
_PATIENCE = 1.0  # seconds for a connection to end


class ProbeRefusal(Struct, frozen=True):
    """What the vendor refuses, in which words; no channels are all of them."""

    text: str
    channels: tuple[str, ...] = ()


class ProbeAnswer(Struct):
    """What became of a connection."""

    refusals: list[ProbeRefusal]
    up_after: float | None = None  # seconds from the try to the acknowledgement, if there is one
    is_presumed: bool = False  # the vendor acknowledges nothing, and refused nothing
    is_open: bool = False  # the handshake was through
    error: MdcError | None = None


class Probe:
    """A line of the driver's that is watched until its vendor has answered."""

    def __init__(self, line: StreamLine | SourceLine, login_within: float = 0.0) -> None:
        self.answer = ProbeAnswer([])
        self._line, self._login_within = line, login_within
        self._driven = line if isinstance(line, StreamLine) else None
        self._has_data = self._is_over = False
        self._began = 0.0

    def ask(self, within: float) -> ProbeAnswer:
        """Connect, and wait for the answer, for so many seconds at the most."""
        self._began = monotonic()
        outcome = ThreadOutcome()
        thread = threading.Thread(target=self._work, args=(outcome,), name="mdc-probe", daemon=True)
        thread.start()
        while thread.is_alive() and not self._is_answered() and self._seconds < within:
            thread.join(_LOOK)
        self._is_over = not thread.is_alive()
        self._look()
        self._line.hang_up()
        thread.join(_PATIENCE)
        self.answer.error = self._failure(outcome.error if self._is_over else None)
        return self.answer

    def _work(self, outcome: ThreadOutcome) -> None:
        with outcome:
            self._line.run(self._put)

    def _put(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Connection) and self.answer.up_after is None:
                self.answer.up_after = self._seconds
            elif isinstance(event, Integrity) and event.check == "subscription":
                channels = (event.extra or {}).get("channels", ())
                self.answer.refusals.append(ProbeRefusal(event.message or "", tuple(channels)))
            elif isinstance(event, Market):
                self._has_data = True

    def _look(self) -> None:
        """What the session knows and no event says."""
        if self._driven is not None:
            session, answer = self._driven.session, self.answer
            answer.is_open = session.is_open
            if session.is_presumed and not answer.is_presumed:
                answer.is_presumed, answer.up_after = True, self._seconds

    def _is_answered(self) -> bool:
        self._look()
        if self._driven is not None and self._driven.is_asking:
            return False
        answer = self.answer
        if answer.up_after is None or not self._is_accepted:
            return False
        is_told = (self._has_data or self._is_over) and not answer.is_presumed
        return is_told or self._seconds >= answer.up_after + SETTLE

    @property
    def _is_accepted(self) -> bool:
        """Whether all that was asked for is answered; of a codec that is silent, in its time."""
        if self._driven is None or self._driven.session.is_accepted:
            return True
        return self._seconds >= (self.answer.up_after or 0.0) + self._login_within

    def _failure(self, error: BaseException | None) -> MdcError | None:
        """Why there is no answer; a connection that breaks behind its answer has one."""
        if isinstance(error, MdcError):
            is_answered = self._is_answered() and not self.answer.is_presumed
            return None if is_answered and not isinstance(error, RefusedError) else error
        if error is not None:
            raise error
        if self.answer.up_after is None or not self._is_accepted:
            hint = "--timeout says how long it may take in all"
            return UnavailableError("not answered in time", hint=hint, cause="stall")
        return None

    @property
    def _seconds(self) -> float:
        return monotonic() - self._began
