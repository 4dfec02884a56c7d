"""The last command of a pipe knows whether what reached it is whole, or says what is not."""

import json
import random
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from tests.conftest import Shell, is_control

STREAM = "mdc stream sim SPY AAPL --seed 3 --limit 5000"


def test_begin_and_end_frame_every_stream(shell: Shell) -> None:
    done = shell(f"{STREAM} | mdc validate | mdc head -n 4000")
    first, *between, last = done.all_events
    assert (first["type"], first["stage"], first["provider"]) == ("begin", "head", "sim")
    validate = first["origin"]
    stream = validate["origin"]
    assert [validate["stage"], stream["stage"]] == ["validate", "stream"]
    assert len({event["run_id"] for event in (first, validate, stream, last)}) == 1
    assert stream["request"]["symbols"] == ["SPY", "AAPL"]
    assert first["versions"]["trade"] == "1.0.0"
    assert (last["type"], last["reason"]) == ("end", "limit")
    counted: dict[str, int] = {}
    for event in between:
        counted[event["type"]] = counted.get(event["type"], 0) + 1
    assert {name: int(count) for name, count in last["counts"].items()} == counted
    assert sum(counted.values()) == 4000


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("stream alpacca A", 2),
        ("streem sim A", 2),
        ("--quiet --root d streem sim A", 2),
        ("then stream sim A", 2),
        ("stream sim A then foo", 2),
        ("stream", 2),
        ("stream sim A --bogus", 2),
        ("stream sim A --limit x", 2),
        ("stream sim A then", 2),
        ("import --profile nope x.csv", 2),
        ("import --profile csv nope.csv --type trade", 65),
        ("import --profile lean nope", 65),
        ("cat --from yesterdy", 2),
        ("cat nope.jsonl", 65),
        ("replay --root nope", 65),
        ("convert --format x", 2),
        ("validate --check nope", 2),
        ("stream alpaca A", 78),
    ],
)
@pytest.mark.parametrize("sink", ["store", "count", "publish http http://127.0.0.1:9 --dry-run"])
@pytest.mark.some(12)
def test_a_sink_knows_of_a_source_that_could_not_begin(
    line: str, status: int, sink: str, shell: Shell, tmp_path: Path
) -> None:
    done = shell(f"mdc {line} | mdc {sink}; echo ${{PIPESTATUS[*]}}")
    assert done.out.splitlines()[-1] == f"{status} 65", done
    assert "ended with an error" in done.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "line",
    [
        "store --bogus",
        "ls --bogus",
        "lss",
        "stroe",
        "--bogus",
        "stream sim A then store --bogus",
        "stream sim A then coun",
        "inspct convert",  # only the word in the place of the verb counts
        "shel --root tail",
        "streem --help",
        "stream sim A then validat -h",
    ],
)
def test_what_writes_no_events_writes_none_for_its_mistakes(line: str, shell: Shell) -> None:
    done = shell(f"mdc {line}")
    assert (done.status, done.out) == (2, "")


@pytest.mark.parametrize("wire", ["jsonl", "arrow"])
def test_a_whole_pipe_says_so(wire: str, shell: Shell) -> None:
    done = shell(f"{STREAM} | mdc validate | mdc store --root data", MDC_WIRE=wire, MDC_VERBOSE="1")
    assert done.status == 0
    assert "stream: 5000 in = 5000 out + 0 rejected + 0 dropped" in done.err
    assert "validate: 5000 in = 5000 out" in done.err.replace("5001", "5000")
    assert "truncated" not in done.err


def test_a_truncated_input_is_stored_and_said(shell: Shell, tmp_path: Path) -> None:
    shell(f"{STREAM} > whole.jsonl && head -n 1000 whole.jsonl > cut.jsonl")
    last = json.loads((tmp_path / "cut.jsonl").read_text().splitlines()[-1])
    done = shell("mdc store --root data < cut.jsonl")
    assert done.status == 65
    assert "truncated input: <stdin>: no `end` event" in done.err
    events = shell("mdc cat --root data").events
    (gap,) = [event for event in events if event["type"] == "gap"]
    assert (gap["reason"], gap["start"], gap.get("end"), gap.get("count")) == (
        "truncated",
        last["ts_event"],
        None,
        None,
    )
    assert len(events) == 999 + 1
    assert shell("mdc store --root more --partial < cut.jsonl").status == 0


