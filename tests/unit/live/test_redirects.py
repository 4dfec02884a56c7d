"""A WebSocket server that leads to another one, which is named where it cannot be used."""

import socket

import pytest

from mdc_core.contracts import Endpoint, Limits
from mdc_core.errors import ConfigError, MdcError, RefusedError, UnavailableError
from mdc_core.live.clock import SystemClock
from mdc_core.live.transports import open_transport
from tests.pipes.live import venues


def failure(*locations: str) -> tuple[str, MdcError]:
    """The URL of a server that leads there, and how a connection to it fails."""

    def serve(location: str, connection: socket.socket) -> None:
        connection.recv(65_536)
        head = f"Location: {location}\r\n" if location else ""
        connection.sendall(f"HTTP/1.1 302 Found\r\n{head}\r\n".encode("latin-1"))

    scripts = [lambda c, at=location: serve(at, c) for location in locations]
    with venues.tcp(*scripts) as url:
        url = url.replace("tcp", "ws")
        with pytest.raises(MdcError) as raised:
            open_transport(Endpoint(f"{url}/v2?key=s3cret"), Limits(), SystemClock())
    assert "s3cret" not in str(raised.value)
    return f"{url}/v2", raised.value


@pytest.mark.parametrize(
    ("location", "target", "said"),
    [
        ("ws://[::1", "ws://[::1", "not a WebSocket URL"),
        ("ws://127.0.0.1:99999/?key=s3cret", "ws://127.0.0.1:99999/", "not a WebSocket URL"),
        (f"ws://u:s3cret@{'a' * 70}/", f"ws://{'a' * 70}/", "not a WebSocket URL"),
        ("https://status.example/", "https://status.example/", "not a WebSocket URL"),
        ("ws://ex\u00e4mple.example:99999/", "", "not a WebSocket URL"),
        ("ws://127.0.0.1:1/", "ws://127.0.0.1:1/", "Connection refused"),
        ("ws://a/\r\nLocation: ws://b/", "ws://a/", "not a WebSocket URL"),
    ],
)
def test_a_redirect_that_leads_nowhere(location: str, target: str, said: str) -> None:
    url, error = failure(location)
    assert type(error) is UnavailableError
    assert str(error).startswith(target)
    assert str(error).endswith(f" (to which {url} redirects): {said}")


def test_a_redirect_that_is_followed_and_refused() -> None:
    url, error = failure("/other?key=s3cret", "")
    assert isinstance(error, RefusedError)
    other = url.replace("/v2", "/other")
    assert str(error) == f"{other} (to which {url} redirects) answers the handshake with HTTP 302"


def test_a_url_of_our_own_that_is_none_is_a_setting() -> None:
    with pytest.raises(ConfigError, match="not a WebSocket URL"):
        open_transport(Endpoint("ws:///v2"), Limits(), SystemClock())
