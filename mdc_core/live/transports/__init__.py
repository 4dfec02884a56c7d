"""What carries frames, one module each, chosen by the scheme of an endpoint's URL."""

import socket
import ssl
from collections.abc import Sequence
from http import HTTPStatus
from importlib import import_module
from typing import Protocol
from urllib.parse import urlsplit

from mdc_core.contracts import SCHEMES, Endpoint, Limits
from mdc_core.errors import Cause, ConfigError, NotThereError, RefusedError, UnavailableError
from mdc_core.live.clock import Clock
from mdc_core.texts import said

_MODULES = {"wss": "websocket", "ws": "websocket", "tls": "tcp", "mem": "memory"}
_SLOW = ("slow", "behind", "consum", "buffer", "backlog")  # as vendors say that a client is so
NORMAL, POLICY, TOO_BIG, FAILED = 1000, 1008, 1009, 1011  # the codes of a WebSocket's end, for all


class TransportClosed(Exception):  # noqa: N818 - how a connection ends, not an error
    """The other side has closed the connection, or it broke (code None)."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code

    @property
    def cause(self) -> Cause:
        """Who ended it: nobody, where there is no code."""
        if self.code is None:
            return "network"
        words = str(self).lower()
        is_slow = self.code == POLICY and any(word in words for word in _SLOW)
        return "slow-consumer" if is_slow else "server-close"


class HandshakeRefusedError(RefusedError):
    """The server answers the handshake with a refusal, by this status of HTTP."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text, cause="login" if status == HTTPStatus.UNAUTHORIZED else None)
        self.status = status

    def of_account(self, secrets: Sequence[str]) -> RefusedError:
        """The same for who comes with these secrets."""
        is_account = self.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        hint = f"check {', '.join(secrets)}" if secrets and is_account else None
        return RefusedError(str(self), hint=hint, cause=self.cause)


class Transport(Protocol):
    """One connection, over which frames come and go."""

    pings: bool

    @property
    def waiting(self) -> bool:
        """Whether a frame has come that `recv` has not given yet."""

    def recv(self, timeout: float | None) -> str | bytes:
        """The next frame, within so many seconds; raises TimeoutError or TransportClosed."""

    def send(self, frame: str | bytes) -> None:
        """Send a frame; when the other side has gone, it is `recv` that says so."""

    def ping(self) -> None:
        """Ask for a sign of life."""

    def ponged(self) -> bool:
        """Whether the last ping was answered, told once."""

    def close(self) -> None:
        """End the connection, from any thread."""


def host_and_port(url: str) -> tuple[str, int, str]:
    """The host and the port of a URL, and both with its scheme, to be told."""
    place = urlsplit(url)
    where = f"{place.scheme}://{place.hostname}:{place.port}"
    if place.hostname is None or place.port is None:
        raise ConfigError(f"no host and port in {where}", hint=f"say {place.scheme}://HOST:PORT")
    return place.hostname, place.port, where


def unreachable(where: str, error: OSError) -> UnavailableError:
    """What it means that no connection was made; a name that has no address stays so."""
    no_such_host = isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN
    if no_such_host or isinstance(error, ssl.SSLCertVerificationError):
        return NotThereError(f"{where}: {error.strerror or error}")
    return UnavailableError(f"{where}: {error.strerror or error}")


def open_transport(endpoint: Endpoint, limits: Limits, clock: Clock) -> Transport:
    """A connection to that endpoint; raises an MdcError that says what is in the way."""
    try:
        place = urlsplit(endpoint.url)
        (place.hostname or "").encode("idna")
        scheme, _ = place.scheme, place.port  # which is looked at when it is asked for
    except ValueError as error:
        url = endpoint.url.rpartition("@")[2]
        raise ConfigError(f"not a URL of a feed: {url}: {said(error)}") from None
    if scheme not in SCHEMES:
        raise ConfigError(
            f"not a URL of a feed: {endpoint.url}",
            hint=f"it begins with {', '.join(f'{name}://' for name in SCHEMES)}",
        )
    module = import_module(f"mdc_core.live.transports.{_MODULES.get(scheme, scheme)}")
    transport: Transport = module.connect(endpoint, limits, clock)
    return transport
