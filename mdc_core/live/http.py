"""One HTTP request of a plugin, carried out, where it says or at another server."""

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from msgspec.structs import replace

from mdc_core.contracts import Fetch, Request, Response
from mdc_core.errors import MdcError, UnavailableError
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.live.time_limit import TimeLimit

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
    """The answer to a request, of any status; an error of ours if there is none in time."""
    from http.client import HTTPException  # few codecs ask for anything

    from mdc_core.live.time_limit import TimeLimit

    if urlsplit(request.url).scheme not in ("http", "https"):
        return UnavailableError(f"not an HTTP URL: {request.where}")
    limit = TimeLimit(WITHIN)
    try:
        with limit:
            return _asked(request, limit)
    except (OSError, HTTPException, ValueError) as error:  # the last by where a redirect leads
        reason = getattr(error, "reason", None) or error
        if limit.is_over or isinstance(reason, TimeoutError):
            return UnavailableError(f"{request.where}: no whole answer within {WITHIN:g} s")
        return UnavailableError(f"{request.where}: {getattr(reason, 'strerror', None) or reason}")


def _asked(request: Request, limit: "TimeLimit") -> Response:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import ProxyHandler, build_opener
    from urllib.request import Request as HttpRequest

    from mdc_core.live.time_limit import handlers

    place = urlsplit(request.url)
    join = "&" if place.query else "?"
    url = request.url + (join + urlencode(request.params) if request.params else "")
    asked = HttpRequest(url, request.body or None, dict(request.headers), method=request.method)
    # A proxy cannot reach our own host.
    proxies = [ProxyHandler({})] if place.hostname in LOOPBACK else []
    try:
        reply = build_opener(*proxies, *handlers(limit)).open(asked, timeout=WITHIN)
    except HTTPError as error:
        reply = error
    with reply:
        try:
            body = _whole(reply, limit)
        except (OSError, HTTPException):
            if reply.status < 400:
                raise
            body = b""  # the status says that it failed, and how
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Response(reply.status, headers, body, request)


def _whole(reply: Any, limit: "TimeLimit") -> bytes:
    """The body of an answer; raises an OSError where it ends before its end."""
    body: bytes = reply.read(LARGEST)
    if limit.is_over:
        raise TimeoutError
    if missing := getattr(reply, "length", None):
        whole = counted(len(body) + missing, "byte")
        raise OSError(f"the answer was cut: {len(body):,} of {whole} came")
    return body


class HttpAnswers:
    """What the connections of a line have asked for by HTTP, and what has come of it."""

    def __init__(self, ask: Ask) -> None:
        self.awaited = 0  # answers that are still to come
        self._ask = ask
        # With the number of the connection that asked: no other is to be given the answer.
        self._come: SimpleQueue[tuple[int, Fetch, Answer]] = SimpleQueue()

    def ask(self, fetch: Fetch, number: int) -> None:
        """Ask for the connection of this number."""
        self.awaited += 1
        self._ask(fetch.request, lambda got: self._come.put((number, fetch, got)))

    def come(self, number: int, wait: float = 0.0) -> Iterator[tuple[str, Response]]:
        """What has come for the connection of this number, each with its tag.

        Each is waited for so many seconds. Raises the error of a question that may not fail.
        """
        while True:
            try:
                asked_by, fetch, got = self._come.get(wait > 0, wait)
            except Empty:
                return
            self.awaited -= 1
            if asked_by != number:
                continue  # who asked is gone
            if not isinstance(got, Response):
                if not fetch.may_fail:
                    raise got
                got = Response(0, body=str(got).encode(), request=fetch.request)
            yield fetch.tag, got
