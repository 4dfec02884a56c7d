"""A sandbox server on loopback: a vendor's protocol, spoken by its `Sandbox` plugin.

Each connection gets a plugin of its own and, once its client has subscribed, the events of
the tape from their beginning. After a `disconnect-after` fault the next connection goes on
where the line was cut (`skip` events further, which nobody gets). When the tape ends, the
connection is closed normally.
"""

import socket as sockets
import threading
import time
from collections.abc import Callable
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync.server import ServerConnection, serve

from mdc_core.contracts import HangUp, Sandbox
from mdc_core.errors import ConfigError, MdcError
from mdc_core.live.feed import ThreadOutcome
from mdc_core.live.sandbox.client import CableCut, PlaybackPlan, SandboxClient
from mdc_core.live.sandbox.faults import Faults
from mdc_core.live.sandbox.playback import Playback, PlaybackPace
from mdc_core.logs import Log

HOST = "127.0.0.1"
_CLOSE_WITHIN = 60.0  # a client that is behind still has to read what was sent
_END_WITHIN = 5.0


class SandboxServer:
    """Serves a tape; `done` is set when a client has been played all of it, or on `error`."""

    def __init__(
        self,
        sandbox: type[Sandbox],
        tape: Playback,
        *,
        say: Log,
        port: int = 0,
        speed: float | None = None,
        faults: Faults | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.done = threading.Event()
        self.error: BaseException | None = None
        self._sandbox = sandbox
        self._tape = tape
        self._say = say
        self._speed = speed
        self._faults = faults or Faults()
        self._clock = clock
        self._lock = threading.Lock()
        self._open: set[ServerConnection] = set()
        self._disconnects = 0
        self._resume = 0
        try:
            self._server = serve(
                self._serve,
                HOST,
                port,
                ping_interval=None,
                close_timeout=_CLOSE_WITHIN,
                max_size=None,
            )
        except OSError as error:
            raise ConfigError(f"cannot listen on {HOST}:{port}: {error.strerror}") from None
        self.port: int = self._server.socket.getsockname()[1]
        # As daemons, so that no client and no pipe can keep the process from ending.
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "SandboxServer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, cut every line, and wait for the threads."""
        self._server.socket.close()
        self.cut()
        end = threading.Thread(target=self._server.shutdown, daemon=True)
        end.start()
        end.join(_END_WITHIN)

    def url(self, vendor: str = "") -> str:
        """Where it listens, with the path that the vendor's own URL has."""
        place = urlsplit(vendor)
        return urlunsplit(("ws", f"{HOST}:{self.port}", place.path, place.query, ""))

    def cut(self) -> None:
        """Cut every line without a word, as a broken cable does."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _cut(connection)

    def _serve(self, connection: ServerConnection) -> None:
        with self._lock:
            limit = self._sandbox.connection_limit
            too_many = limit is not None and len(self._open) >= limit
            if not too_many:
                self._open.add(connection)
        outcome = ThreadOutcome()
        with outcome:
            self._receive(connection, too_many)
        with self._lock:
            self._open.discard(connection)
        if outcome.error is not None:
            self.error = outcome.error
            self.done.set()

    def _receive(self, connection: ServerConnection, too_many: bool) -> None:
        request = connection.request
        assert request is not None
        sandbox = self._sandbox(request.path, dict(request.headers.raw_items()))
        visit = SandboxClient(connection, sandbox, clock=self._clock)
        try:
            if too_many:
                visit.send(sandbox.refuse())
                return
            try:
                if visit.subscribe():
                    self._play(connection, visit)
            except HangUp as end:
                visit.send(end.frames)
            except MdcError:
                connection.close(CloseCode.INTERNAL_ERROR, "the data is damaged")
                raise
        except ConnectionClosed:
            self._say.detail("sandbox: a client has left")
            if sandbox.subscribed and not visit.cut:
                self.done.set()

    def _play(self, connection: ServerConnection, visit: SandboxClient) -> None:
        with self._lock:
            start, self._resume = self._resume, 0
            programme = PlaybackPlan(
                self._tape.play(start),
                PlaybackPace(self._speed, self._clock),
                self._faults,
                self._disconnects,
            )
        try:
            visit.play(programme)
            connection.close()
            self.done.set()
        except CableCut as cut:
            with self._lock:
                self._disconnects += 1
                self._resume = self._faults.skip
                self._resume += start + cut.played if self._tape.rewinds else 0
            visit.cut = True
            visit.break_off()


def _cut(connection: ServerConnection) -> None:
    try:
        connection.socket.shutdown(sockets.SHUT_RDWR)
    except OSError:
        return  # it is gone already
