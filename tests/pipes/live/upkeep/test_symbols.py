"""Other symbols for a feed that runs: by a file that is watched, and by a method."""

import signal
import socket
import subprocess
from pathlib import Path

import mdc_core
from mdc_core.events import Market
from mdc_core.pipelines.stages.stream import StreamSource
from tests.kit.installed import MDC, plain_environ
from tests.pipes.live import venues
from tests.pipes.live.venues import rows

ENV = {"LINES_TOKEN": "s3cret-token"}


def trade(number: int, symbol: str) -> bytes:
    return f"T {number} {symbol} {1_704_205_800_000_000_000 + number} 1 1\n".encode()


def test_a_file_of_symbols_is_watched(installed: Path, tmp_path: Path) -> None:
    """It is written anew, is away for a moment, and says nothing of use: the connection stays."""
    file = tmp_path / "symbols"
    file.write_text("A\n")

    def play(connection: socket.socket) -> None:
        assert venues.line_of(connection).endswith(" A")
        connection.sendall(b"OK\n" + trade(1, "A"))
        file.write_text("A\nB\n")
        assert venues.line_of(connection) == "CHANGE A,B"
        connection.sendall(b"OK\n" + trade(2, "B"))
        file.write_text("")
        file.unlink()
        (tmp_path / "new").write_text("B\nC\n")
        (tmp_path / "new").rename(file)
        assert venues.line_of(connection) == "CHANGE B,C"
        connection.sendall(b"OK\n" + trade(3, "C"))
        connection.recv(1)

    with venues.tcp(play) as url:
        words = ("stream", "changing", "--symbols-file", str(file), "--limit", "3", "--url", url)
        done = subprocess.run(
            [MDC, *words],
            env={**plain_environ(), **ENV, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert [t["symbol"] for t in rows(done.stdout, "trade")] == ["A", "B", "C"]
    assert [c["state"] for c in rows(done.stdout, "connection")] == ["up"]
    assert done.stderr.count("--symbols-file: asks for 2 symbols now") == 2
    assert rows(done.stdout, "gap", "integrity") == []


def test_a_file_that_says_nothing_of_use_leaves_all_as_it_was(
    installed: Path, tmp_path: Path
) -> None:
    file = tmp_path / "symbols"
    file.write_text("A\n")
    env = {**plain_environ(), **ENV, "PYTHONPATH": str(installed)}

    def play(connection: socket.socket) -> None:
        assert venues.line_of(connection).endswith(" A")
        connection.sendall(b"OK\n" + trade(1, "A"))
        file.write_text("")
        connection.recv(1)

    with venues.tcp(play) as url:
        words = ("stream", "changing", "--symbols-file", str(file), "--url", url)
        client = subprocess.Popen(
            [MDC, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert client.stderr is not None
        while "--symbols-file: no symbols; going on as before" not in client.stderr.readline():
            assert client.poll() is None
        client.send_signal(signal.SIGTERM)
        out, _ = client.communicate()
    assert [t["symbol"] for t in rows(out, "trade")] == ["A"]
    assert [c["state"] for c in rows(out, "connection")] == ["up"]


def test_a_service_adds_and_drops_symbols_while_a_feed_runs() -> None:
    pipeline = mdc_core.pipeline("stream sim A B --seed 1")
    source = pipeline.stages[0]
    assert isinstance(source, StreamSource)
    wanted = iter([({"C"}, {"A"}), ({"A"}, {"B", "C"})])
    seen: list[str | None] = []
    for event in pipeline:
        if not isinstance(event, Market) or event.channel in seen:
            continue
        seen.append(event.channel)
        if (change := next(wanted, None)) is None:
            break
        source.change(add=sorted(change[0]), drop=sorted(change[1]))
    assert seen == ["sim-1", "sim-2", "sim-3"]
