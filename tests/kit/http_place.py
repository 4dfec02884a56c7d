"""A web server on this host that takes events, and answers as it is told to."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def token(self) -> str:
        return self.headers["Idempotency-Key"]


class Answer(NamedTuple):
    """What to answer: nothing at all where the status is 0, but the rows were taken."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class HttpPlace:
    """What came; `answers` are given by turns, then 200. Each token is kept once."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[Asked] = []
        self.kept: dict[str, bytes] = {}
        self.url = ""
        self.came = threading.Event()  # a request did

    @property
    def lines(self) -> list[str]:
        """The rows that the place has, in their order."""
        return b"".join(self.kept.values()).decode().split("\n")[:-1]

    def take(self, asked: Asked) -> Answer:
        answer = self.answers.pop(0) if self.answers else Answer()
        self.asked.append(asked)
        self.came.set()
        if answer.status == 0 or 200 <= answer.status < 300:
            self.kept.setdefault(asked.token, asked.body)
        return answer


@contextmanager
def http_place() -> Iterator[HttpPlace]:
    """A server while it runs."""
    place = HttpPlace()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answer = place.take(Asked(self.command, self.path, dict(self.headers), body))
            if answer.status == 0:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_PUT = do_POST  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place.url = f"http://127.0.0.1:{server.server_port}/events"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield place
        finally:
            server.shutdown()
