"""Frames over a WebSocket, ws:// or wss://."""

from collections.abc import Iterator, Sequence
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.frames import CloseCode
from websockets.http11 import Response as HandshakeResponse
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket
from websockets.typing import Subprotocol

from mdc_core.contracts import Endpoint, Limits, Response
from mdc_core.errors import BusyError, ConfigError, MdcError, UnavailableError
from mdc_core.live.clock import Clock
from mdc_core.live.http import LOOPBACK
from mdc_core.live.transports import HandshakeRefusedError, TransportClosed, unreachable
from mdc_core.live.transports.client import WebSocketClient
from mdc_core.texts import one_line, said

MAX_FRAME = 64 << 20
_OPEN_WITHIN = 10.0  # seconds
_SHOWN = 300  # characters of a URL
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
    made: list[WebSocketClient] = []  # more than one, where a server leads to another

    def make(*args: Any, **options: Any) -> WebSocketClient:
        made.append(WebSocketClient(*args, **options))
        return made[-1]

    try:
        opened = open_socket(
            endpoint.address(),
            additional_headers=dict(endpoint.headers),
            subprotocols=[Subprotocol(name) for name in endpoint.subprotocols] or None,
            # A proxy cannot reach our own host.
            proxy=None if urlsplit(endpoint.url).hostname in LOOPBACK else True,
            open_timeout=_OPEN_WITHIN,
            # Pings of our own, and only in a silence: whoever lets frames wait
            # (`--overflow block`) must not take the line for dead.
            ping_interval=None,
            max_size=MAX_FRAME,
            create_connection=cast("type[ClientConnection]", make),
        )
    except (WebSocketException, OSError) as error:
        raise _failure(endpoint.url, made, error) from error
    except (ValueError, OverflowError, LookupError) as error:
        if not any(client.redirect for client in made):
            raise
        raise _failure(endpoint.url, made, error) from error
    # Entered, for a later version of the library connects only then.
    return WebSocketTransport(cast(WebSocketClient, opened.__enter__()), limits.frame)


def _failure(url: str, made: Sequence[WebSocketClient], error: Exception) -> MdcError:
    """Why there is no connection; a server that leads to another may do better another time."""
    where, target = shown_url(url), url
    for client in made:
        if client.redirect is not None:
            target = _led(target, client.redirect)
    is_led = target != url
    if is_led:
        where = f"{shown_url(target)} (to which {where} redirects)"
    if isinstance(error, InvalidStatus) and made[-1].redirect is None:
        return _refusal(where, error.response)
    if isinstance(error, InvalidHandshake):
        return UnavailableError(f"{where}: no WebSocket there: {error}")
    if isinstance(error, TimeoutError):
        return UnavailableError(f"{where} does not answer within {_OPEN_WITHIN:g} s")
    if isinstance(error, OSError):
        return unreachable(where, error)
    if is_led:
        return UnavailableError(f"{where}: not a WebSocket URL")
    if isinstance(error, InvalidURI):
        return ConfigError(f"not a WebSocket URL: {where}", hint="say ws://... or wss://...")
    return ConfigError(said(error))  # of the environment: a proxy that is none


def _led(url: str, location: str) -> str:
    """Where a redirect leads to; what is no URL stays as it is."""
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def shown_url(url: str) -> str:
    """A URL for messages: without what may be a secret."""
    try:
        place = urlsplit(url)
    except ValueError:
        return one_line(url.partition("?")[0].rpartition("@")[2])[:_SHOWN]
    where = f"{place.scheme}://{place.netloc.rpartition('@')[2]}{place.path}"
    return one_line(where)[:_SHOWN]


def _refusal(where: str, answer: HandshakeResponse) -> MdcError:
    status = answer.status_code
    after = Response(status, {k.lower(): v for k, v in answer.headers.raw_items()}).after
    text = f"{where} answers the handshake with HTTP {status}"
    if status == 429 or (status == 503 and after is not None):
        return BusyError(text, after=after)
    if status >= 500 or status == 408:
        return UnavailableError(text)
    return HandshakeRefusedError(text, status)


def closed(error: ConnectionClosed) -> TransportClosed:
    """How a connection ended, and by whose doing."""
    sent, frame = error.sent, error.rcvd
    if sent is not None and sent.code in _FAULTS and not error.rcvd_then_sent:
        return TransportClosed(f"the server sent {_FAULTS[sent.code]}: {sent.reason}")
    if frame is None:
        return TransportClosed("connection lost")
    text = f"connection closed by the server: {frame.code} {frame.reason}".rstrip()
    return TransportClosed(text, frame.code)
