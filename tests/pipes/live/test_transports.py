"""Feeds over TCP, UDP and HTTP through `mdc stream`, with real servers on loopback."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.kit.deadline import DEADLINE
from tests.kit.installed import MDC, Run
from tests.pipes.live import venues
from tests.pipes.live.venues import rows

TOKEN = {"LINES_TOKEN": "s3cret-token"}
ABOUT_US = ("begin", "end", "connection", "gap", "integrity")


def trade(number: int) -> str:
    return f"T {number} SPY {1_704_205_800_000_000_000 + number} {number}.50 {number * 10}\r\n"


def login(connection: socket.socket, *, token: str = "s3cret-token") -> None:
    assert venues.line_of(connection) == f"LOGIN {token} SPY"
    connection.sendall(b"OK\n")


def test_lines_over_tcp_with_a_reconnect_a_capture_and_its_replay(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    def first(connection: socket.socket) -> None:
        login(connection)
        text = "".join(trade(n) for n in (1, 2, 3)).encode()
        for start in range(0, len(text), 7):  # pieces are no frames
            connection.sendall(text[start : start + 7])
        connection.sendall(b"T 4 SPY")  # the line breaks within a frame

    def second(connection: socket.socket) -> None:
        login(connection)
        connection.sendall((trade(8) + trade(9)).encode())
        connection.recv(1)

    capture = tmp_path / "c.jsonl"
    with venues.tcp(first, second) as url:
        done = mdc(
            *("stream", "lines", "SPY", "--url", url, "--limit", "5", "--capture", str(capture)),
            path=installed,
            **TOKEN,
        )
    assert done.returncode == 0, done.stderr
    trades = rows(done.stdout, "trade")
    assert [(t["seq"], t["price"], t["size"]) for t in trades] == [
        (n, n + 0.5, n * 10) for n in (1, 2, 3, 8, 9)
    ]
    assert trades[0]["ts_event"] == "2024-01-02T14:30:00.000000001Z"
    assert [c["state"] for c in rows(done.stdout, "connection")] == [
        *("up", "down", "resubscribed")
    ]
    (gap,) = rows(done.stdout, "gap")
    assert gap["start"] == trades[2]["ts_recv"] and gap["end"] <= trades[3]["ts_recv"]
    assert "closed within a frame, 7 bytes into it" in done.stderr
    assert "s3cret-token" not in capture.read_text()
    again = mdc("stream", "lines", "SPY", "--replay", str(capture), path=installed)
    assert again.returncode == 0, again.stderr
    events = [
        [r for r in rows(o) if r["type"] not in ("begin", "end")]
        for o in (done.stdout, again.stdout)
    ]
    assert events[0] == events[1]


def test_lines_end_as_the_venue_wants_and_silence_is_the_end_of_a_connection(
    mdc: Run, installed: Path
) -> None:
    said, numbers = set(), iter(range(1, 100))

    def serve(connection: socket.socket) -> None:
        text = connection.makefile("rb")
        said.add(text.readline())
        connection.sendall(f"OK\r\nPING\r\n{trade(next(numbers))}".encode())
        said.add(text.readline())
        connection.recv(1)  # and not a word more

    # More connections than two where the machine is slow: then one may end in its login.
    with venues.tcp(*[serve] * 99) as url:
        done = mdc("stream", "strict", "SPY", "--url", url, "--limit", "2", path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert said - {b""} == {b"LOGIN s3cret-token SPY\r\n", b"PONG\r\n"}
    assert len(rows(done.stdout, "trade")) == 2
    assert "disconnect" in {gap["reason"] for gap in rows(done.stdout, "gap")}
    assert "nothing received for 0.25 s" in done.stderr


def test_what_cannot_be_read_is_set_aside_and_the_rest_goes_on(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    def serve(connection: socket.socket) -> None:
        login(connection)
        connection.sendall(trade(1).encode() + b"\xff\xfe\nT x\n" + trade(2).encode())
        connection.recv(1)

    aside = tmp_path / "q.jsonl"
    with venues.tcp(serve) as url:
        done = mdc(
            *("stream", "lines", "SPY", "--url", url, "--limit", "2", "--quarantine", str(aside)),
            path=installed,
            **TOKEN,
        )
    assert done.returncode == 0, done.stderr
    assert [t["seq"] for t in rows(done.stdout, "trade")] == [1, 2]
    assert "4 in = 2 out + 2 rejected + 0 dropped" in done.stderr
    kept = rows(aside.read_text())
    assert [k.get("text") for k in kept] == [None, "T x"]
    assert kept[0]["base64"] == "//4="
    assert "no message of Lines: T x" in rows(done.stdout, "integrity")[1]["message"]


def test_a_login_that_is_refused_or_not_answered(mdc: Run, installed: Path) -> None:
    def refuse(connection: socket.socket) -> None:
        venues.line_of(connection)
        connection.sendall(b"NO not today\n")
        connection.recv(1)

    with venues.tcp(refuse) as url:
        done = mdc("stream", "lines", "SPY", "--url", url, path=installed, **TOKEN)
    assert done.returncode == 77 and "lines says: not today" in done.stderr
    with venues.tcp(lambda connection: [*iter(lambda: connection.recv(99), b"")].clear()) as url:
        done = mdc(
            *("stream", "hasty", "SPY", "--url", url, "--retries", "0"), path=installed, **TOKEN
        )
    assert done.returncode == 69
    assert "hasty: the login was not answered within 0.5 s" in done.stderr


def test_a_refusal_in_the_midst_is_in_the_replay_as_it_was(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    def refuse(connection: socket.socket) -> None:
        login(connection)
        connection.sendall((trade(1) + trade(2) + "NO more of this\n" + trade(3)).encode())
        connection.recv(1)

    capture = tmp_path / "c.jsonl"
    with venues.tcp(refuse) as url:
        done = mdc(
            *("stream", "lines", "SPY", "--url", url, "--capture", str(capture)),
            path=installed,
            **TOKEN,
        )
    again = mdc("stream", "lines", "SPY", "--replay", str(capture), path=installed)
    for ended in (done, again):
        assert ended.returncode == 77 and "lines says: more of this" in ended.stderr
    events = [
        [r for r in rows(o) if r["type"] not in ("begin", "end")]
        for o in (done.stdout, again.stdout)
    ]
    kinds = ["connection", "trade", "trade", "connection", "gap"]
    assert [event["type"] for event in events[0]] == kinds
    assert events[0] == events[1]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("tcp://127.0.0.1", "no host and port in tcp://127.0.0.1"),
        ("udp://127.0.0.1", "no host and port in udp://127.0.0.1"),
        ("http://127.0.0.1:1", "not a URL of a feed: http://127.0.0.1:1"),
        ("tcp://me:secret@127.0.0.1:99999", "feed: 127.0.0.1:99999: Port out of range 0-65535"),
        ("ws://127.0.0.1:x", "not a URL of a feed: ws://127.0.0.1:x: Port could not be cast"),
        ("ws://[::1", "not a URL of a feed: ws://[::1: Invalid IPv6 URL"),
        ("wss://a..b/", "not a URL of a feed: wss://a..b/: "),
    ],
)
def test_a_url_that_is_none_of_a_feed(mdc: Run, installed: Path, url: str, text: str) -> None:
    done = mdc("stream", "lines", "SPY", "--url", url, path=installed, **TOKEN)
    assert done.returncode == 78, done.stderr
    assert text in done.stderr


def test_nobody_there(mdc: Run, installed: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    for place in (url, "mem://nobody"):
        done = mdc(
            *("stream", "lines", "SPY", "--url", place, "--retries", "0"), path=installed, **TOKEN
        )
        assert done.returncode == 69, done.stderr


@pytest.fixture
def tape(mdc: Run, tmp_path: Path) -> Path:
    made = mdc("stream", "sim", "SPY", "AAPL", "--type", "trade", "--limit", "300")
    file = tmp_path / "tape.jsonl"
    file.write_text(made.stdout)
    return file


def serve_and_collect(
    mdc: Run, installed: Path, name: str, symbols: list[str], *server: str
) -> tuple[str, "subprocess.CompletedProcess[str]"]:
    """`mdc mock NAME ... --once`, and a client of it."""
    env = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        [MDC, "mock", name, *server],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        done = mdc("stream", name, *symbols, "--mock", "--url", url, path=installed)
        if "--once" not in server:
            process.terminate()
        assert process.wait(DEADLINE) == 0
    return url, done


@pytest.mark.parametrize("name", ["lines", "binary"])
def test_a_mock_server_over_tcp_plays_exactly_what_it_has(
    mdc: Run, installed: Path, tape: Path, name: str
) -> None:
    faults = "disconnect-after=100,skip=7,malformed-after=40"
    url, done = serve_and_collect(
        mdc, installed, name, ["SPY", "AAPL"], "--once", str(tape), "--fault", faults
    )
    assert url.startswith("tcp://127.0.0.1:")
    assert done.returncode == 0, done.stderr

    def told(text: str) -> list[tuple[Any, ...]]:
        names = ("symbol", "ts_event", "price", "size")
        return [tuple(row[n] for n in names) for row in rows(text, "trade")]

    played = told(tape.read_text())
    assert told(done.stdout) == [*played[:100], *played[107:]]
    spy, aapl = rows(done.stdout, "gap")
    assert (spy["symbol"], spy["reason"]) == ("SPY", "disconnect") and spy["start"] < spy["end"]
    assert aapl == {**spy, "symbol": "AAPL"}
    assert len(rows(done.stdout, "integrity")) == 2  # the frame that is no message, each time
    assert "295 in = 293 out + 2 rejected" in done.stderr


@pytest.mark.parametrize("name", ["lines", "binary"])
def test_a_mock_server_over_tcp_of_the_same_command(mdc: Run, installed: Path, name: str) -> None:
    done = mdc("stream", name, "SPY", "--mock", "--limit", "400", path=installed)
    assert done.returncode == 0, done.stderr
    assert len(rows(done.stdout, "trade")) == 400
    assert rows(done.stdout)[-1]["reason"] == "limit"


def test_a_mock_server_speaks_by_itself_as_its_options_say(
    mdc: Run, installed: Path, tape: Path
) -> None:
    faults = (str(tape), "--fault", "stall-after=10", "--beats", "3")
    _, done = serve_and_collect(mdc, installed, "lines", ["SPY"], *faults)
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout, "trade")[-1]["price"] == 3  # it has counted three answers
    shown = mdc("mock", "lines", "--help", path=installed)
    assert "--beats" in shown.stdout
    wrong = mdc("mock", "lines", "--beats", "some", path=installed)
    assert wrong.returncode == 2 and "--beats" in wrong.stderr


def test_a_mock_server_over_udp_there_is_not(mdc: Run, installed: Path) -> None:
    done = mdc("mock", "datagrams", path=installed)
    assert done.returncode == 2 and "datagrams has no mock server" in done.stderr


def test_datagrams(mdc: Run, installed: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        url = f"udp://127.0.0.1:{server.getsockname()[1]}"
        heard = []

        def serve() -> None:
            frame, client = server.recvfrom(1000)
            heard.append(frame)
            for text in ("OK", trade(1), "?", trade(2)):
                server.sendto(text.encode(), client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        done = mdc(
            *("stream", "datagrams", "SPY", "--url", url, "--limit", "2"), path=installed, **TOKEN
        )
        thread.join(10)
    assert done.returncode == 0, done.stderr
    assert heard == [b"LOGIN s3cret-token SPY"]
    assert [t["seq"] for t in rows(done.stdout, "trade")] == [1, 2]
    assert "3 in = 2 out + 1 rejected" in done.stderr


@pytest.fixture
def http() -> Any:
    """An HTTP server that answers with what is put into `answers`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.pop(0)
            asked.append(self.path)
            self.send_response(status)
            self.send_header("X-Venue", "lines")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    answers: list[tuple[int, bytes]] = []
    asked: list[str] = []
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token", answers, asked
        server.shutdown()


