"""The days of an archive that are whole, against a model that looks at each day by itself."""

import json
import shutil
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.archive.coverage.gaps import EMPTY
from mdc_core.archive.coverage.holdings import Days
from mdc_core.archive.coverage.sessions import Calendars, date_of, sessions
from mdc_core.archive.coverage.survey import (
    STATES,
    CoverageRequest,
    CoverageSurvey,
    outside,
)
from mdc_core.archive.coverage.windows import Length, Windows, length_of
from mdc_core.errors import NothingFoundError, UsageError
from mdc_core.times import DAY, HOUR, MAX_NS, MIN_NS, MINUTE, from_ns
from tests.kit.many import many

FIRST = 19_724  # 2024-01-02, a Tuesday
COUNT = 8
MOMENTS = st.integers(0, COUNT * 24 - 1).map(lambda hour: FIRST * DAY + hour * HOUR)
SYMBOLS = ("A", "B/C")


class Said(NamedTuple):
    """A gap event: what it says."""

    symbol: str | None
    start: int
    end: int | None
    channel: str | None
    symbols: tuple[str, ...]  # under `extra`
    empty: bool

    def row(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": "gap",
            "symbol": self.symbol,
            "ts_event": from_ns(self.start),
            "start": from_ns(self.start),
            "end": None if self.end is None else from_ns(self.end),
            "channel": self.channel,
            "reason": EMPTY if self.empty else "disconnect",
            "count": 0 if self.empty else None,
            "extra": {"symbols": list(self.symbols)} if self.symbols else None,
        }
        return {name: value for name, value in found.items() if value is not None}

    def about(self, symbol: str, type_name: str) -> bool:
        """Whether it concerns a symbol and type."""
        if self.channel in ("trade", "quote", "bar") and self.channel != type_name:
            return False
        if self.symbol is not None:
            return self.symbol == symbol
        return not self.symbols or "*" in self.symbols or symbol in self.symbols


gaps = st.builds(
    lambda symbol, start, hours, channel, symbols, empty: Said(
        symbol, start, None if hours is None else start + hours * HOUR, channel, symbols, empty
    ),
    st.sampled_from([*SYMBOLS, None]),
    MOMENTS,
    st.none() | st.integers(0, 60),
    st.sampled_from([None, "trade", "bar", "alpaca-1"]),
    st.sampled_from([(), ("A",), ("A", "B/C"), ("*",)]),
    st.booleans(),
)
events = st.tuples(
    st.sampled_from(SYMBOLS), st.sampled_from(["trade", "bar"]), MOMENTS, st.booleans()
)


def write(root: Path, rows: list[dict[str, Any]], by_day: bool) -> None:
    """Files of JSONL, a day in each or all in one."""
    for row in rows:
        folder = root / (row.get("symbol") or "_").replace("/", "%2F") / row["type"]
        folder.mkdir(parents=True, exist_ok=True)
        at = row.get("ts_event") or row["ts_recv"]
        with (folder / f"{at[:10] if by_day else 'all'}.run.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")


def model(
    day: int,
    calendar: str,
    key: tuple[str, str],
    times: list[int],
    said: list[Said],
    tolerance: int,
) -> str:
    """The state of one day."""
    opens, closes = day * DAY, (day + 1) * DAY
    is_open = calendar == "24/7" or date_of(day).weekday() < 5
    mine = [gap for gap in said if gap.about(*key)]
    ends = {g: g.start - g.start % DAY + DAY if g.end is None else g.end for g in mine}
    cut = any(not g.empty and g.start < closes and max(ends[g], g.start + 1) > opens for g in mine)
    hours = {
        hour
        for g in mine
        if g.empty
        for hour in range(opens, closes, HOUR)
        if g.start <= hour and hour + HOUR <= ends[g]
    }
    if times:
        if key[1] == "trade":
            cut |= min(times) > opens + tolerance or max(times) < closes - tolerance
        return ("partial" if cut else "complete") if is_open else "outside"
    if not is_open:
        return "closed"
    return "empty" if len(hours) == 24 else "missing"