def test_truncation_is_passed_on(shell: Shell) -> None:
    shell(f"{STREAM} > whole.jsonl && head -n 1000 whole.jsonl > cut.jsonl")
    done = shell("cat cut.jsonl | mdc validate --partial | mdc convert | mdc head -n 2000")
    assert done.status == 65
    *events, end = done.all_events
    assert end["reason"] == "truncated"
    assert [e["reason"] for e in events if e["type"] == "gap"] == ["truncated"]
    assert done.err.count("truncated input") == 3


def test_a_filter_on_the_way_is_noticed(shell: Shell) -> None:
    cut = f"{STREAM} | jq -c 'select(.type != \"trade\")'"
    done = shell(f"{cut} | mdc validate > out.jsonl; echo $?")
    assert done.out == "0\n"
    assert "stream wrote other counts than arrived: trade 0 of" in done.err
    findings = [e for e in shell("cat out.jsonl").events if e["type"] == "integrity"]
    assert [(f["check"], f["severity"]) for f in findings if f["check"] == "accounting"] == [
        ("accounting", "warning")
    ]
    assert shell(f"{cut} | mdc store --root data --strict").status == 65
    assert shell(f"{cut} | mdc store --root data").status == 0


def test_an_input_that_ended_with_an_error_is_told(shell: Shell) -> None:
    shell(f"{STREAM} --defects bad=1 > e.jsonl")
    done = shell("mdc validate e.jsonl --on-fail stop | mdc store --root data")
    assert done.status == 65  # that of validate
    assert "mdc store: validate ended with an error" in done.err
    told = [
        e
        for e in shell("mdc cat --root data --type integrity").events
        if e["check"] == "accounting"
    ]
    assert [e["message"] for e in told] == ["validate ended with an error"]


def test_counts_that_are_no_numbers_are_a_mismatch(shell: Shell) -> None:
    begin = '{"type":"begin","run_id":"r","stage":"s"}'
    end = '{"type":"end","run_id":"r","stage":"s","counts":{"trade":"x"},"reason":"eof"}'
    trade = '{"type":"trade","symbol":"A"}'
    done = shell(f"echo '{begin}\n{trade}\n{end}' | sed 's/\\\\n/\\n/g' | mdc validate")
    assert "s wrote other counts than arrived: trade 1 of 0" in done.err


def test_a_stage_without_a_name_is_not_called_none(shell: Shell, tmp_path: Path) -> None:
    lines = ['{"type":"begin"}', '{"type":"trade"}', '{"type":"end","counts":{"trade":2}}']
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    done = shell("mdc validate x.jsonl")
    assert "a stage without a name wrote other counts than arrived: trade 1 of 2" in done.err
    assert "None" not in done.err + done.out


def test_a_plain_file_is_taken_as_it_is(shell: Shell) -> None:
    shell(f'{STREAM} | grep -Ev \'"type":"(begin|end)"\' > plain.jsonl')
    done = shell("mdc store --root data < plain.jsonl")
    assert done.status == 0
    assert "truncated" not in done.err and "counts" not in done.err


def test_two_streams_behind_each_other(shell: Shell) -> None:
    done = shell(f"({STREAM}; {STREAM}) | mdc store --root data")
    assert done.status == 0
    done = shell(f"({STREAM} | head -n 50; {STREAM}) | mdc store --root data")
    assert done.status == 65


def test_rejections_are_counted(shell: Shell) -> None:
    shell(f"{STREAM} > e.jsonl")
    bad = "(head -n 100 e.jsonl; echo nonsense; tail -n +101 e.jsonl)"
    done = shell(f"{bad} | mdc validate --quarantine aside.jsonl | mdc store --root data")
    assert done.status == 0
    assert "1 rejected" in done.err
    assert "<stdin>: line 101: not JSON" in done.err
    aside = json.loads(shell("cat aside.jsonl").out)
    assert (aside["line"], aside["text"]) == (101, "nonsense")
    assert shell(f"{bad} | mdc validate --strict > /dev/null").status == 1
    # A line that was damaged on the way is missing from the counts, and that is explained.
    damaged = "sed '200s/^./x/' e.jsonl"
    done = shell(f"{damaged} | mdc store --root more")
    assert done.status == 0
    assert "other counts" not in done.err


