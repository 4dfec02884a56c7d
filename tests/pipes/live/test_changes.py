"""Other symbols for a feed that runs: asked for, answered or not, refused, and asked for again."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from tests.kit.deadline import DEADLINE
from tests.kit.installed import MDC, plain_environ
from tests.pipes.live import venues

ENV = {"LINES_TOKEN": "s3cret-token", "ALPACA_KEY_ID": "key-id", "ALPACA_SECRET_KEY": "not-told"}
NS = 1704205800000000000


class Client:
    """`mdc stream` with a file of symbols."""

    def __init__(self, provider: str, url: str, folder: Path) -> None:
        self._file = folder / "symbols"
        self._file.write_text("SPY\n")
        env = {**plain_environ(), **ENV, "PYTHONPATH": str(venues.install(folder / "installed"))}
        self.process = subprocess.Popen(
            [MDC, "stream", provider, "--symbols-file", str(self._file), "--url", url],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.rows: list[dict[str, Any]] = []
        self.said: list[str] = []

    def wants(self, *symbols: str) -> None:
        """Have the file read again."""
        self._file.write_text("".join(f"{symbol}\n" for symbol in symbols))
        self.process.send_signal(signal.SIGHUP)

    def until(self, kind: str, number: int = 1) -> None:
        """Read on until so many events of a type have come in all."""
        assert self.process.stdout is not None
        while sum(row["type"] == kind for row in self.rows) < number:
            line = self.process.stdout.readline()
            assert line, self.process.stderr and self.process.stderr.read()
            self.rows.append(json.loads(line))

    def until_said(self, text: str) -> None:
        """Read on until something is said."""
        assert self.process.stderr is not None
        while text not in (line := self.process.stderr.readline()):
            assert line, self.said
            self.said.append(line)

    def end(self) -> str:
        """Let it end well; all that it said."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=DEADLINE)
        self.rows += map(json.loads, out.splitlines())
        assert self.process.returncode == 0, err
        return "".join(self.said) + err


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str, str], Client]]:
    clients: list[Client] = []

    def start(provider: str, url: str) -> Client:
        clients.append(Client(provider, url, tmp_path))
        return clients[-1]

    yield start
    for client in clients:
        client.process.kill()
        client.process.communicate()


Started = Callable[[str, str], Client]


def trade(number: int, symbol: str = "SPY") -> str:
    return f"T {number} {symbol} {NS} {number} 1"


def script(*steps: tuple[str, str | None]) -> venues.Script:
    """What the client says, and what it is answered; None: nothing any more."""

    def play(connection: socket.socket) -> None:
        for said, answer in steps:
            assert venues.line_of(connection).endswith(f" {said}")
            if answer is not None:
                connection.sendall(f"{answer}\n".encode())
        connection.recv(1)

    return play


def test_what_was_refused_is_asked_for_again_and_then_what_is_right(started: Started) -> None:
    plays = script(
        ("SPY", f"OK\n{trade(1)}"),
        ("SPY,X", f"NO room\n{trade(2)}"),
        ("SPY,X", f"NO room\n{trade(3)}"),
        ("SPY,Y", f"OK\n{trade(4)}"),
    )
    with venues.tcp(plays) as url:
        client = started("changing", url)
        client.until("trade")
        for number, symbol in ((2, "X"), (3, "X"), (4, "Y")):
            client.wants("SPY", symbol)
            client.until("trade", number)
        client.wants("SPY", "Y")
        client.until_said("SIGHUP: nothing to change (")
        said = client.end()
    assert said.count("lines says: room; the old subscription goes on") == 2
    refused = [row["message"] for row in client.rows if row["type"] == "integrity"]
    assert refused == ["lines says: room; the old subscription goes on"] * 2
    assert not [row for row in client.rows if row["type"] == "gap"]


def test_a_change_that_is_not_answered_is_a_failed_attempt(started: Started) -> None:
    first = script(("SPY", f"OK\n{trade(1)}"), ("SPY,X", None))
    second = script(("SPY,X", f"OK\n{trade(2)}"))
    with venues.tcp(first, second) as url:
        client = started("impatient", url)
        client.until("trade")
        client.wants("SPY", "X")
        client.until("trade", 2)
        said = client.end()
    late = "impatient: the change of the subscription was not answered within 0.1 s"
    assert f"{late}; trying again" in said
    (down,) = (row for row in client.rows if row.get("state") == "down")
    assert down["reason"] == late
    spy, other = (row for row in client.rows if row["type"] == "gap")
    assert spy["symbol"] == "SPY" and spy["start"] < spy["end"]
    assert other == {**spy, "symbol": "X"}


def test_a_change_waits_for_the_answer_to_the_one_before(started: Started) -> None:
    told, answer = threading.Event(), threading.Event()

    def play(connection: socket.socket) -> None:
        script_of = [("SPY", f"OK\n{trade(1)}"), ("SPY,X", "OK"), ("SPY,Y", f"OK\n{trade(2)}")]
        for said, said_back in script_of:
            assert venues.line_of(connection).endswith(f" {said}")
            if said == "SPY,X":
                told.set()
                assert answer.wait(DEADLINE)
            connection.sendall(f"{said_back}\n".encode())
        connection.recv(1)

    with venues.tcp(play) as url:
        client = started("changing", url)
        client.until("trade")
        client.wants("SPY", "X")
        client.until_said("SIGHUP: asks for 2 symbols now")
        assert told.wait(DEADLINE)
        client.wants("SPY", "Y")
        client.until_said("SIGHUP: asks for 2 symbols now")
        answer.set()
        client.until("trade", 2)
        client.end()


