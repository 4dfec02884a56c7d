"""The last events, and how many there are: `tail` and `count`."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Shell

EVENTS = "mdc stream sim SPY AAPL --limit 3000 --seed 5"
MIDDLE = "2024-01-02T14:30:00.8"


@pytest.fixture
def lines(shell: Shell) -> list[str]:
    """The canonical lines of some events, in events.jsonl and in data/ as well."""
    done = shell(f"{EVENTS} | mdc convert | tee events.jsonl")
    assert shell("mdc store < events.jsonl").status == 0
    return done.lines


def trades(days: list[str], per_day: int = 2) -> str:
    """Trades of some days, each day's latest first."""
    return "".join(
        f'{{"type":"trade","symbol":"SPY","ts_event":"{day}T00:00:0{n}Z","trade_id":"{day}/{n}"}}\n'
        for day in days
        for n in reversed(range(per_day))
    )


@pytest.mark.parametrize("number", [0, 1, 7, 2999, 3000, 5000])
@pytest.mark.some(2)
def test_tail_is_the_end_of_cat(number: int, lines: list[str], shell: Shell) -> None:
    whole = shell("mdc cat --root data").lines
    assert sorted(whole) == sorted(lines)
    wanted = whole[len(whole) - min(number, len(whole)) :]
    for source in ("--root data", "data"):
        done = shell(f"mdc tail -n {number} {source}")
        assert done.status == 0, done.err
        assert done.lines == wanted
    assert done.all_events[0]["type"] == "begin"
    assert sum(map(int, done.all_events[-1]["counts"].values())) == len(wanted)
    assert (
        shell(f"mdc tail -n {number} events.jsonl").lines
        == shell(f"mdc cat events.jsonl | grep -v run_id | tail -n {number}").lines
    )


def test_tail_of_a_pipe_and_by_symbol_and_type(lines: list[str], shell: Shell) -> None:
    wanted = [line for line in lines if '"SPY"' in line and line.startswith('{"type":"trade"')]
    piped = shell("cat events.jsonl | mdc -v tail -n 4 --symbol SPY --type trade")
    assert (piped.status, piped.lines) == (0, wanted[-4:])
    assert "3000 in = 4 out + 0 rejected + 0 dropped + 2996 skipped" in piped.err
    stored = shell("mdc tail -n 4 --root data --symbol SPY --type trade --format arrow | mdc cat")
    assert (stored.status, stored.lines) == (0, wanted[-4:])


def test_only_the_latest_periods_are_read(shell: Shell, tmp_path: Path) -> None:
    days = [f"2024-01-0{n}" for n in (3, 1, 4, 2)]
    (tmp_path / "days.jsonl").write_text(trades(days))
    assert shell("mdc store < days.jsonl").status == 0
    for path in tmp_path.glob("data/SPY/trade/2024-01-0[12].*"):
        path.write_bytes(b"not Parquet")
    done = shell("mdc tail -n 3 --root data")
    assert done.status == 0, done.err
    ids = [event["trade_id"] for event in done.events]
    assert ids == ["2024-01-03/1", "2024-01-04/0", "2024-01-04/1"]
    further = shell("mdc tail -n 5 --root data")
    assert further.status == 65
    assert "2024-01-02." in further.err


def test_equal_times_keep_their_order(shell: Shell, tmp_path: Path) -> None:
    row = '{{"type":"trade","symbol":"{}","ts_event":"2024-01-02T00:00:00Z","seq":{}}}\n'
    text = "".join(row.format("AB"[n % 2], n) for n in range(9))
    (tmp_path / "given.jsonl").write_text(text)
    assert shell("mdc convert given.jsonl -o same.jsonl").status == 0
    assert shell("mdc store < same.jsonl").status == 0
    assert shell("mdc tail -n 3 same.jsonl").lines == shell("mdc cat same.jsonl").lines[-3:]
    assert shell("mdc tail -n 6 data").lines == shell("mdc cat data").lines[-6:]
    both = shell("mdc cat same.jsonl data").lines
    assert shell("mdc tail -n 12 same.jsonl --root data").lines == both[-12:]


def test_tail_of_what_has_no_time(shell: Shell, tmp_path: Path) -> None:
    untimed = '{"type":"trade","symbol":"SPY","trade_id":"none"}\n'
    received = '{"type":"trade","symbol":"SPY","ts_recv":"2024-01-09T00:00:00Z"}\n'
    (tmp_path / "e.jsonl").write_text(trades(["2024-01-02"]) + untimed + received)
    assert shell("mdc store --partition none < e.jsonl && mdc store --again < e.jsonl").status == 0
    for number in range(9):
        wanted = shell("mdc cat data").lines[8 - number :]
        assert shell(f"mdc tail -n {number} data").lines == wanted


