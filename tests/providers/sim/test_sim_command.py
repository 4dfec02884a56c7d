"""`mdc stream sim`: how dense the market is, and how fast it passes, are two things."""

from itertools import pairwise

import pytest

from mdc_core.times import SECOND, to_ns
from tests.conftest import Shell


@pytest.mark.parametrize("speed", ["", "--speed max", "--speed 1000000x"])
def test_a_slow_market_passes_at_once(speed: str, shell: Shell) -> None:
    done = shell(f"mdc stream sim SPY --rate 0.001 --limit 20 {speed} --plain")
    assert done.status == 0, done.err
    times = [to_ns(event["ts_event"]) for event in done.events]
    assert len(times) == 20
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    assert gaps[len(gaps) // 2] > 60 * SECOND  # a thousand seconds on average


def test_its_pace_is_that_of_its_times(shell: Shell) -> None:
    line = "mdc stream sim SPY --rate 0.001 --duration 100ms --plain"
    done = shell(f"{line} --speed 1x")
    assert (done.status, len(done.events)) == (0, 1), done.err  # the next is due in minutes
    assert shell("mdc stream sim SPY --rate 100 --limit 9 --speed 50x --plain").events == (
        shell("mdc stream sim SPY --rate 100 --limit 9 --plain").events
    )
    assert shell("mdc stream sim SPY --duration 0s --plain").events == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sim SPY --speed fast", "speed"),
        ("sim SPY --speed 0x", "speed"),
        ("sim SPY --rate 0", "--rate"),
        ("alpaca SPY --speed 2x", "alpaca is live, so there is no --speed for it"),
    ],
)
def test_what_cannot_be(words: str, said: str, shell: Shell) -> None:
    done = shell(f"mdc stream {words}")
    assert done.status == 2 and said in done.err.splitlines()[0]
