"""Times as people write them, in every option that takes one, and the zone that they are of."""

import json
import time

import pytest

from mdc_core.times import DAY, HOUR, MINUTE, from_ns
from tests.conftest import Shell

OPEN = 1_704_205_800_000_000_000  # 2024-01-02 09:30 in New York
MIDNIGHT = OPEN - 14 * HOUR - 30 * MINUTE


@pytest.fixture
def minutes(shell: Shell) -> None:
    """An archive with a trade at each hour of three days, 2024-01-01 to 2024-01-03 UTC."""
    hours = [from_ns(MIDNIGHT - DAY + n * HOUR + 30 * MINUTE) for n in range(72)]
    rows = ({"type": "trade", "symbol": "SPY", "ts_event": t, "price": 1} for t in hours)
    assert (
        shell("mdc store", stdin="".join(json.dumps(row) + "\n" for row in rows).encode()).status
        == 0
    )


def first_and_last(shell: Shell, options: str) -> tuple[str, str]:
    """The first and the last time of what `mdc cat` shows, to the minute."""
    done = shell(f"mdc cat --root data {options}")
    assert done.status == 0, done.err
    times = [json.loads(line)["ts_event"][:16] for line in done.lines]
    return times[0], times[-1]


SPANS = {
    "--date 20240102": ("2024-01-02T00:30", "2024-01-02T23:30"),
    "--date 2024/01/02": ("2024-01-02T00:30", "2024-01-02T23:30"),
    "--date 2024-01": ("2024-01-01T00:30", "2024-01-03T23:30"),
    "--date 2024": ("2024-01-01T00:30", "2024-01-03T23:30"),
    "--from 20240102T143000Z --to '2024-01-02 16:00'": ("2024-01-02T14:30", "2024-01-02T15:30"),
    "--from 2024-01-02T14:30 --to 2024-01-02": ("2024-01-02T14:30", "2024-01-02T23:30"),
    "--from '2024-01-02 09:30 America/New_York'": ("2024-01-02T14:30", "2024-01-03T23:30"),
    "--from 2024-01-02T15:30+01:00 --to 2024-01-02T15:31+01:00": ("2024-01-02T14:30",) * 2,
    "--from @1704205800 --to 1704205860s": ("2024-01-02T14:30",) * 2,
    "--from 1704205800000ms --to 1704205800000001us": ("2024-01-02T14:30",) * 2,
    "--from 1704205800000000000ns --to 2024-01": ("2024-01-02T14:30", "2024-01-03T23:30"),
    "--tz America/New_York --date 2024-01-02": ("2024-01-02T05:30", "2024-01-03T04:30"),
    "--tz Asia/Tokyo --from '2024-01-02 09:00' --to 2024-01-02T01:00Z": ("2024-01-02T00:30",) * 2,
}


@pytest.mark.usefixtures("minutes")
@pytest.mark.parametrize("options", SPANS)
def test_spellings(options: str, shell: Shell) -> None:
    assert first_and_last(shell, options) == SPANS[options]


@pytest.mark.usefixtures("minutes")
def test_the_zone_on_either_side_in_the_environment_and_in_a_file(shell: Shell) -> None:
    wanted = ("2024-01-02T05:30", "2024-01-03T04:30")
    verb = "cat --root data --date 2024-01-02"
    zone = "America/New_York"
    ways = [f"mdc --tz {zone} {verb}", f"mdc {verb} --tz {zone}", f"MDC_TZ={zone} mdc {verb}"]
    shell(f"printf 'tz = \"{zone}\"\n' > named.toml")
    for way in (*ways, f"mdc --config named.toml {verb}"):
        times = [json.loads(line)["ts_event"][:16] for line in shell(way).lines]
        assert (times[0], times[-1]) == wanted


def test_a_time_ago_and_days_by_name(shell: Shell) -> None:
    now = time.time_ns()
    today = now - now % DAY
    # D has one of yesterday and one of today, so that it does not matter if a day begins now.
    times = [("A", now - 10 * MINUTE), ("B", now - 90 * MINUTE), ("D", today - 1), ("D", today)]
    rows = "".join(
        json.dumps({"type": "trade", "symbol": symbol, "ts_event": from_ns(ns)}) + "\n"
        for symbol, ns in times
    )
    assert shell("mdc store", stdin=rows.encode()).status == 0
    for span in ("-1h", "now-1h", "'1h ago'", "'1 hour ago'", "'60 minutes ago'"):
        done = shell(f"mdc cat --root data --from {span} --to now --symbol A,B")
        assert [json.loads(line)["symbol"] for line in done.lines] == ["A"]
    done = shell("mdc cat --root data --date yesterday --symbol D")
    assert [json.loads(line)["symbol"] for line in done.lines] == ["D"]


def test_of_a_plugin(shell: Shell) -> None:
    done = shell("mdc stream sim SPY --limit 1 --start '2024-03-11 09:30 America/New_York'")
    assert done.events[0]["ts_event"].startswith("2024-03-11T13:30:00")
    done = shell("mdc stream sim SPY --limit 1 --start '2024-03-11 09:30' --tz America/New_York")
    assert done.events[0]["ts_event"].startswith("2024-03-11T13:30:00")


BAD = {
    "--from 1h": "not a time: '1h' (of a time ago say -1h or '1h ago')",
    "--from 1704205800": "not a time: '1704205800' (of seconds since 1970 say 1704205800s",
    "--from 202401": "not a time: '202401' (say 2024-01-02,",
    "--from soon": "not a time: 'soon' (say 2024-01-02, '2024-01-02 09:30 America/New_York'",
    "--to 2024-02-30": "--to: not a time: '2024-02-30': day is out of range for month",
    "--to '2024-01-02 09:30 Europe/Lodon'": "'Europe/Lodon'; did you mean Europe/London",
    "--tz Mars": "--tz: no such time zone: 'Mars'",
    "--tz America/New_York --from '2024-03-10 02:30'": "there is no 2024-03-10 02:30:00 in",
    "--tz America/New_York --to '2024-11-03 01:30'": "(say 2024-11-03T01:30:00-04:00 or 2024",
    "--date 14:30": "--date takes a day, a month or a year, not '14:30'",
    "--date 2024-13": "--date: not a time: '2024-13': month must be in 1..12",
    "--from -1x": "not a length of time: '1x' (say 250ms, 90s, 1.5h or 1h30m)",
    "--from 9999w": "not a time: '9999w' (of a time ago",
    "--from -99999w": "longer than 292 years",
    "--to 1500": "time out of range (1677-09-21 to 2262-04-11): '1500'",
}


@pytest.mark.parametrize("options", BAD)
def test_what_is_no_time_is_told_with_an_example(options: str, shell: Shell) -> None:
    done = shell(f"mdc cat --root data {options}")
    assert done.status == 2
    assert BAD[options] in done.err.splitlines()[0]


def test_dates_of_coverage_are_names_of_days(shell: Shell) -> None:
    assert shell("mdc stream sim SPY --limit 10 | mdc store").status == 0
    days = "--from 2024-01-02 --to 2024-01-02 --json"
    plain, zoned = (
        shell(f"{command} coverage {days}") for command in ("mdc", "mdc --tz Asia/Tokyo")
    )
    assert plain.status == 0
    assert plain.out == zoned.out
