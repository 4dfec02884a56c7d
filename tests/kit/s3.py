"""An object store on loopback whose requests can be counted, and each of which can be made to fail.

A fault is `NUMBER:KIND` or `NUMBER:KIND+`: the request of that number, and with + each one like
it (of the same method and path) from then on, for a client tries again. KIND is a status of HTTP,
`reset` (the connection ends at once), `stall` (no answer), `cut` (half of the answer's body) or
`lost` (it is done, but the answer never comes).
"""

import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from threading import Event, Lock, Thread
from typing import Any, NoReturn

import pyarrow.fs as pafs
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

KINDS = ("403", "500", "503", "reset", "stall", "cut", "lost")
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test-secret-key",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_CODES = {"403": "AccessDenied", "500": "InternalError", "503": "SlowDown"}
_NOW = struct.pack("ii", 1, 0)  # SO_LINGER: a connection is reset, and not ended


class _Quiet(MotoRequestHandler):
    """Says nothing on standard error."""

    def log(self, *_: object) -> None:
        """Nothing."""


class FailingStore:
    """An object store, and the fault that it has."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet
        )
        self._lock = Lock()
        self._ended = Event()
        self.arm("")
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def arm(self, fault: str) -> None:
        """Begin to count, and fail as is said; with nothing, all goes well."""
        number, _, kind = fault.partition(":")
        self._number, self._kind = int(number or 0), kind.removesuffix("+")
        self._lasting, self._like = fault.endswith("+"), ""
        self.steps: list[str] = []

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._server.shutdown()
        self._thread.join()

    def _failing(self, step: str) -> str:
        """How a request is to fail, if it is."""
        with self._lock:
            self.steps.append(step)
            if len(self.steps) == self._number:
                self._like = step
                return self._kind
            return self._kind if self._lasting and step == self._like else ""

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        kind = self._failing(f"{method} {environ['PATH_INFO']}")
        line: socket.socket = environ["werkzeug.socket"]
        if kind in _CODES:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start(f"{kind} Failing", [("Content-Type", "application/xml")])
            text = f"<Error><Code>{_CODES[kind]}</Code><Message>no</Message></Error>"
            return [b"" if method == "HEAD" else text.encode()]
        if kind == "stall":
            self._ended.wait(20)
        if kind in ("stall", "reset"):
            _reset(line)
        heard: list[Any] = []
        body = b"".join(self._app(environ, lambda *args: heard.extend(args)))
        if kind == "lost":
            _reset(line)
        start(*heard)
        return _cut(body, line) if kind == "cut" else [body]


def _cut(body: bytes, line: socket.socket) -> Iterator[bytes]:
    """Half of an answer."""
    yield body[: len(body) // 2]
    _reset(line)


def _reset(line: socket.socket) -> NoReturn:
    """End a connection at once."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW)
    raise ConnectionResetError


def client(url: str) -> pafs.S3FileSystem:
    """Somebody who looks what is there."""
    return pafs.S3FileSystem(
        access_key="test",
        secret_key="test-secret-key",
        endpoint_override=url,
        region="us-east-1",
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )
