"""The progress bar: on a terminal, by the last command of a pipe, and nowhere else."""

import os
import pty
import subprocess
import termios
from pathlib import Path

import pytest


def on_a_terminal(line: str, cwd: Path, env: dict[str, str]) -> str:
    """What a line of shell writes to its standard error, a terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        ["bash", "-c", line],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            more = os.read(ours, 65_536)
        except OSError:  # the terminal is gone with its last process
            break
        if not more:
            break
        said += more
    os.close(ours)
    assert process.wait() == 0, said.decode()
    return said.decode()


@pytest.mark.parametrize(
    ("line", "bars"),
    [
        ("mdc stream sim SPY --limit 3000 > events.jsonl", {"stream"}),
        ("mdc stream sim SPY --limit 3000 | mdc validate | mdc store --root data", {"store"}),
        ("mdc stream sim SPY --limit 3000 | mdc convert > e.jsonl", {"convert"}),
        ("mdc -q stream sim SPY --limit 9 > e.jsonl; mdc cat e.jsonl > f.jsonl", {"cat"}),
        ("mdc -q stream sim SPY --limit 3000 > events.jsonl", set()),
        ("mdc stream sim SPY --limit 3000 | cat > events.jsonl", set()),
        ("mdc --log-format json stream sim SPY --limit 3000 > events.jsonl", set()),
    ],
)
def test_the_last_command_shows_a_bar(
    line: str, bars: set[str], tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    said = on_a_terminal(line, tmp_path, quiet_env)
    for stage in ("stream", "validate", "convert", "store", "cat"):
        assert (f"mdc {stage}: " in said and " events/s" in said) == (stage in bars), said


def test_no_bar_without_a_terminal(tmp_path: Path, quiet_env: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", "mdc stream sim SPY --limit 3000 > events.jsonl"],
        cwd=tmp_path,
        env=quiet_env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
