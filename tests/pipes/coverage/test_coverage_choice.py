"""Which symbols, types and days `coverage` looks at; its status; what it refuses."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.pipes.coverage.coverage_days import (
    CODE,
    WHOLE,
    XNYS,
    Archive,
    new_york,
    told,
    trades,
)


def test_the_days_are_those_of_all(data: Archive, shell: Shell) -> None:
    """One that was not collected to the end shows it; `--from` and `--to` choose others."""
    data.day("AAPL", "2024-01-03")
    data.day("SPY", "2024-01-02")
    data.day("SPY", "2024-01-05")
    done = shell(f"mdc coverage --json {XNYS}")
    assert told(done) == {("AAPL", "trade"): "x#xx", ("SPY", "trade"): "#xx#"}
    said = json.loads(done.out)
    assert (said["from"], said["to"]) == ("2024-01-02", "2024-01-05")
    assert said["coverage"][0] == {
        "symbol": "AAPL",
        "type": "trade",
        "open_days": 4,
        "complete_days": 1,
        "covered": 0.25,
        "undated": 0,
        "counts": {name: {"missing": 3, "complete": 1}.get(name, 0) for name in CODE},
        "days": [
            {"day": "2024-01-02", "state": "missing", "events": 0, "covered": 0},
            {
                "day": "2024-01-03",
                "state": "complete",
                "events": 2,
                "covered": 1,
                "first": "2024-01-03T14:30:00.000000000Z",
                "last": "2024-01-03T20:59:00.000000000Z",
            },
            {"day": "2024-01-04", "state": "missing", "events": 0, "covered": 0},
            {"day": "2024-01-05", "state": "missing", "events": 0, "covered": 0},
        ],
    }
    assert trades(shell, f"{XNYS} --symbol AAPL") == "#"
    # Nothing of AAPL is there then, and still it is one of those that are collected.
    late = told(shell(f"mdc coverage --json {XNYS} --from 2024-01-04T12:00"))
    assert late == {("AAPL", "trade"): "xx", ("SPY", "trade"): "x#"}
    after = told(shell(f"mdc coverage --json {XNYS} --from 2024-01-08 --to 2024-01-08"))
    assert after == {("AAPL", "trade"): "x", ("SPY", "trade"): "x"}
    assert told(shell(f"mdc coverage --json {XNYS} --from 2024-01-08")) == after


def test_what_is_named_and_not_there(week: Archive, shell: Shell) -> None:
    found = told(shell(f"mdc coverage --json {XNYS} --symbol AAPL --symbol QQQ"))
    missing = "xxxx..x"
    assert found == {
        ("AAPL", "quote"): WHOLE,
        ("AAPL", "trade"): WHOLE,
        ("QQQ", "quote"): missing,
        ("QQQ", "trade"): missing,
    }
    assert told(shell(f"mdc coverage --json {XNYS} --symbol QQQ --type trade")) == {
        ("QQQ", "trade"): missing
    }
    assert told(shell(f"mdc coverage --json {XNYS} --symbol SPY --type book --type trade")) == {
        ("SPY", "book"): missing,
        ("SPY", "trade"): WHOLE,
    }


def test_what_is_to_come_is_not_missing(data: Archive, shell: Shell) -> None:
    data.at("AAPL", "trade", "2024-01-02T15:00:00Z")
    done = shell("mdc coverage --json --from 2024-01-01 --to 2200-01-01")
    assert told(done)["AAPL", "trade"].startswith("x+x")
    today = json.loads(done.out)["to"]
    assert abs((date.fromisoformat(today) - datetime.now(UTC).date()).days) <= 1


def test_types_that_come_irregularly(data: Archive, shell: Shell) -> None:
    data.day("AAPL", "2024-01-02")
    at = "2024-01-03T12:00:00Z"
    data.events("AAPL", "dividend", {"ts_event": at, "ex_date": "2024-01-03", "amount": 1})
    data.events(None, "connection", {"ts_event": at, "state": "up"})
    assert told(shell("mdc coverage --json")) == {("AAPL", "trade"): "+"}
    named = told(shell("mdc coverage --json --type dividend"))
    assert named == {("AAPL", "dividend"): "#"}


def test_files_of_many_days_and_of_none(data: Archive, shell: Shell) -> None:
    """A month in a file; files by receive time; events that have no time at all."""
    times = [
        new_york("2024-01-02", "09:30"),
        new_york("2024-01-02", "15:59"),
        new_york("2024-01-04", "09:30"),
        new_york("2024-01-04", "12:00"),
    ]
    rows = [{"type": "trade", "symbol": "AAPL", "ts_event": at, "price": 1} for at in times]
    (data.root / "month.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    part = "data/AAPL/trade/2024-01.run.parquet"
    assert shell(f"mdc convert data/month.jsonl -o {part} && rm data/month.jsonl").status == 0
    done = shell(f"mdc coverage --json {XNYS} --to 2024-01-05")
    assert told(done)["AAPL", "trade"] == "#x+x"
    assert [d["events"] for d in json.loads(done.out)["coverage"][0]["days"]] == [2, 0, 2, 0]
    assert trades(shell, f"{XNYS} --from 2024-01-03 --to 2024-01-04") == "x+"
    received = {"type": "trade", "symbol": "AAPL", "ts_recv": "2024-01-05T15:00:00Z"}
    folder = data.root / "AAPL" / "trade"
    (folder / "2024-01-05.run.jsonl").write_text(json.dumps(received) + "\n")
    (folder / "undated.run.jsonl").write_text('{"type":"trade","symbol":"AAPL"}\n' * 3)
    done = shell(f"mdc coverage --json {XNYS}")
    assert told(done)["AAPL", "trade"] == "#x++"  # by receive time, where there is no other
    assert json.loads(done.out)["coverage"][0]["undated"] == 3


def test_check(week: Archive, shell: Shell) -> None:
    check = f"mdc -q coverage --strict --json {XNYS}"
    assert shell(check).status == 0
    assert shell(f"{check} --to 2024-01-09").status == 1
    assert shell(f"{check} --symbol QQQ --from 2024-01-02 --to 2024-01-03").status == 1
    assert shell(f"{check} --from 2024-01-06 --to 2024-01-07").status == 0  # a weekend
    # Collecting has stopped: nothing at all is there of the day.
    assert shell(f"{check} --from 2024-01-09 --to 2024-01-09").status == 1
    week.gap(None, "2024-01-03T15:00:00Z", "2024-01-03T15:00:09Z")
    assert shell(check).status == 1
    assert shell(f"mdc coverage --json {XNYS}").status == 0
    assert shell(f"{check} --root data > x.json && mkdir e; mdc coverage --root e --strict").status


def test_an_empty_archive(data: Archive, shell: Shell) -> None:
    assert shell("mdc coverage")[:2] == (1, "")
    assert shell("mdc coverage --allow-empty")[:2] == (0, "")
    said = json.loads(shell("mdc coverage --json").out)
    assert (said["from"], said["to"], said["coverage"]) == (None, None, [])
    assert shell("mdc coverage --strict")[:2] == (1, "")
    for form in ("html", "svg", "png"):
        assert shell(f"mdc coverage -o empty.{form}").status == 1
    for chosen in ("--symbol AAPL", "--symbol AAPL --type trade"):
        done = shell(f"mdc coverage {chosen}")
        assert (done.status, "no such symbol in data: 'AAPL'" in done.err) == (1, True)
    range_ = "--from 2024-01-05 --to 2024-01-08"
    assert trades(shell, f"{XNYS} --symbol AAPL --type trade {range_}") == "x..x"


def test_a_damaged_file_is_named(week: Archive, shell: Shell) -> None:
    path = week.root / "AAPL" / "trade" / "2024-01-03.run.jsonl"
    path.write_text('{"type":"trade"\n')
    done = shell(f"mdc coverage --json {XNYS}")
    assert done.status == 65
    assert "2024-01-03.run.jsonl" in done.err
    assert len(json.loads(done.out)["coverage"]) == 4


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("mdc coverage --root nowhere", 65, "no archive at nowhere"),
        ("cd .. && mdc coverage", 65, "no archive at data"),
        ("mdc coverage --calendar XNYZ", 2, "no such calendar: 'XNYZ'; did you mean XNYS?"),
        ("mdc coverage --calendar 'BTC*=24/8'", 2, "no such calendar: '24/8'; did you mean"),
        ("mdc coverage --calendar xny", 2, "no such calendar: 'xny'; did you mean XNYS?"),
        (
            "mdc coverage --calendar weekday",
            2,
            "'weekday'; did you mean weekdays?",
        ),
        (
            "mdc coverage --calendar XSHG --to 1960-01-08 --from 1960-01-01 --symbol A --type bar",
            2,
            "the calendar XSHG does not know 1959-12-31 to 1960-01-09",
        ),
        ("mdc coverage --type trad", 2, "did you mean trade?"),
        ("mdc coverage --type gap", 2, "gap events tell of other events"),
        ("mdc coverage --tolerance soon", 2, "soon"),
        ("mdc coverage --from 2024-01-09 --to 2024-01-08", 2, "--from must be before --to"),
        ("mdc coverage --from 2200-01-01", 2, "no day to look at"),
        ("mdc coverage --from 1800-01-01", 2, "days are too many"),
        ("mdc coverage -o map.gif", 2, "end it in .text, .html, .svg, .png, .json"),
        ("mdc coverage --json --format svg", 2, "exclude each other"),
        ("touch map.svg; mdc coverage -o map.svg", 73, "--force overwrites it"),
        ("mdc coverage -o data/AAPL/trade/2024-01-02.run.jsonl/x.svg", 73, "cannot write"),
        ("mdc coverage --format html > /dev/full", 73, "cannot write"),
    ],
)
def test_errors(line: str, status: int, said: str, data: Archive, shell: Shell) -> None:
    data.day("AAPL", "2024-01-02")
    done = shell(line)
    assert done.status == status, done.err
    assert done.out == ""
    assert said in done.err


@pytest.mark.parametrize(
    ("module", "option", "extra"),
    [("exchange_calendars", XNYS, "calendar"), ("PIL", "-o map.png", "png")],
)
def test_a_missing_extra(
    module: str, option: str, extra: str, data: Archive, shell: Shell, tmp_path: Path
) -> None:
    data.day("AAPL", "2024-01-02")
    fake = tmp_path / "fake" / f"{module}.py"
    fake.parent.mkdir()
    fake.write_text("raise ModuleNotFoundError(__name__)\n")
    done = shell(f"mdc coverage {option}", PYTHONPATH=str(fake.parent))
    assert done.status == 78
    assert f"needs the Python module '{module}'" in done.err.replace("need the", "needs the")
    assert f"pip install 'market-data-collector[{extra}]'" in done.err
    assert not (tmp_path / "map.png").exists()
    assert shell("mdc coverage --calendar 24/7", PYTHONPATH=str(fake.parent)).status == 0
