"""The replay of a capture: the same session, driven by what was recorded."""

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from mdc_core.contracts import Fetch, Response, Subscription
from mdc_core.errors import BusyError, Cause, MdcError, RefusedError, UnavailableError
from mdc_core.events import Event
from mdc_core.live.frames.head import STATE, FileHead
from mdc_core.live.frames.reader import Damage
from mdc_core.live.frames.runs import EVERY_FRAME, FrameChoice
from mdc_core.live.line import set_aside
from mdc_core.live.recorded.questions import HttpAnswer, Questions
from mdc_core.live.recorded.record import CaptureRecord
from mdc_core.live.recorded.recording import Recording, in_order
from mdc_core.live.session.actions import Action, Disconnect, FrameAside, Put, Warn
from mdc_core.live.session.asked import OLD_GOES_ON
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.upkeep.loss import Loss
from mdc_core.logs import Log
from mdc_core.wire.quarantine import Quarantine

_FROM_VENDOR = ("in", "http")
_OPEN = ("open", "fetched")  # what is told of a connection that is there


class _Marker(Struct):
    state: str
    reason: str = ""
    cause: Cause = "network"
    retry_in: float | None = None
    breaker: str = "closed"
    tag: str = ""
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""
    symbols: tuple[str, ...] | None = None
    channels: tuple[str, ...] = ()


Span = tuple[int | None, int | None]
MakeSession = Callable[[FileHead, str, Subscription | None], FeedSession]


class LineReplay:
    """What one line of a feed gave when it was captured."""

    def __init__(
        self,
        session: FeedSession,
        *,
        say: Log,
        quarantine: Quarantine | None,
        since: int | None = None,
    ) -> None:
        self._session, self._since = session, since
        self._say, self._quarantine = say, quarantine
        self._failure: Loss | None = None
        self.refusal: MdcError | None = None  # the end of the feed, if it did not go on
        self._is_over = False
        self._at: int | None = None
        self._questions = Questions()

    def take(self, record: CaptureRecord, mark: _Marker | None) -> Iterator[list[Event]]:
        """The events that one record leads to."""
        session = self._session
        self._at = record.recv_ns if record.recv_ns is not None else self._at
        if mark is not None and mark.state == "lost":
            self._failure = None
            self._questions.forget()
            loss = Loss(mark.reason, mark.cause, mark.retry_in, mark.breaker)
            yield from self._do(session.closed(loss, record.recv_ns))
        elif mark is not None and mark.state == "half-open":
            yield from self._do(session.half_open(record.recv_ns))
        elif mark is not None and mark.state == "connecting":
            self.refusal, self._is_over = None, False
            session.connecting(record.recv_ns)
        elif mark is not None and mark.state == "asked":
            wanted = Subscription(mark.symbols or (), mark.channels)
            yield from self._do(session.subscribe(wanted, record.recv_ns))
        elif self._is_over:
            return  # a feed that was refused while it was up heard nothing more
        elif record.dir in _FROM_VENDOR or (mark is not None and mark.state in _OPEN):
            yield from self._lost()
            if not session.is_open:
                yield from self._do(session.opened(record.recv_ns))
            yield from self._do(self._came(record, mark))
            while session.is_open and (answer := self._questions.next()) is not None:
                yield from self._do(session.fetched(*answer, record.recv_ns))

    def finish(self) -> Iterator[list[Event]]:
        """The events at the end of the capture."""
        yield from self._lost()
        yield from self._do(self._session.finish())

    def damaged(self, reason: str) -> Iterator[list[Event]]:
        """The events where frames cannot be read: nobody knows what they said."""
        if self._session.is_open:
            self._failure = Loss(f"frames cannot be read: {reason}", "protocol")
            yield from self._lost()

    def _came(self, record: CaptureRecord, mark: _Marker | None) -> Sequence[Action]:
        if record.dir == "http":
            body = record.content()
            body = body.encode() if isinstance(body, str) else body
            self._questions.came(HttpAnswer(record.url, body))
            return []
        if mark is None:
            return self._session.received(record.content(), record.recv_ns)
        if mark.state != "fetched":
            return []
        self._questions.answered(mark.tag)
        response = Response(mark.status, mark.headers, mark.body)
        return self._session.fetched(mark.tag, response, record.recv_ns)

    def _lost(self) -> Iterator[list[Event]]:
        """A connection of which something later shows that it was lost."""
        failure, self._failure = self._failure, None
        if failure is not None:
            yield from self._do(self._session.closed(failure, self._at))

    def _do(self, actions: Sequence[Action]) -> Iterator[list[Event]]:
        """What a replay does of the actions: nothing is sent, nobody is waited for."""
        is_before = self._since is not None and (self._at or 0) < self._since
        for action in actions:
            match action:
                case Put() | FrameAside() | Warn() if is_before:
                    pass
                case Put(events):
                    yield list(events)
                case Fetch():
                    self._questions.asked(action)
                case FrameAside():
                    set_aside(self._quarantine, action)
                case Warn(text):
                    self._say.warning(text)
                case Disconnect(UnavailableError() | BusyError() as error):
                    self._failure = Loss.by(error)
                case Disconnect(RefusedError() as error) if self._session.takes_back():
                    self._failure = Loss(f"{error}; {OLD_GOES_ON}", error.cause)
                case Disconnect(RefusedError() as error):
                    self._is_over = error.cause != "login" and self._session.is_up
                    self._failure, self.refusal = Loss.by(error), error
                case Disconnect(error):
                    raise error


