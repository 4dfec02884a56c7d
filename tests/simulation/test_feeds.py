"""Feeds in virtual time: whatever a venue does, what it sent arrives or stands in a gap."""

from pathlib import Path

import pytest

from tests.simulation.feeds import check

SEEDS = 200
AT_ONCE = 20


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_whatever_goes_wrong_is_told(first: int, tmp_path: Path) -> None:
    trades = gaps = 0
    for seed in range(first, first + AT_ONCE):
        try:
            found = check(seed, tmp_path)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        trades, gaps = trades + found[0], gaps + found[1]
    assert trades > 1000 and gaps > 20, "the simulation has something to say"


# 350: minutes of nothing but what the feed itself says of its ticks, then the line breaks.
# 788, 992: it breaks before anything but the answer to the subscription has come.
@pytest.mark.parametrize("seed", [350, 788, 992])
def test_what_was_lost_before_is_told_as_well(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)
