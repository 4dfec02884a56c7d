"""A client's WebSocket that has no thread: whoever waits for a frame reads the socket.

The library's own connection reads in a thread and hands on each frame by a queue, which costs
more than to read what is in the frame. Here its protocol object is driven by the thread of the
feed; opening, proxies and TLS are the library's.
"""

import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import monotonic

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response as HandshakeResponse
from websockets.protocol import State

# As much as a record of TLS, which a socket without it gives at once as well: what is made of it
# is still in the cache of a core when it is written.
_PIECE = 16 << 10
_SEND_WITHIN, _CLOSE_WITHIN, _OTHERS_WITHIN = 5.0, 1.0, 0.1  # seconds
_READ, _WRITE = select.POLLIN, select.POLLOUT
_WAITS = (BlockingIOError, ssl.SSLWantReadError)


class NoThread:
    """What has ended already."""

    def join(self) -> None:
        """Nobody is waited for."""


class WebSocketClient:
    """One connection; made by the library's `connect`, which calls `handshake`."""

    def __init__(self, sock: socket.socket, protocol: ClientProtocol, **_: object) -> None:
        sock.setblocking(False)
        self.ready: deque[str | bytes] = deque()  # whole messages that nobody has taken yet
        self.recv_events_thread = NoThread()  # the library waits for one of this name
        self._reader = threading.current_thread()
        self._socket, self._protocol = sock, protocol
        self._lock = threading.RLock()  # of the protocol: another thread may close
        self._poll = select.poll()
        self._poll.register(sock, _READ)
        self._response: HandshakeResponse | None = None
        self._parts: list[bytes] = []  # of a message that came in fragments
        self._is_text = self._has_pong = self._is_deaf = False
        self._is_sound = True  # nothing came yet behind which nothing counts
        self._close_by: float | None = None  # when the other side has to have hung up

    def __enter__(self) -> "WebSocketClient":
        return self

    def start_keepalive(self) -> None:
        """Pings are the session's, and only in a silence."""

    def handshake(
        self, headers: Mapping[str, str] | None, user_agent: str | None, timeout: float | None
    ) -> None:
        """Open the connection; raises the library's errors, or TimeoutError."""
        try:
            self._open(headers, user_agent, timeout)
        except BaseException:
            self._socket.close()
            raise

    def _open(
        self, headers: Mapping[str, str] | None, user_agent: str | None, timeout: float | None
    ) -> None:
        protocol = self._protocol
        request = protocol.connect()
        request.headers.update(headers or {})
        if user_agent is not None:
            request.headers.setdefault("User-Agent", user_agent)
        protocol.send_request(request)
        self._flush()
        deadline = None if timeout is None else monotonic() + timeout
        while self._response is None and protocol.handshake_exc is None:
            self._read(None if deadline is None else max(deadline - monotonic(), 0.0))
        if protocol.handshake_exc is not None:
            raise protocol.handshake_exc

    @property
    def redirect(self) -> str | None:
        """Where the server says that another one is, in the place of a handshake."""
        error = self._protocol.handshake_exc
        if not isinstance(error, InvalidStatus) or error.response.status_code // 100 != 3:
            return None
        return next(iter(error.response.headers.get_all("Location")), None)

    def recv(self, timeout: float | None) -> str | bytes:
        """The next message; raises TimeoutError, or ConnectionClosed behind the last one."""
        ready = self.ready
        while not ready:
            if self._protocol.state is State.CLOSED:
                raise self._protocol.close_exc
            self._read(timeout)
        return ready.popleft()

    def send(self, pieces: Iterable[str | bytes]) -> None:
        """Send a message, in one or several pieces; one that has gone is told by `recv`."""
        with self._lock:
            if self._protocol.state is not State.OPEN:
                return  # what the other side said before it went can still be read
            whole = list(pieces)
            for number, piece in enumerate(whole, 1):
                is_last = number == len(whole)
                if number > 1:
                    data = piece.encode() if isinstance(piece, str) else piece
                    self._protocol.send_continuation(data, is_last)
                elif isinstance(piece, str):
                    self._protocol.send_text(piece.encode(), is_last)
                else:
                    self._protocol.send_binary(piece, is_last)
            self._flush()

    def ping(self) -> None:
        """Ask for a sign of life."""
        with self._lock:
            if self._protocol.state is State.OPEN:
                self._has_pong = False
                self._protocol.send_ping(b"mdc")
                self._flush()

    def ponged(self) -> bool:
        """Whether a ping was answered, told once."""
        had, self._has_pong = self._has_pong, False
        return had

    def close(self) -> None:
        """End the connection. From another thread than the reader's, it only begins to end."""
        if not self._lock.acquire(timeout=_OTHERS_WITHIN):
            self.close_socket()  # the reader is held up by a server that does not read
            return
        try:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
                self._flush(within=0.0)
            self._expect_close()
        finally:
            self._lock.release()
        if threading.current_thread() is self._reader:
            while self._protocol.state is not State.CLOSED:
                with suppress(TimeoutError):
                    self._read(_CLOSE_WITHIN)
                self.ready.clear()
            self._socket.close()

    def close_socket(self) -> None:
        """Cut the connection, from any thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self, timeout: float | None) -> None:
        """Read once, and take what came; raises TimeoutError."""
        data = self._data(timeout)
        protocol = self._protocol
        with self._lock:
            if data:
                protocol.receive_data(data)
            else:
                protocol.receive_eof()
            events = protocol.events_received()
            self._flush()
            if protocol.state is not State.OPEN:
                self._expect_close()
        for event in events:
            if isinstance(event, Frame):
                if self._is_sound:
                    self._take(event)
            elif isinstance(event, HandshakeResponse):
                self._response = event

    def _data(self, timeout: float | None) -> bytes:
        """What has come; none at the end."""
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            close_by = self._close_by
            if close_by is not None and monotonic() >= close_by:
                self.close_socket()
                return b""
            try:
                return self._socket.recv(_PIECE)
            except _WAITS:
                until = min((t for t in (deadline, close_by) if t is not None), default=None)
                left = None if until is None else max(until - monotonic(), 0.0)
                if self._poll.poll(None if left is None else left * 1000) or until == close_by:
                    continue
                raise TimeoutError from None
            except ssl.SSLWantWriteError:
                self._await_writing(_SEND_WITHIN)
            except OSError:
                return b""

    def _take(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.PONG:
            self._has_pong = True
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            self._is_text = opcode is Opcode.TEXT
            if frame.fin:
                self._complete(frame.data)
            else:
                self._parts = [bytes(frame.data)]
        elif opcode is Opcode.CONT:
            self._parts.append(bytes(frame.data))
            if frame.fin:
                parts, self._parts = self._parts, []
                self._complete(b"".join(parts))

    def _complete(self, data: bytes | bytearray | memoryview) -> None:
        """A whole message."""
        if not self._is_text:
            self.ready.append(bytes(data))
            return
        try:
            self.ready.append(str(data, "utf-8"))
        except UnicodeDecodeError as error:
            self._is_sound = False
            with self._lock:
                text = f"{error.reason} at position {error.start}"
                self._protocol.fail(CloseCode.INVALID_DATA, text)
                self._flush()
                self._expect_close()

    def _expect_close(self) -> None:
        if self._close_by is None:
            self._close_by = monotonic() + _CLOSE_WITHIN

    def _flush(self, within: float = _SEND_WITHIN) -> None:
        """Send what the protocol has to send; it is the reading that tells of an end."""
        for data in self._protocol.data_to_send():
            if self._is_deaf:
                continue
            try:
                if data:
                    self._send_all(data, within)
                else:
                    self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                self._is_deaf = True

    def _send_all(self, data: bytes, within: float) -> None:
        left, deadline = memoryview(data), monotonic() + within
        while left:
            try:
                left = left[self._socket.send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                if not self._await_writing(deadline - monotonic()):
                    # A server that does not read any more: nothing that it says is of use.
                    self.close_socket()
                    raise

    def _await_writing(self, within: float) -> bool:
        waits = select.poll()
        waits.register(self._socket, _WRITE)
        return bool(waits.poll(max(within, 0.0) * 1000))
