"""One WebSocket connection at a time: frames in, answers out, signs of life in a silence."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

from mdc_core.contracts import Send, Stream, Subscription
from mdc_core.errors import (
    BusyError,
    ConfigError,
    DataError,
    MdcError,
    RefusedError,
    UnavailableError,
)
from mdc_core.live.capture import Capture
from mdc_core.live.connection import FeedSession
from mdc_core.live.feed import Put, Resubscribed

MAX_FRAME = 64 << 20
TICK = 1.0  # seconds; how soon a silent line notices a new subscription
PING_EVERY = 10.0
PONG_WITHIN = 20.0
_OPEN_WITHIN, _CLOSE_WITHIN = 10.0, 1.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class WebSocketLine:
    """The line of a Stream: connects, and works until the connection ends."""

    def __init__(
        self,
        session: FeedSession,
        *,
        url: str | None = None,
        capture: Capture | None = None,
        stale: float | None = None,
        end_on_close: bool = False,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.session = session
        self._url = url
        self._capture = capture
        self._stale = stale
        self._end_on_close = end_on_close
        self._now = now
        self._socket: ClientConnection | None = None
        self._wanted: Subscription | None = None
        self._hung_up = threading.Event()

    def run(self, put: Put) -> None:
        """Connect and pass events on; returns when the feed has come to its end."""
        stream = self.session.new_stream()
        endpoint = stream.endpoint()
        url = self._url or endpoint.url
        with open_socket(url, endpoint.headers) as socket:
            self._socket = socket
            if self._hung_up.is_set():
                return
            ns = self._now()
            if self._capture is not None:
                self._capture.opened(ns, url, endpoint.headers)
            self.session.opened(stream, ns)
            try:
                self._greet(socket, stream)
                self._work(socket, stream, put)
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd is not None else None
                if self._end_on_close and code == CloseCode.INTERNAL_ERROR:
                    raise DataError(f"the sandbox has failed: {_closed(error)}") from error
                if not (self._end_on_close and code == CloseCode.NORMAL_CLOSURE):
                    raise UnavailableError(_closed(error)) from error
            finally:
                self._socket = None

    def lost(self, put: Put, reason: str) -> None:
        """Account for a connection that was lost, or could not be made."""
        ns = self._now()
        if self._capture is not None:
            self._capture.lost(ns, reason)
        put(self.session.lost(ns, reason))

    def finish(self, put: Put) -> None:
        """Account for what is open at the end."""
        put(self.session.finish())

    def resubscribe(self, subscription: Subscription) -> None:
        """Ask for this instead; done with the next frame, or within a second."""
        self._wanted = subscription

    def hang_up(self) -> bool:
        """End the connection from another thread; False: there is none."""
        self._hung_up.set()
        socket = self._socket
        if socket is None:
            return False
        socket.close()
        return True

    def _greet(self, socket: ClientConnection, stream: Stream) -> None:
        for send in stream.greet():
            self._send(socket, send)

    def _work(self, socket: ClientConnection, stream: Stream, put: Put) -> None:
        receive, session, now, capture = socket.recv, self.session, self._now, self._capture
        limits = [TICK, stream.silence, PING_EVERY, self._stale or TICK]
        tick = min(limits)
        silence = _Silence(socket, stream.silence, self._stale)
        while True:
            if self._wanted is not None:
                self._change(socket)
            try:
                frame = receive(tick)
            except TimeoutError:
                if silence.lasts(tick):
                    for send in session.idle():
                        self._send(socket, send)
                continue
            ns = now()
            if capture is not None:
                capture.received(ns, frame)
            answer = session.receive(frame, ns)
            for send in answer.sends:
                self._send(socket, send)
            if answer.events:
                put(answer.events)
            silence.seconds = 0.0

    def _send(self, socket: ClientConnection, send: Send) -> None:
        if self._capture is not None:
            self._capture.sent(self._now(), send.frame)
        # When the server has closed, there may still be frames of it to read, and it is
        # the reading that ends with them.
        with suppress(ConnectionClosed):
            socket.send(send.frame)

    def _change(self, socket: ClientConnection) -> None:
        wanted, self._wanted = self._wanted, None
        assert wanted is not None
        sends = self.session.resubscribe(wanted)
        if sends is None:
            raise Resubscribed("connecting again for other symbols")
        for send in sends:
            self._send(socket, send)


class _Silence:
    """How long nothing has come, and what is to be done about it."""

    def __init__(self, socket: ClientConnection, idle: float, stale: float | None) -> None:
        self.seconds = 0.0
        self._socket = socket
        self._idle = idle
        self._stale = stale
        self._pong: threading.Event | None = None
        self._pinged_at = 0.0

    def lasts(self, tick: float) -> bool:
        """One more tick of silence; True when the codec may want to say something."""
        before, self.seconds = self.seconds, self.seconds + tick
        if self._stale is not None and self.seconds >= self._stale:
            raise UnavailableError(f"nothing received for {self._stale:g} s")
        if self._pong is not None and (self._pong.is_set() or before == 0.0):
            self._pong = None
        if self._pong is None:
            if _crossed(before, self.seconds, PING_EVERY):
                with suppress(ConnectionClosed):  # as in sending
                    self._pong, self._pinged_at = self._socket.ping(), self.seconds
        elif self.seconds - self._pinged_at >= PONG_WITHIN:
            raise UnavailableError(f"no answer to a ping for {PONG_WITHIN:g} s")
        return _crossed(before, self.seconds, self._idle)


def _crossed(before: float, after: float, step: float) -> bool:
    return int(after / step) > int(before / step)


def open_socket(url: str, headers: Mapping[str, str]) -> ClientConnection:
    """A connection to that URL, as a context manager; raises an error of ours."""
    place = urlsplit(url)
    where = f"{place.scheme}://{place.netloc.rpartition('@')[2]}{place.path}"
    try:
        return connect(
            url,
            additional_headers=dict(headers),
            # A proxy cannot reach our own host.
            proxy=None if place.hostname in _LOOPBACK else True,
            open_timeout=_OPEN_WITHIN,
            close_timeout=_CLOSE_WITHIN,
            # Pings of our own, and only in a silence: whoever lets frames wait
            # (`--overflow block`) must not take the line for dead.
            ping_interval=None,
            max_size=MAX_FRAME,
        )
    except InvalidURI as error:
        raise ConfigError(
            f"not a WebSocket URL: {where}", hint="say ws://... or wss://..."
        ) from error
    except InvalidStatus as error:
        raise _refusal(where, error.response.status_code) from error
    except InvalidHandshake as error:
        raise UnavailableError(f"{where}: no WebSocket there: {error}") from error
    except TimeoutError as error:
        raise UnavailableError(f"{where} does not answer within {_OPEN_WITHIN:g} s") from error
    except OSError as error:
        raise UnavailableError(f"{where}: {error.strerror or error}") from error


def _refusal(where: str, status: int) -> MdcError:
    text = f"{where} answers the handshake with HTTP {status}"
    if status == 429:
        return BusyError(text)
    if status >= 500 or status == 408:
        return UnavailableError(text)
    return RefusedError(text)


def _closed(error: ConnectionClosed) -> str:
    frame = error.rcvd
    if frame is None:
        return "connection lost"
    return f"connection closed by the server: {frame.code} {frame.reason}".rstrip()