@settings(max_examples=many(10))
@given(
    st.lists(events, min_size=1, max_size=12),
    st.lists(gaps, max_size=5),
    st.sampled_from(["24/7", "weekdays"]),
    st.sampled_from([0, HOUR, 13 * HOUR]),
    st.booleans(),
)
def test_every_day_of_an_archive(
    tmp_path_factory: pytest.TempPathFactory,
    held: list[tuple[str, str, int, bool]],
    said: list[Said],
    calendar: str,
    tolerance: int,
    by_day: bool,
) -> None:
    root = tmp_path_factory.mktemp("model")
    rows = [
        {"type": kind, "symbol": symbol, ("ts_event" if known else "ts_recv"): from_ns(at)}
        for symbol, kind, at, known in held
    ]
    write(root, [*rows, *(gap.row() for gap in said)], by_day)
    asked = CoverageRequest((), (), FIRST, FIRST + COUNT - 1, tolerance)
    survey = CoverageSurvey(root, asked, Calendars([calendar]), FIRST + COUNT)
    found = {
        (line.symbol, line.type_name): [STATES[state] for state in line.states]
        for line in survey.lines()
    }
    assert survey.problems == []
    of_day: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for symbol, kind, at, _ in held:
        of_day[symbol, kind, at // DAY].append(at)
    # An event without its own time counts by its receipt.
    wanted = {
        key: [
            model(day, calendar, key, of_day[*key, day], said, tolerance)
            for day in range(FIRST, FIRST + COUNT)
        ]
        for key in {(symbol, kind) for symbol, kind, _, _ in held}
    }
    differ = {
        (key, FIRST + n): (is_, should)
        for key in wanted
        for n, (is_, should) in enumerate(zip(found[key], wanted[key], strict=True))
        if is_ != should
    }
    assert found.keys() == wanted.keys() and not differ
    rows_found = {(li.symbol, li.type_name): li.rows.tolist() for li in survey.lines()}
    for key in wanted:
        counts = [len(of_day[*key, day]) for day in range(FIRST, FIRST + COUNT)]
        assert rows_found[key] == counts
    shutil.rmtree(root)


@pytest.mark.parametrize(
    ("first", "last", "cut"),
    [
        (0, 24 * HOUR, False),
        (15 * MINUTE, 24 * HOUR - 15 * MINUTE, False),
        (15 * MINUTE + 1, 24 * HOUR, True),
        (0, 24 * HOUR - 15 * MINUTE - 1, True),
        (None, None, True),  # nothing of it counts
    ],
)
def test_the_tolerance_is_exact(first: int | None, last: int | None, cut: bool) -> None:
    start = FIRST * DAY
    days = Days(
        np.array([2]),
        np.array([True]),
        np.array([MAX_NS if first is None else start + first]),
        np.array([MIN_NS if last is None else start + last]),
    )
    hours = sessions("24/7", FIRST, 1)
    assert outside(days, Windows(hours, 0, 15 * MINUTE)).tolist() == [cut]


@pytest.mark.parametrize(
    ("interval", "length", "ends"),
    [
        ("1m", Length(ns=MINUTE), "2024-02-01"),
        ("90m", Length(ns=90 * MINUTE), "2024-02-01"),
        ("1d", Length(days=1), "2024-02-01"),
        ("36h", Length(days=2), "2024-02-02"),
        ("2w", Length(days=14), "2024-02-14"),
        ("1mo", Length(months=1), "2024-03-02"),  # there is no 31st of February
        ("12mo", Length(months=12), "2025-01-31"),
        ("x", Length(), "2024-02-01"),
        (None, Length(), "2024-02-01"),
    ],
)
def test_how_long_bars_are(interval: str | None, length: Length, ends: str) -> None:
    assert length_of(interval) == length
    begin = np.array([(date(2024, 1, 31) - date(1970, 1, 1)).days])
    assert [str(date_of(int(day))) for day in length.ends(begin)] == [ends]


@pytest.mark.parametrize("name", [None, "24/7", "weekdays"])
@pytest.mark.parametrize("moment", [MIN_NS, MAX_NS])
def test_the_first_and_the_last_moment_are_of_a_date(name: str | None, moment: int) -> None:
    day = moment // DAY
    hours = sessions(name, day - 1, 3)
    assert hours.index_of(np.array([moment])).tolist() == [1]
    assert (np.diff(hours.starts) >= 0).all()


def test_calendars_of_symbols() -> None:
    of = Calendars(["BTC*=24/7", "*USD=WEEKDAYS", "weekdays"])
    assert [of.of(symbol) for symbol in ("BTC/USD", "ETH/USD", "SPY", None)] == [
        "24/7",
        "weekdays",
        "weekdays",
        "weekdays",
    ]
    assert Calendars([]).of("SPY") is None
    assert Calendars(["A=24/7"]).of("B") is None
    with pytest.raises(UsageError, match=r"no such calendar: 'xnis'; did you mean .*XNYS"):
        Calendars(["SPY=xnis"])


def test_what_cannot_be_looked_at(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    some = tmp_path / "some"
    write(some, [{"type": "trade", "symbol": "A", "ts_event": from_ns(FIRST * DAY)}], True)
    for root, asked, said in (
        (nothing, CoverageRequest(("A",)), "nothing is held, so it is not known what to expect"),
        (nothing, CoverageRequest(("A",), ("trade",)), "there is no first and last day"),
        (some, CoverageRequest((), (), 5, 4), "is after 1970-01-05: no day to look at"),
        (some, CoverageRequest((), (), 0, 40_000), "days are too many"),
    ):
        with pytest.raises((UsageError, NothingFoundError), match=said):
            CoverageSurvey(root, asked, Calendars([]), 50_000)
    survey = CoverageSurvey(nothing, CoverageRequest(), Calendars([]), FIRST)
    assert (survey.count, list(survey.lines()), survey.timeless_gaps) == (0, [], 0)
