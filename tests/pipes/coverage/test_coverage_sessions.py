"""Sessions and bars of random archives, through the command line, against brute force."""

import json
import shutil
import subprocess
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mdc_core.times import to_ns
from tests.conftest import Shell
from tests.kit.many import many
from tests.pipes.coverage.brute_force import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    Event,
    Gap,
    session_of,
    state,
    text,
)
from tests.pipes.coverage.coverage_days import CODE, Archive

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library

MARKETS = {
    "N": "XNYS",
    "A": "XASX",
    "Z": "XNZE",
    "ES": "CMES",
    "T": "XTKS",
    "H": "XHKG",
    "U": "us_futures",
    "B": "24/7",
    "W": "weekdays",
    "X": None,  # of no pattern
}
CALENDARS = ",".join(f"{symbol}={name}" for symbol, name in MARKETS.items() if name)
# Half days, holidays, and weeks in which clocks go forward or back.
WEEKS = ("2023-11-22", "2023-12-20", "2024-01-12", "2024-03-08", "2024-04-05")
TOLERANCE = 15 * MINUTE
KINDS = (("trade", None), ("quote", None), *(("bar", i) for i in ("1m", "1h", "4h", "1d", "1w")))
WAYS = ("whole", "late", "early", "begun", "outside", "none")
HOW = (
    "--format parquet",
    "--format jsonl --partition hourly",
    "--partition none --layout flat",
    "--partition monthly --layout by-type",
    "--layout hive",
    "--partition hourly",
)


