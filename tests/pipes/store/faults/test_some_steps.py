"""A step that touches a disk fails: some of what tests/torture/test_every_step.py tries."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit import forks
from tests.torture.every_step import SCENARIOS, Commands, Fault, Runs

pytestmark = pytest.mark.skipif(not forks.available(), reason="no fork server here")
SLICE = 2  # faults, besides an error behind the last commit


@pytest.mark.parametrize("name", SCENARIOS)
def test_some_steps(
    name: str,
    forked_env: dict[str, str],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    runs = Runs(name, Commands(forked_env), tmp_path)
    faults = list(runs.faults())
    chosen = random.Random(os.environ.get("MDC_SEED", "0") + name).sample(faults, SLICE)
    behind = [fault for fault in faults if fault.text.startswith("committed") and not fault.kills]
    runs.survives(chosen + behind[-1:], record_property)


@pytest.mark.parametrize("number", range(5, 9))
def test_a_short_read_of_a_journal_is_no_damage(
    number: int, forked_env: dict[str, str], tmp_path: Path
) -> None:
    runs = Runs("recover", Commands(forked_env), tmp_path)
    fault = Fault(f"read@_mdc/journal:{number}:short", "read journal")
    assert runs.problems(fault) == []


def test_a_short_write_of_a_capture_is_followed_by_the_rest(
    forked_env: dict[str, str], tmp_path: Path
) -> None:
    mdc = Commands(forked_env)
    live = "mdc stream alpaca SPY --mock --limit 20 --capture c.jsonl"
    done = mdc.run(live, tmp_path, "write@c.jsonl:6:short")
    assert done.status == 0, done
    replayed = mdc.run("mdc stream alpaca SPY --replay c.jsonl", tmp_path)
    assert replayed.status == 0, replayed
    live_trades, trades = (
        [line for line in lines if line.startswith('{"type":"trade"')]
        for lines in (done.lines, replayed.lines)
    )
    assert live_trades and trades[: len(live_trades)] == live_trades
