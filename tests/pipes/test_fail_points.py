"""The fail points that other tests rely on: each step can be named, counted and made to fail."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Done, Shell, parts_of
from tests.kit import forks

pytestmark = pytest.mark.skipif(not forks.available(), reason="no fork server here")


def stored(shell: Shell, fault: str) -> Done:
    if shell("test -e e.jsonl").status:
        assert shell("mdc stream sim SPY --limit 40 > e.jsonl").status == 0
    return shell("mdc store < e.jsonl", MDC_FAIL=fault)


def test_the_steps_of_a_run_can_be_listed(shell: Shell, tmp_path: Path) -> None:
    assert stored(shell, f"trace:{tmp_path}/steps").status == 0
    steps = (tmp_path / "steps").read_text().splitlines()
    names = Counter(step.partition(" ")[0] for step in steps)
    assert names.keys() >= {
        *("mkdir", "open", "write", "fsync", "rename", "unlink", "rmdir"),
        *("connect", "sql", "commit", "committed", "look", "read", "select"),
    }
    # Two parts, each of them written, renamed into its place, and synced before and after.
    puts = [step for step in steps if step.startswith("rename") and step.endswith(".part")]
    assert len(puts) == len(parts_of(tmp_path / "data")) == 2
    assert not [step for step in steps if "site-packages" in step]


@pytest.mark.parametrize(
    "name",
    ["mkdir", "open@0.part", "write@journal", "fsync", "rename@.part", "commit", "any@journal"],
)
@pytest.mark.parametrize("kind", ["eio", "enospc", "emfile"])
def test_a_step_fails(name: str, kind: str, shell: Shell) -> None:
    done = stored(shell, f"{name}:1:{kind}")
    assert done.status == 73, done
    assert stored(shell, f"{name}:100000:{kind}").status == 0


def test_a_step_is_the_last_one_of_a_process(shell: Shell, tmp_path: Path) -> None:
    assert stored(shell, "commit:2").status == 137
    assert stored(shell, "write@0.part:1:kill").status == 137
    assert stored(shell, "commit:9").status == 0


def test_half_of_a_write_is_done(shell: Shell, tmp_path: Path) -> None:
    assert stored(shell, "fsync@/journal:1").status == 137
    (journal,) = (tmp_path / "data/_mdc/journal").iterdir()
    head = journal.stat().st_size
    journal.unlink()
    assert stored(shell, "write@/journal:2").status == 137
    (journal,) = (tmp_path / "data/_mdc/journal").iterdir()
    torn = journal.stat().st_size
    done = shell("mdc recover")
    assert done.status == 0
    assert f"{torn - head:,} bytes of an unfinished record cut off" in done.out


def test_a_fault_lasts(shell: Shell) -> None:
    assert stored(shell, "fsync:1:eio+").status == 73


def test_a_kind_that_is_not_known_is_told(tmp_path: Path, forked_env: dict[str, str]) -> None:
    done = subprocess.run(
        ["mdc", "ls"],
        env=forked_env | {"MDC_FAIL": "write:1:flood"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"MDC_FAIL=write:1:flood: kill, term, short, eio, enospc, emfile, eintr" in done.stderr


def test_no_room_for_temporary_files_is_told(shell: Shell) -> None:
    assert shell("mdc -q stream sim SPY --limit 10 > some.jsonl").status == 0
    line = "mdc export --profile csv some.jsonl --type trade -o some.csv"
    told = [shell(line, MDC_FAIL=f"any:{number}:enospc+") for number in range(1, 5)]
    assert [done.status for done in told] == [73] * 4, told
    assert any("no directory for temporary files can be written" in done.err for done in told)