@st.composite
def some_events(draw: st.DrawFn, first: date, symbol: str) -> list[Event]:
    """Events of some kinds, near the edges of sessions, in them and around them."""
    found: list[Event] = []
    for type_name, interval in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3)):
        moments: list[int] = []
        for day in (first + timedelta(n) for n in range(5)):
            session = session_of(MARKETS[symbol], day)
            midnight = (day - EPOCH).days * DAY
            if session is None:
                moments += draw(
                    st.lists(st.sampled_from([midnight, midnight + 15 * HOUR]), max_size=1)
                )
                continue
            slack = draw(st.sampled_from([0, 1, -1, MINUTE, -MINUTE]))
            begin, end = session.open + TOLERANCE + slack, session.due - TOLERANCE + slack
            way = draw(st.sampled_from(WAYS))
            moments += {
                "whole": [session.open, (session.open + session.due) // 2, session.due - 1],
                "late": [begin, session.due],
                "early": [session.open, end, end - HOUR],
                "begun": [session.open + 1],
                "outside": [session.open - HOUR, session.open - 1, session.close + 1],
                "none": [],
            }[way]
        found += [Event(symbol, type_name, at, interval) for at in moments]
    return found


@st.composite
def archives(draw: st.DrawFn) -> tuple[date, list[Event], list[Gap]]:
    """The first day, events and gaps of some symbols."""
    first = date.fromisoformat(draw(st.sampled_from(WEEKS)))
    symbols = draw(st.lists(st.sampled_from(sorted(MARKETS)), min_size=3, max_size=6, unique=True))
    events = [event for symbol in symbols for event in draw(some_events(first, symbol))]
    hours = st.integers(0, 5 * 24).map(lambda n: (first - EPOCH).days * DAY + n * HOUR // 2)
    lengths = st.sampled_from([0, 1, HOUR // 2, HOUR, 9 * HOUR, 3 * DAY])
    gaps = st.builds(
        lambda symbol, at, length, empty: Gap(symbol, at, at + length, empty),
        st.sampled_from(symbols),
        hours,
        lengths,
        st.booleans(),
    )
    return first, events, draw(st.lists(gaps, max_size=6))


def lines(events: list[Event], gaps: list[Gap]) -> list[str]:
    """The events as JSON."""
    rows: list[dict[str, Any]] = [
        {"type": e.type_name, "symbol": e.symbol, "ts_event": text(e.at)}
        | ({"interval": e.interval} if e.interval else {})
        for e in events
    ]
    for gap in gaps:
        said = {"reason": "empty", "count": 0} if gap.empty else {"reason": "disconnect"}
        times = {"ts_event": text(gap.start), "start": text(gap.start), "end": text(gap.end)}
        rows.append({"type": "gap", "symbol": gap.symbol, **times, **said})
    return [json.dumps(row) + "\n" for row in rows]


def expected(first: date, events: list[Event], gaps: list[Gap]) -> dict[Any, list[Any]]:
    """States and rows by symbol, type and interval, of a week."""
    by_kind = defaultdict(list)
    for event in events:
        by_kind[event.symbol, event.type_name, event.interval].append(event)
    return {
        key: [
            state(
                MARKETS[key[0]],
                first + timedelta(n),
                some,
                [gap for gap in gaps if gap.symbol == key[0]],
                TOLERANCE,
            )
            for n in range(7)
        ]
        for key, some in by_kind.items()
    }


def found(shell: Shell, first: date, options: str = "") -> dict[Any, list[Any]]:
    """The same as the command line says it."""
    span = f"--from {first} --to {first + timedelta(6)}"
    done = shell(f"mdc -q coverage --json --calendar '{CALENDARS}' {span} {options}")
    assert (done.status, done.err) == (0, "")
    return {
        (line["symbol"], line["type"], line.get("interval")): [
            (day["state"], day["events"]) for day in line["days"]
        ]
        for line in json.loads(done.out)["coverage"]
    }


@settings(max_examples=many(3), phases=(Phase.generate,))
@given(
    made=archives(),
    how=st.lists(st.sampled_from(HOW), min_size=1, max_size=2),
    after=st.sampled_from(["true", "mdc -q compact", "rm -r data/_mdc"]),
)
def test_random_archives(
    made: tuple[date, list[Event], list[Gap]],
    how: list[str],
    after: str,
    shell: Shell,
    tmp_path: Path,
) -> None:
    """Events come in one or two runs, each in its own way; then with or without a catalog."""
    first, events, gaps = made
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    rows = lines(events, gaps)
    for number, options in enumerate(how):
        some = "".join(rows[number :: len(how)]).encode()
        # Of one archive all parts have one layout.
        options = options if number == 0 else options.partition("--layout")[0]
        assert shell(f"mdc -q store {options}", stdin=some).status == 0
    assert shell(after).status == 0
    if events:
        told, wanted = found(shell, first), expected(first, events, gaps)
        assert {
            key: (told.get(key), days) for key, days in wanted.items() if days != told.get(key)
        } == {}
        assert told.keys() == wanted.keys()


def stored(shell: Shell, *times: str, symbol: str = "A", options: str = "") -> None:
    """Store trades at times of UTC."""
    rows = [{"type": "trade", "symbol": symbol, "ts_event": f"{at}Z", "price": 1} for at in times]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    assert shell(f"mdc -q store {options}", stdin=lines).status == 0


def days(shell: Shell, options: str, symbol: str = "A") -> str:
    """The states of a symbol's trades, and the rows of each day."""
    done = shell(f"mdc -q coverage --json --symbol {symbol} {options}")
    (line,) = json.loads(done.out)["coverage"]
    return " ".join(f"{CODE[day['state']]}{day['events']}" for day in line["days"])


SYDNEY = "--calendar XASX --from 2018-01-02 --to 2018-01-03"
OPENS = [f"2018-01-{day:02}T23:00:00" for day in (1, 2, 3, 4)]
CLOSES = [f"2018-01-{day:02}T05:00:00" for day in (2, 3, 4, 5)]
HALVES = ("2018-01-01T23:00:00", "2018-01-02T01:00:00", "2018-01-02T23:00:00")


@pytest.mark.parametrize("options", HOW)
@pytest.mark.some(2)
def test_the_next_session_of_a_utc_day_hides_nothing(options: str, shell: Shell) -> None:
    """Sydney opens at 23:00 UTC and closes at 05:00: two sessions share each UTC day."""
    stored(shell, *HALVES, "2018-01-03T05:00:00", options=options)
    assert days(shell, SYDNEY) == "+2 #2"
    stored(shell, "2018-01-02T04:59:00")
    assert days(shell, SYDNEY) == "#3 #2"
    # Nor does the earlier one hide a late begin.
    stored(shell, "2018-01-01T23:00:00", "2018-01-02T05:00:00", symbol="B")
    stored(shell, "2018-01-03T01:00:00", "2018-01-03T05:00:00", symbol="B")
    assert days(shell, SYDNEY, "B") == "#2 +2"


def test_a_half_day_that_ends_before_midnight_utc(shell: Shell) -> None:
    """The session of 2023-12-22 in Wellington: from 21:00 to 23:45 of the day before."""
    whole = ("2023-12-20T21:00:00", "2023-12-21T03:45:00", "2023-12-21T21:00:00")
    stored(shell, *whole, "2023-12-21T23:45:00")
    span = "--calendar XNZE --from 2023-12-21 --to 2023-12-23"
    assert days(shell, span) == "#2 #2 .0"
    assert days(shell, "--calendar XNZE") == "#2 #2"


def test_a_full_week_of_futures_is_whole(shell: Shell) -> None:
    """Globex trades to 16:00 in Chicago, an hour less than its calendar says."""
    week = [date(2024, 1, 8) + timedelta(n) for n in range(5)]
    clock = ((-1, "23:00:00"), (0, "12:00:00"), (0, "21:59:59"))
    stored(shell, *(f"{day + timedelta(n)}T{time}" for day in week for n, time in clock))
    for name in ("CMES", "CME", "us_futures"):
        assert days(shell, f"--calendar {name} --from 2024-01-07 --to 2024-01-13") == (
            ".0 #3 #3 #3 #3 #3 .0"
        )
    # In the hour of the halt nothing is missing, and a gap of it is none.
    gap = Gap("A", at("2024-01-08T22:00:00"), at("2024-01-08T23:00:00"), empty=False)
    assert shell("mdc -q store", stdin="".join(lines([], [gap])).encode()).status == 0
    assert days(shell, "--calendar CMES --from 2024-01-08 --to 2024-01-09") == "#3 #3"
    stored(shell, "2024-01-07T23:00:00", "2024-01-08T21:44:00", symbol="B")
    assert days(shell, "--calendar CMES --from 2024-01-08 --to 2024-01-08", "B") == "+2"


def at(moment: str) -> int:
    return to_ns(f"{moment}Z")


HOURS = ("00:00:00", "06:00:00")


def test_a_gap_at_lunch_is_no_gap(shell: Shell) -> None:
    """Tokyo pauses from 02:30 to 03:30 UTC."""
    gaps = {
        "A": ("02:30:00", "03:30:00", "#"),
        "B": ("02:29:59", "02:31:00", "+"),
        "C": ("03:29:00", "03:30:01", "+"),
        "D": ("02:00:00", "04:00:00", "+"),
        "E": ("06:00:00", "08:00:00", "#"),  # behind the close
    }
    some = [
        Gap(symbol, at(f"2024-01-10T{start}"), at(f"2024-01-10T{end}"), empty=False)
        for symbol, (start, end, _) in gaps.items()
    ]
    whole = [Event(symbol, "trade", at(f"2024-01-10T{t}")) for symbol in gaps for t in HOURS]
    assert shell("mdc -q store", stdin="".join(lines(whole, some)).encode()).status == 0
    for symbol, (*_, told) in gaps.items():
        assert days(shell, "--calendar XTKS", symbol) == f"{told}2"
    # Who confirms both halves confirms the day.
    halves = [("00:00", "02:30"), ("03:30", "06:00")]
    some = [Gap("F", at(f"2024-01-10T{a}"), at(f"2024-01-10T{b}"), empty=True) for a, b in halves]
    assert shell("mdc -q store", stdin="".join(lines([], some)).encode()).status == 0
    span = "--calendar XTKS --from 2024-01-10 --to 2024-01-10 --type trade"
    assert days(shell, span, "F") == "00"


def test_a_gap_over_several_sessions(shell: Shell) -> None:
    stored(shell, *OPENS, *CLOSES)
    gap = Gap("A", at("2018-01-02T04:59:59"), at("2018-01-03T23:00:01"), empty=False)
    assert shell("mdc -q store", stdin="".join(lines([], [gap])).encode()).status == 0
    span = "--calendar XASX --from 2018-01-02 --to 2018-01-05"
    assert days(shell, span) == "+2 +2 +2 #2"


def test_days_that_begin_and_end_within_a_session(shell: Shell) -> None:
    """`--from` and `--to` name days: a session is judged as a whole, or not shown."""
    stored(shell, *OPENS[:3], *CLOSES[:3])
    for span in (
        "--from 2018-01-03 --to 2018-01-03",
        "--from 2018-01-03T02:00:00Z --to 2018-01-03T03:00:00Z",
        "--from 2018-01-03T23:30:00Z --to 2018-01-03T23:40:00Z",
    ):
        assert days(shell, f"--calendar XASX {span}") == "#2", span
    assert days(shell, "--calendar XASX --from 2018-01-04") == "#2"
    assert days(shell, "--calendar XASX --to 2018-01-02") == "#2"


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_many_symbols_in_one_file(form: str, shell: Shell, tmp_path: Path) -> None:
    """A shared part has sessions of several markets; only what lies on an edge is read."""
    rows = [
        Event(f"{market}{n:03}", "trade", at(f"2018-01-{day}"))
        for market, times in {
            "A": ("01T23:00:00", "02T01:00:00", "02T23:00:00", "03T05:00:00"),
            "N": ("02T14:30:00", "02T20:59:00", "03T14:30:00", "03T18:00:00"),
        }.items()
        for n in range(40)
        for day in times
    ]
    text_ = "".join(lines(rows, [])).encode()
    assert shell(f"mdc -q store --format {form} --partition monthly", stdin=text_).status == 0
    done = shell("mdc -q coverage --json --calendar 'A*=XASX,N*=XNYS' --from 2018-01-02")
    states = {
        line["symbol"]: "".join(CODE[day["state"]] for day in line["days"])
        for line in json.loads(done.out)["coverage"]
    }
    assert states == {f"{m}{n:03}": s for m, s in (("A", "+#"), ("N", "#+")) for n in range(40)}


def test_sessions_of_files_without_a_catalog(shell: Shell, tmp_path: Path) -> None:
    """Plain files, of which some say of no row when it was but by its receipt."""
    archive = Archive(tmp_path / "data")
    for moment in HALVES:
        archive.at("A", "trade", f"{moment}Z")
    archive.events("A", "trade", {"ts_event": "2018-01-03T05:00:00Z"})
    assert days(shell, SYDNEY) == "+2 #2"
    folder = tmp_path / "data" / "A" / "trade"
    row = {"type": "trade", "symbol": "A", "ts_recv": "2018-01-02T04:59:00Z"}
    (folder / "2018-01-02.other.jsonl").write_text(json.dumps(row) + "\n")
    assert days(shell, SYDNEY) == "#3 #2"


def test_sessions_in_a_journal(shell: Shell, tmp_path: Path, quiet_env: dict[str, str]) -> None:
    """A store that was killed: no part has been sealed, each row is in the journal."""
    stored(shell, HALVES[0], "2018-01-02T01:00:00")
    line = "mdc store --seal-every 1h --ack"
    pipe = subprocess.PIPE
    store = subprocess.Popen(line.split(), cwd=tmp_path, env=quiet_env, stdin=pipe, stdout=pipe)
    assert store.stdin is not None and store.stdout is not None
    more = [Event("A", "trade", at(t)) for t in ("2018-01-02T04:59:00", HALVES[2])]
    with store:
        store.stdin.write("".join(lines(more, [])).encode())
        store.stdin.flush()
        assert any(b'"trade":2' in line for line in store.stdout)
        store.kill()
    assert days(shell, SYDNEY) == "#3 +1"
