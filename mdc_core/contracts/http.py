"""One HTTP request, and its answer."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from mdc_core.errors import BusyError, DataError, MdcError, RefusedError, UnavailableError

SHOWN = 200  # characters of a body that says what went wrong


class Request(Struct, frozen=True):
    """One HTTP request."""

    url: str
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    method: str = "GET"
    body: bytes = b""

    def plain(self) -> "Request":
        """The same with the query of its URL in `params`, as whoever is asked sees it."""
        from urllib.parse import parse_qsl, urlsplit

        place = urlsplit(self.url)
        params = {**dict(parse_qsl(place.query, keep_blank_values=True)), **self.params}
        return replace(self, url=place._replace(query="", fragment="").geturl(), params=params)

    @property
    def where(self) -> str:
        """The URL for messages: without what may be a secret."""
        return _where(self.url)


class Response(Struct, frozen=True):
    """The answer to an HTTP request; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    request: Request = Request("")

    @property
    def after(self) -> float | None:
        """The seconds that Retry-After asks to wait; a date counts from that of the answer.

        A week at most: Binance, which pauses whoever goes on for up to three days, has the longest
        pauses that are known.
        """
        return _after(self.headers)

    def check(self) -> None:
        """Raise the error that stands for this answer; one of 2xx has none.

        RefusedError for 401, 403, 407; BusyError for 408, 425, 429, and 503 with Retry-After;
        UnavailableError for the rest of 5xx; DataError for any other.
        """
        if not 200 <= self.status < 300:
            raise _error(self)


_MOST_AFTER = 7 * 86_400.0


def _where(url: str) -> str:
    from urllib.parse import urlsplit

    place = urlsplit(url)
    return f"{place.scheme}://{place.netloc.rpartition('@')[2]}{place.path}"


def _after(headers: Mapping[str, str]) -> float | None:
    from email.utils import parsedate_to_datetime

    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return min(float(text), _MOST_AFTER)
    try:
        until, now = (parsedate_to_datetime(t) for t in (text, headers.get("date", "")))
        return min(max(0.0, (until - now).total_seconds()), _MOST_AFTER)
    except (TypeError, ValueError):
        return None


def _error(response: Response) -> MdcError:
    from http import HTTPStatus

    status, after = response.status, response.after
    known = status in HTTPStatus._value2member_map_
    phrase = f" {HTTPStatus(status).phrase}" if known else ""
    text = f"{response.request.where}: {status}{phrase}"
    first = response.body[: 4 * SHOWN].decode("utf-8", "replace").strip().partition("\n")[0]
    first = first.rstrip()[:SHOWN]
    text += f": {first}" if first and first.isprintable() else ""
    if status in (401, 403, 407):
        return RefusedError(text)
    if status in (408, 425, 429) or (status == 503 and after is not None):
        return BusyError(text, after=after)
    return UnavailableError(text) if status >= 500 else DataError(text)
