"""Bars and flow are covered by interval: one does not hide that another is missing."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from msgspec.structs import replace

from mdc_core.archive.coverage.contents import PartContent
from mdc_core.archive.coverage.sessions import Calendars
from mdc_core.archive.coverage.survey import STATES, CoverageRequest, CoverageSurvey
from mdc_core.archive.write.archive import Archive as StoredArchive
from tests.conftest import Shell
from tests.pipes.coverage.coverage_days import CODE, XNYS, Archive, new_york

DAILY = ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08")


@pytest.fixture
def data(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "data")


def by_interval(shell: Shell, options: str) -> dict[str | None, str]:
    """The days of the bars of AAPL, by interval."""
    done = shell(f"mdc -q coverage --json --symbol AAPL --type bar {options}")
    assert done.status == 0, done.err
    lines = json.loads(done.out)["coverage"]
    return {line["interval"]: "".join(CODE[d["state"]] for d in line["days"]) for line in lines}


def minutes(data: Archive, day: str, first: str, last: str) -> None:
    data.bars("AAPL", "1m", new_york(day, first), new_york(day, last))


def a_week(data: Archive) -> None:
    """Daily bars of every day, and minutes of which some are missing."""
    data.bars("AAPL", "1d", *(f"{day}T00:00:00Z" for day in DAILY))
    minutes(data, "2024-01-02", "09:30", "15:59")
    minutes(data, "2024-01-03", "09:46", "15:59")
    minutes(data, "2024-01-05", "09:30", "15:44")
    minutes(data, "2024-01-08", "09:30", "15:43")


def test_daily_bars_hide_no_missing_minutes(data: Archive, shell: Shell) -> None:
    a_week(data)
    # A bar of 15:44 ends at 15:45, which is not too early.
    assert by_interval(shell, XNYS) == {"1d": "####..#", "1m": "#+x#..+"}
    assert by_interval(shell, "") == {"1d": "####xx#", "1m": "++x+xx+"}


def test_each_interval_has_a_line_in_every_map(data: Archive, shell: Shell) -> None:
    a_week(data)
    lines = shell(f"mdc coverage {XNYS}", PYTHONIOENCODING="ascii").out.splitlines()
    assert [" ".join(line.split()) for line in lines if line.startswith("AAPL")] == [
        "AAPL bar 1d ####..# 100.0 %",
        "AAPL bar 1m #+x#..+ 78.3 %",
    ]
    page = shell(f"mdc coverage {XNYS} --format html").out
    assert "<td>bar 1m</td>" in page and "<b>AAPL</b>bar 1m: 3 days" in page
    drawn = ElementTree.fromstring(shell(f"mdc coverage {XNYS} --format svg").out)
    titles = {title.text for title in drawn.iter("{http://www.w3.org/2000/svg}title")}
    assert {
        "AAPL bar 1d, Thu 2024-01-04: complete, 1 event",
        "AAPL bar 1m, Thu 2024-01-04: missing",
    } <= titles
    words = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"bar 1d", "bar 1m"} <= words
    assert shell(f"mdc coverage {XNYS} -o map.png").status == 0


def test_bars_longer_than_a_day(data: Archive, shell: Shell) -> None:
    """A week and a month are held of each of their days, also of those before --from."""
    data.bars("AAPL", "1w", "2024-01-01T00:00:00Z", "2024-01-15T00:00:00Z")
    data.bars("AAPL", "1mo", "2024-01-01T05:00:00Z")
    span = "--from 2024-01-03 --to 2024-02-02"
    assert by_interval(shell, f"{XNYS} {span}") == {
        "1mo": "###..#####...####..#####..###xx",
        "1w": "###..xxxxx..*####..xxxxx..xxxxx",
    }


def test_days_of_bars_by_any_clock(data: Archive, shell: Shell) -> None:
    """A daily bar is told at midnight of UTC or of the market, or at the open."""
    for at in ("02T00:00", "03T05:00", "04T14:30", "05T00:00"):
        data.bars("AAPL", "1d", f"2024-01-{at}:00Z")
    assert by_interval(shell, XNYS) == {"1d": "####"}
    for at in ("01T00:00", "01T13:00", "01T23:00"):
        data.bars(f"A{at[-5:-3]}", "1d", f"2024-01-{at}:00Z")
    done = shell("mdc -q coverage --json --calendar XASX --from 2024-01-01 --to 2024-01-03")
    found = {
        line["symbol"]: [day["events"] for day in line["days"]]
        for line in json.loads(done.out)["coverage"]
    }
    assert [found[symbol] for symbol in ("A00", "A13", "A23")] == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]


def test_a_bar_that_reaches_into_a_session(data: Archive, shell: Shell) -> None:
    """Bars of four hours of UTC: one that began before the open of CME holds its first hour."""
    times = [f"2024-01-{9 + h // 24:02}T{h % 24:02}:00:00Z" for h in range(20, 48, 4)]
    data.bars("ES", "4h", *times)
    data.bars("NQ", "4h", *times[1:])
    done = shell("mdc -q coverage --json --calendar CMES --from 2024-01-10 --to 2024-01-10")
    states = [line["days"][0]["state"] for line in json.loads(done.out)["coverage"]]
    assert states == ["complete", "partial"]


def test_flow_is_told_apart_by_its_windows(data: Archive, shell: Shell) -> None:
    at = {"ts_event": new_york("2024-01-03", "09:30")}
    data.events("AAPL", "flow", {**at, "interval": "1h"}, {**at, "interval": "1d"})
    found = json.loads(shell(f"mdc -q coverage --json {XNYS}").out)["coverage"]
    assert [(line["interval"], line["days"][0]["state"]) for line in found] == [
        ("1d", "complete"),
        ("1h", "partial"),
    ]


def test_an_interval_of_a_stranger(data: Archive, shell: Shell) -> None:
    data.bars("AAPL", "\x1b[2Jx" * 20, new_york("2024-01-03", "09:30"))
    data.events("AAPL", "bar", {"ts_event": new_york("2024-01-04", "12:00")})
    assert list(by_interval(shell, XNYS).values()) == ["x#", "#x"]
    for form in ("text", "html", "svg"):
        assert "\x1b" not in shell(f"mdc coverage --format {form}").out


def test_the_bars_of_a_symbol_that_is_not_held(data: Archive, shell: Shell) -> None:
    """The intervals are those of the others; where there are none, it is not said which."""
    minutes(data, "2024-01-02", "09:30", "15:59")
    done = shell(f"mdc -q coverage --json {XNYS} --symbol AAPL,SPY --type bar")
    found = [(line["symbol"], line["interval"]) for line in json.loads(done.out)["coverage"]]
    assert found == [("AAPL", "1m"), ("SPY", "1m")]
    done = shell(
        f"mdc -q coverage --json {XNYS} --symbol SPY --type flow --from 2024-01-02 --to 2024-01-02"
    )
    assert [line["interval"] for line in json.loads(done.out)["coverage"]] == [None]


def rows_of(shell: Shell) -> dict[tuple[str, str], int]:
    done = shell("mdc -q coverage --json --type bar")
    lines = json.loads(done.out)["coverage"]
    return {
        (one["symbol"], one["interval"]): sum(d["events"] for d in one["days"]) for one in lines
    }


HOW = ("", "--format jsonl", "--layout hive", "--partition none", "--format jsonl --seal-size 1KB")


@pytest.mark.parametrize("options", HOW)
@pytest.mark.some(2)
def test_a_catalog_knows_the_intervals(options: str, shell: Shell, tmp_path: Path) -> None:
    """Also of shared parts, of files that grow, behind `compact`, and when it is made again."""
    wanted = {
        (f"S{n:02}", interval): count
        for n in range(30)
        for interval, count in (("1m", 4), ("1d", 1))
    }
    lines = [
        json.dumps({"type": "bar", "symbol": s, "interval": i, "ts_event": f"2024-01-0{n + 2}"})
        for (s, i), count in wanted.items()
        for n in range(count)
    ]
    text = "".join(f"{line}\n" for line in lines).encode()
    assert shell(f"mdc -q store {options}", stdin=text).status == 0
    assert rows_of(shell) == wanted
    known = intervals(tmp_path / "data")
    assert sum(known.values()) == sum(wanted.values())
    assert shell("mdc -q verify --deep").status == 0
    for line in ("mdc -q compact", "rm data/_mdc/catalog.sqlite && mdc -q catalog rebuild"):
        assert shell(line).status == 0
        assert intervals(tmp_path / "data") == known
        assert rows_of(shell) == wanted


def intervals(root: Path) -> Counter[tuple[str | None, str | None]]:
    """The rows of each symbol and interval that the catalog's entries tell."""
    found: Counter[tuple[str | None, str | None]] = Counter()
    with StoredArchive.open(root).catalog(read_only=True) as catalog:
        for part in catalog.parts():
            assert sum(share.rows for share in part.intervals) == part.rows
            for share in part.intervals:
                found[share.symbol, share.interval] += share.rows
    return found


