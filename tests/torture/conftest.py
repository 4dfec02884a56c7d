"""What stands here is left out of a run, but for `-m torture` and a slice that MDC_SEED chooses."""

import os
import random
from pathlib import Path

import pytest

SLICE = 2  # tests


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, but for the slice."""
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    seed = os.environ.get("MDC_SEED")
    short = [item for item in mine if "every_step" not in item.nodeid]
    chosen = random.Random(seed).sample(short, min(SLICE, len(short))) if seed else []
    for item in mine:
        item.add_marker(pytest.mark.timeout(1800), append=False)
        if item not in chosen:
            item.add_marker(pytest.mark.torture)
