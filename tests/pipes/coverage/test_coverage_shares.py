"""How much of each day is covered, and how maps and totals tell it."""

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.archive.coverage.shares import Overlaps
from tests.conftest import Shell
from tests.pipes.coverage.coverage_days import XNYS, Archive, told, weekdays


def lines_of(shell: Shell, options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shell(f"mdc -q coverage --json {options}").out)[
        "coverage"
    ]
    return found


@pytest.mark.parametrize("calendar", ["", "--calendar weekdays", "--calendar 24/7", XNYS])
@pytest.mark.some(2)
def test_seconds_of_a_day_are_no_complete_day(calendar: str, data: Archive, shell: Shell) -> None:
    data.at("SPY", "trade", "2024-01-02T14:30:00Z", "2024-01-02T14:30:52Z")
    (line,) = lines_of(shell, calendar)
    (day,) = line["days"]
    assert day["state"] == "partial"
    assert (day["first"][11:19], day["last"][11:19]) == ("14:30:00", "14:30:52")
    hours = 6.5 if calendar == XNYS else 24
    assert day["covered"] == line["covered"] == round(52 / 3600 / hours, 6)
    for form in ("text", "html", "svg"):
        out = shell(f"mdc -q coverage {calendar} --format {form}").out
        assert "100.0 %" not in re.sub("(partial         1  |some missing · )100.0 %", "", out)
        assert "14:30:00 to 14:30:52" in out
    out = shell(f"mdc -q coverage {calendar}", PYTHONIOENCODING="ascii").out
    assert "SPY  trade  -  " in out and "complete: 0 of 1 open days, 0.0 %" in out


def test_gaps_and_breaks_are_not_covered(data: Archive, shell: Shell) -> None:
    data.day("SPY", "2024-01-02")  # 09:30 to 15:59
    data.gap("SPY", "2024-01-02T16:00:00Z", "2024-01-02T17:00:00Z")
    data.gap("SPY", "2024-01-02T16:30:00Z", "2024-01-02T17:30:00Z")  # over the first one
    data.gap("SPY", "2024-01-02T03:00:00Z", "2024-01-02T04:00:00Z")  # by night
    (line,) = lines_of(shell, XNYS)
    assert line["covered"] == round((389 - 90) / 390, 6)
    # Tokyo: 09:00 to 11:30 and 12:30 to 15:00; here the morning, and half of the afternoon.
    data.at("T", "trade", "2024-01-04T00:00:00Z", "2024-01-04T02:30:00Z")
    data.at("U", "trade", "2024-01-04T00:00:00Z", "2024-01-04T04:45:00Z")
    asked = "--calendar XTKS --symbol T,U --from 2024-01-04 --to 2024-01-04"
    assert [one["covered"] for one in lines_of(shell, asked)] == [0.5, 0.75]


def test_a_gap_without_a_length_leaves_a_day_partial(data: Archive, shell: Shell) -> None:
    data.day("SPY", "2024-01-02", last="16:00")
    data.gap("SPY", "2024-01-02T16:00:00Z", "2024-01-02T16:00:00Z")
    (line,) = lines_of(shell, XNYS)
    assert (line["days"][0]["state"], line["days"][0]["covered"]) == ("partial", 0.999)


def test_a_month_with_one_day_missing_is_not_one_with_one_day(data: Archive, shell: Shell) -> None:
    days = weekdays("2024-01-02", "2024-01-31", "2024-01-15")
    for day in days[:-1]:
        data.day("MOST", day)
    data.day("FEW", days[-1])
    for day in days[::2]:
        data.day("HALF", day)
    asked = f"{XNYS} --from 2024-01-01 --to 2024-01-31 --cell month"
    for encoding, marks in (("ascii", "-=+"), ("utf-8", "░▒▓")):
        out = shell(f"mdc coverage {asked}", PYTHONIOENCODING=encoding).out.splitlines()
        found = {line.split()[0]: line.split()[2:4] for line in out if " trade " in line}
        few, half, most = ([mark, share] for mark, share in zip(marks, SHARES, strict=True))
        assert found == {"FEW": few, "HALF": half, "MOST": most}
    titles = shell(f"mdc coverage {asked} --format svg").out
    for grade, share in enumerate(SHARES):
        assert f'class="partial p{grade}"' in titles and f"partial, {share} %" in titles


SHARES = ("4.7", "52.3", "95.2")  # percent of 21 days


def test_the_counts_agree(data: Archive, shell: Shell) -> None:
    """What is held while the market is closed is counted by itself, and no share of the rest."""
    for day in weekdays("2024-01-02", "2024-01-08"):
        data.day("SPY", day)
    data.at("SPY", "trade", "2024-01-06T15:00:00Z")  # a Saturday
    done = shell(f"mdc coverage {XNYS}", PYTHONIOENCODING="ascii")
    numbers = dict(re.findall(r"(complete|outside|closed) +(\d+)", done.out))
    assert (numbers["complete"], numbers["outside"], numbers["closed"]) == ("5", "1", "1")
    assert "complete: 5 of 5 open days, 100.0 %" in done.out
    assert told(shell(f"mdc coverage --json {XNYS}"))["SPY", "trade"] == "####*.#"
    (line,) = lines_of(shell, XNYS)
    assert sum(line["counts"][name] for name in ("complete", "partial", "missing", "empty")) == 5
    page = shell(f"mdc coverage {XNYS} --format html").out
    assert "outside<b>1</b>" in page and "complete<b>5</b>" in page


@pytest.mark.parametrize("width", ["40", "80", "200"])
@pytest.mark.parametrize("options", ["", "--cell day", XNYS])
@pytest.mark.some(3)
def test_maps_fit_the_terminal(width: str, options: str, data: Archive, shell: Shell) -> None:
    last = "2024-01-02" if options == "--cell day" else "2024-03-28"
    for day in weekdays("2024-01-02", last, "2024-01-15", "2024-02-19"):
        data.day("SPY", day)
        data.day("BTC/USD", day, type_name="quote")
    done = shell(f"mdc -q coverage {options}", COLUMNS=width, LANG="C", PYTHONIOENCODING="ascii")
    assert done.out.isascii()
    assert max(map(len, done.out.splitlines())) <= int(width)
    assert "complete: " in done.out


spans = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=8)


@given(spans, st.integers(-5, 60), st.integers(0, 60))
def test_what_of_some_spans_lies_within_another(
    chosen: list[tuple[int, int]], begin: int, length: int
) -> None:
    held = sorted({at for start, size in chosen for at in range(start, start + size)})
    starts = [at for at in held if at - 1 not in held]
    ends = [at + 1 for at in held if at + 1 not in held]
    overlaps = Overlaps(np.array(starts, np.int64), np.array(ends, np.int64))
    found = overlaps.within(np.array([begin]), np.array([begin + length]))
    assert found.tolist() == [sum(begin <= at < begin + length for at in held)]