def test_an_answer_by_http_comes_back_to_the_codec_and_stands_in_the_capture(
    mdc: Run, installed: Path, tmp_path: Path, http: Any
) -> None:
    api, answers, asked = http
    answers += [(503, b"later"), (200, b"one-time")]

    def busy(connection: socket.socket) -> None:
        assert connection.recv(1) == b""  # the codec had no token, and said nothing

    def serve(connection: socket.socket) -> None:
        login(connection, token="one-time")
        connection.sendall(trade(1).encode())
        connection.recv(1)

    capture = tmp_path / "c.jsonl"
    words = ("stream", "tokens", "SPY", "--api", api)
    with venues.tcp(busy, serve) as url:
        done = mdc(
            *(*words, "--url", url, "--limit", "1", "--capture", str(capture)), path=installed
        )
    assert done.returncode == 0, done.stderr
    assert asked == ["/token?for=SPY"] * 2
    assert "HTTP 503; trying again" in done.stderr
    assert [t["seq"] for t in rows(done.stdout, "trade")] == [1]
    states = [r["frame"].get("state") for r in rows(capture.read_text()) if r["dir"] == "derived"]
    assert states[:4] == ["file", "connecting", "open", "fetched"]
    assert states[4:] == ["lost", "connecting", "open", "fetched"]
    again = mdc(*words, "--replay", str(capture), path=installed)
    assert rows(again.stdout)[1:-1] == rows(done.stdout)[1:-1]


