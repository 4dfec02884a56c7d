"""Sealing goes on beside the store: it holds nobody up, and what goes wrong in it is told."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of
from tests.kit import forks
from tests.pipes.store.storing import Storing, storing, trades

# Whoever opens the other end of `gate` knows that a part is being written, and holds it up.
FORMAT = '''\
"""A format that waits, or finds the disk full."""
import errno, os
from mdc_core.plugin import PartFormat
from mdc_sinks.parquet import Parquet

class Slow(Parquet):
    def write(self, part, metadata, file):
        if os.path.exists("gate"):
            open("gate").read()
        if os.path.exists("full"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(part, metadata, file)
'''
PACKAGES = "packages"  # below the working directory
OVER, MORE = 3_000, 50  # trades that make a journal of more than --seal-size, and that do not
Start = Callable[..., Storing]


@pytest.fixture
def start(
    tmp_path: Path, quiet_env: dict[str, str], install: Callable[..., None]
) -> Iterator[Start]:
    """Start a store into `data` whose format waits at a gate."""
    folder = tmp_path / PACKAGES
    install(folder, "mdc-slow", "[mdc.store]\nslow = slow_format:Slow\n")
    (folder / "slow_format.py").write_text(FORMAT)
    options = "-v --format slow --seal-size 100KB --seal-after 0s"
    env = {**quiet_env, "PYTHONPATH": str(folder)}
    with ExitStack() as stack:
        yield lambda: stack.enter_context(storing(options, tmp_path, env))


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A gate that is closed until somebody opens it and lets go."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def test_what_comes_while_a_seal_waits_is_taken_and_acknowledged(
    start: Start, gate: Path, shell: Shell, tmp_path: Path
) -> None:
    store = start()
    store.write(trades(0, OVER))
    with gate.open("wb"):  # a part is being written now
        store.write(trades(OVER, OVER + MORE))
        store.wait_for(OVER + MORE)
        assert parts_of(tmp_path / "data") == []
        assert shell("mdc cat --root data", PYTHONPATH=PACKAGES).lines == trades(0, OVER + MORE)
        gate.unlink()
    status, err = store.end()
    assert status == 0, err
    assert f"store: {OVER + MORE} in = {OVER + MORE} out" in err
    assert len(parts_of(tmp_path / "data")) == 2
    assert shell("mdc cat --root data", PYTHONPATH=PACKAGES).lines == trades(0, OVER + MORE)


def test_a_kill_while_a_seal_waits(start: Start, gate: Path, shell: Shell, tmp_path: Path) -> None:
    store = start()
    store.write(trades(0, OVER))
    with gate.open("wb"):
        store.write(trades(OVER, OVER + MORE))
        store.wait_for(OVER + MORE)
        store.kill()
    assert len(list((tmp_path / "data/_mdc/journal").iterdir())) == 2
    gate.unlink()
    assert shell("mdc recover --root data", PYTHONPATH=PACKAGES).status == 0
    assert list((tmp_path / "data/_mdc/journal").iterdir()) == []
    assert shell("mdc cat --root data", PYTHONPATH=PACKAGES).lines == trades(0, OVER + MORE)
    assert shell("mdc verify --deep --root data", PYTHONPATH=PACKAGES).status == 0


def test_a_seal_that_fails_ends_the_store_though_nothing_comes(
    start: Start, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "full").touch()
    store = start()
    store.write(trades(0, OVER))
    assert not store.reach(OVER + 1)  # its input is still open: it ends by itself
    status, err = store.end()
    assert status == 73
    assert "No space left on device" in err
    assert f"up to {OVER} events stay in the journal, until mdc recover seals them" in err
    assert f"store: {OVER} in = {OVER} out + 0 rejected + 0 dropped" in err
    assert store.acknowledged.total() == OVER
    assert parts_of(tmp_path / "data") == []
    assert shell("mdc cat --root data", PYTHONPATH=PACKAGES).lines == trades(0, OVER)
    (tmp_path / "full").unlink()
    done = shell("mdc recover --root data", PYTHONPATH=PACKAGES)
    assert done.status == 0, done.err
    assert len(parts_of(tmp_path / "data")) == 1
    assert shell("mdc cat --root data", PYTHONPATH=PACKAGES).lines == trades(0, OVER)


@pytest.mark.skipif(not forks.available(), reason="no fail points without the fork server")
def test_what_an_earlier_store_left_is_not_taken_for_what_comes(shell: Shell) -> None:
    old, new = ("\n".join(trades(*span)).encode() for span in ((0, 10), (10, 20)))
    assert shell("mdc store", stdin=old, MDC_FAIL="rename@.part:1").status == -9
    done = shell("mdc store", stdin=new, MDC_FAIL="open@0.part:1:eio")
    assert done.status == 73
    assert "hint: what an earlier store left stays in data/_mdc/journal/" in done.err
    assert shell("mdc cat --root data").lines == trades(0, 10)


def test_few_events_of_a_symbol_wait_in_the_journal(
    tmp_path: Path, quiet_env: dict[str, str], shell: Shell
) -> None:
    root = tmp_path / "data"
    carried = "until ls data/_mdc/journal | grep -q 'c[.]journal'; do sleep .02; done"
    with storing("--seal-size 100KB", tmp_path, quiet_env) as store:
        store.write([*trades(0, OVER), *trades(OVER, OVER + 10, "B")])
        store.wait_for(OVER + 10)
        assert shell(carried).status == 0
        assert parts_of(root) == []  # fewer than 5,000
        assert len(shell("mdc cat --root data").lines) == OVER + 10
        store.write(trades(OVER + 10, 2 * OVER))
        store.wait_for(2 * OVER)
        assert shell("until ls data/A/trade/*; do sleep .02; done").status == 0
        assert [path.parts[-3] for path in parts_of(root)] == ["A"]
        every = [*trades(0, OVER), *trades(OVER, OVER + 10, "B"), *trades(OVER + 10, 2 * OVER)]
        assert shell("mdc cat --root data").lines == every
        assert shell("mdc verify --deep --root data").status == 0
        store.kill()
    assert shell("mdc cat --root data").lines == every
    recovered = shell("mdc recover --root data").out
    assert f"{10} events" in recovered and len(parts_of(root)) == 2
    assert shell("mdc cat --root data").lines == every
    assert shell("mdc verify --deep --root data").status == 0


def test_small_files_are_sealed_at_once_on_request(
    tmp_path: Path, quiet_env: dict[str, str], shell: Shell
) -> None:
    with storing("--seal-size 100KB --seal-after 0s", tmp_path, quiet_env) as store:
        store.write([*trades(0, OVER), *trades(OVER, OVER + 10, "B")])
        assert shell("until ls data/A/trade/* data/B/trade/*; do sleep .02; done").status == 0
        assert store.end()[0] == 0
    assert len(parts_of(tmp_path / "data")) == 2
