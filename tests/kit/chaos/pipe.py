"""`mdc stream | mdc store` against a server that fails, with a reader in between that can stop."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from mdc_core.plugin import from_ns
from tests.kit.chaos.ledger import Verdict, judge
from tests.kit.chaos.server import ChaosServer, Reader
from tests.kit.deadline import DEADLINE
from tests.simulation.vendors import Vendor

Policy = Literal["block", "drop-oldest", "drop-newest", "spill"]
POLICIES: tuple[Policy, ...] = ("drop-oldest", "block", "drop-newest", "spill")
_PIECE = 64 << 10
_STORE = ("-q", "validate", "--check", "duplicate", "then", "store", "--root", "data")


class Relay(Reader):
    """Hands on what one process writes to another, and stops when it is told to."""

    def __init__(self, source: IO[bytes], target: IO[bytes]) -> None:
        self._source, self._target = source, target
        self._flows = threading.Event()
        self._flows.set()
        self._seen = b""
        self._news = threading.Condition()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def pause(self) -> None:
        """Read no more."""
        self._flows.clear()

    def resume(self) -> None:
        """Read again."""
        self._flows.set()

    def saw(self, price: str, wait: float) -> bool:
        """Whether the trade of this price has come through, within so many seconds."""
        needles = [f'"price":{price}{end}'.encode() for end in (",", "}")]
        needles.append(f'"price":{price.rstrip("0").rstrip(".")},'.encode())
        with self._news:
            return self._news.wait_for(lambda: any(n in self._seen for n in needles), wait)

    def _run(self) -> None:
        with self._target:
            while data := os.read(self._source.fileno(), _PIECE):
                self._flows.wait(DEADLINE)
                self._target.write(data)
                self._target.flush()
                with self._news:
                    self._seen = (self._seen + data)[-2 * _PIECE :]
                    self._news.notify_all()


class Ended(NamedTuple):
    """How both commands ended, what they said, and what is in the archive."""

    statuses: tuple[int, int]
    said: str
    events: list[dict[str, Any]]
    verdict: Verdict


def run(
    vendor: Vendor,
    folder: Path,
    env: Mapping[str, str],
    *,
    seed: int,
    disconnects: int,
    policy: Policy = "block",
    is_left: bool = False,
) -> Ended:
    """Stream until all has gone wrong, and then end it by Ctrl-C, or leave it alone: `is_left`.

    Raises AssertionError where the account of the server and the archive do not balance.
    """
    with ChaosServer(vendor, seed, disconnects) as server:
        secrets = dict(vendor.sandbox.test_secrets)
        stream = _started(env | secrets, folder, *_words(vendor, server.url, policy))
        store = _started(env, folder, *_STORE, stdin=subprocess.PIPE)
        assert stream.stdout is not None and store.stdin is not None
        server.reader = relay = Relay(stream.stdout, store.stdin)
        with stream, store:
            ended = threading.Thread(target=lambda: (stream.wait(), server.over.set()))
            ended.start()
            assert server.over.wait(DEADLINE), f"{server.served} connections"
            if is_left:
                server.leave()
            else:
                stream.send_signal(signal.SIGINT)
            relay.thread.join(DEADLINE)
            assert stream.stderr is not None and store.stderr is not None
            said = (stream.stderr.read() + store.stderr.read()).decode()
    assert not server.errors, server.errors
    statuses = stream.returncode, store.returncode
    assert "Traceback" not in said, said
    events = _stored(folder, env)
    aside = folder / "aside.jsonl"
    frames = [json.loads(line) for line in aside.read_text().splitlines()] if aside.exists() else []
    texts = [frame["text"] for frame in frames if "text" in frame]
    try:
        verdict = judge(server.ledger, events, texts)
    except AssertionError as error:
        for moment, what in server.history:
            error.add_note(f"{from_ns(moment)} {what}")
        raise
    return Ended(statuses, said, events, verdict)


def _words(vendor: Vendor, url: str, policy: Policy) -> list[str]:
    options = [f"--{name}={value}" for name, value in vendor.options.items()]
    provider = vendor.where.partition(".")[0]
    waits = ["--backoff=1ms..5ms", "--breaker=off", "--stale=400ms", "--retries=60"]
    buffer = ["--buffer=60", f"--overflow={policy}", "--heartbeat=0s"]
    more = [*waits, *buffer, "--quarantine=aside.jsonl", f"--url={url}"]
    return ["-q", "stream", provider, *vendor.symbols, *options, *more]


def _started(
    env: Mapping[str, str], folder: Path, *words: str, stdin: int | None = None
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        ["mdc", *words],
        cwd=folder,
        env={**env},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _stored(folder: Path, env: Mapping[str, str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["mdc", "-q", "cat", "--root", "data", "--plain"],
        cwd=folder,
        env={**env},
        capture_output=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    return [json.loads(line, parse_float=str, parse_int=str) for line in lines]
