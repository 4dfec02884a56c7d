"""Killing commands at random moments, and looking at what is left."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Condition, Event, Thread

import pyarrow.parquet as pq

from mdc_core.archive.storage import COLUMNS
from tests.kit.deadline import DEADLINE

MDC = str(Path(sys.executable).parent / "mdc")
START = 1_704_205_800_000_000_000  # 2024-01-02T14:30 UTC


def trade(writer: str, number: int, days: int = 2) -> bytes:
    """A trade whose id tells who sent it and when; late and early ones among them."""
    day = f"2024-01-{2 + number % days:02d}"
    clock = f"14:{number // 60 % 60:02d}:{number % 60:02d}.{number * 7919 % 10**9:09d}"
    return (
        f'{{"type":"trade","symbol":"{writer}{number % 3}","ts_event":"{day}T{clock}Z",'
        f'"price":{100 + number % 50}.25,"size":{1 + number % 9},'
        f'"trade_id":"{writer}-{number}"}}\n'
    ).encode()


class Store:
    """A `mdc store --ack` that is fed until it is killed."""

    def __init__(
        self, root: Path, env: dict[str, str], writer: str, *options: str, limit: int = 10**9
    ) -> None:
        self.writer = writer
        self._limit = limit
        self._end = Event()
        self.acknowledged = 0
        self._heard = Condition()
        self._silent = False
        command = [
            MDC,
            "-q",
            "store",
            "--root",
            str(root),
            "--ack",
            "--seal-size",
            "60KB",
            *options,
        ]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
        self._feeder = Thread(target=self._feed)
        self._listener = Thread(target=self._listen)
        self._feeder.start()
        self._listener.start()

    def _feed(self) -> None:
        assert self.process.stdin is not None
        first = 0
        with suppress(BrokenPipeError):
            while first < self._limit:
                stop = min(first + 1 + first * 31 % 200, self._limit)
                lines = b"".join(trade(self.writer, n) for n in range(first, stop))
                self.process.stdin.write(lines)
                self.process.stdin.flush()
                first = stop
            self._end.wait()
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def end_input(self) -> None:
        """Close its input, once all is written."""
        self._end.set()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(b'{"type":"ack"') and line.endswith(b"\n"):
                with self._heard:
                    self.acknowledged = json.loads(line)["counts"]["trade"]
                    self._heard.notify_all()
        with self._heard:
            self._silent = True
            self._heard.notify_all()

    def wait_for(self, events: int) -> None:
        """Until so many events are acknowledged, or the process is gone."""
        with self._heard:
            limit = DEADLINE
            assert self._heard.wait_for(lambda: self.acknowledged >= events or self._silent, limit)

    def kill(self) -> None:
        """Kill it, and hear what it had acknowledged."""
        self.process.kill()
        self.finish()

    def finish(self) -> None:
        """Hear what a process that has ended had to say."""
        self.process.wait()
        self._end.set()
        self._listener.join()
        self._feeder.join()
        assert self.process.stderr is not None and self.process.stdout is not None
        errors = self.process.stderr.read()
        self.process.stderr.close()
        self.process.stdout.close()
        assert b"Traceback" not in errors, errors


def run(env: dict[str, str], *words: str) -> bytes:
    """The output of an mdc command that must do well."""
    done = subprocess.run([MDC, "-q", *words], capture_output=True, env=env, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def events_of(root: Path, env: dict[str, str], *, recover: bool = False) -> list[bytes]:
    """Every event of an archive as a line, in time order: from parts and journals."""
    if recover:
        run(env, "recover", "--root", str(root))
    lines = run(env, "cat", "--root", str(root)).splitlines()
    return [line for line in lines if line.startswith(b'{"type":"trade"')]


def seen_by_plain_readers(root: Path) -> Counter[str]:
    """How often each trade id is in the Parquet files below the root; all of them are whole."""
    ids: Counter[str] = Counter()
    for path in root.rglob("*.parquet"):
        if "_mdc" not in path.parts and path.name != COLUMNS:
            column = pq.read_table(path, columns=["trade_id"]).column(0)
            ids.update(column.drop_null().to_pylist())
    return ids


def numbers_of(lines: Iterable[bytes], writer: str) -> list[int]:
    """The numbers of a writer's trades, sorted."""
    prefix = f"{writer}-"
    ids = (json.loads(line).get("trade_id", "") for line in lines)
    return sorted(int(i.removeprefix(prefix)) for i in ids if i.startswith(prefix))


def check_clean(root: Path, env: dict[str, str], folder: Path | None = None) -> None:
    """`mdc verify --deep` has nothing to say."""
    command = [MDC, "verify", "--deep", "--root", str(root)]
    done = subprocess.run(command, capture_output=True, env=env, cwd=folder, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
