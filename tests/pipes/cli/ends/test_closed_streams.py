"""Standard streams that are closed: no other file takes their place, and it is said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MDC = str(Path(sys.executable).parent / "mdc")
LINE = '{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T14:30:00.000000000Z","price":1}'


def run(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of bash; the interpreter itself has to find the stream closed."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("MDC_")}
    env["XDG_STATE_HOME"] = str(folder)
    return subprocess.run(
        ["bash", "-c", words.replace("mdc", MDC, 1)],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "e.jsonl").write_text(f"{LINE}\n")
    assert run("mdc store --root data < e.jsonl", tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("mdc cat e.jsonl >&-", 73, "mdc cat: cannot write to the output: Bad file descriptor"),
        ("mdc cat --root data >&-", 73, "mdc cat: cannot write to the output: Bad file descriptor"),
        ("mdc store --root new --tee < e.jsonl >&-", 73, "cannot write to the output"),
        ("mdc store --root new <&-", 2, "mdc store: nothing to read: standard input is closed"),
        ("mdc count - <&-", 2, "mdc count: nothing to read: standard input is closed"),
        ("mdc -v store --root new < e.jsonl >&-", 0, "mdc store: 1 in = 1 out"),
        ("mdc store --root new < e.jsonl >&- 2>&-", 0, ""),
        ("mdc cat --root data <&- 2>&- | grep -c price", 0, ""),
    ],
)
@pytest.mark.some(3)
def test_a_closed_stream(folder: Path, words: str, status: int, said: str) -> None:
    done = run(words, folder)
    assert done.returncode == status, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr
    for root in ("data", "new"):
        if (folder / root).is_dir():
            seen = run(f"mdc cat --root {root}", folder)
            assert seen.returncode == 0 and seen.stdout.count('"price":1') == 1