def test_an_http_server_that_is_not_there_is_a_failed_attempt(mdc: Run, installed: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        api = f"http://127.0.0.1:{listener.getsockname()[1]}/token"
    with venues.tcp(lambda connection: connection.recv(1) and None) as url:
        done = mdc(
            *("stream", "tokens", "SPY", "--api", api, "--url", url, "--retries", "0"),
            path=installed,
        )
    assert done.returncode == 69, done.stderr
    assert "/token: Connection refused" in done.stderr


def test_tls_with_a_certificate_of_somebody_trusted_and_of_nobody(
    mdc: Run, installed: Path, certificate: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inner:
            login(inner)
            inner.sendall(trade(1).encode())
            inner.recv(1)

    def distrusted(connection: socket.socket) -> None:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    def run(script: Callable[[socket.socket], None], **env: str) -> Any:
        with venues.tcp(script) as url:
            url = url.replace("tcp://127.0.0.1", "tls://localhost")
            words = ("stream", "lines", "SPY", "--limit", "1", "--url", url)
            return mdc(*words, path=installed, **TOKEN, **env)

    done = run(serve, SSL_CERT_FILE=str(certificate))
    assert done.returncode == 0, done.stderr
    assert [t["seq"] for t in rows(done.stdout, "trade")] == [1]
    done = run(distrusted)  # which is not tried for ever
    assert done.returncode == 69 and "CERTIFICATE_VERIFY_FAILED" in done.stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost with its key, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "both.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = "-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    subprocess.run(
        ["openssl", *f"{words} {names}".split()], cwd=folder, check=True, capture_output=True
    )
    made.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return made


def test_datagrams_that_never_come(mdc: Run, installed: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        url = f"udp://127.0.0.1:{server.getsockname()[1]}"
        words = ("stream", "datagrams", "SPY", "--url", url, "--duration", "1s")
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 69 and "mdc stream: datagrams was never up" in done.stderr
    assert [row["type"] for row in rows(done.stdout)] == ["begin", "end"]
    assert rows(done.stdout)[-1]["reason"] == "error"