def test_a_connection_that_was_refused_is_tried_again_with_the_next_change(
    started: Started,
) -> None:
    """Two symbols a connection: a third one needs another."""
    with venues.tcp(
        script(("SPY", f"OK\n{trade(1)}")),
        script(("SPY,B", f"OK\n{trade(2)}")),
        script(("C", "NO room")),
        script(("C", f"OK\n{trade(3, 'C')}")),
    ) as url:
        client = started("narrow", url)
        client.until("trade")
        client.wants("SPY", "B")
        client.until("trade", 2)
        client.wants("SPY", "B", "C")
        client.until_said("what was asked for before goes on")
        client.wants("SPY", "B", "C")
        client.until("trade", 3)
        client.end()


def test_a_refusal_leaves_the_connections_that_would_have_gone(started: Started) -> None:
    """Two symbols a connection: for one symbol the second connection is of no more use."""
    refused = threading.Event()

    def first(connection: socket.socket) -> None:
        script_of = [("SPY", f"OK\n{trade(1)}"), ("SPY,B", f"OK\n{trade(2)}"), ("E", "NO room")]
        for said, answer in script_of:
            assert venues.line_of(connection).endswith(f" {said}")
            connection.sendall(f"{answer}\n".encode())
        assert venues.line_of(connection).endswith(" F")
        connection.sendall(f"OK\n{trade(5, 'F')}\n".encode())
        connection.recv(1)

    def second(connection: socket.socket) -> None:
        assert venues.line_of(connection).endswith(" C")
        connection.sendall(f"OK\n{trade(3, 'C')}\n".encode())
        assert refused.wait(DEADLINE)
        connection.sendall(f"{trade(4, 'C')}\n".encode())
        assert connection.recv(1) == b""  # of no more use, and hung up

    with venues.tcp(first, second) as url:
        client = started("pairs", url)
        client.until("trade")
        client.wants("SPY", "B", "C")
        client.until("trade", 3)
        client.wants("E")
        client.until("integrity")
        refused.set()
        client.until("trade", 4)
        client.wants("F")
        client.until("trade", 5)
        client.end()


class Alpacas:
    """A server that answers one connection after another; it hears what each asks for."""

    def __init__(self, *plays: Callable[["Alpacas", ServerConnection], None]) -> None:
        self._plays = iter(plays)
        self.asked: list[dict[str, Any]] = []

    @contextmanager
    def serving(self) -> Iterator[str]:
        with serve(self._play, "127.0.0.1", 0) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v2/iex"
            server.shutdown()

    def _play(self, ws: ServerConnection) -> None:
        ws.send('[{"T":"success","msg":"connected"}]')
        ws.recv()
        ws.send('[{"T":"success","msg":"authenticated"}]')
        next(self._plays)(self, ws)
        for _ in ws:
            pass  # until the client closes

    def hear(self, ws: ServerConnection) -> list[str]:
        """The symbols that are asked for."""
        asked = json.loads(ws.recv())
        self.asked.append(asked)
        symbols: list[str] = asked["trades"]
        return symbols

    def agree(self, ws: ServerConnection, symbols: list[str], number: int) -> None:
        """The state of the subscription, and a trade."""
        ws.send(json.dumps([{"T": "subscription", "trades": symbols, "quotes": symbols}]))
        one = {"T": "t", "S": symbols[0], "i": number, "p": 1, "s": 1, "t": "2024-01-02T14:30:01Z"}
        ws.send(json.dumps([one]))


def test_alpaca_is_asked_again_for_what_it_has_refused(started: Started) -> None:
    def play(server: Alpacas, ws: ServerConnection) -> None:
        server.agree(ws, server.hear(ws), 1)
        for number in (2, 3):
            assert server.hear(ws) == ["X"]
            ws.send('[{"T":"error","code":405,"msg":"symbol limit exceeded"}]')
            server.agree(ws, ["SPY"], number)
        assert server.hear(ws) == ["Y"]
        server.agree(ws, ["SPY", "Y"], 4)

    alpacas = Alpacas(play)
    with alpacas.serving() as url:
        client = started("alpaca", url)
        client.until("trade")
        for number, symbol in ((2, "X"), (3, "X"), (4, "Y")):
            client.wants("SPY", symbol)
            client.until("trade", number)
        said = client.end()
    assert [asked["action"] for asked in alpacas.asked] == ["subscribe"] * 4
    assert said.count("symbol limit exceeded (error 405); the old subscription goes on") == 2


def test_a_change_that_is_too_large_leaves_the_old_subscription(started: Started) -> None:
    def first(server: Alpacas, ws: ServerConnection) -> None:
        server.agree(ws, server.hear(ws), 1)
        server.hear(ws)
        ws.close(1009)

    def second(server: Alpacas, ws: ServerConnection) -> None:
        server.agree(ws, server.hear(ws), 2)

    alpacas = Alpacas(first, second)
    with alpacas.serving() as url:
        client = started("alpaca", url)
        client.until("trade")
        client.wants("SPY", "X")
        client.until("trade", 2)
        said = client.end()
    assert [asked["trades"] for asked in alpacas.asked] == [["SPY"], ["X"], ["SPY"]]
    assert "the server does not take a frame of this size" in said
    assert "; the old subscription goes on; trying again in" in said
