"""A client's connection as a mock server sees it: frames, a goodbye, a broken cable.

A WebSocket server also answers requests by HTTP: whoever does not ask to upgrade.
"""

import socket
import socketserver
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from mdc_core.contracts import Endpoint, Request, Response
from mdc_core.errors import UsageError
from mdc_core.live.transports import NORMAL, TransportClosed
from mdc_core.live.transports.framing import RawFramer, framer
from mdc_core.live.transports.tcp import TcpTransport
from mdc_core.live.transports.websocket import closed

_CLOSE_WITHIN = 60.0  # a client that is behind still has to read what was sent
_HALF = b"\xff"  # no whole frame of lines or lengths


class Visitor:
    """One client; raises TransportClosed when it has left."""

    path = ""
    headers: Mapping[str, str] = {}

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def recv(self, timeout: float | None) -> str | bytes:
        """What the client says next; raises TimeoutError."""
        raise NotImplementedError

    def send(self, frame: str | bytes) -> None:
        """Say this to the client; when it has gone, `recv` tells."""
        raise NotImplementedError

    def goodbye(self, code: int = NORMAL, reason: str = "") -> None:
        """End the connection in order, once the client has read what was sent."""
        raise NotImplementedError

    def break_off(self) -> None:
        """End the line as a broken cable does, behind the last byte that was sent."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self.drain()

    def drain(self) -> None:
        """Read until the client has hung up as well.

        A socket closed while words of the client lie unread would take back what was sent.
        """
        with suppress(TransportClosed, TimeoutError):
            while True:
                self.recv(_CLOSE_WITHIN)

    def cut(self) -> None:
        """Cut the line without a word, from any thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class WebSocketVisitor(Visitor):
    """A client that came by WebSocket."""

    def __init__(self, connection: ServerConnection) -> None:
        super().__init__(connection.socket)
        self._connection = connection
        request = connection.request
        assert request is not None
        self.path, self.headers = request.path, dict(request.headers.raw_items())
        self.goodbye = connection.close  # type: ignore[method-assign]

    def recv(self, timeout: float | None) -> str | bytes:
        """What the client says next; raises TimeoutError."""
        try:
            return self._connection.recv(timeout)
        except ConnectionClosed as error:
            raise closed(error) from error

    def send(self, frame: str | bytes) -> None:
        """Say this to the client; when it has gone, `recv` tells."""
        with suppress(ConnectionClosed):
            self._connection.send(frame)


class TcpVisitor(Visitor):
    """A client that came by TCP."""

    def __init__(self, connection: socket.socket, endpoint: Endpoint) -> None:
        frames = framer(endpoint.framing)
        super().__init__(connection)
        transport = TcpTransport(connection, frames, send_within=None)
        self.recv, self.send = transport.recv, transport.send  # type: ignore[method-assign]
        self._is_raw = isinstance(frames, RawFramer)
        place = urlsplit(endpoint.url)
        self.path = place.path + (f"?{place.query}" if place.query else "")

    def goodbye(self, code: int = NORMAL, reason: str = "") -> None:
        """TCP knows one end in order, whatever the reason."""
        super().break_off()

    def break_off(self) -> None:
        """Within a frame, for that is what tells a broken line from one that was closed."""
        if self._is_raw:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()
            return
        with suppress(OSError):
            self._socket.sendall(_HALF)
        super().break_off()


class Listener(Protocol):
    """A server that calls its handler, in a thread, for each client."""

    socket: socket.socket

    def serve_forever(self) -> None:
        """Serve until `shutdown`."""

    def shutdown(self) -> None:
        """End serving, from another thread."""


class _TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(
        self, place: tuple[str, int], endpoint: Endpoint, handle: Callable[[Visitor], None]
    ) -> None:
        super().__init__(place, socketserver.BaseRequestHandler)
        self._endpoint, self._handle = endpoint, handle

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one client, in its thread."""
        self._handle(TcpVisitor(request, self._endpoint))


def listen(
    endpoint: Endpoint,
    host: str,
    port: int,
    handle: Callable[[Visitor], None],
    admit: Callable[[str, Mapping[str, str]], int],
    respond: Callable[[Request], Response],
    pings: tuple[float | None, float] = (None, 0.0),
) -> Listener:
    """A listener of the endpoint's kind; raises OSError, or UsageError for one that has none."""
    scheme = urlsplit(endpoint.url).scheme
    if scheme in ("tcp", "tls"):
        return _TcpServer((host, port), endpoint, handle)
    if scheme not in ("ws", "wss"):
        raise UsageError(f"there is no sandbox for a feed over {scheme}")
    return serve(
        lambda connection: handle(WebSocketVisitor(connection)),
        host,
        port,
        ping_interval=pings[0],
        ping_timeout=pings[1] or None,
        close_timeout=_CLOSE_WITHIN,
        max_size=None,
        # Else a client that goes on talking when the tape has ended is in the way of its
        # own close frame.
        max_queue=None,
        subprotocols=[Subprotocol(name) for name in endpoint.subprotocols] or None,
        process_request=lambda connection, asked: _admission(connection, asked, admit, respond),
    )


def _admission(
    connection: ServerConnection,
    asked: HttpRequest,
    admit: Callable[[str, Mapping[str, str]], int],
    respond: Callable[[Request], Response],
) -> HttpResponse | None:
    """The answer by HTTP, or to a handshake that is refused; None lets the client in."""
    if "Upgrade" not in asked.headers:
        return _answer(asked, respond)
    status = HTTPStatus(admit(asked.path, dict(asked.headers.raw_items())))
    if status is HTTPStatus.SWITCHING_PROTOCOLS:
        return None
    return connection.respond(status, f"{status.phrase}\n")


def _answer(asked: HttpRequest, respond: Callable[[Request], Response]) -> HttpResponse:
    """The answer to a request by HTTP."""
    headers = {name.lower(): value for name, value in asked.headers.raw_items()}
    url = f"http://{headers.get('host', '')}{asked.path}"
    answer = respond(Request(url, headers=headers).plain())
    ours = {"connection": "close", "content-length": str(len(answer.body))}
    said = Headers({**answer.headers, **ours})
    return HttpResponse(answer.status, HTTPStatus(answer.status).phrase, said, answer.body)
