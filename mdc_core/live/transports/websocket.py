"""Frames over a WebSocket, ws:// or wss://."""

from collections.abc import Iterator
from typing import cast
from urllib.parse import urlsplit

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import CloseCode
from websockets.http11 import Response as HandshakeResponse
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket
from websockets.typing import Subprotocol

from mdc_core.contracts import Endpoint, Limits, Response
from mdc_core.errors import BusyError, ConfigError, MdcError, RefusedError, UnavailableError
from mdc_core.live.clock import Clock
from mdc_core.live.http import LOOPBACK
from mdc_core.live.transports import TransportClosed, unreachable
from mdc_core.live.transports.client import WebSocketClient

MAX_FRAME = 64 << 20
_OPEN_WITHIN = 10.0  # seconds
# What a server has done where it is us who end the connection.
_FAULTS: dict[int, str] = {
    CloseCode.PROTOCOL_ERROR: "what is no WebSocket frame",
    CloseCode.INVALID_DATA: "text that is no UTF-8",
    CloseCode.MESSAGE_TOO_BIG: f"a frame of more than {MAX_FRAME >> 20} MiB",
}


class WebSocketTransport:
    """One WebSocket connection."""

    pings = True

    def __init__(self, client: WebSocketClient, largest: int | None) -> None:
        self._client = client
        self._largest = largest
        self.ponged, self.ping, self.close = client.ponged, client.ping, client.close

    @property
    def waiting(self) -> bool:
        """Whether a frame has come that `recv` has not given yet."""
        return bool(self._client.ready)

    def recv(self, timeout: float | None) -> str | bytes:
        """The next frame; raises TimeoutError or TransportClosed."""
        try:
            return self._client.recv(timeout)
        except ConnectionClosed as error:
            raise closed(error) from error

    def send(self, frame: str | bytes) -> None:
        """Send a frame, in pieces if the vendor takes no larger ones."""
        largest = self._largest
        if largest is None or len(frame) * 4 <= largest:
            self._client.send([frame])
        else:
            self._client.send(pieces(frame, largest))


def pieces(frame: str | bytes, largest: int) -> Iterator[str | bytes]:
    """A frame in pieces of at most so many bytes; no character is cut in two."""
    if isinstance(frame, bytes):
        return (frame[at : at + largest] for at in range(0, len(frame), largest))
    step = largest if frame.isascii() else max(largest // 4, 1)
    return (frame[at : at + step] for at in range(0, len(frame), step))


def connect(endpoint: Endpoint, limits: Limits, clock: Clock) -> WebSocketTransport:
    """A connection to that URL; raises an error of ours."""
    place = urlsplit(endpoint.url)
    where = f"{place.scheme}://{place.netloc.rpartition('@')[2]}{place.path}"
    try:
        opened = open_socket(
            endpoint.address(),
            additional_headers=dict(endpoint.headers),
            subprotocols=[Subprotocol(name) for name in endpoint.subprotocols] or None,
            # A proxy cannot reach our own host.
            proxy=None if place.hostname in LOOPBACK else True,
            open_timeout=_OPEN_WITHIN,
            # Pings of our own, and only in a silence: whoever lets frames wait
            # (`--overflow block`) must not take the line for dead.
            ping_interval=None,
            max_size=MAX_FRAME,
            create_connection=cast("type[ClientConnection]", WebSocketClient),
        )
    except InvalidURI as error:
        raise ConfigError(
            f"not a WebSocket URL: {where}", hint="say ws://... or wss://..."
        ) from error
    except InvalidStatus as error:
        raise _refusal(where, error.response) from error
    except InvalidHandshake as error:
        raise UnavailableError(f"{where}: no WebSocket there: {error}") from error
    except TimeoutError as error:
        raise UnavailableError(f"{where} does not answer within {_OPEN_WITHIN:g} s") from error
    except OSError as error:
        raise unreachable(where, error) from error
    # Entered, for a later version of the library connects only then.
    return WebSocketTransport(cast(WebSocketClient, opened.__enter__()), limits.frame)


def _refusal(where: str, answer: HandshakeResponse) -> MdcError:
    status = answer.status_code
    after = Response(status, {k.lower(): v for k, v in answer.headers.raw_items()}).after
    text = f"{where} answers the handshake with HTTP {status}"
    if status == 429 or (status == 503 and after is not None):
        return BusyError(text, after=after)
    if status >= 500 or status == 408:
        return UnavailableError(text)
    return RefusedError(text, cause="login" if status == 401 else None)


def closed(error: ConnectionClosed) -> TransportClosed:
    """How a connection ended, and by whose doing."""
    sent, frame = error.sent, error.rcvd
    if sent is not None and sent.code in _FAULTS and not error.rcvd_then_sent:
        return TransportClosed(f"the server sent {_FAULTS[sent.code]}: {sent.reason}")
    if frame is None:
        return TransportClosed("connection lost")
    text = f"connection closed by the server: {frame.code} {frame.reason}".rstrip()
    return TransportClosed(text, frame.code)
