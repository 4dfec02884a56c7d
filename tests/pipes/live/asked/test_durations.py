"""What has come when the time of a feed is over is passed on."""

import socket
from pathlib import Path

import pytest

import mdc_core
from mdc_core.events import Trade
from mdc_core.live.limit import EventLimit
from tests.pipes.live import venues

COUNT = 20_000


def test_what_came_before_the_end_is_written(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is over with the first event; the others wait in the buffer then."""
    clock = [0.0]

    class Timed(EventLimit):
        def __init__(self, events: int | None, duration: int | None) -> None:
            super().__init__(events, duration, clock=lambda: clock[0])

    def play(connection: socket.socket) -> None:
        venues.line_of(connection)
        texts = (f"T {n} A {1_704_205_800_000_000_000 + n} 1 1\n" for n in range(COUNT))
        connection.sendall(("OK\n" + "".join(texts)).encode())
        connection.recv(1)

    raw = tmp_path / "raw.jsonl"
    monkeypatch.setattr("mdc_core.pipelines.stages.stream.EventLimit", Timed)
    monkeypatch.syspath_prepend(str(installed))
    with venues.tcp(play) as url:
        line = f"stream changing A --url {url} --duration 1h --buffer 100000 --capture {raw}"
        found = []
        for event in mdc_core.pipeline(line, environ={"LINES_TOKEN": "s3cret-token"}):
            if not found and isinstance(event, Trade):
                while f"T {COUNT - 1} " not in raw.read_text()[-200:]:
                    pass  # until all of it has been received
                clock[0] = 1e9
            found += [event.seq] if isinstance(event, Trade) else []
    assert found == [*range(COUNT)]
