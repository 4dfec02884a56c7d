"""What gap events mean for `coverage`: something is missing, or there is nothing."""

import json
from typing import Any

import pytest

from tests.conftest import Shell
from tests.pipes.coverage.coverage_days import WHOLE, XNYS, Archive, told, trades

WEEK = f"{XNYS} --from 2024-01-02 --to 2024-01-08"


def states(shell: Shell, options: str = WEEK) -> list[str]:
    """The days of AAPL quote and trade, SPY quote and trade."""
    return list(told(shell(f"mdc coverage --json {options}")).values())


@pytest.mark.parametrize(
    ("symbol", "start", "end", "more", "expected"),
    [
        ("AAPL", "2024-01-03T15:00:00Z", "2024-01-03T15:00:09Z", {}, ["#+##..#"] * 2),
        (None, "2024-01-03T15:00:00Z", "2024-01-03T15:00:09Z", {}, ["#+##..#"] * 4),
        # Only the symbols of the connection that was lost.
        (
            None,
            "2024-01-03T15:00:00Z",
            "2024-01-03T15:00:09Z",
            {"extra": {"symbols": ["SPY"]}},
            [WHOLE, WHOLE, "#+##..#", "#+##..#"],
        ),
        (
            None,
            "2024-01-03T15:00:00Z",
            "2024-01-03T15:00:09Z",
            {"extra": {"symbols": ["*"]}},
            ["#+##..#"] * 4,
        ),
        # At night and over the weekend nothing is missing; over a session it is.
        (None, "2024-01-03T21:00:00Z", "2024-01-04T14:30:00Z", {}, [WHOLE] * 4),
        (None, "2024-01-05T21:00:00Z", "2024-01-08T14:30:00Z", {}, [WHOLE] * 4),
        (None, "2024-01-05T20:59:59Z", "2024-01-08T14:30:01Z", {}, ["###+..+"] * 4),
        (None, "2023-12-01T00:00:00Z", "2024-02-01T00:00:00Z", {}, ["++++..+"] * 4),
        # No end: something is missing up to an unknown moment of the day.
        (
            "SPY",
            "2024-01-04T10:00:00Z",
            None,
            {"reason": "truncated"},
            [WHOLE, WHOLE, "##+#..#", "##+#..#"],
        ),
        # A provider that was asked for trades.
        (
            "SPY",
            "2024-01-04T15:00:00Z",
            "2024-01-04T16:00:00Z",
            {"channel": "trade"},
            [WHOLE, WHOLE, WHOLE, "##+#..#"],
        ),
        (
            "SPY",
            "2024-01-04T15:00:00Z",
            "2024-01-04T16:00:00Z",
            {"channel": "alpaca-1"},
            [WHOLE, WHOLE, "##+#..#", "##+#..#"],
        ),
        # What is confirmed to be empty is not missing.
        (
            "SPY",
            "2024-01-04T15:00:00Z",
            "2024-01-04T16:00:00Z",
            {"reason": "empty", "count": 0},
            [WHOLE] * 4,
        ),
    ],
)
@pytest.mark.some(6)
def test_a_gap(
    symbol: str | None,
    start: str,
    end: str | None,
    more: dict[str, Any],
    expected: list[str],
    week: Archive,
    shell: Shell,
) -> None:
    week.gap(symbol, start, end, **more)
    assert states(shell) == (expected if len(expected) == 4 else [*expected, WHOLE, WHOLE])


def test_a_gap_without_a_calendar(week: Archive, shell: Shell) -> None:
    week.gap("SPY", "2024-01-03T23:00:00Z", "2024-01-04T01:00:00Z")
    assert states(shell, "") == ["++++xx+"] * 4


def test_a_gap_that_says_only_when_it_was_noticed(week: Archive, shell: Shell) -> None:
    week.events("SPY", "gap", {"ts_event": "2024-01-03T03:00:00Z", "reason": "sequence"})
    assert states(shell) == [WHOLE, WHOLE, "#+##..#", "#+##..#"]


def test_a_gap_of_no_time_is_told(week: Archive, shell: Shell) -> None:
    folder = week.root / "SPY" / "gap"
    folder.mkdir()
    (folder / "undated.run.jsonl").write_text('{"type":"gap","symbol":"SPY","reason":"x"}\n')
    assert states(shell) == [WHOLE] * 4
    assert "gap events without a time, which are of no day: 1" in shell(f"mdc coverage {XNYS}").err


def test_what_was_asked_for_and_is_not(data: Archive, shell: Shell) -> None:
    data.day("AAPL", "2024-01-02")
    data.day("AAPL", "2024-01-12")
    data.empty("AAPL", "2024-01-03T00:00:00Z", "2024-01-04T00:00:00Z")  # a day of UTC
    data.empty("AAPL", "2024-01-04T05:00:00Z", "2024-01-05T05:00:00Z")  # of New York
    data.empty("AAPL", "2024-01-05T14:30:00Z", "2024-01-05T18:00:00Z")  # a half,
    data.empty("AAPL", "2024-01-05T18:00:00Z", "2024-01-05T21:00:00Z")  # and the other
    data.empty("AAPL", "2024-01-06T00:00:00Z", "2024-01-07T00:00:00Z")  # a Saturday
    data.empty("AAPL", "2024-01-08T00:00:00Z", "2024-01-08T20:00:00Z")  # not to its end
    data.empty("AAPL", "2024-01-09T00:00:00Z", "2024-01-10T00:00:00Z", channel="quote")
    data.empty("SPY", "2024-01-10T00:00:00Z", "2024-01-11T00:00:00Z")
    data.empty("AAPL", "2024-01-11T00:00:00Z", "2024-01-12T00:00:00Z", count=3)
    assert trades(shell, XNYS) == "#000..xxxx#"
    # Then there is something after all.
    data.day("AAPL", "2024-01-03")
    assert trades(shell, XNYS) == "##00..xxxx#"
    # Without a calendar a day is from midnight to midnight.
    assert trades(shell, "") == "++xx0xxxxx+"


def test_an_empty_day_of_a_session_that_began_before_it(data: Archive, shell: Shell) -> None:
    data.at("ES", "trade", "2024-01-08T15:00:00Z")
    data.empty("ES", "2024-01-09T00:00:00Z", "2024-01-10T00:00:00Z")
    asked = "--calendar CMES --from 2024-01-09 --to 2024-01-10"
    assert trades(shell, asked, "ES") == "xx"  # nobody has asked for the hour before midnight
    data.empty("ES", "2024-01-08T23:00:00Z", "2024-01-09T00:00:00Z")
    assert trades(shell, asked, "ES") == "0x"


def test_a_gap_that_was_noticed_later(week: Archive, shell: Shell) -> None:
    """A feed tells of a gap when it is up again: that may be behind the days asked for."""
    ends = {"start": "2024-01-05T20:00:00Z", "end": "2024-01-08T14:00:00Z"}
    row = {"type": "gap", "ts_recv": "2024-01-08T14:00:01Z", **ends, "reason": "disconnect"}
    folder = week.root / "_" / "gap"
    folder.mkdir(parents=True)
    (folder / "2024-01-08.run.jsonl").write_text(json.dumps(row) + "\n")
    days = f"{XNYS} --from 2024-01-04 --to 2024-01-05"
    assert states(shell, days) == ["#+"] * 4
    assert (
        shell("mdc cat --root data > all.jsonl && mdc -q store --root stored < all.jsonl").status
        == 0
    )
    assert states(shell, f"--root stored {days}") == ["#+"] * 4