def test_parts_that_do_not_tell_of_intervals_are_read(shell: Shell, tmp_path: Path) -> None:
    """Those of older versions; and `verify` finds what is told wrong."""
    lines = [
        json.dumps({"type": "bar", "symbol": "A", "interval": i, "ts_event": "2024-01-02"}) + "\n"
        for i in ("1m", "1d")
    ]
    assert shell("mdc -q store", stdin="".join(lines).encode()).status == 0
    told = {("A", "1m"): 1, ("A", "1d"): 1}
    with StoredArchive.open(tmp_path / "data").catalog() as catalog:
        (part,) = catalog.parts()
        catalog.commit([replace(part, intervals=())], [part])
    assert rows_of(shell) == told
    assert shell("mdc -q verify --deep").status == 0
    with StoredArchive.open(tmp_path / "data").catalog() as catalog:
        (old,) = catalog.parts()
        wrong = (replace(part.intervals[0], rows=2), *part.intervals[1:])
        catalog.commit([replace(old, intervals=wrong)], [old])
    done = shell("mdc verify --deep")
    assert (done.status, "other events of its symbols than the catalog says" in done.out) == (
        1,
        True,
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of exchange_calendars
def test_only_parts_on_an_edge_are_read(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 16 parts those four of which the catalog does not tell enough."""
    whole, across = ("14:30", "16:00", "20:59"), ("14:00", "16:00", "21:30")
    lines = [
        json.dumps({"type": "bar", "symbol": s, "interval": "1m", "ts_event": f"2024-01-0{n}T{t}Z"})
        for s, times in (("A", whole), ("B", across))
        for n in (2, 3, 4, 5)
        for t in times
    ]
    lines += [  # after hours of two dates, which are all that their parts have
        json.dumps({"type": "trade", "symbol": "E", "ts_event": f"2024-01-0{n}T{t}Z"})
        for n in (2, 3, 4, 5)
        for t in ("00:30", "23:00")
    ]
    lines += [line.replace('"1m"', '"1d"').replace('"A"', '"D"') for line in lines if '"A"' in line]
    assert shell("mdc -q store", stdin="\n".join(lines).encode()).status == 0
    read = []

    def columns(content: PartContent, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        read.append((content.name, list(names)))
        yield from real(content, names)

    real = PartContent.columns
    monkeypatch.setattr(PartContent, "columns", columns)
    survey = CoverageSurvey(tmp_path / "data", CoverageRequest(), Calendars(["XNYS"]), 20_000)
    listed = list(survey.lines())
    states = {line.symbol: "".join(CODE[STATES[s]] for s in line.states) for line in listed}
    assert states == {"A": ".####", "B": ".++++", "D": ".####", "E": "*++++"}
    assert [line.rows.tolist() for line in listed if line.symbol == "E"] == [[1, 2, 2, 2, 1]]
    assert [Path(name).parts[-3] for name, _ in read] == ["B"] * 4
    assert [names for _, names in read] == [["ts_event", "interval"]] * 4
