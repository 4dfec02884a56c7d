"""Seals that append to a file, held up while other processes are at the same archive."""

import fcntl
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of
from tests.pipes.store.storing import storing, trades

# Whoever opens the other end of `gate` knows that a seal has looked at the catalog, and holds it.
FORMAT = '''\
"""JSONL that waits."""
import os
from mdc_sinks.jsonl import JsonLines

class Slow(JsonLines):
    def write(self, part, metadata, file):
        if os.path.exists("gate"):
            open("gate").read()
        super().write(part, metadata, file)
'''
STEP = 1_500  # trades that make a journal of more than --seal-size


@pytest.fixture
def env(tmp_path: Path, quiet_env: dict[str, str], install: Callable[..., None]) -> dict[str, str]:
    """An environment with the format `slow`."""
    folder = tmp_path / "packages"
    install(folder, "mdc-slow", "[mdc.store]\nslow = slow_format:Slow\n")
    (folder / "slow_format.py").write_text(FORMAT)
    return {**quiet_env, "PYTHONPATH": str(folder)}


def test_two_recover_the_segments_of_one_run(
    tmp_path: Path, env: dict[str, str], shell: Shell
) -> None:
    gate, packages = tmp_path / "gate", env["PYTHONPATH"]

    def held(command: list[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE)

    with storing("--format slow --seal-size 50KB", tmp_path, env) as store:
        store.write(trades(0, STEP))
        store.wait_for(STEP)
        assert shell("until ls data/A/trade/*; do sleep .02; done").status == 0
        os.mkfifo(gate)
        store.write(trades(STEP, 2 * STEP))
        with gate.open("wb"):
            store.write(trades(2 * STEP, 2 * STEP + 10))
            store.wait_for(2 * STEP + 10)
            store.kill()
    assert len(list((tmp_path / "data/_mdc/journal").iterdir())) == 2
    with held(["mdc", "recover"]) as first:
        with gate.open("wb"):
            gate.unlink()
            second = shell("mdc recover", PYTHONPATH=packages)
        out, _ = first.communicate()
    assert list((tmp_path / "data/_mdc/journal").iterdir()) == []
    (path,) = parts_of(tmp_path / "data")
    lines = trades(0, 2 * STEP + 10)
    assert path.read_text().splitlines() == lines
    assert shell("mdc cat --root data", PYTHONPATH=packages).lines == lines
    assert shell("mdc verify --deep --root data", PYTHONPATH=packages).status == 0
    assert (first.returncode, out.count(b" events\n")) == (0, 2)
    assert (second.status, second.out) == (0, "")


def test_who_waits_to_make_files_wide_holds_up_nobody(
    tmp_path: Path, env: dict[str, str], shell: Shell
) -> None:
    """A rewriting that is at it waits in its commit for whoever appends."""
    gate, state = tmp_path / "gate", tmp_path / "data" / "_mdc"
    os.mkfifo(gate)
    fine = trades(0, 1)[0].replace('"price":0', '"price":0.000000123456').encode()
    with storing("--format slow", tmp_path, env) as store:
        store.write(trades(1, 2))
        store.wait_for(1)
        assert store.process.stdin is not None
        store.process.stdin.close()
        with gate.open("wb"):
            gate.unlink()
            assert shell("mdc store", stdin=fine).status == 0
            rewriting = (state / "maintenance.lock").open("ab")
            fcntl.flock(rewriting, fcntl.LOCK_EX)
        with (state / "growing.lock").open("ab") as growing:
            fcntl.flock(growing, fcntl.LOCK_EX)
        rewriting.close()
        status, err = store.end()
        assert status == 0, err
    assert len(shell("mdc cat --root data", PYTHONPATH=env["PYTHONPATH"]).lines) == 2
