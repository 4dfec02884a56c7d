"""Symbols of a feed: arguments, lists with commas, a file, standard input, all of them."""

import pytest

from tests.conftest import Shell, says_nothing

LINE = "mdc -q stream sim --limit 60"


@pytest.mark.parametrize(
    "symbols",
    ["SPY,AAPL MSFT", "SPY 'AAPL, MSFT' SPY", "SPY --symbols-file - <<< 'AAPL,MSFT # two'"],
)
def test_lists(shell: Shell, symbols: str) -> None:
    done = shell(f"{LINE} {symbols}")
    assert done.status == 0
    assert {event["symbol"] for event in done.events} == {"SPY", "AAPL", "MSFT"}
    assert done.all_events[0]["request"]["symbols"] == ["SPY", "AAPL", "MSFT"]


@pytest.mark.parametrize("symbols", ["''", "' '", "SPY ','"])
def test_an_empty_one_is_refused(shell: Shell, symbols: str) -> None:
    done = shell(f"{LINE} {symbols}")
    assert done.status == 2 and says_nothing(done.out) and "empty" in done.err


def test_all_that_there_are_is_in_the_help(shell: Shell) -> None:
    done = shell("mdc -q stream sim '*' --limit 600")
    assert len({event["symbol"] for event in done.events}) == 10
    assert "`'*'`" in shell("mdc stream --help").out