def test_without_a_home_bad_lines_are_set_aside_all_the_same(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = shell(
        "(echo nonsense; mdc stream sim SPY --limit 3) | mdc store --root data",
        XDG_STATE_HOME=str(tmp_path / "file"),
        TMPDIR=str(tmp_path),
    )
    assert done.status == 0
    (folder,) = tmp_path.glob("mdc-*")
    (aside,) = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700  # nobody else can read it
    assert json.loads(aside.read_text())["text"] == "nonsense"
    assert str(aside) in done.err
    done = shell("echo nonsense | mdc validate --quarantine file/aside")
    assert done.status == 73
    assert "cannot write file/aside: Not a directory" in done.err


def test_what_only_looks_at_a_file_writes_nothing_anywhere(shell: Shell, tmp_path: Path) -> None:
    """The bad line is told, and stays where it is; what a filter rejects of a pipe is kept."""
    assert shell("(mdc stream sim SPY --limit 3; echo nonsense) > bad.jsonl").status == 0
    home = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": "", "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "home").mkdir()
    (tmp_path / "tmp").mkdir()

    def written() -> list[Path]:
        return [p for name in ("home", "tmp") for p in (tmp_path / name).rglob("*") if p.is_file()]

    for line in (
        "mdc cat bad.jsonl",
        "cat bad.jsonl | mdc cat",
        "mdc replay --speed max < bad.jsonl",
        "mdc count bad.jsonl",
        "mdc count < bad.jsonl",
        "mdc head -n 100 bad.jsonl",
        "mdc tail bad.jsonl",
        "mdc replay bad.jsonl",
        "mdc validate bad.jsonl",
        "mdc convert bad.jsonl -o x.parquet --force",
        "mdc convert bad.jsonl --format arrow > /dev/null",
        "mdc export --profile csv bad.jsonl --type trade -o x.csv",
        "mdc store --dry-run < bad.jsonl",
        "mdc publish http http://127.0.0.1:9 bad.jsonl --dry-run",
    ):
        done = shell(line, **home)
        assert "line 6: not JSON" in done.err, line
        assert "rejected (--quarantine FILE keeps the text)" in done.err, line
        assert written() == [], line
    assert shell("mdc count bad.jsonl --quarantine aside", **home).status == 0
    assert json.loads((tmp_path / "aside").read_text())["text"] == "nonsense"
    assert shell("cat bad.jsonl | mdc convert | mdc count", **home).status == 0
    (aside,) = written()
    assert json.loads(aside.read_text())["text"] == "nonsense"


def test_a_home_that_is_not_there_is_not_made(shell: Shell, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path / "none"), "XDG_STATE_HOME": "", "TMPDIR": str(tmp_path)}
    assert shell("(echo nonsense; mdc stream sim SPY --limit 3) | mdc store", **home).status == 0
    assert not (tmp_path / "none").exists()


def test_nothing_readable_is_an_error(shell: Shell) -> None:
    done = shell("mdc validate", stdin=b"\x89PNG\r\n\x1a\n and so on\n")
    assert done.status == 65
    assert done.lines == []


def test_an_empty_input_is_fine(shell: Shell) -> None:
    done = shell("mdc validate < /dev/null")
    assert done.status == 0
    assert [event["type"] for event in done.all_events] == ["begin", "end"]


class Pipeline:
    """`stream | validate | store` with a tap in front of one of the last two."""

    def __init__(self, env: dict[str, str], cwd: Path, tap: int) -> None:
        commands = [
            ["mdc", "stream", "sim", "SPY", "AAPL", "--seed", "5"],
            ["mdc", "validate"],
            ["mdc", "store", "--root", "data"],
        ]
        self.processes: list[subprocess.Popen[bytes]] = []
        self.upper: IO[bytes]
        self.lower: IO[bytes]
        previous: IO[bytes] | None = None
        for number, command in enumerate(commands):
            stdin: IO[bytes] | int | None = previous
            if number == tap:
                stdin = subprocess.PIPE
            with (cwd / f"{command[1]}.err").open("wb") as err:
                process = subprocess.Popen(
                    command,
                    stdin=stdin,
                    stdout=subprocess.PIPE if number < 2 else None,
                    stderr=err,
                    cwd=cwd,
                    env=env,
                )
            if number == tap:
                assert previous is not None and process.stdin is not None
                self.upper, self.lower = previous, process.stdin
            elif previous is not None:
                previous.close()
            previous = process.stdout
            self.processes.append(process)

    def relay(self, lines: int) -> list[str]:
        """Let so many lines through the tap."""
        passed = []
        for _ in range(lines):
            line = self.upper.readline()
            passed.append(line.decode().rstrip("\n"))
            self.lower.write(line)
        return passed

    def drain(self) -> list[str]:
        """Let everything through that still comes; the last line may be cut."""
        rest = self.upper.read()
        self.lower.write(rest)
        self.lower.close()
        self.upper.close()
        return rest.decode().splitlines()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.some(2)
