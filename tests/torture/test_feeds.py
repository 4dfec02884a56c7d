"""Two thousand feeds more in virtual time."""

from pathlib import Path

from tests.simulation.feeds import check
from tests.simulation.test_feeds import SEEDS

MORE = 2000


def test_whatever_goes_wrong_in_many_feeds_is_told(tmp_path: Path) -> None:
    for seed in range(SEEDS, SEEDS + MORE):
        try:
            check(seed, tmp_path)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