Lines = dict[str, LineReplay]


class CaptureReplay:
    """The events that feeds gave when they were recorded, receive times included.

    `make_session` is given what the recording says of itself, the name of a line and what that
    asks for, None for all there is (no channels: those of the recording). A feed that was refused
    at its end is told as an error behind all the others. `told` is called for what is damaged;
    frames that cannot be read are a connection that is lost. Of a `span` of receive times,
    [start, end), all that came before it is gone through as well, for it decides what the rest
    means, and gives nothing.
    """

    def __init__(
        self,
        found: Sequence[Recording],
        make_session: MakeSession,
        *,
        say: Log,
        quarantine: Quarantine | None = None,
        told: Callable[[Damage], None] | None = None,
        span: Span = (None, None),
    ) -> None:
        self._since, self._until = span
        self._found = [one for one in found if not self._is_over(one)]
        self._make = make_session
        self._say, self._quarantine = say, quarantine
        self._told = told or (lambda damage: say.warning(str(damage)))
        self._runs: dict[int, str] = {}

    def _is_over(self, recording: Recording) -> bool:
        """Whether a recording ends before what is wanted."""
        last = None if self._since is None else recording.last
        return last is not None and self._since is not None and last < self._since

    def _choice(self) -> tuple[FrameChoice, set[int]]:
        """The frames to read, and the recordings that go on beyond them: those do not end here."""
        ends = [(id(one), one.last) for one in self._found]
        if self._until is None or any(last is None for _, last in ends):
            return EVERY_FRAME, set()
        beyond = {one for one, last in ends if last is not None and last >= self._until}
        return FrameChoice(None, self._until), beyond

    def _is_beyond(self, what: CaptureRecord | Damage | None) -> bool:
        """Whether a frame is later than what is wanted."""
        ns = getattr(what, "recv_ns", None)
        return self._until is not None and ns is not None and ns >= self._until

    def __iter__(self) -> Iterator[list[Event]]:
        lines: dict[int, Lines] = {}
        choice, cut = self._choice()
        refusal: MdcError | None = None
        for recording, what in in_order(self._found, choice):
            if self._is_beyond(what):
                cut.add(id(recording))
                continue
            if id(recording) in cut and not isinstance(what, CaptureRecord):
                continue
            mine = lines.setdefault(id(recording), {})
            if isinstance(what, CaptureRecord):
                mark = _marker(what) if what.dir == "derived" else None
                if mark is not None and mark.state == STATE:
                    yield from self._head(recording, mine)
                    continue
                if what.line not in mine:
                    mine[what.line] = self._line(recording, what.line, mark)
                yield from mine[what.line].take(what, mark)
            elif what is not None:
                self._told(what)
                for line in mine.values():
                    yield from line.damaged(what.text)
            else:
                for line in mine.values() or [self._line(recording, "", None)]:
                    yield from line.finish()
                    refusal = refusal or line.refusal
                del lines[id(recording)]
        if refusal is not None:
            raise refusal

    def _head(self, recording: Recording, lines: Lines) -> Iterator[list[Event]]:
        """A file of another run follows in the same capture: what was before has ended."""
        run = self._runs.setdefault(id(recording), recording.head.run)
        if run != recording.head.run:
            self._runs[id(recording)] = recording.head.run
            for line in lines.values():
                yield from line.finish()
            lines.clear()

    def _line(self, recording: Recording, name: str, mark: _Marker | None) -> LineReplay:
        asked = None
        if mark is not None and name and mark.symbols is not None:
            asked = Subscription(mark.symbols, mark.channels)
        session = self._make(recording.head, name, asked)
        since = self._since
        return LineReplay(session, say=self._say, quarantine=self._quarantine, since=since)


def _marker(record: CaptureRecord) -> _Marker | None:
    try:
        return msgspec.json.decode(record.frame, type=_Marker)
    except msgspec.ValidationError:
        return None  # somebody else's note
