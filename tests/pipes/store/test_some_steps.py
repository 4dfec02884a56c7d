"""A step that touches a disk fails: some of what tests/torture/test_every_step.py tries."""

import os
import random
from pathlib import Path

import pytest

from tests.kit import forks
from tests.torture.every_step import SCENARIOS, Commands, Runs

pytestmark = pytest.mark.skipif(not forks.available(), reason="no fork server here")
SLICE = 5  # faults, besides an error behind the last commit


@pytest.mark.parametrize("name", SCENARIOS)
def test_some_steps(name: str, forked_env: dict[str, str], tmp_path: Path) -> None:
    runs = Runs(name, Commands(forked_env), tmp_path)
    faults = list(runs.faults())
    chosen = random.Random(os.environ.get("MDC_SEED", "0") + name).sample(faults, SLICE)
    behind = [fault for fault in faults if fault.text.startswith("committed") and not fault.kills]
    for fault in [*chosen, *behind[-1:]]:
        assert runs.problems(fault) == [], fault
