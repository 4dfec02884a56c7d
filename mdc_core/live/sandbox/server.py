"""A mock server on loopback: a vendor's protocol, spoken by its `Sandbox` plugin.

Each connection gets a plugin of its own and, once its client has subscribed, the events of
the tape from their beginning. After a `disconnect-after` fault the next connection goes on
where the line was cut (`skip` events further, which nobody gets), with the books as they are
by then, and so it does after a `stall-after` that the client has left: the market outlives a
connection, while a plugin does not. When the tape ends, the connection is closed normally. What
is asked by HTTP is answered by the plugin of a connection.
"""

import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

from mdc_core.contracts import Endpoint, HangUp, Options, Request, Response, Sandbox
from mdc_core.errors import ConfigError, MdcError
from mdc_core.live.feed import ThreadOutcome
from mdc_core.live.sandbox.client import CableCut, LineStalled, PlaybackPlan, SandboxClient
from mdc_core.live.sandbox.faults import Faults
from mdc_core.live.sandbox.playback import Playback, PlaybackPace
from mdc_core.live.sandbox.visitor import Visitor, listen
from mdc_core.live.transports import FAILED, TransportClosed
from mdc_core.logs import Log

HOST = "127.0.0.1"
COMES_BACK = 2.0  # seconds in which a client that was refused has tried again, if it does
_END_WITHIN = 5.0
_PLAIN = {"wss": "ws", "tls": "tcp"}


class SandboxServer:
    """Serves a tape; `done` is set when a client has been played all of it, or on `error`."""

    def __init__(
        self,
        sandbox: type[Sandbox],
        tape: Playback,
        *,
        endpoint: Endpoint,
        say: Log,
        options: Options | None = None,
        port: int = 0,
        speed: float | None = None,
        faults: Faults | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.done = threading.Event()
        self.error: BaseException | None = None
        self._sandbox = sandbox
        self._endpoint = endpoint
        self._options = sandbox.Options() if options is None else options
        self._tape = tape
        self._say = say
        self._speed = speed
        self._faults = faults or Faults()
        self._clock = clock
        self._lock = threading.Lock()
        self._open: set[Visitor] = set()
        self._visits: list[SandboxClient] = []  # those that are open, and the last that was
        self._refused_at: float | None = None  # when the last left that got nothing
        self._disconnects = self._stalls = 0
        self._resume = 0
        pings = sandbox.ping_every, sandbox.ping_within
        try:
            self._server = listen(
                endpoint, HOST, port, self._serve, self._admit, self._respond, pings
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

    def url(self, vendor: str | None = None) -> str:
        """Where it listens, with the path that a URL of the vendor's has."""
        place = urlsplit(vendor or self._endpoint.url)
        own = urlsplit(self._endpoint.url).scheme
        scheme = _PLAIN.get(own, own)
        return urlunsplit((scheme, f"{HOST}:{self.port}", place.path, place.query, ""))

    @property
    def is_left_refused(self) -> bool:
        """Whether the last client has left with nothing, and no other has come for a while.

        It was refused at the door, or asked for something and left without a subscription.
        """
        with self._lock:
            since = None if self._open else self._refused_at
        return since is not None and self._clock() >= since + COMES_BACK

    def cut(self) -> None:
        """Cut every line without a word, as a broken cable does."""
        with self._lock:
            visitors = list(self._open)
        for visitor in visitors:
            visitor.cut()

    def _admit(self, path: str, headers: Mapping[str, str]) -> int:
        status = self._sandbox(path, headers, self._options).admit()
        with self._lock:
            is_in = status == HTTPStatus.SWITCHING_PROTOCOLS
            self._refused_at = None if is_in else self._clock()
        return status

    def _serve(self, visitor: Visitor) -> None:
        with self._lock:
            limit = self._sandbox.limits.connections
            too_many = limit is not None and len(self._open) >= limit
            if not too_many:
                self._open.add(visitor)
                self._refused_at = None
        outcome = ThreadOutcome()
        with outcome:
            self._receive(visitor, too_many)
        with self._lock:
            self._open.discard(visitor)
        if outcome.error is not None:
            self.error = outcome.error
            self.done.set()

    def _receive(self, visitor: Visitor, too_many: bool) -> None:
        sandbox = self._sandbox(visitor.path, visitor.headers, self._options)
        visit = SandboxClient(visitor, sandbox, say=self._say, clock=self._clock)
        try:
            if too_many:
                visit.send(sandbox.refuse())
                if sandbox.ends_all:
                    self.cut()
            else:
                with self._lock:
                    self._visits = [*(v for v in self._visits if not v.is_over), visit]
                if visit.subscribe():
                    self._play(visit)
            visitor.goodbye()
        except HangUp as end:
            visit.send(end.frames)
            visitor.goodbye(end.code)
        except CableCut:
            visitor.break_off()
        except LineStalled:
            self._say.detail("a client of the mock server has left a line that is silent")
        except TransportClosed:
            self._say.detail("a client of the mock server has left")
            if sandbox.subscribed:
                self.done.set()
        except MdcError:
            visitor.goodbye(FAILED, "the data is damaged")
            raise
        else:
            if sandbox.subscribed:
                self.done.set()
        finally:
            visit.is_over = True
            if visit.is_heard and not sandbox.subscribed and not too_many:
                with self._lock:
                    self._refused_at = self._clock()

    def _respond(self, request: Request) -> Response:
        """The answer to a request by HTTP, of the newest connection that knows one."""
        outcome = ThreadOutcome()
        with outcome:
            with self._lock:
                visits = self._visits[::-1]
            for visit in visits:
                if (answer := visit.respond(request)).status != HTTPStatus.NOT_FOUND:
                    return answer
            return self._sandbox("", request.headers, self._options).respond(request)
        self.error = outcome.error
        self.done.set()
        return Response(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _play(self, visit: SandboxClient) -> None:
        with self._lock:
            start, self._resume = self._resume, 0
            before = self._disconnects, self._stalls
        pace = PlaybackPace(self._speed, self._clock)
        programme = PlaybackPlan(*self._tape.play(start), pace, self._faults, *before)
        try:
            visit.play(programme)
        except CableCut as cut:
            with self._lock:
                self._disconnects += 1
                self._resume = self._faults.skip + self._reached(start + cut.played)
            raise
        except LineStalled as stall:
            with self._lock:
                self._stalls += 1
                self._resume = self._reached(start + stall.played)
            raise

    def _reached(self, played: int) -> int:
        """How many events the next connection is not played; a pipe has passed them already."""
        return played if self._tape.rewinds else 0
