"""Which days are whole: `coverage` and the calendars, against archives of known days."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Shell
from tests.pipes.coverage.coverage_days import XNYS, Archive, new_york, told, trades, weekdays
from tests.pipes.store.storing import storing


def test_a_year_s_end_in_new_york(data: Archive, shell: Shell) -> None:
    """Thanksgiving and the early close behind it, Christmas, New Year, weekends."""
    half, holidays = "2023-11-24", ("2023-11-23", "2023-12-25", "2024-01-01")
    absent = ("2023-11-29", "2023-12-29")
    for day in weekdays("2023-11-20", "2024-01-05", *holidays, *absent):
        data.day("AAPL", day, last="12:59" if day == half else "15:59")
    assert trades(shell, XNYS) == ("###.#..##x##..#####..#####..#####...###x...####")
    # By weekdays alone the holidays are missing; by nothing, the weekends as well.
    assert trades(shell, "--calendar weekdays") == (
        "+++x+..++x++..+++++..+++++..+++++..x+++x..x++++"
    )
    done = shell("mdc coverage --json")
    assert told(done)["AAPL", "trade"] == ("+++x+xx++x++xx+++++xx+++++xx+++++xxx+++xxxx++++")
    said = "no --calendar: every day counts as open, for 24 hours of UTC (--calendar XNYS)"
    assert done.err == f"mdc coverage: {said}\n"


HOURS = (
    ("2023-11-24", "09:30", "12:59", "#"),  # closes at 13:00
    ("2023-11-24", "09:30", "12:44", "+"),
    ("2023-11-27", "09:30", "12:59", "+"),
    ("2024-01-03", "09:45", "15:45", "#"),  # exactly the tolerance
    ("2024-01-03", "09:46", "15:45", "+"),
    ("2024-01-03", "09:45", "15:44", "+"),
    ("2024-03-08", "09:30", "15:59", "#"),  # the last in winter: 14:30 to 21:00 UTC
    ("2024-03-11", "09:30", "15:59", "#"),  # the first in summer: 13:30 to 20:00 UTC
    ("2024-03-11", "10:30", "15:59", "+"),  # 14:30 UTC is late now
    ("2024-03-08", "09:30", "15:00", "+"),  # and 20:00 UTC was early
    ("2024-01-03", "04:00", "18:30", "+"),  # before and after hours, and nothing between
    ("2024-01-03", "04:00", "09:15", "+"),
    ("2024-01-03", "04:00", "15:59", "+"),  # what came before does not hide a late begin,
    ("2024-01-03", "09:30", "18:30", "+"),  # what came after no early end
    ("2024-01-15", "09:30", "10:00", "*"),  # Martin Luther King's, and events all the same
)


def test_the_session_s_hours(data: Archive, shell: Shell) -> None:
    for number, (day, first, last, _) in enumerate(HOURS):
        data.day(f"S{number}", day, first, last)
    start = date(2023, 11, 24)
    found = told(shell(f"mdc coverage --json {XNYS}"))
    for number, (day, *_, state) in enumerate(HOURS):
        at = (date.fromisoformat(day) - start).days
        assert found[f"S{number}", "trade"][at] == state, HOURS[number]


def test_new_year_on_a_saturday_is_no_friday_off(data: Archive, shell: Shell) -> None:
    data.day("AAPL", "2021-12-30")
    assert trades(shell, f"{XNYS} --from 2021-12-30 --to 2022-01-03") == "#x..x"


def test_the_tolerance(data: Archive, shell: Shell) -> None:
    data.day("AAPL", "2024-01-03", "10:00", "15:00")
    assert trades(shell, f"{XNYS} --tolerance 30m") == "+"
    assert trades(shell, f"{XNYS} --tolerance 1h") == "#"


def test_after_hours_are_of_the_evening_before(data: Archive, shell: Shell) -> None:
    """After hours in New York go on to 01:00 UTC: those of a Friday are not of Saturday."""
    data.at("AAPL", "trade", "2024-01-05T14:30:00Z", "2024-01-05T20:59:59Z", "2024-01-06T00:59:00Z")
    data.at("AAPL", "trade", "2024-01-09T00:30:00Z", "2024-01-09T17:00:00Z", "2024-01-09T20:59:00Z")
    done = shell(f"mdc coverage --json {XNYS}")
    assert trades(shell, XNYS) == "#..++"
    rows = [day["events"] for day in json.loads(done.out)["coverage"][0]["days"]]
    assert rows == [3, 0, 0, 1, 2]


def test_a_session_that_begins_the_evening_before(data: Archive, shell: Shell) -> None:
    """CME: from Sunday 23:00 UTC on it is Monday; there is no session of Sunday."""
    sunday, monday, tuesday = "2024-01-07", "2024-01-08", "2024-01-09"
    data.at("ES", "trade", f"{sunday}T23:00:00Z", f"{sunday}T23:59:00Z")
    data.at("ES", "trade", f"{monday}T00:01:00Z", f"{monday}T22:59:00Z")
    asked = "--calendar CMES --from 2024-01-06 --to 2024-01-10"
    assert trades(shell, asked, "ES") == "..#xx"
    rows = json.loads(shell(f"mdc coverage --json {asked}").out)["coverage"][0]["days"]
    assert [day["events"] for day in rows] == [0, 0, 4, 0, 0]
    # Tuesday's session has begun on Monday, and there is no more of it.
    data.at("ES", "trade", f"{monday}T23:10:00Z")
    assert trades(shell, asked, "ES") == "..#+x"
    data.at("ES", "trade", f"{tuesday}T22:59:00Z")
    assert trades(shell, asked, "ES") == "..##x"
    # A range that begins on Monday knows of Sunday evening.
    assert trades(shell, f"--calendar CMES --from {monday} --to {monday}", "ES") == "#"
    for bad, begin in (("+", "01:00"), ("#", "00:10")):
        other = f"X{begin[1]}"
        data.at(other, "trade", f"{monday}T{begin}:00Z", f"{monday}T22:59:00Z")
        one = f"--calendar CMES --from {monday} --to {monday} --tolerance 70m --symbol {other}"
        assert trades(shell, one, other) == bad


def test_a_calendar_for_some_symbols(data: Archive, shell: Shell) -> None:
    data.day("AAPL", "2024-01-05")
    for day in ("2024-01-05", "2024-01-06", "2024-01-08"):
        data.at("BTC/USD", "trade", f"{day}T00:00:03Z", f"{day}T23:59:00Z")
    data.at("BTC/USD", "trade", "2024-01-07T00:00:03Z", "2024-01-07T23:40:00Z")
    expected = {("AAPL", "trade"): "#..x", ("BTC/USD", "trade"): "##+#"}
    for words in ("XNYS,*/USD=24/7", "*/USD=24/7, xnys", "NYSE,BTC*=24/7"):
        found = told(shell(f"mdc coverage --json --calendar '{words}'"))
        assert found == expected, words
    by_weekdays = told(shell("mdc coverage --json --calendar 'NYSE,BTC*=24/7,*=weekdays'"))
    assert by_weekdays == expected | {("AAPL", "trade"): "+..x"}
    done = shell("mdc coverage --json --calendar */USD=24/7")
    said = "mdc coverage: no calendar of AAPL: every day counts as open, for 24 hours of UTC\n"
    assert (told(done)["AAPL", "trade"], done.err) == ("+xxx", said)
    # Without a calendar a day has 24 hours as well.
    assert told(shell("mdc coverage --json"))["BTC/USD", "trade"] == "##+#"


def test_the_calendar_of_a_settings_file(data: Archive, shell: Shell, tmp_path: Path) -> None:
    data.day("AAPL", "2024-01-05")
    data.day("AAPL", "2024-01-08")
    (tmp_path / "mdc.toml").write_text('[coverage]\ncalendar = "XNYS"\n')
    assert trades(shell, "") == "#..#"
    assert trades(shell, "--calendar 24/7") == "+xx+"


@pytest.mark.filterwarnings("ignore:Series.values:DeprecationWarning")  # of the library
@pytest.mark.parametrize("name", ["xnys", "xlon"])
def test_calendars_that_others_have_written_down(name: str, shared: Path) -> None:
    """Every session of thirty years."""
    from mdc_core.archive.coverage.sessions import sessions
    from mdc_core.times import DAY, to_ns

    lines = (shared / "data" / "calendars" / f"{name}.csv").read_text().splitlines()[1:]
    said = [tuple(map(to_ns, line.split(",")[:3])) for line in lines]
    first, last = said[0][0] // DAY, said[-1][0] // DAY
    hours = sessions(name.upper(), first, last - first + 1)
    midnights = (hours.first + np.flatnonzero(hours.open)) * DAY
    found = zip(midnights, hours.opens[hours.open], hours.closes[hours.open], strict=True)
    assert [tuple(map(int, row)) for row in found] == said


MONTH = [
    {"type": "trade", "symbol": symbol, "ts_event": new_york(day, clock), "price": 1}
    for day in ("2024-01-02", "2024-01-04", "2024-01-05")
    for clock in ("09:30", "12:00", "15:59")
    for symbol in ("AAPL", "SPY")
    if (symbol, day, clock) != ("SPY", "2024-01-05", "15:59")
]


@pytest.mark.parametrize("partition", ["hourly", "daily", "monthly", "none"])
@pytest.mark.parametrize("form", ["parquet", "jsonl --compression zstd"])
@pytest.mark.some(2)
def test_however_it_is_stored(form: str, partition: str, shell: Shell, tmp_path: Path) -> None:
    """A file of an hour, of a day, and of many days; of those only the times are read."""
    gap = {
        "type": "gap",
        "symbol": "AAPL",
        "ts_event": "2024-01-02T15:00:00Z",
        "start": "2024-01-02T15:00:00Z",
        "end": "2024-01-02T15:01:00Z",
        "reason": "sequence",
    }
    lines = "".join(json.dumps(row) + "\n" for row in [*MONTH, gap])
    (tmp_path / "events.jsonl").write_text(lines)
    done = shell(f"mdc store --format {form} --partition {partition} < events.jsonl")
    assert done.status == 0, done.err
    done = shell(f"mdc coverage --json {XNYS}")
    assert told(done) == {("AAPL", "trade"): "+x##", ("SPY", "trade"): "#x#+"}
    rows = [[day["events"] for day in line["days"]] for line in json.loads(done.out)["coverage"]]
    assert rows == [[3, 0, 3, 3], [3, 0, 3, 2]]
    assert trades(shell, f"{XNYS} --from 2024-01-04 --symbol SPY", "SPY") == "#+"


def test_what_is_in_a_journal_is_there(
    shell: Shell, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    """A store that was killed has not sealed; the events that it has kept are seen."""
    with storing("--seal-every 1h", tmp_path, quiet_env) as store:
        store.write([json.dumps(row) for row in MONTH])
        store.wait_for(len(MONTH))
        store.kill()
    assert list(tmp_path.glob("data/**/*.parquet")) == []
    done = shell(f"mdc coverage --json {XNYS}")
    assert told(done) == {
        ("AAPL", "trade"): "#x##",
        ("SPY", "trade"): "#x#+",
    }
    assert done.err == ""  # Arrow warns of columns that do not begin where it wants them
