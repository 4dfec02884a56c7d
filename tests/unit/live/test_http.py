"""One HTTP request whose answer is broken, cut or without an end, by sockets on loopback."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import pytest

from mdc_core.errors import MdcError, UnavailableError
from mdc_core.live import http
from mdc_core.plugin import Request, Response
from tests.pipes.live import venues

HEAD = b"HTTP/1.1 %s X\r\n"


def asked(script: Callable[[socket.socket], None]) -> Response | MdcError:
    """What becomes of a request to a server that does this."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        script(connection)

    with venues.tcp(serve) as url:
        return http.answer(Request(url.replace("tcp", "http") + "/depth"))


def says(data: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(data)


@pytest.mark.parametrize("rest", [b"Content-Length: 99\r\n\r\nabc", b"Content-Length: abc\r\n\r\n"])
def test_a_failure_that_is_cut_is_as_good_as_a_whole_one(rest: bytes) -> None:
    got = asked(says(HEAD % b"500" + b"Retry-After: 7\r\n" + rest))
    assert isinstance(got, Response)
    assert (got.status, got.after) == (500, 7.0)


def test_a_failure_with_a_broken_body_and_one_that_is_reset() -> None:
    def reset(connection: socket.socket) -> None:
        connection.sendall(HEAD % b"503" + b"Content-Length: 99\r\n\r\nabc")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    chunked = HEAD % b"403" + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc"
    for script, status in ((reset, 503), (says(chunked), 403)):
        got = asked(script)
        if script is reset and isinstance(got, UnavailableError):
            assert "reset" in str(got)  # before its head was read
            continue
        assert isinstance(got, Response) and (got.status, got.body) == (status, b"")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            HEAD % b"302" + b"Location: http://[::1/\r\n\r\n",
            "/depth: a redirect to what is no URL: Invalid IPv6",
        ),
        (HEAD % b"302" + b"Location: http://%s.com/\r\n\r\n" % (b"a" * 70), "label"),
        (
            HEAD % b"200" + b"Content-Length: 99\r\n\r\nabc",
            "the answer was cut: 3 of 99 bytes came",
        ),
        (HEAD % b"200" + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", "/depth: "),
    ],
)
def test_an_answer_that_is_none(answer: bytes, said: str) -> None:
    got = asked(says(answer))
    assert isinstance(got, UnavailableError) and said in str(got)


@pytest.mark.parametrize("head", [b"", HEAD % b"200" + b"\r\n"])
def test_an_answer_that_comes_byte_by_byte_has_one_time_for_all(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes on until it is cut off."""
    monkeypatch.setattr(http, "WITHIN", 0.2)

    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        connection.settimeout(0.02)
        with suppress(ConnectionError):
            while True:
                try:
                    if not connection.recv(1):
                        return
                except TimeoutError:
                    connection.sendall(b"H" if head else b"HTTP/1.1 200 X\r\nA: b\r\n")

    got = asked(drip)
    assert isinstance(got, UnavailableError)
    assert str(got).endswith("/depth: no whole answer within 0.2 s")


def test_a_failure_whose_body_does_not_come_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "WITHIN", 0.2)

    def slow(connection: socket.socket) -> None:
        connection.sendall(HEAD % b"500" + b"Content-Length: 9\r\n\r\n")
        assert connection.recv(1) == b""

    got = asked(slow)
    assert isinstance(got, Response) and got.status == 500
