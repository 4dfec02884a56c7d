"""One HTTP request of a plugin, carried out."""

import http.client
from email.message import Message
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from mdc_core.contracts import Request, Response
from mdc_core.errors import MdcError, UnavailableError

WITHIN = 10.0
LARGEST = 64 << 20

Answer = Response | MdcError


def answer(request: Request) -> Answer:
    """The answer to a request, of any status; an error of ours if there is none."""
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
    except (URLError, OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return UnavailableError(f"{request.where}: {getattr(reason, 'strerror', None) or reason}")


def _response(request: Request, status: int, headers: Message, body: bytes) -> Response:
    return Response(status, {k.lower(): v for k, v in headers.items()}, body, request)
