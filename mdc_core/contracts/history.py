"""A historical API: requests out, pages in."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct

from mdc_core.contracts.options import Plugin
from mdc_core.events import Event


class HistoryRequest(Struct, frozen=True):
    """What a user asks of a historical API: [start, end) in nanoseconds since 1970, UTC."""

    symbol: str
    channel: str
    start: int
    end: int
    interval: str | None = None


class Request(Struct, frozen=True):
    """One HTTP request."""

    url: str
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    method: str = "GET"
    body: bytes = b""


class Response(Struct, frozen=True):
    """One HTTP answer; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Page(Struct, frozen=True):
    """The events of one answer, and the cursor of the next (None: that was all)."""

    events: Sequence[Event]
    cursor: str | None = None


class History(Plugin):
    """A vendor's historical API; one instance per symbol, channel and range."""

    channels: ClassVar[tuple[str, ...]] = ("trade", "bar")

    def __init__(
        self, request: HistoryRequest, options: Any, credentials: Mapping[str, str]
    ) -> None:
        self.wanted = request
        self.options = options
        self.credentials = credentials

    def request(self, cursor: str | None) -> Request:
        """The request for the first page (cursor None), or for the page of a cursor."""
        raise NotImplementedError

    def decode(self, body: bytes) -> Page:
        """The events in an answer's body; raises DataError where it cannot be read."""
        raise NotImplementedError