def test_kill_9_in_the_middle_of_a_pipe(
    victim: int, seed: int, quiet_env: dict[str, str], tmp_path: Path, shell: Shell
) -> None:
    """Those behind the killed one keep what reached them, say it is truncated, exit 65."""
    moment = random.Random(seed * 2 + victim).randrange(1, 20_000)
    pipeline = Pipeline(quiet_env, tmp_path, tap=victim + 1)
    passed = pipeline.relay(moment)
    pipeline.processes[victim].send_signal(signal.SIGKILL)
    passed += pipeline.drain()
    statuses = [process.wait() for process in pipeline.processes]
    assert statuses[victim] == -signal.SIGKILL
    assert statuses[victim + 1 :] == [65] * (2 - victim)
    for process in ("validate", "store")[victim:]:
        assert "truncated" in (tmp_path / f"{process}.err").read_text()
    whole = [line for line in passed if not is_control(line) and line.endswith("}")]
    stored = shell("mdc cat --root data")
    key: Callable[[dict[str, str]], tuple[str, ...]] = lambda e: (  # noqa: E731
        e["type"],
        e.get("symbol", ""),
        e.get("ts_event", ""),
        e.get("seq", ""),
    )
    sent = [json.loads(line, parse_int=str, parse_float=str) for line in whole]
    kept = [event for event in stored.events if event["type"] != "gap"]
    assert sorted(map(key, kept)) == sorted(map(key, sent))
    assert [e["reason"] for e in stored.events if e["type"] == "gap"] == ["truncated"]


def test_kill_9_of_the_last_command_ends_those_before_it(
    quiet_env: dict[str, str], tmp_path: Path
) -> None:
    pipeline = Pipeline(quiet_env, tmp_path, tap=1)
    pipeline.relay(5_000)
    pipeline.processes[2].send_signal(signal.SIGKILL)
    with pytest.raises(BrokenPipeError):
        pipeline.relay(10_000_000)
    with suppress(BrokenPipeError):
        pipeline.lower.close()
    pipeline.upper.close()
    statuses = [process.wait() for process in pipeline.processes]
    assert statuses == [141, 141, -signal.SIGKILL]
    assert not list((tmp_path / "data").rglob("*.parquet"))


@pytest.mark.parametrize("wire", ["jsonl", "arrow"])
def test_ctrl_c_reaches_the_whole_pipe_and_nothing_is_lost(wire: str, shell: Shell) -> None:
    """The source ends its stream, the others go on to its end."""
    done = shell(
        f"""
        set -m
        export MDC_WIRE={wire}
        (mdc stream sim SPY --seed 2 | (trap '' INT; tee raw) | mdc validate |
            mdc store --root data) 2> err &
        job=$!
        until [ "$(stat -c %s raw 2>/dev/null || echo 0)" -gt 300000 ]; do sleep .02; done
        kill -INT -- -$job
        wait $job; status=$?
        cat err >&2; exit $status
        """
    )
    assert done.status == 0, done.err
    assert "truncated" not in done.err
    if wire == "jsonl":
        assert shell("tail -n 1 raw").all_events[0]["reason"] == "signal"
    sent = shell("mdc convert raw 2>/dev/null").all_events
    kept = [e for e in shell("mdc cat --root data").events if e["type"] != "integrity"]
    assert len(kept) == len(sent) - 2


def test_head_ends_the_commands_before_it_quietly(shell: Shell) -> None:
    done = shell("mdc stream sim SPY | mdc validate | mdc head -n 5; echo ${PIPESTATUS[@]}")
    *_, statuses = done.out.splitlines()
    assert statuses == "141 141 0"
    assert "roken" not in done.err
