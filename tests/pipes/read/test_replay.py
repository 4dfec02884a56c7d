"""`mdc replay`: what was stored comes out again, in time order, and the same each time."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell, says_nothing

SIM = "mdc -q stream sim SPY AAPL MSFT --limit 3000 --seed 3"
# received late and in another order than it happened; one was never received
LATE = (("A", 0, 40), ("B", 10, 20), ("C", 20, None), ("D", 30, 30), ("E", 35, 39))


def at(ms: int) -> str:
    return f"2024-01-02T14:30:00.{ms:03d}000000Z"


@pytest.fixture
def late(tmp_path: Path) -> Path:
    """A file of trades whose receive times are not in the order of their event times."""
    rows: list[dict[str, Any]] = []
    for symbol, event, received in LATE:
        recv = {} if received is None else {"ts_recv": at(received)}
        head = {"type": "trade", "v": "1.0.0", "symbol": symbol, "ts_event": at(event)}
        rows.append(head | recv | {"price": 1.5, "size": 2})
    path = tmp_path / "late.jsonl"
    path.write_text("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows))
    return path


def symbols(events: list[dict[str, Any]]) -> str:
    return "".join(event["symbol"] for event in events)


@pytest.mark.parametrize("speed", ["max", "1000000x"])
@pytest.mark.parametrize("layout", ["by-symbol --format parquet", "flat --format jsonl"])
@pytest.mark.some(1)
def test_a_stored_stream_comes_out_as_it_was(shell: Shell, speed: str, layout: str) -> None:
    done = shell(f"{SIM} | tee live.jsonl | mdc store --layout {layout} && cat live.jsonl")
    live = sorted(done.events, key=lambda e: e["ts_event"])
    assert len(live) == 3000
    replayed = shell(f"mdc -v replay --root data --speed {speed}")
    assert replayed.status == 0, replayed.err
    assert replayed.events == live
    assert sorted(replayed.lines) == sorted(done.lines)
    begin, end = replayed.all_events[0], replayed.all_events[-1]
    assert (begin["type"], begin["stage"]) == ("begin", "replay")
    assert (end["type"], end["reason"]) == ("end", "eof")
    assert sum(map(int, end["counts"].values())) == 3000
    assert "replay: 3000 in = 3000 out + 0 rejected + 0 dropped" in replayed.err


def test_a_file_gives_the_lines_of_the_feed_and_their_lineage(shell: Shell) -> None:
    done = shell(f"{SIM} > live.jsonl; cat live.jsonl; mdc replay --speed max live.jsonl")
    assert done.status == 0, done.err
    assert done.lines[:3000] == done.lines[3000:]
    live, replayed = (e for e in done.all_events if e["type"] == "begin")
    assert replayed["run_id"] == live["run_id"]
    assert replayed["origin"]["stage"] == "stream"


@pytest.mark.parametrize("options", ["", "--clock receive", "--speed 1000000x"])
def test_two_runs_give_the_same(shell: Shell, options: str) -> None:
    script = f"{SIM} | mdc -q store; for i in 1 2; do mdc replay --root data --speed max"
    done = shell(f"{script} {options}; done")
    assert done.status == 0, done.err
    assert len(done.lines) == 6000
    assert done.lines[:3000] == done.lines[3000:]


def test_arrow(shell: Shell) -> None:
    shell(f"{SIM} | mdc -q store")
    arrow = shell("mdc replay --root data --speed max --format arrow | mdc convert --format jsonl")
    assert arrow.status == 0, arrow.err
    assert arrow.lines == shell("mdc cat --root data").lines
    assert len(arrow.lines) == 3000


@pytest.mark.parametrize("stored", [True, False])
def test_by_receive_time(shell: Shell, late: Path, stored: bool) -> None:
    source = late.name
    if stored:
        assert shell(f"mdc store < {late.name}").status == 0
        source = "--root data"
    by_event = shell(f"mdc replay {source} --speed max")
    assert by_event.lines == late.read_text().splitlines()
    done = shell(f"mdc replay {source} --speed max --clock receive")
    assert done.status == 0, done.err
    assert symbols(done.events) == "BCDEA"
    assert sorted(done.lines) == late.read_text().splitlines()


@pytest.mark.parametrize("wire", ["jsonl", "arrow"])
@pytest.mark.parametrize("by", ["event", "receive"])
def test_event_by_event_at_its_own_pace(shell: Shell, late: Path, wire: str, by: str) -> None:
    command = f"mdc -q replay {late.name} --clock {by}"
    done = shell(f"{command} --speed 1x --format {wire} | mdc -q convert --format jsonl")
    assert done.status == 0, done.err
    assert len(done.lines) == 5
    assert done.lines == shell(f"{command} --speed max").lines


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (f"--from {at(10)} --to {at(35)}", "BCD"),
        (f"--from {at(10)[:-1]} --to 2024-01-02T14:30:00.035000001", "BCDE"),
        ("--from 2024-01-02T14:30:00.010000001Z", "CDE"),
        (f"--clock receive --from {at(30)} --to {at(40)}", "DE"),
        ("--clock receive --to 2024-01-02T14:30:00.0305", "BCD"),
        (f"--clock receive --from {at(40)} --symbol A --symbol B", "A"),
        ("--symbol B --symbol D --type trade", "BD"),
        ("--type quote", ""),
    ],
)
@pytest.mark.parametrize("source", ["late.jsonl", "--root data"])
@pytest.mark.some(6)
def test_ranges(shell: Shell, late: Path, options: str, expected: str, source: str) -> None:
    assert shell(f"mdc store < {late.name}").status == 0
    done = shell(f"mdc -v replay {source} --speed max {options}")
    assert done.status == (0 if expected else 1), done.err
    assert symbols(done.events) == expected
    assert f"= {len(expected)} out + 0 rejected" in done.err
    total = [int(word) for word in done.err.split() if word.isdigit()]
    assert total[0] == sum(total[1:])


def test_files_and_archives_and_a_pipe_are_merged(shell: Shell, late: Path) -> None:
    done = shell(
        f"grep '\"[AC]\"' {late.name} | mdc -q store --root one;"
        f"grep '\"[BE]\"' {late.name} | tac > two.jsonl;"
        f"grep '\"D\"' {late.name} | mdc -v replay one two.jsonl - --speed max"
    )
    assert done.status == 0, done.err
    assert symbols(done.events) == "ABCDE"
    assert "5 in = 5 out" in done.err


@pytest.mark.parametrize(
    ("lines", "expected", "reason"),
    [
        ("a\nb\nc\n", "ABC", "limit"),
        ("\n\nx", "ABC", "limit"),
        ("", "", "limit"),
        ("\n" * 5, "ABCDE", "eof"),
        ("\n" * 99, "ABCDE", "eof"),
    ],
)
@pytest.mark.parametrize("source", ["late.jsonl", "--root data", ""])
@pytest.mark.some(5)
def test_step(
    shell: Shell, late: Path, lines: str, expected: str, reason: str, source: str
) -> None:
    assert shell(f"mdc store < {late.name}").status == 0
    done = shell(f"mdc -v replay --step {source}", stdin=lines.encode())
    assert done.status == 0, done.err
    assert symbols(done.events) == expected
    assert done.all_events[-1]["reason"] == reason
    # A file is read whole; of an archive no part is opened before its time has come.
    read = 5 if source == late.name else min(len(expected) + 1, 5)
    skipped = f" + {read - len(expected)} skipped\n" if read > len(expected) else "\n"
    assert f"{read} in = {len(expected)} out + 0 rejected + 0 dropped{skipped}" in done.err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--speed max -n 3 late.jsonl", "ABC"),
        ("--speed max --clock receive --limit 3 late.jsonl", "BCD"),
        ("--speed max --limit 3 --symbol B,D late.jsonl", "BD"),
        ("--speed 0.000000001x --limit 1 late.jsonl", "A"),  # the next is due in a year
        ("--step --limit 2 late.jsonl", "AB"),
        ("--speed max --limit 9 late.jsonl", "ABCDE"),
    ],
)
@pytest.mark.usefixtures("late")
def test_limit(shell: Shell, line: str, expected: str) -> None:
    done = shell(f"mdc -q replay {line}", stdin=b"\n" * 9)
    assert (done.status, symbols(done.events)) == (0, expected), done.err
    limited = len(expected) == int(line.replace("-n", "--limit").split("--limit ")[1][0])
    assert done.all_events[-1]["reason"] == ("limit" if limited else "eof")


def test_step_answers_each_line(shell: Shell, late: Path) -> None:
    done = shell(
        f"""
        coproc mdc -q replay --step {late.name}
        ask() {{ echo >&"${{COPROC[1]}}"; read -r line <&"${{COPROC[0]}}"; echo "$line"; }}
        echo >&"${{COPROC[1]}}"; read -r begin <&"${{COPROC[0]}}"
        read -r line <&"${{COPROC[0]}}"; echo "$line"
        ask; ask; ask
        """
    )
    assert done.status == 0, done.err
    assert symbols(done.events) == "ABCD"


@pytest.fixture
def hours_apart(tmp_path: Path) -> None:
    """A file of two events with two hours between them."""
    line = '{{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T{}:00:00Z","price":1}}\n'
    (tmp_path / "hours.jsonl").write_text(line.format(14) + line.format(16))


@pytest.mark.parametrize("manner", ["--speed 1x", "--speed 0.000000001x", "--step"])
@pytest.mark.parametrize("number", ["INT", "TERM"])
def test_a_signal_ends_the_wait(shell: Shell, hours_apart: None, manner: str, number: str) -> None:
    done = shell(
        f"""
        mkfifo lines
        mdc -v replay {manner} hours.jsonl < lines > out &
        exec 5> lines
        echo >&5
        until grep -q trade out; do sleep .02; done
        kill -{number} $!
        wait $! && cat out
        """
    )
    assert done.status == 0, done.err
    assert [event["type"] for event in done.all_events] == ["begin", "trade", "end"]
    assert done.all_events[-1]["reason"] == "signal"
    assert "2 in = 1 out + 0 rejected + 0 dropped + 1 skipped" in done.err


def test_a_reader_that_goes_away(shell: Shell, hours_apart: None) -> None:
    done = shell("mdc -q replay --speed 1000000x hours.jsonl | head -n 2")
    assert done.status in (0, 141), done.err
    assert [event["type"] for event in done.all_events] == ["begin", "trade"]


def test_bad_lines_and_truncation_are_told(shell: Shell, late: Path) -> None:
    with late.open("a") as file:
        file.write("not json\n")
    done = shell(f"mdc replay --speed max {late.name}")
    assert done.status == 0, done.err
    assert "6 in = 5 out + 1 rejected + 0 dropped" in done.err
    assert shell(f"mdc replay --speed max --strict {late.name}").status == 1
    cut = shell(f"{SIM} | head -n 10 > cut.jsonl; mdc replay --speed max cut.jsonl")
    assert cut.status == 65
    assert [e["type"] for e in cut.all_events][-2:] == ["gap", "end"]
    assert cut.all_events[-1]["reason"] == "truncated"
    assert shell("mdc -q replay --speed max --partial cut.jsonl").status == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("--speed fast late.jsonl", 2, "is not a speed"),
        ("--speed 0x late.jsonl", 2, "is not a speed"),
        ("--clock vendor late.jsonl", 2, "--clock"),
        ("--type trad late.jsonl", 2, "trade"),
        ("--from yesteryear late.jsonl", 2, "--from"),
        ("--step --speed 10x late.jsonl", 2, "--step goes without --speed"),
        ("--step -", 2, "--step reads its lines from standard input"),
        ("--step", 65, "no archive at data"),
        ("nowhere.jsonl", 65, "no such file or directory: nowhere.jsonl"),
        ("--root nowhere", 65, "no archive at nowhere"),
    ],
)
def test_bad_requests(shell: Shell, late: Path, arguments: str, status: int, message: str) -> None:
    done = shell(f"mdc replay {arguments}")
    assert done.status == status
    assert says_nothing(done.out)
    assert message in done.err
