"""The fork server of the tests: what it runs cannot tell, and cannot be told, from the real one."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.kit import forks
from tests.kit.installed import CHECK, distribution

pytestmark = pytest.mark.skipif(not forks.available(), reason="no fork server here")
EVENT = '{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T14:30:00Z","price":1,"size":2}\n'


@pytest.fixture
def both(forked_env: dict[str, str], quiet_env: dict[str, str], tmp_path: Path) -> Any:
    """Run a line of shell by the fork server, and by the installed mdc: status, out, err."""

    def run(line: str, stdin: bytes = b"", **more: str) -> list[tuple[int, bytes, bytes]]:
        done = [
            subprocess.run(
                ["bash", "-o", "pipefail", "-c", line],
                input=stdin,
                capture_output=True,
                cwd=tmp_path,
                env=env | more,
                check=False,
            )
            for env in (forked_env, quiet_env)
        ]
        return [(one.returncode, one.stdout, one.stderr) for one in done]

    return run


@pytest.mark.parametrize(
    "line",
    [
        "mdc --version",
        "mdc no-such-verb",
        "mdc cat --root nowhere",
        "mdc count < events.jsonl",
        "cat events.jsonl | mdc convert --format jsonl",
        "mdc convert --format jsonl <&-",
        "mdc count < events.jsonl >&-",
        "mdc count < events.jsonl 2>&-",
        "mdc count /dev/fd/7 7< events.jsonl",
        "(cd below && mdc count ../events.jsonl)",
        "mdc convert --format jsonl 'with space.jsonl' $'\\xff.jsonl'",
        "mdc convert --format jsonl < events.jsonl > /dev/full",
        "ulimit -f 0; trap '' XFSZ; mdc convert --format jsonl events.jsonl -o out.jsonl",
        "MDC_QUIET=1 mdc convert --format jsonl < events.jsonl",
        "PYTHONPATH=packages mdc validate --check spread < events.jsonl",
        "PYTHONPATH=hiding mdc count < events.jsonl",
        "umask 077; mdc convert events.jsonl -o o.jsonl; stat -c %a o.jsonl; rm o.jsonl",
    ],
)
def test_it_does_as_the_installed_one(line: str, both: Any, tmp_path: Path) -> None:
    for folder in ("below", "packages", "hiding"):
        (tmp_path / folder).mkdir()
    distribution(tmp_path / "packages", "acme", "[mdc.validate]\nspread = acme_check:Spread\n")
    (tmp_path / "packages" / "acme_check.py").write_text(CHECK)
    (tmp_path / "hiding" / "msgspec.py").write_text("raise SystemExit(3)\n")
    for name in (b"events.jsonl", b"with space.jsonl", b"\xff.jsonl"):
        Path(tmp_path, os.fsdecode(name)).write_text(EVENT)
    forked, real = both(line)
    assert forked[0] == real[0]
    assert _plain(forked[1]) == _plain(real[1])
    assert _plain(forked[2]) == _plain(real[2])


def _plain(text: bytes) -> list[bytes]:
    """The lines without what is new in each run."""
    return [
        line
        for line in text.split(b"\n")
        if not line.startswith(b'{"type":"begin"') and not line.startswith(b'{"type":"end"')
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_signals_reach_the_command(
    number: int, forked_env: dict[str, str], quiet_env: dict[str, str], tmp_path: Path
) -> None:
    def ended(env: dict[str, str]) -> tuple[int, bytes]:
        process = subprocess.Popen(
            ["mdc", "-q", "stream", "sim", "SPY", "--rate", "100", "--speed", "1x"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=env,
        )
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(number)
        if number == signal.SIGHUP:  # goes on
            process.stdout.readline()
            process.terminate()
        out, _ = process.communicate()
        return process.returncode, out.rstrip().rpartition(b"\n")[2][:13]

    assert ended(forked_env) == ended(quiet_env)


def test_a_command_dies_with_its_stub(forked_env: dict[str, str], tmp_path: Path) -> None:
    """Nothing goes on behind the back of a test that was stopped."""
    process = subprocess.Popen(
        ["mdc", "-q", "stream", "sim", "SPY", "--rate", "100", "--speed", "1x"],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env=forked_env,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.stdout.read()  # ends, for nobody has the other end any more
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL


def test_the_environment_is_that_of_the_caller(both: Any, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(EVENT)
    forked, real = both("mdc cat --root nowhere", MDC_LOG_FORMAT="json")
    told = [json.loads(line)["message"] for line in forked[2].splitlines()]
    assert told == [json.loads(line)["message"] for line in real[2].splitlines()]
    assert told[0] == "no archive at nowhere"


def test_many_at_once(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(EVENT)
    line = "for n in $(seq 20); do mdc count events.jsonl > $n.txt & done; wait"
    assert shell(line).status == 0
    assert len({(tmp_path / f"{n}.txt").read_text() for n in range(1, 21)}) == 1
