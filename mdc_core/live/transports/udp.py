"""Frames as datagrams, udp://HOST:PORT; of a multicast group, which is joined, or of one server.

What is lost on the way is lost: the codec sees it by the vendor's sequence numbers.
"""

import socket
from contextlib import suppress
from ipaddress import ip_address

from mdc_core.contracts import Endpoint, Limits
from mdc_core.live.clock import Clock
from mdc_core.live.transports import TransportClosed, host_and_port, unreachable

_LARGEST = 65_535
_ROOM = 8 << 20  # asked of the system for datagrams that wait to be read


class UdpTransport:
    """One socket for datagrams."""

    pings = waiting = False

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._closed = False

    def recv(self, timeout: float | None) -> bytes:
        """The next datagram; raises TimeoutError or TransportClosed."""
        try:
            self._socket.settimeout(timeout)
            data = self._socket.recv(_LARGEST)
        except (TimeoutError, BlockingIOError):
            raise TimeoutError from None
        except OSError as error:
            raise TransportClosed(f"nobody is there: {error.strerror or error}") from None
        if not data and self._closed:
            raise TransportClosed("closed by us")
        return data

    def send(self, frame: str | bytes) -> None:
        """Send a datagram; `recv` tells when nobody is there."""
        with suppress(OSError):
            self._socket.send(frame.encode() if isinstance(frame, str) else frame)

    def ping(self) -> None:
        """UDP has no pings."""

    def ponged(self) -> bool:
        """UDP has no pings."""
        return False

    def close(self) -> None:
        """End the reading, from any thread."""
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def connect(endpoint: Endpoint, limits: Limits, clock: Clock) -> UdpTransport:
    """A socket for datagrams of that host and port; raises an error of ours."""
    host, port, where = host_and_port(endpoint.url)
    try:
        connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        if ip_address(socket.gethostbyname(host)).is_multicast:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind((host, port))
            group = socket.inet_aton(host) + socket.inet_aton("0.0.0.0")
            connection.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        else:
            connection.connect((host, port))
    except OSError as error:
        raise unreachable(where, error) from error
    return UdpTransport(connection)
