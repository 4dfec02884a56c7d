"""One HTTP request of a plugin, carried out, where it says or at another server."""

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from msgspec.structs import replace

from mdc_core.contracts import Request, Response
from mdc_core.errors import MdcError, UnavailableError

if TYPE_CHECKING:
    from email.message import Message

WITHIN = 10.0
LARGEST = 64 << 20
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Answer = Response | MdcError
# Asks, and calls back with the answer, now or later.
Ask = Callable[[Request, Callable[[Answer], None]], None]


def ask_in_thread(request: Request, reply: Callable[[Answer], None]) -> None:
    """Ask in a thread, so that frames are read meanwhile."""
    ask = Thread(target=lambda: reply(answer(request)), name="mdc-fetch", daemon=True)
    ask.start()


def ask_at(server: str) -> Ask:
    """Asks this server, http:// or https://, in the place of the one that a request names."""
    at = urlsplit(server)

    def ask(request: Request, reply: Callable[[Answer], None]) -> None:
        place = urlsplit(request.url)
        path = at.path.rstrip("/") + place.path
        place = place._replace(scheme=at.scheme, netloc=at.netloc, path=path)
        ask_in_thread(replace(request, url=place.geturl()), reply)

    return ask


def is_http(url: str) -> bool:
    """Whether this is the URL of an HTTP server."""
    try:
        place = urlsplit(url)
        return place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
    except ValueError:
        return False


def beside(feed: str) -> str | None:
    """The HTTP server beside a WebSocket server: the same host and port; None for other feeds."""
    try:
        place = urlsplit(feed)
    except ValueError:
        return None  # told where the feed is connected to
    scheme = {"ws": "http", "wss": "https"}.get(place.scheme)
    return scheme and f"{scheme}://{place.netloc.rpartition('@')[2]}"


def answer(request: Request) -> Answer:
    """The answer to a request, of any status; an error of ours if there is none."""
    from http.client import HTTPException  # few codecs ask for anything
    from urllib.error import HTTPError, URLError
    from urllib.request import ProxyHandler, build_opener
    from urllib.request import Request as HttpRequest

    place = urlsplit(request.url)
    if place.scheme not in ("http", "https"):
        return UnavailableError(f"not an HTTP URL: {request.where}")
    join = "&" if place.query else "?"
    url = request.url + (join + urlencode(request.params) if request.params else "")
    asked = HttpRequest(url, request.body or None, dict(request.headers), method=request.method)
    # A proxy cannot reach our own host.
    opener = build_opener(*([ProxyHandler({})] if place.hostname in LOOPBACK else []))
    try:
        with opener.open(asked, timeout=WITHIN) as reply:
            return _response(request, reply.status, reply.headers, reply.read(LARGEST))
    except HTTPError as error:
        return _response(request, error.code, error.headers, error.read(LARGEST))
    except (URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return UnavailableError(f"{request.where}: {getattr(reason, 'strerror', None) or reason}")


def _response(request: Request, status: int, headers: "Message", body: bytes) -> Response:
    return Response(status, {k.lower(): v for k, v in headers.items()}, body, request)
