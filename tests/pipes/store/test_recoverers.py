"""Several processes recover what one run has left in the files that it appended to."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

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


def test_two_recover_the_segments_of_one_run(
    tmp_path: Path, quiet_env: dict[str, str], install: Callable[..., None], shell: Shell
) -> None:
    folder, gate = tmp_path / "packages", tmp_path / "gate"
    install(folder, "mdc-slow", "[mdc.store]\nslow = slow_format:Slow\n")
    (folder / "slow_format.py").write_text(FORMAT)
    env = {**quiet_env, "PYTHONPATH": str(folder)}

    def held(command: list[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE)

    with storing("--format slow --seal-size 50KB", tmp_path, env) as store:
        store.write(trades(0, STEP))
        store.wait_for(STEP)
        assert shell("until ls data/A/trade/*; do :; done").status == 0
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
            second = shell("mdc recover", PYTHONPATH=str(folder))
        out, _ = first.communicate()
    assert list((tmp_path / "data/_mdc/journal").iterdir()) == []
    (path,) = parts_of(tmp_path / "data")
    lines = trades(0, 2 * STEP + 10)
    assert path.read_text().splitlines() == lines
    assert shell("mdc cat --root data", PYTHONPATH=str(folder)).lines == lines
    assert shell("mdc verify --deep --root data", PYTHONPATH=str(folder)).status == 0
    assert (first.returncode, out.count(b" events\n")) == (0, 2)
    assert (second.status, second.out) == (0, "")
