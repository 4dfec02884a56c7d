"""What a verb that writes events writes: in each format, some fields, to a file, on a terminal."""

import csv
import io
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell
from tests.kit.screen import shown, written

SIM = "mdc -q stream sim SPY AAPL --limit 400 --seed 5"
VERBS = {
    "cat": "mdc cat e.jsonl",
    "head": "mdc head -n 100000 e.jsonl",
    "tail": "mdc tail -n 100000 e.jsonl",
    "validate": "mdc validate e.jsonl",
    "convert": "mdc convert e.jsonl",
    "replay": "mdc replay --speed max e.jsonl",
    "stream": SIM,
    "import": "mdc import --profile csv e.csv",
    "then": "mdc cat e.jsonl then head -n 100000",
}


@pytest.fixture
def lines(shell: Shell) -> list[str]:
    """The events of a market, in `e.jsonl`, and in `e.csv`."""
    done = shell(f"{SIM} > e.jsonl; mdc export -q --profile csv -o e.csv e.jsonl; cat e.jsonl")
    assert done.status == 0, done.err
    return done.lines


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.some(3)
def test_every_verb_writes_every_format(
    name: str, lines: list[str], shell: Shell, tmp_path: Path
) -> None:
    verb = VERBS[name]
    for form in ("jsonl", "arrow", "parquet"):
        done = shell(f"{verb} --format {form} > out; mdc -q convert out")
        assert sorted(done.lines) == sorted(lines), (form, done.err)
    assert sorted(shell(f"{verb} --plain").out.splitlines()) == sorted(lines)
    for out in ("deep/x.parquet", "x.jsonl.zst", "x.arrows", "x.csv"):
        assert shell(f"{verb} -o {out}").out == ""
    for out in ("deep/x.parquet", "x.jsonl.zst", "x.arrows"):
        assert sorted(shell(f"mdc -q cat {out}").lines) == sorted(lines), out
    exported = sorted((tmp_path / "e.csv").read_text().splitlines())
    assert sorted((tmp_path / "x.csv").read_text().splitlines()) == exported
    assert sorted(shell(f"{verb} --format csv").out.splitlines()) == exported
    rows = shell(f"{verb} --format table").out.splitlines()
    assert len(rows) == len(lines) + 2  # the day, and the names
    assert not list(tmp_path.glob("**/*.part"))