def test_control_events_are_not_among_the_last(shell: Shell, tmp_path: Path) -> None:
    beat = '{"type":"heartbeat","ts_event":"2025-01-01T00:00:00Z"}\n'
    (tmp_path / "e.jsonl").write_text(trades(["2024-01-02"]) + beat * 3)
    assert [e["trade_id"] for e in shell("mdc tail -n 1 e.jsonl").events] == ["2024-01-02/1"]
    done = shell("mdc -v count --json e.jsonl")
    assert json.loads(done.out) == {"counts": {"trade": 2}, "total": 2}
    assert "5 in = 2 out + 0 rejected + 0 dropped + 3 skipped" in done.err


def test_more_is_read_than_is_held(shell: Shell, tmp_path: Path) -> None:
    done = shell("mdc stream sim SPY --limit 200000 --seed 2 | tee e.jsonl | mdc tail -n 100")
    assert done.status == 0, done.err
    text = (tmp_path / "e.jsonl").read_text().split("\n")[1:-2]
    assert [event["seq"] for event in done.events] == [
        str(json.loads(line)["seq"]) for line in text[-100:]
    ]


@pytest.mark.parametrize("verb", ["tail", "count"])
def test_truncated_and_bad_input(verb: str, lines: list[str], shell: Shell) -> None:
    cut = shell(f"head -n 100 events.jsonl | mdc {verb}")
    assert cut.status == 65
    assert "truncated input" in cut.err
    assert shell(f"head -n 100 events.jsonl | mdc {verb} --partial").status == 0
    bad = shell(f"(echo nonsense; echo '{lines[0]}') | mdc {verb} --strict --quarantine q")
    assert bad.status == 1
    assert "line 1" in bad.err


def test_count_by_type(lines: list[str], shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "z.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    wanted = Counter(json.loads(line)["type"] for line in lines)
    for source in ("--root data", "data", "events.jsonl", "- < events.jsonl", "z.jsonl.gz"):
        done = shell(f"mdc count --json {source}")
        assert done.status == 0, done.err
        assert json.loads(done.out) == {"counts": wanted, "total": 3000}, source
    twice = shell("mdc count --json events.jsonl --root data")
    assert json.loads(twice.out)["total"] == 6000
    part = next(tmp_path.glob("data/SPY/trade/*"))
    spy = sum('"SPY"' in line and '"type":"trade"' in line for line in lines)
    assert shell(f"mdc count {part}").out.split() == [
        "TYPE",
        "EVENTS",
        "trade",
        f"{spy:,}",
        "total",
        f"{spy:,}",
    ]


@pytest.mark.parametrize("source", ["--root data", "events.jsonl"])
def test_count_by_time_symbol_and_type(source: str, lines: list[str], shell: Shell) -> None:
    events = [json.loads(line) for line in lines]
    quotes = [e for e in events if e["type"] == "quote" and e["symbol"] == "AAPL"]
    late = sum(e["ts_event"] >= MIDDLE for e in quotes)
    assert 0 < late < len(quotes)
    select = f"mdc count {source} --json --symbol AAPL --type quote"
    for span, number in (
        ("", len(quotes)),
        (f"--from {MIDDLE}Z", late),
        (f"--to {MIDDLE}Z", len(quotes) - late),
        ("--from 2024-01-02 --to 2024-01-02", len(quotes)),
        ("--from 2024-01-03", 0),
        (f"--from {quotes[-1]['ts_event']}", 1),
        (f"--to {quotes[0]['ts_event']}", 0),
    ):
        done = shell(f"{select} {span}")
        assert done.status == (0 if number else 1), done.err
        assert json.loads(done.out)["total"] == number, span


@pytest.mark.parametrize("verb", ["tail", "count"])
@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        ("< /dev/null", 65, "no archive at data"),
        ("--root nowhere", 65, "no archive at nowhere"),
        ("nofile", 65, "no such file or directory: nofile"),
        ("--type trad --root .", 2, "did you mean trade?"),
        ("bad.parquet", 65, "bad.parquet"),
        (". ", 65, "bad.parquet"),
    ],
)
def test_errors(verb: str, args: str, status: int, said: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 is all there is PAR1")
    done = shell(f"mdc {verb} {args}")
    assert done.status == status
    assert said in done.err
