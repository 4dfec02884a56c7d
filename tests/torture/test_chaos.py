"""A hundred disconnects of every vendor's feed, by the command line: the account balances."""

from pathlib import Path

import pytest

from tests.kit.chaos.pipe import POLICIES, run
from tests.simulation.vendors import VENDORS

DISCONNECTS = 100


@pytest.mark.parametrize("number", range(len(VENDORS)), ids=[vendor.name for vendor in VENDORS])
def test_a_hundred_disconnects(number: int, tmp_path: Path, quiet_env: dict[str, str]) -> None:
    vendor = VENDORS[number]
    ended = run(
        vendor,
        tmp_path,
        quiet_env,
        seed=1_000 + number,
        disconnects=DISCONNECTS,
        policy=POLICIES[(number + 1) % len(POLICIES)],
        is_left=number % 2 == 1,
    )
    print(f"{vendor.name}: {ended.verdict}")
    assert ended.statuses == ((69, 65) if number % 2 else (0, 0)), ended.said
    assert ended.verdict.gaps > DISCONNECTS // 3
