"""One HTTP request, and its answer."""

from collections.abc import Mapping

from msgspec import Struct

from mdc_core.errors import BusyError, DataError, MdcError, RefusedError, UnavailableError

SHOWN = 200  # characters of a body that says what went wrong


class Request(Struct, frozen=True):
    """One HTTP request."""

    url: str
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    method: str = "GET"
    body: bytes = b""

    @property
    def where(self) -> str:
        """The URL for messages: without what may be a secret."""
        from urllib.parse import urlsplit

        place = urlsplit(self.url)
        return f"{place.scheme}://{place.netloc.rpartition('@')[2]}{place.path}"


class Response(Struct, frozen=True):
    """The answer to an HTTP request; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    request: Request = Request("")

    @property
    def after(self) -> float | None:
        """The seconds that Retry-After asks to wait; a date counts from that of the answer."""
        text = self.headers.get("retry-after", "").strip()
        if text.isdecimal() and text.isascii():
            return float(text)
        from email.utils import parsedate_to_datetime

        try:
            until, now = (parsedate_to_datetime(t) for t in (text, self.headers.get("date", "")))
            return max(0.0, (until - now).total_seconds())
        except (TypeError, ValueError):
            return None

    def check(self) -> None:
        """Raise the error that stands for this answer; one of 2xx has none.

        RefusedError for 401, 403, 407; BusyError for 408, 425, 429, and 503 with Retry-After;
        UnavailableError for the rest of 5xx; DataError for any other.
        """
        if not 200 <= self.status < 300:
            raise self._error()

    def _error(self) -> MdcError:
        from http import HTTPStatus

        known = self.status in HTTPStatus._value2member_map_
        phrase = f" {HTTPStatus(self.status).phrase}" if known else ""
        text = f"{self.request.where}: {self.status}{phrase}"
        first = self.body[: 4 * SHOWN].decode("utf-8", "replace").strip().partition("\n")[0]
        first = first.rstrip()[:SHOWN]
        text += f": {first}" if first and first.isprintable() else ""
        if self.status in (401, 403, 407):
            return RefusedError(text)
        if self.status in (408, 425, 429) or (self.status == 503 and self.after is not None):
            return BusyError(text, after=self.after)
        return UnavailableError(text) if self.status >= 500 else DataError(text)
