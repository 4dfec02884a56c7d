"""Send events to a web server: lines of JSON in the body of HTTP requests.

Each request has the token of its batch in the header Idempotency-Key. The value of the header
Authorization, such as `Bearer ...`, comes from the secret PUBLISH_HTTP_AUTHORIZATION.

A server that cannot be reached, or answers 5xx, 408, 425 or 429, is asked again, after
Retry-After if it says so; a batch that it answers by 400, 413 or 422 is set aside. 401 and 403
end the command with status 77, any other answer but 2xx with 73."""

import gzip
import http.client
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from msgspec import Meta

from mdc_core.plugin import (
    ConfigError,
    DataError,
    Options,
    RefusedError,
    Request,
    Response,
    Sink,
    Span,
    UnavailableError,
    UsageError,
    WriteError,
    encode_batch,
)

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = (
    "mdc stream sim SPY --limit 1000 | mdc publish http https://example.com/events --dry-run",
    "mdc publish http https://example.com/events events.jsonl --batch 500 --dry-run",
)
AUTHORIZATION = "PUBLISH_HTTP_AUTHORIZATION"
SECOND = 1_000_000_000
LARGEST = 64 << 10  # of an answer's body; what matters is its beginning
NEVER = (400, 413, 422)  # what the events themselves are at fault for


class HttpOptions(Options, frozen=True, kw_only=True):
    """How requests are made."""

    method: Annotated[Literal["POST", "PUT"], Meta(description="method of the requests")] = "POST"
    compression: Annotated[
        Literal["none", "gzip"], Meta(description="compression of the bodies")
    ] = "none"
    timeout: Annotated[Span, Meta(description="longest wait for an answer", gt=0)] = 30 * SECOND


class Http(Sink):
    """Lines of JSON by HTTP, a request for each batch."""

    Options = HttpOptions
    optional_secrets = (AUTHORIZATION,)

    def __init__(self, url: str, options: HttpOptions, credentials: Mapping[str, str]) -> None:
        super().__init__(url, options, credentials)
        place = _parsed(url)
        if "@" in place.netloc:
            raise UsageError(
                "a password does not belong into a URL",
                hint=f"export {AUTHORIZATION}='Basic ...'",
            )
        if not (said := credentials.get(AUTHORIZATION, "")).isascii() or not said.isprintable():
            raise ConfigError(f"{AUTHORIZATION} has characters that no header may have")
        self._place = place
        self._connection: http.client.HTTPConnection | None = None
        self._used = False
        self._rows = 0

    def open(self) -> None:
        """Make ready to connect, which the first request does."""
        tls = self._place.scheme == "https"
        make = http.client.HTTPSConnection if tls else http.client.HTTPConnection
        self._connection = make(self._place.netloc, timeout=self.options.timeout / SECOND)
        self._rows = 0
        self._used = False

    def write(self, batch: "pa.RecordBatch", token: str) -> None:
        """Send a batch, and read the answer."""
        body = encode_batch(batch)
        headers = {
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": token,
            "User-Agent": "mdc",
        }
        if self.options.compression == "gzip":
            body = gzip.compress(body, mtime=0)
            headers["Content-Encoding"] = "gzip"
        if AUTHORIZATION in self.credentials:
            headers["Authorization"] = self.credentials[AUTHORIZATION]
        request = Request(self.url, headers=headers, method=self.options.method, body=body)
        try:
            response = self._answer(request)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise UnavailableError(f"{request.where}: {reason}") from None
        _check(response)
        self._rows += batch.num_rows

    def flush(self) -> int:
        """The rows that were answered by 2xx."""
        return self._rows

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def _answer(self, request: Request) -> Response:
        """The answer; a connection that the server closed since the last one is made anew."""
        assert self._connection is not None
        query = f"?{self._place.query}" if self._place.query else ""
        target = (self._place.path or "/") + query
        for again in (self._used, False):
            self._used = True
            try:
                self._connection.request(
                    request.method, target, request.body, dict(request.headers)
                )
                answer = self._connection.getresponse()
                text = answer.read(LARGEST)
                break
            except (http.client.RemoteDisconnected, ConnectionError):
                self._connection.close()
                if not again:
                    raise
        if not answer.isclosed():
            self._connection.close()  # a longer answer is not worth waiting for
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, headers, text, request)


def _parsed(url: str) -> SplitResult:
    """The parts of a URL that a request can be made to."""
    with suppress(ValueError):
        place = urlsplit(url)
        # Asking for the port raises where it is none.
        fits = place.scheme in ("http", "https") and place.hostname and place.port != 0
        if fits and url.isascii() and url.isprintable() and " " not in url:
            return place
    raise UsageError(
        "mdc publish http needs a URL with http:// or https:// and a host",
        hint="such as https://example.com/events; escape what is not ASCII: %C3%A9",
    )


def _check(response: Response) -> None:
    """Raise the error of an answer that is not 2xx."""
    try:
        response.check()
    except RefusedError as error:
        hint = f"{AUTHORIZATION} is sent as the header Authorization"
        raise RefusedError(str(error), hint=hint) from None
    except DataError as error:
        if response.status in NEVER:
            raise
        to = response.headers.get("location", "")
        pointed = f"it points to {to}" if to and to.isprintable() else None
        raise WriteError(str(error), hint=pointed) from None
