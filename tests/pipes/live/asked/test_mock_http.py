"""What a codec asks for by HTTP is answered by the mock server, or by who is named instead."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.pipes.live.venues import rows

TRADES = 700
CLIENT = "timeout $DEADLINE mdc stream board SPY --mock --url $url"


@pytest.fixture
def venue(shell: Shell, tmp_path: Path, installed: Path) -> Shell:
    """A shell with the venues of this folder, and trades to play."""
    lines = [
        {"type": "trade", "symbol": "SPY", "ts_event": f"2024-01-02T14:30:00.{n:09}Z"}
        | {"price": n, "size": 1}
        for n in range(TRADES)
    ]
    (tmp_path / "tape.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lambda line, **env: shell(line, PYTHONPATH=str(installed), **env)


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another HTTP server, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("X-Board", "elsewhere")
            self.send_header("Content-Length", "1")
            self.end_headers()
            self.wfile.write(b"3")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_the_answer_is_about_the_market_as_the_connection_sees_it(
    venue: Shell, tmp_path: Path
) -> None:
    client = f"{CLIENT} --capture c.jsonl"
    # A proxy cannot reach this host.
    done = venue(
        f"mdc mock board --once tape.jsonl | {{ read url; {client}; }}",
        http_proxy="http://127.0.0.1:1",
    )
    assert done.status == 0, done.err
    (said,) = rows(done.out, "status")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1/last", said["message"])
    # What came before the answer is in it, and what came behind it is not: nothing is missing.
    assert 1 <= said["seq"] <= TRADES
    numbers = [trade["seq"] for trade in rows(done.out, "trade")]
    assert numbers == list(range(said["seq"] + 1, TRADES + 1))
    again = venue("mdc stream board SPY --replay c.jsonl")
    assert rows(again.out)[1:-1] == rows(done.out)[1:-1]
    assert [e["seq"] for e in rows(again.out, "trade")] == numbers


def test_an_answer_that_is_under_way_when_the_tape_ends_is_waited_for(
    venue: Shell, tmp_path: Path
) -> None:
    done = venue(f"mdc mock board --once --limit 1 tape.jsonl | {{ read url; {CLIENT}; }}")
    assert done.status == 0, done.err
    assert [row["seq"] for row in rows(done.out, "status")] == [1]


def test_the_own_mock_server_is_asked_as_well(venue: Shell) -> None:
    done = venue("timeout $DEADLINE mdc stream board SPY --mock --limit 500")
    assert done.status == 0, done.err
    (said,) = rows(done.out, "status")
    numbers = [trade["seq"] for trade in rows(done.out, "trade")]
    assert numbers == list(range(said["seq"] + 1, said["seq"] + 500))


def test_another_server_can_be_named_for_what_is_asked_by_http(
    venue: Shell, elsewhere: tuple[str, list[str]]
) -> None:
    at, asked = elsewhere
    client = f"{CLIENT} --http-url {at}/behind"
    done = venue(f"mdc mock board --once tape.jsonl | {{ read url; {client}; }}")
    assert done.status == 0, done.err
    assert asked == ["/behind/v1/last?depth=5&symbol=SPY"]
    assert [(s["seq"], s["message"]) for s in rows(done.out, "status")] == [(3, "elsewhere")]
    assert [trade["seq"] for trade in rows(done.out, "trade")] == list(range(4, TRADES + 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--http-url ws://127.0.0.1:1", "--http-url ws://127.0.0.1:1 is no HTTP server"),
        ("--http-url https://", "--http-url https:// is no HTTP server"),
        ("--http-url http://a:b", "--http-url http://a:b is no HTTP server"),
        ("--http-url http://x --replay tape.jsonl", "--replay goes without"),
    ],
)
def test_an_http_server_that_is_none(venue: Shell, options: str, message: str) -> None:
    done = venue(f"mdc stream board SPY {options}")
    assert done.status == 2 and message in done.err


def test_whoever_asks_a_mock_server_for_what_it_does_not_know(venue: Shell) -> None:
    done = venue(
        "mdc mock board tape.jsonl > url & server=$!\n"
        "until [ -s url ]; do :; done; read url < url\n"
        "curl -sg -w ' %{http_code}' http${url#ws}?symbol=SPY; kill -INT $server; wait"
    )
    assert done.out.startswith("no SPY at http://127.0.0.1:") and done.out.endswith("/feed 404")
