"""What stands here is left out of a run, but for `-m torture` and a slice that MDC_SEED chooses."""

import os
import random
from pathlib import Path

import pytest

SLICE = 1  # files, of each of which one test is run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, but for the slice."""
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    seed = os.environ.get("MDC_SEED")
    short = [item for item in mine if "test_every_" not in item.path.name]
    dice, chosen = random.Random(seed), list[pytest.Item]()
    files = sorted({item.path for item in short}) if seed else []
    for path in dice.sample(files, min(SLICE, len(files))):
        chosen.append(dice.choice([item for item in short if item.path == path]))
    for item in mine:
        item.add_marker(pytest.mark.timeout(1800), append=False)
        if item not in chosen:
            item.add_marker(pytest.mark.torture)
