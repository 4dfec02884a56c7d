"""A historical API: requests out, pages in."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct

from mdc_core.contracts.http import Request, Response
from mdc_core.contracts.provider import Provider
from mdc_core.events import Event


class HistoryRequest(Struct, frozen=True):
    """What a user asks of a historical API: [start, end) in nanoseconds since 1970, UTC."""

    symbol: str
    channel: str
    start: int
    end: int
    interval: str | None = None


class Page(Struct, frozen=True):
    """The events of one answer, and the request for the next (None: that was all).

    `wait` is how many seconds the vendor wants to be left alone before it.
    """

    events: Sequence[Event]
    next: Request | None = None
    wait: float = 0.0


class History(Provider):
    """A vendor's historical API; one instance per symbol, channel and range."""

    channels: ClassVar[tuple[str, ...]] = ("trade", "bar")

    def __init__(
        self, request: HistoryRequest, options: Any, credentials: Mapping[str, str]
    ) -> None:
        self.wanted = request
        self.options = options
        self.credentials = credentials

    def first(self) -> Request:
        """The request for the first page."""
        raise NotImplementedError

    def read(self, response: Response) -> Page:
        """The events in an answer of any status, and what to ask next.

        Raises an MdcError where it is none (`Response.check` does for any that is not 2xx).
        After BusyError or UnavailableError the driver waits and makes the same request again;
        any other error ends it.
        """
        raise NotImplementedError
