"""What `coverage` has to tell, by brute force: each event against each session, no archive."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import exchange_calendars  # type: ignore[import-untyped]
import pandas as pd  # type: ignore[import-untyped]

SECOND = 10**9
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
EPOCH = date(1970, 1, 1)
LENGTHS = {"1m": MINUTE, "1h": HOUR, "4h": 4 * HOUR}
DATES = {"1d": 1, "1w": 7}
PLAIN = (None, "weekdays", "24/7")


class Event(NamedTuple):
    """An event, as far as it matters here."""

    symbol: str
    type_name: str
    at: int
    interval: str | None = None


class Gap(NamedTuple):
    """A gap of a symbol, of all its types; `empty` if there is nothing to have."""

    symbol: str
    start: int
    end: int
    empty: bool


class Session(NamedTuple):
    """When a market is open on a date: spans, the last of which it should reach."""

    spans: list[tuple[int, int]]
    close: int  # with what the calendar says too much

    @property
    def open(self) -> int:
        return self.spans[0][0]

    @property
    def due(self) -> int:
        return self.spans[-1][1]


def nanoseconds(moment: Any) -> int:
    return int(pd.Timestamp(moment).value)


@cache
def schedule(name: str) -> dict[date, Session]:
    """The sessions of a calendar, as its library says them."""
    found = {}
    calendar = exchange_calendars.get_calendar(name, start="2023-10-01", end="2024-06-30")
    for label, row in calendar.schedule.iterrows():
        opens, closes = nanoseconds(row["open"]), nanoseconds(row["close"])
        spans = [(opens, closes)]
        if not pd.isna(row["break_start"]):
            pause = nanoseconds(row["break_start"]), nanoseconds(row["break_end"])
            spans = [(opens, pause[0]), (pause[1], closes)]
        if name in ("CMES", "us_futures") and closes - opens == DAY:
            spans = [(opens, closes - HOUR)]  # Globex halts for the last hour
        found[label.date()] = Session(spans, closes)
    return found


@cache
def zone(name: str) -> Any:
    return exchange_calendars.get_calendar(name).tz


def session_of(name: str | None, day: date) -> Session | None:
    """The session of a date; None if the market is closed."""
    if name in PLAIN:
        midnight = (day - EPOCH).days * DAY
        is_open = name != "weekdays" or day.weekday() < 5
        return Session([(midnight, midnight + DAY)], midnight + DAY) if is_open else None
    assert name is not None
    return schedule(name).get(day)


def date_at(name: str | None, moment: int) -> date:
    """The date that a market gives a moment: that of its session, else that of its clock."""
    utc = EPOCH + timedelta(moment // DAY)
    if name in PLAIN:
        return utc
    for day in (utc + timedelta(n) for n in (1, 0, -1)):  # where one ends, the next begins
        session = session_of(name, day)
        if session and session.open <= moment <= session.close:
            return day
    assert name is not None
    local: date = pd.Timestamp(moment, tz="UTC").tz_convert(zone(name)).date()
    return local


def dates_of(name: str | None, event: Event) -> Iterator[date]:
    """The dates of which an event is: several of a bar that is longer than a day."""
    day = date_at(name, event.at)
    if event.type_name == "bar" and event.interval not in LENGTHS:
        day = max(day, EPOCH + timedelta(event.at // DAY))  # often midnight UTC of its date
    for more in range(DATES.get(event.interval or "", 1)):
        yield day + timedelta(more)


def state(
    name: str | None, day: date, events: list[Event], gaps: list[Gap], tolerance: int
) -> tuple[str, int]:
    """The state of a date, and how many rows it has, of events of one kind."""
    session = session_of(name, day)
    of_day = [e for e in events if day in dates_of(name, e)]
    rows = sum(next(dates_of(name, e)) == day for e in events)
    if session is None:
        return ("outside" if rows else "closed"), rows
    length = LENGTHS.get(events[0].interval or "", 0) if events else 0
    begin, end = session.open, session.close
    reaching = [e for e in events if length and e.at < end and e.at + length > begin]
    if not of_day and not reaching:
        covered = all(_covered(span, [g for g in gaps if g.empty]) for span in session.spans)
        return ("empty" if covered else "missing"), rows
    cut = any(
        gap.start < until and max(gap.end, gap.start + 1) > since
        for gap in gaps
        if not gap.empty
        for since, until in session.spans
    )
    told = bool(events) and (events[0].type_name in ("trade", "quote") or length > 0)
    if told:
        inside = reaching if length else [e for e in of_day if begin <= e.at <= end]
        cut |= not any(e.at <= begin + tolerance for e in inside)
        cut |= not any(e.at + length >= session.due - tolerance for e in inside)
    return ("partial" if cut else "complete"), rows


def _covered(span: tuple[int, int], gaps: list[Gap]) -> bool:
    at = span[0]
    for gap in sorted(gaps, key=lambda gap: gap.start):
        if gap.start <= at:
            at = max(at, gap.end)
    return at >= span[1]


def text(moment: int) -> str:
    """A time as RFC 3339."""
    whole = datetime.fromtimestamp(moment // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{moment % SECOND:09d}Z"
