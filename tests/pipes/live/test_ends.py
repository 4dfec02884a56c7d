"""How feeds end that were never up, or not again: statuses, gaps, and what goes on."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.sync.server import Request, Response, ServerConnection, serve

from tests.conftest import Shell
from tests.kit.deadline import DEADLINE
from tests.kit.installed import MDC, Run, plain_environ
from tests.pipes.live import venues
from tests.pipes.live.venues import rows

TOKEN = {"LINES_TOKEN": "s3cret-token"}
KEYS = {"ALPACA_KEY_ID": "a", "ALPACA_SECRET_KEY": "b"}
NOBODY = "ws://127.0.0.1:9/v2/iex"


def test_a_feed_that_was_never_up_is_a_gap_and_no_success(mdc: Run, tmp_path: Path) -> None:
    words = ("stream", "alpaca", "SPY", "--url", NOBODY, "--duration", "1s")
    done = mdc(*words, **KEYS)
    assert done.returncode == 69, done.stderr
    assert f"alpaca was never up: {NOBODY}: Connection refused" in done.stderr
    _, down, gap, end = rows(done.stdout)
    assert (down["state"], end["reason"]) == ("down", "error")
    assert (gap["reason"], gap["symbol"], "extra" in gap) == ("disconnect", "SPY", False)
    assert gap["start"] <= down["ts_event"] and "end" not in gap
    stored = mdc("store", "--root", str(tmp_path / "data"), stdin=done.stdout)
    assert stored.returncode == 65


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_a_feed_is_up_is_no_success(tmp_path: Path, number: int) -> None:
    client = subprocess.Popen(
        [MDC, "stream", "alpaca", "SPY", "--url", NOBODY],
        env={**plain_environ(), **KEYS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    head = [client.stdout.readline() for _ in range(2)]
    client.send_signal(number)
    out, err = client.communicate(timeout=DEADLINE)
    assert client.returncode == 69, err
    assert [row["type"] for row in rows("".join(head) + out)] == [
        "begin",
        "connection",
        "gap",
        "end",
    ]


class Alpacas:
    """A server of which each connection brings a trade and is cut, or stays, or is refused."""

    def __init__(self, *fates: str) -> None:
        self._fates, self._fate = iter(fates), "cut"

    @contextmanager
    def serving(self) -> Iterator[str]:
        with serve(self._play, "127.0.0.1", 0, process_request=self._answer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v2/iex"
            server.shutdown()

    def _answer(self, ws: ServerConnection, request: Request) -> Response | None:
        self._fate = next(self._fates, "cut")
        return ws.respond(HTTPStatus(int(self._fate)), "no\n") if self._fate.isdigit() else None

    def _play(self, ws: ServerConnection) -> None:
        ws.send('[{"T":"success","msg":"connected"}]')
        ws.recv()
        ws.send('[{"T":"success","msg":"authenticated"}]')
        ws.recv()
        ws.send('[{"T":"subscription","trades":["A"],"quotes":["A"]}]')
        ws.send('[{"T":"t","S":"A","i":1,"x":"V","p":1,"s":1,"t":"2024-01-02T14:30:01Z"}]')
        if self._fate == "cut":
            ws.close(1001)
        for _ in ws:
            pass  # until the client closes


def test_a_refusal_in_connecting_again_is_tried_again_and_ends_a_first_connection(mdc: Run) -> None:
    words = ("stream", "alpaca", "A", "--limit", "2", "--url")
    with Alpacas("cut", "403", "401", "stay").serving() as url:
        done = mdc(*words, url, **KEYS)
    assert done.returncode == 0, done.stderr
    told = [(row["state"], row.get("cause")) for row in rows(done.stdout, "connection")]
    lost = [("down", "server-close"), ("down", "refusal"), ("down", "login")]
    assert told == [("up", None), *lost, ("resubscribed", None)]
    assert "HTTP 403; trying again in" in done.stderr and "HTTP 401; trying" in done.stderr
    (gap,) = rows(done.stdout, "gap")
    assert gap["symbol"] == "A" and gap["start"] < gap["end"]
    with Alpacas("403").serving() as url:
        done = mdc(*words, url, **KEYS)
    assert done.returncode == 77, done.stderr
    assert [row["type"] for row in rows(done.stdout)] == ["begin", "connection", "gap", "end"]


def test_retries_are_failures_in_a_row(mdc: Run) -> None:
    words = ("stream", "alpaca", "A", "--retries", "1", "--limit", "3", "--url")
    with Alpacas().serving() as url:
        done = mdc(*words, url, **KEYS)
    assert (done.returncode, len(rows(done.stdout, "trade"))) == (0, 3), done.stderr


def test_a_change_that_is_refused_on_a_new_connection_leaves_the_feed_as_it_was(
    tmp_path: Path, installed: Path
) -> None:
    """A codec that cannot change a subscription: for another one it connects again."""
    file = tmp_path / "symbols"
    file.write_text("SPY\n")

    def play(said: str, answer: str, connection: socket.socket) -> None:
        assert venues.line_of(connection).endswith(f" {said}")
        connection.sendall(f"{answer}\n".encode())
        if answer.startswith("OK"):
            connection.recv(1)

    scripts = [
        lambda c: play("SPY", "OK\nT 1 SPY 1704205800000000000 1 1", c),
        lambda c: play("SPY,X", "NO such symbol", c),
        lambda c: play("SPY", "OK\nT 2 SPY 1704205800000000000 2 1", c),
    ]
    with venues.tcp(*scripts) as url:
        client = subprocess.Popen(
            [MDC, "stream", "lines", "--symbols-file", str(file), "--url", url],
            env={**plain_environ(), **TOKEN, "PYTHONPATH": str(installed)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert client.stdout is not None
        lines = [client.stdout.readline() for _ in range(3)]
        file.write_text("SPY\nX\n")
        client.send_signal(signal.SIGHUP)
        while '"seq":2' not in lines[-1]:
            lines.append(client.stdout.readline())
            assert lines[-1]
        client.send_signal(signal.SIGINT)
        _, err = client.communicate(timeout=DEADLINE)
    assert client.returncode == 0, err
    assert "lines says: such symbol; the old subscription goes on" in err


def test_a_change_that_needs_too_many_connections_leaves_the_feed_as_it_was(
    tmp_path: Path, installed: Path
) -> None:
    file = tmp_path / "symbols"
    file.write_text("A\nB\n")
    go_on = threading.Event()

    def script(connection: socket.socket) -> None:
        venues.line_of(connection)
        connection.sendall(b"OK\nT 1 A 1704205800000000000 1 1\n")
        assert go_on.wait(DEADLINE)
        connection.sendall(b"T 2 A 1704205800000000000 2 1\n")
        connection.recv(1)

    with venues.tcp(script) as url:
        client = subprocess.Popen(
            [MDC, "stream", "narrow", "--symbols-file", str(file), "--url", url, "--limit", "2"],
            env={**plain_environ(), **TOKEN, "PYTHONPATH": str(installed)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert client.stdout is not None and client.stderr is not None
        for _ in range(3):
            client.stdout.readline()
        file.write_text("".join(f"S{n}\n" for n in range(5)))
        client.send_signal(signal.SIGHUP)
        said = client.stderr.readline()
        go_on.set()
        out, err = client.communicate(timeout=DEADLINE)
    assert client.returncode == 0, err
    assert "this needs 3 connections" in said and "going on as before" in said
    assert [row["seq"] for row in rows(out, "trade")] == [2]


def test_a_capture_is_never_written_over(mdc: Run, tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl.gz"
    words = ("stream", "alpaca", "A", "--limit", "1", "--capture", str(file), "--url")
    with Alpacas().serving() as url:
        first = mdc(*words, url, **KEYS)
        kept = file.read_bytes()
        again = mdc(*words, url, **KEYS)
    assert (first.returncode, again.returncode) == (0, 73), first.stderr + again.stderr
    assert "exists already, and a capture is never written over" in again.stderr
    assert file.read_bytes() == kept


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("", ["A trade", "B trade", "A quote", "B quote", "A bar"]),
        ("A", ["A trade", "A quote", "A bar"]),
        ("--type quote", ["A quote", "B quote"]),
        ("A --type daily_bar", ["A bar"]),
        ("* --type trade", ["A trade", "B trade"]),
    ],
)
def test_a_replay_keeps_to_what_was_asked_for(
    mdc: Run, tmp_path: Path, asked: str, kept: list[str]
) -> None:
    time = "2024-01-02T14:30:00Z"
    trades = [{"T": "t", "S": s, "i": 1, "p": 1, "s": 1, "t": time} for s in "AB"]
    quotes = [{"T": "q", "S": s, "bp": 1, "bs": 1, "ap": 2, "as": 1, "t": time} for s in "AB"]
    bar = {"T": "d", "S": "A", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1, "t": time}
    frame = {"recv_ns": 1, "dir": "in", "frame": [*trades, *quotes, bar]}
    file = tmp_path / "c.jsonl"
    file.write_text(json.dumps(frame) + "\n")
    done = mdc("stream", "alpaca", *asked.split(), "--replay", str(file))
    assert done.returncode == 0, done.stderr
    got = [f"{row['symbol']} {row['type']}" for row in rows(done.stdout, "trade", "quote", "bar")]
    assert got == kept


DEEP = "[" * 2000 + "]" * 2000
UNWRITABLE = {
    "no number": '"p":"NaN"',
    "no end": '"s":"Infinity"',
    "nested": f'"c":{DEEP}',
    "nested in what nobody knows": f'"zz":{{"a":{DEEP}}}',
    "leap second": '"t":"2016-12-31T23:59:60.5Z"',
    "no such date": '"t":"2024-02-30T00:00:00Z"',
    "too early": '"t":"1677-01-01T00:00:00Z"',
    "too late": '"t":"2263-01-01T00:00:00Z"',
    "too fine": '"p":0.1234567890123456789',
    "too long": '"p":1e30',
}
BAR = '{"T":"b","S":"A","o":1,"h":1,"l":1,"c":1,"v":1,"vw":%s,"n":%d,"t":"2024-01-02T14:30:00Z"}'


@pytest.mark.parametrize("way", ["--format jsonl", "--format arrow", "then"])
def test_a_message_that_cannot_be_written_costs_itself_wherever_it_stands(
    mdc: Run, tmp_path: Path, way: str
) -> None:
    """Behind the first hundred of a type, which are all looked at, as well."""
    good = '{"T":"t","S":"A","i":%d,"p":1,"s":1,"t":"2024-01-02T14:30:01Z"}'
    frames = [f"[{good % n},{BAR % (1, 2**63 - 1)}]" for n in range(200)]
    for number, member in enumerate(UNWRITABLE.values()):
        name = member.partition(":")[0]
        parts = [part for part in (good % 1)[1:-1].split(",") if not part.startswith(name)]
        bad = "{" + ",".join([*parts, member]) + "}"
        frames.append(f"[{good % (1000 + number)},{bad},{good % (2000 + number)}]")
    frames.append(f"[{good % 3000},{BAR % (1, 2**63)},{BAR % ('1e-19', 1)},{good % 3001}]")
    file, aside = tmp_path / "c.jsonl", tmp_path / "aside.jsonl"
    file.write_text("".join(f'{{"recv_ns":1,"dir":"in","frame":{f}}}\n' for f in frames))
    words = ["stream", "alpaca", "--replay", str(file), "--quarantine", str(aside)]
    done = subprocess.run(
        [MDC, *words, *(["then", "head", "-n", "999"] if way == "then" else way.split())],
        env=plain_environ(),
        capture_output=True,
        check=False,
    )
    said = done.stderr.decode()
    assert done.returncode == 0, said
    bad, out = len(UNWRITABLE) + 2, 402 + 2 * len(UNWRITABLE)
    assert f"{out + bad} in = {out} out + {bad} rejected" in said
    assert len(aside.read_text().splitlines()) == bad
    if "arrow" not in way:
        read = mdc("count", "-", "--strict", "-v", stdin=done.stdout.decode())
        assert read.returncode == 0 and " 0 rejected" in read.stderr, read.stderr
        assert f"\ntrade          {out - 200}\n" in read.stdout


def test_a_frame_nested_without_bound_is_set_aside(shell: Shell, tmp_path: Path) -> None:
    """As deep as a frame can be: whoever goes through it bracket by bracket takes for ever."""
    good = '[{"T":"t","S":"A","i":%d,"p":1,"s":1,"t":"2024-01-02T14:30:01Z"}]'
    lists, objects = "[" * 1_000_000, '{"a":' * 400_000
    deep = [
        f"{lists}{']' * len(lists)}",
        f"[{objects}1{'}' * (len(objects) // 5)}]",
        f'{good[:-2] % 3},{good[2:-2] % 4},"zz":{lists}{"]" * len(lists)}}}]',
        lists,
    ]
    frames = [good % 1, *deep, good % 2]
    lines = [f'{{"recv_ns":{n},"dir":"in","frame":{f}}}\n' for n, f in enumerate(frames)]
    (tmp_path / "c.jsonl").write_text("".join(lines))
    done = shell("mdc stream alpaca --replay c.jsonl --quarantine aside.jsonl")
    assert done.status == 0, done.err
    assert [row["trade_id"] for row in rows(done.out, "trade")] == ["1", "2"]
    why = [row["message"] for row in rows(done.out, "integrity")]
    assert len(why) == 4 and all("nested more than 100,000 deep" in text for text in why), why
    aside = (tmp_path / "aside.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in aside] == deep


ENOUGH = '''"""A feed that fails when all that is asked for has come, and nobody has read it."""
from decimal import Decimal
from pathlib import Path
from mdc_core.plugin import *

class Enough(Source):
    def events(self):
        yield [Trade(symbol="A", price=Decimal(1), seq=n) for n in range(5000)]
        Path("failed").touch()
        raise UnavailableError("the line is dead")
'''


def test_a_feed_that_fails_behind_the_limit_has_done_what_it_was_asked(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "enough.py").write_text(ENOUGH)
    line = "mdc --plugin enough.py stream enough A --retries 0 --limit {}"
    # More than a pipe holds: it is read when the feed has failed.
    wait = "(until [ -e failed ]; do sleep .02; done; cat)"
    done = shell(f"{line.format(5000)} | {wait}")
    assert done.status == 0, done.err
    assert (len(rows(done.out, "trade")), rows(done.out)[-1]["reason"]) == (5000, "limit")
    done = shell(f"{line.format(5001)} | {wait}")
    assert (done.status, rows(done.out)[-1]["reason"]) == (69, "error")
