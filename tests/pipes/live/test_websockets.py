"""Servers of WebSockets that do what they should not, through `mdc stream`."""

import base64
import hashlib
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from tests.kit.installed import Run
from tests.pipes.live import venues
from tests.pipes.live.test_transports import TOKEN
from tests.pipes.live.venues import rows


def websocket(connection: socket.socket) -> None:
    """Take the handshake of a WebSocket, and say OK."""
    asked = connection.recv(65_536).decode()
    key = asked.partition("Sec-WebSocket-Key: ")[2].partition("\r\n")[0]
    hashed = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    answer = "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    answer += f"Sec-WebSocket-Accept: {base64.b64encode(hashed).decode()}\r\n\r\n"
    connection.sendall(answer.encode() + b"\x81\x02OK")


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"\x81\x7f" + (1 << 40).to_bytes(8, "big"), "a frame of more than 64 MiB: "),
        (b"\x81\x02\xff\xff", "text that is no UTF-8: "),
        (b"\x87\x00", "what is no WebSocket frame: "),
        (b"\xf1\x00", "what is no WebSocket frame: "),
        (b"\x81\x82maskxx", "what is no WebSocket frame: "),
    ],
)
def test_frames_that_are_none_are_told(frame: bytes, said: str, mdc: Run, installed: Path) -> None:
    """It is the server that is named, also where it says the same of us as it leaves."""

    def faulty(connection: socket.socket) -> None:
        websocket(connection)
        connection.sendall(frame)
        with suppress(OSError):
            while connection.recv(65_536):
                pass

    with venues.tcp(faulty) as url:
        words = ["stream", "lines", "SPY", "--url", url.replace("tcp", "ws"), "--retries", "0"]
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 69, done.stderr
    assert f"the server sent {said}" in done.stderr


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_handshake_that_asks_for_patience(status: str, mdc: Run, installed: Path) -> None:
    """Retry-After is the least that a reconnect waits, as seconds or as a date."""
    date = "Date: Tue, 02 Jan 2024 12:00:00 GMT\r\nRetry-After: Tue, 02 Jan 2024 13:00:00 GMT"
    for said, least in (("Retry-After: 1234", "1234.0"), (date, "3600.0"), ("", None)):

        def busy(connection: socket.socket, said: str = said) -> None:
            connection.recv(65_536)
            connection.sendall(f"HTTP/1.1 {status}\r\n{said}\r\n\r\n".encode())

        with venues.tcp(busy) as url:
            words = ["stream", "lines", "SPY", "--url", url.replace("tcp", "ws")]
            done = mdc(*words, "--duration", "1s", path=installed, **TOKEN)
        (tried,) = [line for line in done.stderr.splitlines() if "answers the handshake" in line][
            :1
        ]
        assert (f"trying again in {least} s" in tried) == (least is not None), done.stderr


def test_a_websocket_that_does_not_read_any_more_is_given_up(mdc: Run, installed: Path) -> None:
    """It asks for signs of life without end, and takes none."""

    def deaf(connection: socket.socket) -> None:
        websocket(connection)
        with suppress(OSError):
            for _ in range(4_000):
                connection.sendall((b"\x89\x7d" + bytes(125)) * 100)

    with venues.tcp(deaf) as url:
        words = ["stream", "lines", "SPY", "--url", url.replace("tcp", "ws"), "--duration", "1s"]
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert next(row["state"] for row in rows(done.stdout, "connection")) == "up"
    assert rows(done.stdout, "end")
