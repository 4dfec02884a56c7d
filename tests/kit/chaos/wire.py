"""The server's end of a WebSocket that can break in every way: nothing happens but what is said.

There is no thread behind it: it neither reads nor answers a ping while nobody calls it.
"""

import select
import socket
import struct
from collections import deque
from collections.abc import Sequence
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse
from websockets.protocol import State
from websockets.server import ServerProtocol

from mdc_core.plugin import Response
from tests.kit.deadline import DEADLINE

_PIECE = 64 << 10
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closed with a RST, what is under way is lost


class Gone(Exception):  # noqa: N818 - the client has left, which is no error here
    """The client has left."""


class Wire:
    """One connection that a client has made."""

    def __init__(self, connection: socket.socket, *, compresses: bool = False) -> None:
        self.socket = connection
        extensions = [ServerPerMessageDeflateFactory()] if compresses else None
        self._protocol = ServerProtocol(extensions=extensions, max_size=None)
        self._heard: deque[str | bytes] = deque()
        self._parts: list[bytes] = []
        self._is_text = True

    @property
    def compresses(self) -> bool:
        """Whether the client has agreed to compression."""
        return bool(self._protocol.extensions)

    def asked(self) -> HttpRequest:
        """What the client asks for first: the handshake, or something else by HTTP."""
        while True:
            for event in self._read(DEADLINE):
                if isinstance(event, HttpRequest):
                    return event

    def accept(self, asked: HttpRequest) -> None:
        """Answer the handshake."""
        self._protocol.send_response(self._protocol.accept(asked))
        self._flush()

    def answer(self, answer: Response) -> None:
        """Answer by HTTP, and end."""
        ours = {"connection": "close", "content-length": str(len(answer.body))}
        said = Headers({**answer.headers, **ours})
        phrase = HTTPStatus(answer.status).phrase
        self._protocol.send_response(HttpResponse(answer.status, phrase, said, answer.body))
        self._flush()
        self.shut()

    def hear(self, wait: float) -> str | bytes | None:
        """The client's next frame; None after so many seconds. Raises Gone."""
        if not self._heard:
            for event in self._read(wait):
                if isinstance(event, Frame):
                    self._take(event)
        if self._heard:
            return self._heard.popleft()
        if self._protocol.state is not State.OPEN:
            raise Gone
        return None

    def all_read(self) -> None:
        """Wait until the client has read what was sent; raises Gone."""
        self._protocol.send_ping(b"all")
        self._flush()
        while True:
            for event in self._read(DEADLINE):
                if isinstance(event, Frame) and event.opcode is Opcode.PONG:
                    return

    def drain(self) -> None:
        """Wait until the client has left."""
        try:
            while True:
                self.hear(DEADLINE)
        except Gone:
            self.socket.close()

    def say(self, frame: str | bytes) -> None:
        """Send a frame; raises Gone."""
        self.write(self.bytes_of(frame))

    def bytes_of(self, frame: str | bytes, parts: int = 1) -> bytes:
        """A frame as it travels, in so many fragments; raises Gone."""
        if self._protocol.state is not State.OPEN:
            raise Gone  # the client has said goodbye
        data = frame.encode() if isinstance(frame, str) else frame
        begin = self._protocol.send_text if isinstance(frame, str) else self._protocol.send_binary
        size = max(-(-len(data) // parts), 1)
        pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        begin(pieces[0], len(pieces) == 1)
        for number, piece in enumerate(pieces[1:], 2):
            self._protocol.send_continuation(piece, number == len(pieces))
        return b"".join(self._protocol.data_to_send())

    def write(self, *pieces: bytes) -> None:
        """Send these bytes, each by itself."""
        try:
            for piece in pieces:
                self.socket.sendall(piece)
        except OSError as error:
            raise Gone from error

    def say_raw(self, opcode: int, length: int, data: bytes) -> None:
        """The begin of a frame of this opcode and this announced length."""
        self.write(bytes([0x80 | opcode, 127]) + length.to_bytes(8, "big") + data)

    def close(self, code: int) -> None:
        """Say goodbye in order."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code)
            self._flush()
        self.drain()

    def shut(self) -> None:
        """End the line behind the last byte, without a goodbye."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.socket.close()
            return
        self.drain()

    def reset(self) -> None:
        """End the line at once: what is under way is lost."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._parts, self._is_text = [], frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            data = b"".join(self._parts)
            self._heard.append(data.decode() if self._is_text else data)

    def _read(self, wait: float) -> Sequence[object]:
        if self._protocol.state is State.CLOSED:
            raise Gone
        ready = select.poll()
        ready.register(self.socket, select.POLLIN)
        if not ready.poll(wait * 1000):
            return []
        try:
            data = self.socket.recv(_PIECE)
        except OSError as error:
            raise Gone from error
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        events = self._protocol.events_received()
        self._flush()
        if not data and not events:
            raise Gone
        return events

    def _flush(self) -> None:
        self.write(*filter(None, self._protocol.data_to_send()))
