"""One time for the whole of an HTTP request, however slowly its answer comes, or from where."""

import socket
from contextlib import suppress
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, HTTPSConnection
from threading import Lock, Timer
from typing import IO, Any
from urllib.error import URLError
from urllib.request import BaseHandler, HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request


class TimeLimit:
    """Cuts the sockets of a request when its time is over, as each read has a time of its own."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._lock = Lock()
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "TimeLimit":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, connected: socket.socket) -> None:
        """Cut this one as well, at once if the time is over."""
        with self._lock:
            self._sockets.append(connected)
            if self.is_over:
                _cut(connected)

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            for connected in self._sockets:
                _cut(connected)


def handlers(limit: TimeLimit) -> list[BaseHandler]:
    """What opens http:// and https:// under this limit."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            limit.watch(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            limit.watch(self.sock)

    class OpensPlain(HTTPHandler):
        def http_open(self, req: Request) -> HTTPResponse:
            return self.do_open(_kind(Plain), req)

    class OpensSecure(HTTPSHandler):
        def https_open(self, req: Request) -> HTTPResponse:
            return self.do_open(_kind(Secure), req)

    return [OpensPlain(), OpensSecure(), _Redirects()]


class _Redirects(HTTPRedirectHandler):
    """Closes the connection of a redirect to what is no URL."""

    def http_error_302(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> Any:
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except ValueError as error:
            fp.close()
            raise URLError(f"a redirect to what is no URL: {error}") from error

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _kind(connection: type[HTTPConnection]) -> Any:
    return connection


def _cut(connected: socket.socket) -> None:
    # Of TLS as well only the socket: its reader is in the middle of a read.
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
