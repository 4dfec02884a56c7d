"""Feeds that run are looked at, and told what to do, by `mdc ctl`."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mdc_core.live.buffer import Buffer
from mdc_core.live.feed import Feed, LineState
from mdc_core.logs import Mask
from mdc_core.pipelines.streaming.control import FeedControl
from tests.kit.installed import MDC, plain_environ
from tests.pipes.live import venues
from tests.pipes.live.upkeep.test_symbols import ENV, trade
from tests.pipes.live.venues import rows

Ctl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def env(installed: Path, tmp_path: Path) -> dict[str, str]:
    places = {"PYTHONPATH": str(installed), "XDG_RUNTIME_DIR": str(tmp_path)}
    return {**plain_environ(), **ENV, **places}


@pytest.fixture
def ctl(env: dict[str, str]) -> Ctl:
    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [MDC, "ctl", *words], env=env | more, capture_output=True, text=True, check=False
        )

    return run


@contextmanager
def feed(
    env: dict[str, str], url: str, *words: str, name: str = "changing"
) -> Iterator[subprocess.Popen[str]]:
    """A feed that runs, up to the first trade."""
    with subprocess.Popen(
        [MDC, "stream", name, "A", "--url", url, *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as client:
        try:
            until(client, '"type":"trade"')
            yield client
        finally:
            client.kill()


def until(client: subprocess.Popen[str], text: str) -> None:
    """Read on up to the event with this text."""
    assert client.stdout is not None
    while text not in client.stdout.readline():
        assert client.poll() is None


def one_trade(connection: socket.socket) -> None:
    assert venues.line_of(connection).endswith(" A")
    connection.sendall(b"OK\n" + trade(1, "A"))


def until_left(connection: socket.socket) -> None:
    one_trade(connection)
    connection.recv(1)


def status_of(ctl: Ctl) -> list[dict[str, Any]]:
    done = ctl("status", "--json", "--allow-empty")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_a_feed_is_looked_at_and_told_to_ask_for_other_symbols(
    env: dict[str, str], ctl: Ctl, tmp_path: Path
) -> None:
    def play(connection: socket.socket) -> None:
        one_trade(connection)
        assert venues.line_of(connection) == "CHANGE A,B"
        connection.sendall(b"OK\n" + trade(2, "B"))
        assert venues.line_of(connection) == "CHANGE B"
        connection.sendall(b"OK\n" + trade(3, "B"))
        connection.recv(1)

    with venues.tcp(play) as url, feed(env, url) as client:
        (row,) = status_of(ctl)
        (line,) = row.pop("lines")
        assert line == {"state": "up", "breaker": "closed", "failure": None, "symbols": ["A"]}
        known = ("provider", "pid", "state", "events", "buffered", "dropped")
        assert [row[key] for key in known] == ["changing", client.pid, "up", 1, 0, 0]
        assert float(row["rate"]) > 0
        (place,) = (tmp_path / "mdc").iterdir()
        assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)

        told = ctl("subscribe", "B", "--feed", "changing")
        assert (told.returncode, told.stdout) == (0, "asks for 2 symbols now\n")
        until(client, '"seq":2')  # two changes at once would be one
        told = ctl("unsubscribe", "A", "--feed", row["run_id"])
        assert (told.returncode, told.stdout) == (0, "asks for 1 symbol now\n")
        until(client, '"seq":3')
        assert status_of(ctl)[0]["lines"][0]["symbols"] == ["B"]
        assert ctl("subscribe", "B").stdout == "it asks for that already\n"
        for words, text in ((["B"], "no symbols"), (["X"], "it does not ask for X")):
            told = ctl("unsubscribe", *words)
            assert (told.returncode, told.stdout) == (2, "")
            assert told.stderr.startswith(f"mdc ctl unsubscribe: {text}\n")

        shown = ctl("status").stdout.splitlines()
        assert shown[0].split()[:5] == ["FEED", "PROCESS", "STATE", "UP", "BREAKER"]
        assert shown[1].split()[:7] == [
            "changing",
            str(client.pid),
            "up",
            "1/1",
            "closed",
            "1",
            "3",
        ]
        client.send_signal(signal.SIGTERM)
        client.communicate()
    assert not [*(tmp_path / "mdc").iterdir()]
    assert status_of(ctl) == []


def test_what_a_vendor_refuses_of_a_change_is_told(env: dict[str, str], ctl: Ctl) -> None:
    """One symbol of several, a change as a whole, one fewer, and one that is not answered."""

    def play(connection: socket.socket) -> None:
        one_trade(connection)
        assert venues.line_of(connection) == "CHANGE A,B,C"
        connection.sendall(b"SKIP C\nOK\n" + trade(2, "B"))
        assert venues.line_of(connection) == "CHANGE A,B"  # and never again C
        connection.sendall(b"OK\n")
        assert venues.line_of(connection) == "CHANGE A,B,D"
        connection.sendall(b"NO too many\n")
        assert venues.line_of(connection) == "CHANGE B"
        connection.sendall(b"NO it is paid for\n")
        assert venues.line_of(connection) == "CHANGE A,B,E"
        connection.recv(1)

    with venues.tcp(play) as url, feed(env, url) as client:
        some = ctl("subscribe", "B,C")
        assert (some.returncode, some.stdout) == (77, "")
        assert some.stderr == "mdc ctl subscribe: refused: lines has no C; asks for B now\n"
        assert ctl("subscribe", "B").stdout == "it asks for that already\n"
        whole = ctl("subscribe", "D")
        assert (whole.returncode, whole.stdout) == (77, "")
        assert whole.stderr == "mdc ctl subscribe: refused: lines says: too many\n"
        assert status_of(ctl)[0]["lines"][0]["symbols"] == ["A", "B"]
        fewer = ctl("unsubscribe", "A")
        assert (fewer.returncode, fewer.stdout) == (77, "")
        assert fewer.stderr == "mdc ctl unsubscribe: refused: lines says: it is paid for\n"
        assert status_of(ctl)[0]["lines"][0]["symbols"] == ["A", "B"]
        silent = ctl("subscribe", "E")
        assert silent.returncode == 0, silent.stderr
        assert silent.stdout == "asks for 3 symbols now, and the vendor has not answered yet\n"
        client.send_signal(signal.SIGTERM)
        _, said = client.communicate()
    assert "lines has no C" in said and "lines says: too many; the old subscription" in said


@pytest.mark.parametrize(
    ("provider", "symbol", "other", "status", "said"),
    [
        ("okx", "BTC-USDT", "NOSUCH-USDT", 77, "refused: "),
        ("coinbase", "BTC-USD", "NOSUCH-USD", 77, "refused: coinbase left out of the "),
        ("finnhub", "AAPL", "MSFT", 0, "asks for 2 symbols now"),  # which acknowledges nothing
    ],
)
def test_vendors_refuse_in_their_own_words(
    provider: str,
    symbol: str,
    other: str,
    status: int,
    said: str,
    env: dict[str, str],
    ctl: Ctl,
) -> None:
    with subprocess.Popen(
        [MDC, "stream", provider, symbol, "--mock", "--type", "trade"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as client:
        try:
            until(client, '"type":"trade"')
            assert client.stdout is not None
            reading = threading.Thread(target=client.stdout.read)
            reading.start()
            done = ctl("subscribe", other)
        finally:
            client.kill()
        reading.join()
    assert (done.returncode, said in done.stdout + done.stderr) == (status, True), done.stderr


def test_a_reset_makes_the_connection_anew_and_declares_the_gap(
    env: dict[str, str], ctl: Ctl
) -> None:
    def again(connection: socket.socket) -> None:
        assert venues.line_of(connection).endswith(" A")
        connection.sendall(b"OK\n" + trade(9, "A"))
        connection.recv(1)

    with venues.tcp(until_left, again) as url, feed(env, url, "--limit", "2") as client:
        refused = ctl("reset", "XYZ")
        assert (refused.returncode, refused.stderr) == (
            2,
            "mdc ctl reset: it does not ask for XYZ\n",
        )
        told = ctl("reset", "A")
        assert (told.returncode, told.stdout) == (0, "connects anew\n")
        out, err = client.communicate()
    assert client.returncode == 0, err
    assert [row["seq"] for row in rows(out, "trade")] == [9]
    lost, up = rows(out, "connection")
    assert (lost["state"], lost["cause"], up["state"]) == ("down", "resubscribe", "resubscribed")
    (gap,) = rows(out, "gap")
    assert (gap["reason"], gap["symbol"]) == ("disconnect", "A")


def test_a_feed_that_is_down_says_why(env: dict[str, str], ctl: Ctl) -> None:
    words = ("--backoff", "600s..600s")
    with venues.tcp(one_trade) as url, feed(env, url, *words) as client:
        assert client.stderr is not None
        while "trying again" not in client.stderr.readline():
            assert client.poll() is None
        (row,) = status_of(ctl)
        assert (row["state"], row["lines"][0]["state"]) == ("down", "down")
        assert "closed" in row["lines"][0]["failure"]
        refused = ctl("reset", "A")
        assert (refused.returncode, refused.stderr) == (
            69,
            "mdc ctl reset: there is no connection to be made anew\n",
        )


def test_which_feed_is_meant(env: dict[str, str], ctl: Ctl, tmp_path: Path) -> None:
    none = ctl("subscribe", "B")
    assert (none.returncode, none.stderr.splitlines()[0]) == (
        1,
        "mdc ctl subscribe: no feed is running here",
    )
    assert ctl("status").returncode == 1
    with venues.tcp(until_left, until_left) as url, feed(env, url) as one, feed(env, url) as other:
        several = ctl("subscribe", "B")
        assert several.returncode == 2
        text = "mdc ctl subscribe: several feeds are running: "
        assert several.stderr.startswith(text) and f"({one.pid})" in several.stderr
        unknown = ctl("reset", "A", "--feed", "nobody")
        assert unknown.stderr.startswith("mdc ctl reset: no feed named 'nobody' is running here")
        assert ctl("reset", "XYZ", "--feed", str(other.pid)).returncode == 2
        one.kill()
        one.wait()
        assert [row["pid"] for row in status_of(ctl)] == [other.pid]  # a dead one is swept away
        assert len([*(tmp_path / "mdc").iterdir()]) == 1


def test_what_is_no_request_is_refused_and_the_feed_goes_on(
    env: dict[str, str], ctl: Ctl, tmp_path: Path
) -> None:
    texts = [b"\n", b"{", b"[1]\n", b'{"do":"dance"}\n', b'{"do":"subscribe","symbols":[1]}\n']
    texts += [b'{"do":"subscribe","symbols":["\\ud800"]}\n', b'{"do":"reset","symbols":[""]}\n']
    wanted = ["one JSON object"] * 3 + ["cannot do 'dance'", *["a list of texts"] * 3]
    with venues.tcp(until_left) as url, feed(env, url):
        (place,) = (tmp_path / "mdc").iterdir()
        for text, word in zip(texts, wanted, strict=True):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(place))
                client.sendall(text)
                client.shutdown(socket.SHUT_WR)
                assert word in json.loads(client.makefile().readline())["error"]
        assert status_of(ctl)[0]["state"] == "up"


@pytest.mark.parametrize("text", [b"{}\n", b"5\n", b"null\n", b'{"rate":"abc"}\n', b"", b"{"])
def test_an_answer_that_is_none(text: bytes, ctl: Ctl, tmp_path: Path) -> None:
    (tmp_path / "mdc").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "mdc" / "7-1.sock"))
        server.listen()

        def answer() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    client.sendall(text)
                    client.close()

        threading.Thread(target=answer, daemon=True).start()
        for words in (["status"], ["reset", "A"]):
            done = ctl(*words)
            assert done.returncode in (0, 69) and "Traceback" not in done.stderr
            assert done.stderr.count("\n") <= 2


def test_whoever_asks_slowly_does_not_hide_the_feed(
    env: dict[str, str], ctl: Ctl, tmp_path: Path
) -> None:
    with venues.tcp(until_left) as url, feed(env, url) as client:
        (place,) = (tmp_path / "mdc").iterdir()
        with socket.socket(socket.AF_UNIX) as slow:
            slow.connect(str(place))
            slow.sendall(b'{"do":')
            assert [row["pid"] for row in status_of(ctl)] == [client.pid]


def test_a_secret_in_the_words_of_a_vendor_is_masked() -> None:
    mask = Mask()
    mask.add("s3cret-token")
    line = LineState("down", "closed", "1008 no s3cret-token", ("A",))
    feed = SimpleNamespace(states=[line], buffer=Buffer())
    control = FeedControl(cast(Feed, feed), {}, SimpleQueue(), lambda: 0, None, mask)
    assert control({"do": "status"})["lines"][0]["failure"] == "1008 no ***"


def test_a_directory_that_others_may_use_is_not_used(
    env: dict[str, str], ctl: Ctl, tmp_path: Path
) -> None:
    (tmp_path / "mdc").mkdir()
    (tmp_path / "mdc").chmod(0o777)
    refused = ctl("status")
    assert refused.returncode == 69 and "not a directory of this user alone" in refused.stderr
    with venues.tcp(until_left) as url, feed(env, url, "-v") as client:
        assert not [*(tmp_path / "mdc").iterdir()]
        client.send_signal(signal.SIGTERM)
        _, err = client.communicate()
    assert "no mdc ctl for this feed: " in err and "not a directory of this user alone" in err


def test_status_again_and_again(env: dict[str, str]) -> None:
    with (
        venues.tcp(until_left) as url,
        feed(env, url) as client,
        subprocess.Popen(
            [MDC, "ctl", "status", "--watch"], env=env, stdout=subprocess.PIPE, text=True
        ) as watching,
    ):
        assert watching.stdout is not None
        for _ in range(2):
            assert watching.stdout.readline().startswith("FEED")
            assert watching.stdout.readline().split()[1] == str(client.pid)
        watching.send_signal(signal.SIGINT)
        watching.communicate()
        assert watching.returncode in (0, 130)
