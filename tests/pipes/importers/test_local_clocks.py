"""Days on which a local clock goes back or forward: each row at its time, or set aside."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Shell
from tests.kit.many import many
from tests.unit.importers.lean_folder import LeanFolder, read

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# Of each zone a day on which clocks go back, and one on which they go forward.
DAYS = (
    ("America/New_York", "2024-11-03", 1_500),
    ("America/New_York", "2024-03-10", 1_380),
    ("Europe/London", "2024-10-27", 1_500),
    ("Europe/London", "2024-03-31", 1_380),
    ("Australia/Sydney", "2024-04-07", 1_500),
    ("Australia/Sydney", "2024-10-06", 1_380),
    ("Australia/Lord_Howe", "2024-04-07", 1_470),  # by half an hour
    ("America/Havana", "2024-11-03", 1_500),  # back to midnight
    ("America/Havana", "2024-03-10", 1_380),  # there is no midnight
    ("America/St_Johns", "2010-11-06", 1_499),  # a minute past midnight, back into this day
    ("Asia/Kolkata", "2024-11-03", 1_440),
)
BAR, TRADE, QUOTE, TICK = "1,1,1,1,1", "10000,1", "1.5,1.6", "1.5,2"
# Security types whose folders can have a zone of their own; forex is of a local clock as well.
FILES = (
    ("equity/usa/minute/x/{}_trade.zip", BAR, MINUTE),
    ("equity/usa/second/x/{}_trade.zip", BAR, timedelta(seconds=30)),
    ("equity/usa/tick/x/{}_trade.zip", TRADE, MINUTE),
    ("forex/fxcm/tick/eurusd/{}_quote.zip", QUOTE, MINUTE),
    ("crypto/coinbase/tick/btcusd/{}_trade.zip", TICK, MINUTE),
)


def moments(zone: str, day: str, step: timedelta = MINUTE) -> Iterator[datetime]:
    """The moments of a local day, in steps from its begin, in UTC."""
    clock, wanted = ZoneInfo(zone), date.fromisoformat(day)
    at = datetime.fromisoformat(f"{day}T00:00:00+00:00") - DAY
    for number in range(3 * DAY // step):
        if (at + number * step).astimezone(clock).date() == wanted:
            yield at + number * step


def milliseconds(zone: str, at: datetime) -> int:
    """What Lean writes of a moment: the local clock since its midnight."""
    local = at.astimezone(ZoneInfo(zone))
    return ((local.hour * 60 + local.minute) * 60 + local.second) * 1_000


def wire(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000000000Z")


def folder_of(root: Path, zone: str) -> LeanFolder:
    folder = LeanFolder(root)
    folder.market_hours(equity_usa=zone, forex_fxcm=zone, crypto_coinbase=zone)
    return folder


@pytest.mark.parametrize(("zone", "day", "minutes"), DAYS)
@pytest.mark.some(4)
def test_every_minute_of_a_day(zone: str, day: str, minutes: int, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, zone)
    assert len(list(moments(zone, day))) == minutes
    for place, fields, step in FILES:
        path = folder.root / place.format(day.replace("-", ""))
        told = list(moments(zone, day, step))
        rows = [f"{milliseconds(zone, at)},{fields}" for at in told]
        folder.zip(str(path.relative_to(folder.root)), *rows)
        events, bad = read(path)
        assert bad == []
        assert [event["ts_event"] for event in events] == [wire(at) for at in told]
        if "/minute/" in place:
            closes = [event["ts_close"] for event in events]
            assert closes == [wire(at + MINUTE) for at in told]


def test_every_hour_of_two_years(tmp_path: Path) -> None:
    """A file of all days, with four changes; bars of an hour come twice with one time."""
    folder, clock = folder_of(tmp_path, "Europe/London"), ZoneInfo("Europe/London")
    told = [datetime(2023, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(24 * 731)]
    rows = [f"{at.astimezone(clock):%Y%m%d %H:%M},{BAR}" for at in told]
    folder.zip("equity/usa/hour/x.zip", *rows)
    events, bad = read(folder.root)
    assert bad == []
    assert [event["ts_event"] for event in events] == [wire(at) for at in told]


@settings(max_examples=many(60))
@given(
    st.sampled_from([day for day in DAYS if day[2] > 1_440]),
    st.sampled_from(FILES),
    st.data(),
)
def test_a_row_is_at_its_time_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[str, str, int],
    file: tuple[str, str, timedelta],
    data: st.DataObject,
) -> None:
    """Some minutes of a day on which clocks go back: none at another time than its own."""
    zone, day, _ = case
    every = list(moments(zone, day))
    twice = [at for at in every if is_shown_twice(zone, at)]
    kept = data.draw(st.lists(st.sampled_from(twice), max_size=8, unique=True))
    more = data.draw(st.lists(st.sampled_from(every), max_size=4, unique=True))
    told = sorted({*kept, *more})
    place, fields, _ = file
    folder = folder_of(tmp_path_factory.mktemp("lean"), zone)
    rows = [f"{milliseconds(zone, at)},{fields}" for at in told]
    folder.zip(place.format(day.replace("-", "")), *rows or [""])
    events, bad = read(folder.root)
    odd = [at for at in told if is_shown_twice(zone, at)]
    first = [at for at in odd if not at.astimezone(ZoneInfo(zone)).fold]
    second = [at for at in odd if at not in first]
    clocks = [[milliseconds(zone, at) for at in some] for some in (first, second)]
    # The clock goes back from the last row of the first pass to the first one of the second.
    limit = 0 if "/tick/" not in place else 1_000
    settled = first and second and clocks[0][-1] - clocks[1][0] >= limit
    aside = [] if settled else odd
    assert [event["ts_event"] for event in events] == [wire(at) for at in told if at not in aside]
    assert [raw.decode() for _, _, raw in bad] == [rows[told.index(at)] for at in aside]
    assert [int(where.rpartition(" ")[2]) for where, _, _ in bad] == [
        told.index(at) + 1 for at in aside
    ]
    assert all(f"comes twice in {zone}" in reason for _, reason, _ in bad)


def is_shown_twice(zone: str, at: datetime) -> bool:
    local = at.astimezone(ZoneInfo(zone))
    return local.utcoffset() != local.replace(fold=not local.fold).utcoffset()


def test_an_hour_that_is_skipped(shell: Shell, tmp_path: Path) -> None:
    """What a clock cannot have shown is set aside with its reason; its neighbours are not."""
    folder = folder_of(tmp_path / "lean", "America/New_York")
    hours = [f"{minute * 60_000},{BAR}" for minute in (119, 120, 150, 179, 180)]
    folder.zip("equity/usa/minute/x/20240310_trade.zip", *hours)
    folder.zip("equity/usa/hour/x.zip", f"20240310 02:00,{BAR}", f"20240310 03:00,{BAR}")
    done = shell("mdc import --profile lean lean --quarantine bad.jsonl")
    assert done.status == 0
    assert sorted(event["ts_event"][:19] for event in done.events) == [
        "2024-03-10T06:59:00",
        "2024-03-10T07:00:00",
        "2024-03-10T07:00:00",
    ]
    assert "4 rejected" in done.err
    bad = (tmp_path / "bad.jsonl").read_text()
    for shown in ("02:00:00", "02:30:00", "02:59:00"):
        assert f"2024-03-10 {shown} does not exist in America/New_York" in bad
    done = shell("mdc -q import --profile lean lean --strict --quarantine more.jsonl")
    assert done.status == 1


def test_an_hour_that_comes_twice(shell: Shell, tmp_path: Path) -> None:
    """Through the command line: two passes, then one of which nothing tells which it is."""
    folder = folder_of(tmp_path / "lean", "America/New_York")
    place = "equity/usa/tick/{}/20241103_trade.zip"
    folder.zip(place.format("two"), f"5400000,{TRADE}", f"3660000,{TRADE}", f"7200000,{TRADE}")
    done = shell("mdc import --profile lean lean")
    times = ["2024-11-03T05:30:00", "2024-11-03T06:01:00", "2024-11-03T07:00:00"]
    assert [event["ts_event"][:19] for event in done.events] == times
    folder.zip(place.format("one"), f"3599999,{TRADE}", f"5400000,{TRADE}", f"7200000,{TRADE}")
    done = shell("mdc import --profile lean lean --symbol ONE --quarantine bad.jsonl")
    assert [event["ts_event"][:19] for event in done.events] == ["2024-11-03T04:59:59", times[2]]
    bad = (tmp_path / "bad.jsonl").read_text()
    assert "line 2" in bad
    assert "2024-11-03 01:30:00 comes twice in America/New_York" in bad
    # Three passes are none: the rows are out of order.
    some = (5_400_000, 3_660_000, 5_400_000, 3_660_000)
    folder.zip(place.format("three"), *(f"{ms},{TRADE}" for ms in some))
    done = shell("mdc import --profile lean lean --symbol THREE --quarantine three.jsonl")
    assert (done.events, "4 rejected" in done.err) == ([], True)


def test_an_hour_that_comes_twice_in_many_blocks(tmp_path: Path) -> None:
    """More ticks than are read at once, from the first pass into the second."""
    zone, day = "America/New_York", "2024-11-03"
    folder = folder_of(tmp_path, zone)
    told = [at for at in moments(zone, day, timedelta(seconds=1)) if is_shown_twice(zone, at)]
    rows = [f"{milliseconds(zone, at)},{TRADE},P,00000000,0" for at in told]
    assert sum(map(len, rows)) > 3 * 65_536
    folder.zip("equity/usa/tick/x/20241103_trade.zip", "0,10000,1,P,0,0", *rows)
    events, bad = read(folder.root)
    assert bad == []
    assert [event["ts_event"] for event in events[1:]] == [wire(at) for at in told]
    # Without the second pass all of it, a block after the other, is set aside.
    folder.zip("equity/usa/tick/x/20241103_trade.zip", "0,10000,1,P,0,0", *rows[:3_600])
    events, bad = read(folder.root)
    assert (len(events), len(bad)) == (1, 3_600)
    assert [raw.decode() for _, _, raw in bad] == rows[:3_600]


def test_days_that_begin_at_no_midnight(tmp_path: Path) -> None:
    """Daily bars of a zone whose clocks go forward at midnight, or back to it."""
    folder = folder_of(tmp_path, "America/Havana")
    folder.zip("equity/usa/daily/x.zip", f"20240310 00:00,{BAR}", f"20241103 00:00,{BAR}")
    spring, autumn = read(folder.root)[0]
    assert (spring["ts_event"][:19], spring["ts_close"][:19]) == (
        "2024-03-10T05:00:00",
        "2024-03-11T04:00:00",
    )
    assert (autumn["ts_event"][:19], autumn["ts_close"][:19]) == (
        "2024-11-03T04:00:00",
        "2024-11-04T05:00:00",
    )


def test_the_second_pass_is_in_the_range(tmp_path: Path) -> None:
    """In St John's a day comes back behind its end: what is asked for behind it is found."""
    zone, day = "America/St_Johns", "2010-11-06"
    folder = folder_of(tmp_path, zone)
    told = list(moments(zone, day))
    rows = [f"{milliseconds(zone, at)},{BAR}" for at in told]
    folder.zip("equity/usa/minute/x/20101106_trade.zip", *rows)
    start = wire(told[-1] - 5 * MINUTE)
    events, bad = read(folder.root, start=start)
    assert [event["ts_event"] for event in events] == [wire(at) for at in told[-6:]]
    assert bad == []
