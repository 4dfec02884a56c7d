"""One HTTP request of a plugin, carried out."""

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from mdc_core.contracts import Request, Response
from mdc_core.errors import MdcError, UnavailableError

if TYPE_CHECKING:
    from email.message import Message

WITHIN = 10.0
LARGEST = 64 << 20

Answer = Response | MdcError
# Asks, and calls back with the answer, now or later.
Ask = Callable[[Request, Callable[[Answer], None]], None]


def ask_in_thread(request: Request, reply: Callable[[Answer], None]) -> None:
    """Ask in a thread, so that frames are read meanwhile."""
    ask = Thread(target=lambda: reply(answer(request)), name="mdc-fetch", daemon=True)
    ask.start()


def answer(request: Request) -> Answer:
    """The answer to a request, of any status; an error of ours if there is none."""
    from http.client import HTTPException  # few codecs ask for anything
    from urllib.error import HTTPError, URLError
    from urllib.request import Request as HttpRequest
    from urllib.request import urlopen

    place = urlsplit(request.url)
    if place.scheme not in ("http", "https"):
        return UnavailableError(f"not an HTTP URL: {request.where}")
    join = "&" if place.query else "?"
    url = request.url + (join + urlencode(request.params) if request.params else "")
    asked = HttpRequest(url, request.body or None, dict(request.headers), method=request.method)
    try:
        with urlopen(asked, timeout=WITHIN) as reply:
            return _response(request, reply.status, reply.headers, reply.read(LARGEST))
    except HTTPError as error:
        return _response(request, error.code, error.headers, error.read(LARGEST))
    except (URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return UnavailableError(f"{request.where}: {getattr(reason, 'strerror', None) or reason}")


def _response(request: Request, status: int, headers: "Message", body: bytes) -> Response:
    return Response(status, {k.lower(): v for k, v in headers.items()}, body, request)