def test_a_file_that_exists_is_kept(lines: list[str], shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("mine")
    done = shell("mdc cat e.jsonl -o x.csv")
    assert done.status == 73 and "x.csv exists" in done.err and "--force" in done.err
    assert (tmp_path / "x.csv").read_text() == "mine"
    assert shell("mdc cat e.jsonl -o x.csv --force").status == 0
    assert len((tmp_path / "x.csv").read_text().splitlines()) == len(lines) + 1
    done = shell("mdc cat e.jsonl -o x.dat")
    assert done.status == 2 and "cannot tell the format of x.dat by its name" in done.err
    done = shell("mdc cat e.jsonl -o x.csv --force then head")
    assert done.status == 2 and "-o is for the last command" in done.err
    assert shell("mdc cat nothing.jsonl -o y.csv").status == 65
    assert not (tmp_path / "y.csv").exists()


def test_some_fields_in_their_order(lines: list[str], shell: Shell, tmp_path: Path) -> None:
    events = [json.loads(line, parse_float=str, parse_int=str) for line in lines]
    names = ("price", "symbol", "ts_event", "type")
    wanted = [[event.get(name) for name in names] for event in events]
    line = f"mdc cat e.jsonl --fields {','.join(names)}"
    got = [json.loads(one, parse_float=str) for one in shell(line).out.splitlines()]
    assert [list(row) for row in got] == [list(names)] * len(events)
    assert [list(row.values()) for row in got] == wanted
    rows = list(csv.reader(io.StringIO(shell(f"{line} --format csv").out)))
    assert rows == [list(names), *[[cell or "" for cell in row] for row in wanted]]
    assert shell(f"{line} --format arrow > x.arrows; {line} -o x.parquet").status == 0
    with pa.ipc.open_stream(tmp_path / "x.arrows") as stream:
        table = stream.read_all()
    assert table.column_names == list(names)
    assert pq.read_table(tmp_path / "x.parquet").equals(table)
    assert table["symbol"].to_pylist() == [row[1] for row in wanted]
    exact = [None if row[0] is None else row[0] for row in wanted]
    found = [None if v is None else f"{v.normalize():f}" for v in table["price"].to_pylist()]
    assert found == exact
    done = shell("mdc cat e.jsonl --fields symbol,pric")
    assert done.status == 2 and "no such field: 'pric'; did you mean price?" in done.err
    none = shell("mdc head -n 2 e.jsonl --fields split_to --format csv").out
    assert none == "split_to\n\n\n"


def test_csv_of_one_type_flows(lines: list[str], shell: Shell) -> None:
    trades = [json.loads(line) for line in lines if line.startswith('{"type":"trade"')]
    out = shell("mdc cat e.jsonl --type trade --format csv").out.splitlines()
    assert len(out) == len(trades) + 1 and "bid_price" not in out[0]
    one = shell("mdc cat e.jsonl --type trade --format csv | head -n 2")
    assert one.out.splitlines() == out[:2]
    assert shell("mdc head -n 0 e.jsonl --format csv").out == ""


def test_nothing_and_what_is_cut_off(lines: list[str], shell: Shell, tmp_path: Path) -> None:
    done = shell("head -n 51 e.jsonl | mdc cat -o cut.csv")
    assert done.status == 65 and "truncated input" in done.err
    rows = list(csv.DictReader(io.StringIO((tmp_path / "cut.csv").read_text())))
    assert (len(rows), rows[-1]["type"], rows[-1]["reason"]) == (51, "gap", "truncated")
    assert shell("mdc -q cat e.jsonl --format csv > /dev/full").status == 73
    assert shell("mdc -q cat e.jsonl --format parquet > /dev/full").status == 73
    assert shell("mdc -q cat e.jsonl --format parquet | head -c 4").out == "PAR1"


def test_a_variable_is_for_pipes(lines: list[str], shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc cat e.jsonl > x", MDC_WIRE="arrow").status == 0
    assert not (tmp_path / "x").read_bytes().startswith(b"{")
    assert sorted(shell("mdc cat x").lines) == sorted(lines)
    done = shell("mdc cat e.jsonl", MDC_WIRE="csv")
    assert done.status == 78 and "MDC_WIRE: 'csv' is not for pipes" in done.err


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("verb", ["cat", "head", "tail"])
@pytest.mark.some(3)
def test_a_terminal_is_shown_a_table_that_fits(
    verb: str, width: int, lines: list[str], tmp_path: Path, forked_env: dict[str, str]
) -> None:
    env = forked_env | {"MDC_WIRE": "jsonl"}
    screen = shown(f"{VERBS[verb]}", tmp_path, env, width=width)
    assert screen.wrapped == set()
    day, head, *rows = screen.lines
    assert day == "2024-01-02" and head.split()[:3] == ["ts_event", "symbol", "type"]
    times = [row for row in rows if re.match(r"14:30:\d\d\.\d+  ", row)]
    assert len(times) == len(lines)
    first = json.loads(lines[0])
    assert times[0].split()[:3] == [first["ts_event"][11:-1], first["symbol"], first["type"]]
    assert (rows[-1].startswith("not shown (--fields): ")) == (width < 200)
    assert "split_to" not in "".join(screen.lines)


def test_only_looking_verbs_show_tables(
    lines: list[str], tmp_path: Path, forked_env: dict[str, str]
) -> None:
    assert shown("mdc -q convert e.jsonl", tmp_path, forked_env, width=9999).lines == lines
    told = shown("mdc head -n 1 e.jsonl --format jsonl", tmp_path, forked_env, width=999).lines
    assert told == lines[:1]
    status, text = written("mdc cat e.jsonl --format arrow", tmp_path, forked_env)
    assert status == 2 and "arrow is not for a terminal" in text


def test_a_table_of_days_and_odd_texts(tmp_path: Path, forked_env: dict[str, str]) -> None:
    event = {
        "type": "trade",
        "symbol": "\x1b[2J東京",
        "ts_event": "2024-01-02T14:30:00Z",
        "price": 1,
    }
    later = {**event, "ts_event": "2024-01-03T14:30:00.5Z", "symbol": "A" * 99, "price": "1.250"}
    (tmp_path / "x.jsonl").write_text(f"{json.dumps(event)}\n{json.dumps(later)}\n")
    screen = shown("mdc cat x.jsonl", tmp_path, forked_env)
    assert [row.split()[:2] for row in screen.lines] == [
        ["ts_event", "symbol"],
        ["2024-01-02", "14:30:00.0"],
        ["2024-01-03", "14:30:00.5"],
    ]
    assert r"\x1b[2J東京" in screen.lines[1] and "AAA…" in screen.lines[2]
    assert [row.rstrip()[-4:] for row in screen.lines[1:]] == ["   1", "1.25"]
