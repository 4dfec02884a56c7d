"""Frames over TCP, tcp:// or tls://, told apart by the endpoint's framing."""

import socket
import ssl
from collections import deque
from contextlib import suppress

from mdc_core.contracts import Endpoint, Limits
from mdc_core.errors import UnavailableError
from mdc_core.live.clock import Clock
from mdc_core.live.transports import NORMAL, TransportClosed, host_and_port, unreachable
from mdc_core.live.transports.framing import Framer, FrameTooLong, framer
from mdc_core.texts import counted

_OPEN_WITHIN = 10.0
_PIECE = 256 << 10


class TcpTransport:
    """One TCP connection."""

    pings = False

    def __init__(
        self,
        connection: socket.socket,
        frames: Framer,
        *,
        send_within: float | None = _OPEN_WITHIN,
    ) -> None:
        self._socket = connection
        self._send_within = send_within
        self._broken: str | None = None
        self._framer = frames
        self._ready: deque[str | bytes] = deque()

    @property
    def waiting(self) -> bool:
        """Whether a frame has come that `recv` has not given yet."""
        return bool(self._ready)

    def recv(self, timeout: float | None) -> str | bytes:
        """The next frame; raises TimeoutError or TransportClosed."""
        while not self._ready:
            data = self._piece(timeout)
            if not data:
                raise self._end()
            try:
                self._ready.extend(self._framer.cut(data))
            except FrameTooLong:
                raise TransportClosed("a frame without an end") from None
        return self._ready.popleft()

    def send(self, frame: str | bytes) -> None:
        """Send a frame; `recv` tells when nobody is there."""
        try:
            self._socket.settimeout(self._send_within)
            self._socket.sendall(self._framer.join(frame))
        except OSError as error:
            # What the other side said before it went can still be read.
            self._broken = f"connection lost in sending: {error.strerror or error}"

    def ping(self) -> None:
        """TCP has no pings."""

    def ponged(self) -> bool:
        """TCP has no pings."""
        return False

    def close(self) -> None:
        """End the connection, from any thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _piece(self, timeout: float | None) -> bytes:
        """What has come; after a frame that was sent in part, only what is there already."""
        try:
            self._socket.settimeout(0.0 if self._broken else timeout)
            return self._socket.recv(_PIECE)
        except (TimeoutError, BlockingIOError):
            if self._broken:
                raise TransportClosed(self._broken) from None
            raise TimeoutError from None
        except OSError as error:
            raise TransportClosed(f"connection lost: {error.strerror or error}") from None

    def _end(self) -> TransportClosed:
        rest = self._framer.rest()
        if rest:
            return TransportClosed(
                f"connection closed within a frame, {counted(len(rest), 'byte')} into it"
            )
        return TransportClosed("connection closed by the server", NORMAL)


def connect(endpoint: Endpoint, limits: Limits, clock: Clock) -> TcpTransport:
    """A connection to that host and port; raises an error of ours."""
    host, port, where = host_and_port(endpoint.url)
    try:
        connection = socket.create_connection((host, port), _OPEN_WITHIN)
        if where.startswith("tls:"):
            context = ssl.create_default_context()
            connection = context.wrap_socket(connection, server_hostname=host)
    except TimeoutError as error:
        raise UnavailableError(f"{where} does not answer within {_OPEN_WITHIN:g} s") from error
    except OSError as error:
        raise unreachable(where, error) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return TcpTransport(connection, framer(endpoint.framing))
