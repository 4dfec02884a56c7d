"""The progress bar: on a terminal, by the last command of a pipe, and nowhere else."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.kit.screen import Screen, written


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
    status, said = written(line, tmp_path, quiet_env, out=False)
    assert status == 0, said
    for stage in ("stream", "validate", "convert", "store", "cat"):
        bar = rf"\r\x1b\[Kmdc {stage}: .*?[\d.]+k? events"
        assert bool(re.search(bar, said)) == (stage in bars), said


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_bar_and_messages_do_not_collide(
    width: int, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    """Those of the other stages of a pipe as well; nothing is left of the bar."""
    line = "mdc stream sim SPY --limit 3000 -v | mdc validate | mdc store; mdc head -n 1 nothing"
    _, said = written(line, tmp_path, quiet_env, width=width, out=False)
    assert re.search(r"\r\x1b\[Kmdc store: .*?events", said)
    text = "".join(Screen(width).feed(said).rows)
    assert text.startswith("mdc stream: 3000 in = 3000 out + 0 rejected + 0 dropped")
    assert "mdc store: 2 files in data" in text and "events," not in text
    assert "events [" not in text and text.endswith("mdc head: no such file or directory: nothing")
    bars = [one for one in said.split("\r\x1b[K") if re.match(r"mdc store: .*events", one)]
    assert bars and all(len(one) < width for one in bars)


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
