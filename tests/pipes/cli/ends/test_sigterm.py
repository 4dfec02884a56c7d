"""SIGTERM ends any command, whatever it is at, and it says so."""

import fcntl
import select
import subprocess
import termios
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of
from tests.kit import forks
from tests.kit.deadline import DEADLINE

IMPATIENT = {"MDC_CONSTANTS": "mdc_core.cli.signals:PATIENCE=0"}
EVENT = b'{"type":"trade","symbol":"A","ts_event":"2024-01-02T12:00:00Z","price":1,"size":1}\n'
LATE = "not done 0 s after SIGTERM: ended where it was"
PLUGINS = '''"""Never come back."""
import ctypes, sys
from mdc_core.plugin import *

LOCK = ctypes.CDLL(None).pthread_mutex_lock
MUTEX = ctypes.create_string_buffer(64)

def hang(*_, **__):
    """In C, where no handler of Python's runs; one that comes before is of no use either."""
    LOCK(MUTEX)
    while True:
        try:
            print("hangs", file=sys.stderr, flush=True)
            LOCK(MUTEX)
        except KeyboardInterrupt:
            pass

class Stuck(Check):
    __call__ = hang

class Sieve(Filter):
    __call__ = hang

class Feed(Source):
    events = hang

class Place(Sink):
    write = hang

class Form(PartFormat):
    suffix = ".stuck"
    def write(self, part, metadata, file):
        hang()
    def read(self, file):
        hang()

class Table(Importer):
    batches = hang

class Out(Exporter):
    write = hang
'''
POINTS = """\
[mdc.validate]
stuck = stuck:Stuck
[mdc.filter]
sieve = stuck:Sieve
[mdc.stream]
feed = stuck:Feed
[mdc.publish]
place = stuck:Place
[mdc.store]
form = stuck:Form
[mdc.import]
table = stuck:Table
[mdc.export]
out = stuck:Out
"""


@pytest.fixture
def env(forked_env: dict[str, str], tmp_path: Path, install: Callable[..., None]) -> dict[str, str]:
    """An environment with plugins that hang."""
    folder = tmp_path / "packages"
    install(folder, "mdc-stuck", POINTS)
    (folder / "stuck.py").write_text(PLUGINS)
    (tmp_path / "e.jsonl").write_bytes(EVENT)
    return {**forked_env, "PYTHONPATH": str(folder)}


@contextmanager
def running(words: str, cwd: Path, env: dict[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(
        ["mdc", *words.split()],
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not forks.available(), reason="no fork server here")
@pytest.mark.parametrize(
    "words",
    [
        "validate e.jsonl --check stuck",
        "sieve e.jsonl",
        "stream feed A --overflow block",
        "stream feed A then store",
        "publish place x e.jsonl --batch 1",
        "store --format form --seal-size 1B",
        "import --profile table e.jsonl",
        "export --profile out --output out e.jsonl",
        "convert e.jsonl then sieve then count",
    ],
)
def test_what_hangs_is_ended(words: str, tmp_path: Path, env: dict[str, str]) -> None:
    with running(words, tmp_path, env | IMPATIENT) as process:
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write(EVENT)
        process.stdin.close()
        process.stdin = None
        while b"hangs" not in (line := process.stderr.readline()):
            assert line
        process.terminate()
        _, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, LATE in errors.decode()) == (143, True), errors


@pytest.mark.skipif(not forks.available(), reason="no fork server here")
def test_what_nobody_reads_is_no_reason_to_stay(tmp_path: Path, env: dict[str, str]) -> None:
    with running("stream sim SPY", tmp_path, env | IMPATIENT) as process:
        assert process.stdout is not None and process.stderr is not None
        waiting = array("i", [0])
        select.select([process.stdout], [], [])
        # All but a page: a list that is written in part has no more room.
        while waiting[0] < fcntl.fcntl(process.stdout, fcntl.F_GETPIPE_SZ) - 4096:
            fcntl.ioctl(process.stdout, termios.FIONREAD, waiting)
        process.terminate()
        assert process.wait(DEADLINE) == 143
        assert LATE in process.stderr.read().decode()


class Busy(BaseHTTPRequestHandler):
    """Asks for patience without end."""

    def do_POST(self) -> None:
        self.send_response(503)
        self.send_header("Retry-After", "500")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("source", "status"), [("stream sim SPY --rate 1000 --speed 1x then", 75), ("", 143)]
)
def test_a_place_that_asks_for_patience_gets_none(
    source: str, status: int, tmp_path: Path, env: dict[str, str]
) -> None:
    """It is asked once more, and what it has not taken is told."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with running(f"{source} publish http {url} --batch 1", tmp_path, env) as process:
            assert process.stdin is not None and process.stderr is not None
            process.stdin.write(EVENT)
            process.stdin.flush()
            while b"trying again in 500" not in (line := process.stderr.readline()):
                assert line
            process.terminate()
            _, errors = process.communicate(timeout=DEADLINE)
        server.shutdown()
    said = errors.decode()
    assert process.returncode == status, said
    assert "503" in said and "publish: " in said and " = 0 out + 0 rejected + " in said


@pytest.mark.parametrize(
    "line",
    [
        "validate e.jsonl",
        "convert e.jsonl -o x.parquet",
        "count e.jsonl",
        "export --root data --profile csv --output out",
        "compact --root data",
        "verify --root data",
        "recover --root data",
        "coverage --root data",
        "ls --root data",
        "query --root data 'SELECT count(*) FROM trade'",
        "tier migrate --root data",
        "retain --root data --keep 1d --dry-run",
        "catalog rebuild --root data",
        "pack create x.zip --root data",
    ],
)
@pytest.mark.skipif(not forks.available(), reason="no fork server here")
def test_sigterm_says_that_it_ended_a_command(line: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_bytes(EVENT)
    assert shell("mdc store --root data < e.jsonl").status == 0
    before = parts_of(tmp_path / "data")
    done = shell(f"mdc {line}", MDC_FAIL="all:1:term")
    assert done.status == 143, done
    assert "ended by SIGTERM" in done.err
    assert not (tmp_path / "x.parquet").exists() and not (tmp_path / "x.zip").exists()
    assert parts_of(tmp_path / "data") == before
