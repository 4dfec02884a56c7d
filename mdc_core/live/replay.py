"""The replay of a capture: the same session, driven by what was recorded."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from mdc_core.contracts import Response
from mdc_core.errors import BusyError, UnavailableError
from mdc_core.events import Event
from mdc_core.live.actions import Action, Disconnect, FrameAside, Put, Warn
from mdc_core.live.capture import CaptureRecord, records
from mdc_core.live.connection import FeedSession
from mdc_core.live.line import set_aside
from mdc_core.logs import Log
from mdc_core.wire.quarantine import Quarantine


class _Marker(Struct):
    state: str
    reason: str = ""
    tag: str = ""
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""


class CaptureReplay:
    """The events that a feed gave when it was captured, receive times included."""

    def __init__(
        self,
        path: Path,
        session: FeedSession,
        *,
        say: Log,
        quarantine: Quarantine | None = None,
    ) -> None:
        self._path, self._session = path, session
        self._say, self._quarantine = say, quarantine
        self._failure: str | None = None
        self._at: int | None = None

    def __iter__(self) -> Iterator[list[Event]]:
        session = self._session
        for record in records(self._path):
            mark = _marker(record) if record.dir == "derived" else None
            self._at = record.recv_ns if record.recv_ns is not None else self._at
            if mark is not None and mark.state == "lost":
                self._failure = None
                yield from self._do(session.closed(mark.reason, record.recv_ns))
            elif record.dir == "in" or (mark is not None and mark.state in ("open", "fetched")):
                yield from self._lost()
                if not session.is_open:
                    yield from self._do(session.opened(record.recv_ns))
                yield from self._do(self._came(record, mark))
        yield from self._lost()
        yield from self._do(session.finish())

    def _came(self, record: CaptureRecord, mark: _Marker | None) -> Sequence[Action]:
        if mark is None:
            return self._session.received(record.content(), record.recv_ns)
        if mark.state != "fetched":
            return []
        response = Response(mark.status, mark.headers, mark.body)
        return self._session.fetched(mark.tag, response, record.recv_ns)

    def _lost(self) -> Iterator[list[Event]]:
        """A connection of which something later shows that it was lost."""
        failure, self._failure = self._failure, None
        if failure is not None:
            yield from self._do(self._session.closed(failure, self._at))

    def _do(self, actions: Sequence[Action]) -> Iterator[list[Event]]:
        """What a replay does of the actions: nothing is sent, nobody is waited for."""
        for action in actions:
            match action:
                case Put(events):
                    yield list(events)
                case FrameAside():
                    set_aside(self._quarantine, action)
                case Warn(text):
                    self._say.warning(text)
                case Disconnect(UnavailableError() | BusyError() as error):
                    self._failure = str(error)
                case Disconnect(error):
                    raise error


def _marker(record: CaptureRecord) -> _Marker | None:
    try:
        return msgspec.json.decode(record.frame, type=_Marker)
    except msgspec.ValidationError:
        return None  # somebody else's note
