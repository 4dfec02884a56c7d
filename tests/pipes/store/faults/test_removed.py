"""What `store` says when somebody removes its archive, or its journal, while it writes."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.pipes.store.storing import storing, trades


@pytest.mark.parametrize("options", ["", "--fsync always", "--fsync none", "--min-free 0%"])
@pytest.mark.parametrize("more", [0, 500])
@pytest.mark.some(3)
def test_a_root_that_is_removed(
    options: str, more: int, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    """It says how many events were lost, acknowledges none after it, and makes no new root."""
    with storing(options, tmp_path, quiet_env) as store:
        store.write(trades(0, 1000))
        store.wait_for(1000)
        shutil.rmtree(tmp_path / "data")
        store.write(trades(1000, 1000 + more))
        status, err = store.end()
    assert status == 73, err
    assert "was removed, and with it 1,000 events in its journal and 0 sealed of this run" in err
    assert "safe in the journal" not in err
    assert store.acknowledged.total() == 1000
    assert not (tmp_path / "data").exists()


def test_parts_that_are_removed_with_the_root(tmp_path: Path, quiet_env: dict[str, str]) -> None:
    with storing("--seal-size 1B --format jsonl", tmp_path, quiet_env) as store:
        store.write(trades(0, 3000))
        store.wait_for(3000)
        while not list(tmp_path.glob("data/A/*/*")) or list(tmp_path.glob("data/_mdc/journal/*")):
            pass  # until they are sealed
        shutil.rmtree(tmp_path / "data")
        store.write(trades(3000, 3001))
        status, err = store.end()
    assert status == 73, err
    assert "was removed, and with it 0 events in its journal and 3,000 sealed of this run" in err


@pytest.mark.parametrize("fsync", ["always", "batch", "none"])
def test_a_journal_alone_that_is_removed(
    fsync: str, tmp_path: Path, quiet_env: dict[str, str], shell: Shell
) -> None:
    """All that was acknowledged is brought into parts from memory, and the command ends."""
    assert shell("mdc store", stdin="".join(f"{n}\n" for n in trades(0, 1)).encode()).status == 0
    with storing(f"--fsync {fsync}", tmp_path, quiet_env) as store:
        store.write(trades(1, 1001))
        store.wait_for(1000)
        (journal,) = (tmp_path / "data/_mdc/journal").iterdir()
        journal.unlink()
        store.write(trades(1001, 1002))
        status, err = store.end()
    assert (status, "cannot write data/_mdc/journal/" in err) == (73, True), err
    assert shell("mdc cat --root data").lines[:1001] == trades(0, 1001)
