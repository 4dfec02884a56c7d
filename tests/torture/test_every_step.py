"""Every step that touches a disk fails once, each way: nothing acknowledged is lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit import forks
from tests.torture.every_step import SCENARIOS, Commands, Runs

pytestmark = pytest.mark.skipif(not forks.available(), reason="no fork server here")


PARTS = 8  # of the faults of a scenario, so that none takes too long on a busy machine


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_step(
    name: str,
    part: int,
    forked_env: dict[str, str],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    runs = Runs(name, Commands(forked_env), tmp_path)
    runs.survives(list(runs.faults())[part::PARTS], record_property)
