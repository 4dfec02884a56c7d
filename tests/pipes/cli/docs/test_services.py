"""docs/cron-and-systemd.md: its units are right, and its commands do what it says."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Shell

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "cron-and-systemd.md").read_text()
INSTALLED = "/opt/mdc/bin/mdc"
NAMES = ("mdc-feed.service", "mdc-night.service", "mdc-night.timer")
UNITS = dict(zip(NAMES, re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL), strict=True))
(CRONTAB,) = re.findall(r"```crontab\n(.*?)```", PAGE, re.DOTALL)


def here(command: str, folder: Path) -> str:
    """A command of the page as it runs here: from the mock server, and below a folder."""
    for there in ("/var/lib/mdc", "/var/log/mdc", "/etc/mdc"):
        command = command.replace(there, str(folder))
    feed = "stream alpaca --mock --limit 300"
    return command.replace(INSTALLED, "mdc").replace("stream alpaca", feed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "symbols").write_text("SPY\nAAPL\n")
    return tmp_path


def test_the_units_are_right(tmp_path: Path) -> None:
    """systemd-analyze tells of what it does not know, and ends with 0 all the same."""
    verify = shutil.which("systemd-analyze") or pytest.skip("systemd-analyze is not installed")
    for name, text in UNITS.items():
        (tmp_path / name).write_text(text.replace(INSTALLED, sys.executable))
    paths = [str(tmp_path / name) for name in NAMES]
    done = subprocess.run([verify, "verify", *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_commands_of_the_units(shell: Shell, folder: Path) -> None:
    root = {"MDC_ROOT": str(folder / "data")}
    for name in ("mdc-feed.service", "mdc-night.service"):
        assert "Environment=MDC_ROOT=/var/lib/mdc/data" in UNITS[name]
        for command in re.findall(r"^ExecStart=(.*)$", UNITS[name], re.MULTILINE):
            done = shell(here(command, folder), **root)
            assert (done.status, done.err) == (0, ""), command
    counts = json.loads(shell(f"mdc count --root {folder}/data --json").out)["counts"]
    assert sum(n for kind, n in counts.items() if kind != "connection") == 300


def test_the_lines_of_cron(shell: Shell, folder: Path) -> None:
    if not shutil.which("flock"):
        pytest.skip("flock is not installed")
    root, *lines = CRONTAB.splitlines()
    assert root == "MDC_ROOT=/var/lib/mdc/data"
    commands = [re.sub(r"^(\S+ ){5}", "", line) for line in lines]
    assert "%" not in "".join(commands).replace("\\%", "")
    for command in reversed(commands):  # the feed makes what the night looks after
        done = shell(here(command, folder), MDC_ROOT=str(folder / "data"))
        assert (done.status, done.out) == (0, "")
    assert [(folder / f"{name}.log").read_text() for name in ("feed", "night")] == ["", ""]


def test_the_statuses_that_are_not_tried_again(shell: Shell) -> None:
    feed = UNITS["mdc-feed.service"]
    (said,) = re.findall(r"^RestartPreventExitStatus=(.*)$", feed, re.MULTILINE)
    keys = {"ALPACA_KEY_ID": "a", "ALPACA_SECRET_KEY": "b"}
    nobody = "mdc -q stream alpaca SPY --url ws://127.0.0.1:9/x --retries 0"
    assert shell(nobody, **keys).status == 69  # later
    assert shell("mdc -q stream alpaca SPY").status == 78
    assert shell("mdc -q stream alpaca SPY --nonsense").status == 2
    assert said.split() == ["2", "77", "78"]
