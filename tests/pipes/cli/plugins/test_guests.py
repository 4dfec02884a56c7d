"""A plugin of a third party that changes the process in which it is a guest."""

from pathlib import Path

import pytest

from tests.conftest import Shell

HOSTILE = '''\
"""A filter that does what it must not."""
import os, sys, threading
from mdc_core.plugin import Filter

class Hostile(Filter):
    """Misbehaves."""

    def __call__(self, batch):
        {what}
        return batch
'''
WHO = "plugin filter:hostile (hostile.py "
CHANGES = {
    "os.chdir('/')": "has changed the working directory to /",
    "sys.path = []": "has emptied sys.path",
    "sys.path.clear()": "has emptied sys.path",
    "sys.setrecursionlimit(80)": "has set the recursion limit to 80",
    "os.close(0)": "has closed descriptors that are not its own: 0",
    "os.close(1)": "has closed descriptors that are not its own: 1",
    "sys.excepthook = None": "has removed sys.excepthook",
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_it_changes_is_told_by_its_name(what: str, shell: Shell, tmp_path: Path) -> None:
    """And nothing of the batch goes on: `store` would write it elsewhere."""
    (tmp_path / "hostile.py").write_text(HOSTILE.format(what=what))
    (tmp_path / "work").mkdir()
    hostile = "mdc --plugin ../hostile.py hostile"
    done = shell(f"mdc stream sim SPY --limit 50 | {hostile} > out", cwd=tmp_path / "work")
    assert (done.status, WHO in done.err, CHANGES[what] in done.err) == (70, True, True), done.err
    assert "this is a bug" not in done.err and "Traceback" not in done.err
    assert '"reason":"error"' in (tmp_path / "work/out").read_text()
    line = f"mdc stream sim SPY --limit 50 | {hostile} then store --root d"
    done = shell(line, cwd=tmp_path / "work")
    assert (done.status, CHANGES[what] in done.err) == (65, True), done.err
    assert not (tmp_path / "work/d").exists()


@pytest.mark.parametrize("what", ["os.close(2)", "os.closerange(3, 64)"])
def test_closed_files_are_a_failure(what: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "hostile.py").write_text(HOSTILE.format(what=what))
    done = shell("mdc stream sim SPY --limit 50 | timeout 60 mdc --plugin hostile.py hostile")
    assert done.status == 70, done


def test_what_it_may_change(shell: Shell, tmp_path: Path) -> None:
    what = "sys.path.append('/x'); sys.setrecursionlimit(5000); sys.excepthook = print"
    (tmp_path / "hostile.py").write_text(HOSTILE.format(what=what))
    line = "mdc -q stream sim SPY --limit 50 | mdc -q --plugin hostile.py hostile"
    done = shell(line)
    assert (done.status, len(done.lines), done.err) == (0, 50, "")


def test_a_thread_that_it_leaves_running_is_ended(shell: Shell, tmp_path: Path) -> None:
    what = "threading.Thread(target=threading.Event().wait, name='left').start()"
    (tmp_path / "hostile.py").write_text(HOSTILE.format(what=what))
    line = "mdc stream sim SPY --limit 50 | timeout 60 mdc --plugin hostile.py hostile"
    done = shell(f"{line} then store --root d")
    assert (done.status, "left running is ended: left" in done.err) == (0, True), done.err
    assert len(shell("mdc cat --root d").lines) == 50
