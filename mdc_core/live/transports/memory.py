"""Frames within this process, mem://NAME: a server that is asked when it will say what.

No thread and no waiting but the clock's, so a simulation may let years pass in a second.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit

from mdc_core.contracts import Endpoint, Limits
from mdc_core.errors import UnavailableError
from mdc_core.live.clock import Clock
from mdc_core.live.transports import TransportClosed
from mdc_core.times import SECOND


class MemoryPeer(Protocol):
    """The server's side of one connection; one without `pings` is not asked for signs of life."""

    pings: bool

    def due(self) -> int:
        """When it says something next, in nanoseconds since 1970."""

    def frames(self, now: int) -> list[str | bytes]:
        """What it says at this time; raises TransportClosed for the end of the connection."""

    def heard(self, frame: str | bytes, now: int) -> None:
        """The client says this."""

    def lives(self, now: int) -> bool:
        """Whether a ping is answered."""


# Called for each connection with the path of the URL and the time; may raise MdcError.
MakePeer = Callable[[str, int], MemoryPeer]
_SERVERS: dict[str, MakePeer] = {}


@contextmanager
def serving(name: str, make: MakePeer) -> Iterator[str]:
    """Serve under this name; the value is the URL."""
    _SERVERS[name] = make
    try:
        yield f"mem://{name}"
    finally:
        del _SERVERS[name]


class MemoryTransport:
    """One connection to a peer in this process."""

    def __init__(self, peer: MemoryPeer, clock: Clock) -> None:
        self.pings = peer.pings
        self._peer, self._clock = peer, clock
        self._has_pong = False
        self._ready: deque[str | bytes] = deque()
        self._closed = False

    @property
    def waiting(self) -> bool:
        """Whether a frame has come that `recv` has not given yet."""
        return bool(self._ready)

    def recv(self, timeout: float | None) -> str | bytes:
        """The next frame; raises TimeoutError or TransportClosed."""
        now = self._clock.ns()
        deadline = None if timeout is None else now + int(timeout * SECOND)
        while not self._ready:
            if self._closed:
                raise TransportClosed("closed by us")
            due = self._peer.due()
            if due <= now:
                self._ready.extend(self._peer.frames(now))
                continue
            if deadline is not None and now >= deadline:
                raise TimeoutError
            until = due if deadline is None else min(due, deadline)
            self._clock.wait((until - now) / SECOND)
            now = self._clock.ns()
        return self._ready.popleft()

    def send(self, frame: str | bytes) -> None:
        """Send a frame."""
        self._peer.heard(frame, self._clock.ns())

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._has_pong = self._peer.lives(self._clock.ns())

    def ponged(self) -> bool:
        """Whether the last ping was answered, told once."""
        had, self._has_pong = self._has_pong, False
        return had

    def close(self) -> None:
        """End the connection."""
        self._closed = True


def connect(endpoint: Endpoint, limits: Limits, clock: Clock) -> MemoryTransport:
    """A connection to the server of that name; raises an error of ours."""
    place = urlsplit(endpoint.url)
    make = _SERVERS.get(place.netloc)
    if make is None:
        raise UnavailableError(f"nobody serves mem://{place.netloc} in this process")
    return MemoryTransport(make(place.path, clock.ns()), clock)
