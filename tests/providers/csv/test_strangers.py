"""A table of others in the place of events is recognised, and the command that imports it named."""

import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell

CSV = "timestamp,symbol,px,qty\n2024-01-02 14:30:00,SPY,470.01,100\n"
LINES = '{"ts":1704205800000,"sym":"SPY","price":470.01,"size":100}\n'
VERBS = ["cat", "validate", "convert", "count", "head", "store --root data <", "inspect"]


def put(folder: Path) -> None:
    (folder / "t.csv").write_text(CSV)
    (folder / "t.jsonl").write_text(LINES)
    times = pa.array([1_704_205_800_000_000], pa.timestamp("us"))
    made = {"time": times, "symbol": ["SPY"], "price": [470.01], "size": [100]}
    pq.write_table(pa.table(made), folder / "t.parquet")
    # As pandas writes it of columns with the names of mdc: all is there, but floats are not exact.
    times = pa.array(["2024-01-02T14:30:00Z"])
    ours = {"type": ["trade"], "ts_event": times, "symbol": ["SPY"], "price": [470.01]}
    pq.write_table(pa.table({**ours, "size": [100.0]}), folder / "ours.parquet")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "ours.parquet"])
@pytest.mark.some(9)
def test_each_verb_names_the_command(shell: Shell, tmp_path: Path, verb: str, name: str) -> None:
    put(tmp_path)
    done = shell(f"mdc {verb} {name}")
    assert done.status == 65, done.out
    assert "not events of mdc" in done.err and "Traceback" not in done.err
    (command,) = [line for line in done.err.splitlines() if "mdc import --profile" in line]
    words = shlex.split(command[command.index("mdc import --profile") :])
    if "<" in verb:
        assert words[4] == "-"
        words[4] = name
    done = shell(shlex.join(words))
    assert done.status == 0, done.err
    (event,) = done.events
    assert (event["symbol"], event["price"], event["size"]) == ("SPY", "470.01", "100")
    assert event["ts_event"] == "2024-01-02T14:30:00.000000000Z"
    assert not (tmp_path / "data").exists()


def test_by_a_pipe(shell: Shell, tmp_path: Path) -> None:
    put(tmp_path)
    done = shell("cat t.csv | mdc validate | mdc store --root data")
    assert done.status == 65
    assert "<stdin>: CSV, not events of mdc" in done.err
    assert "mdc import --profile csv - --map timestamp=ts_event,px=price,qty=size" in done.err


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"trade","symbol":"A","ts_event":"2024-01-02T00:00:00Z","price":1,"size":1}\n',
        'some,words,here\n{"type":"trade","symbol":"A","ts_event":"2024-01-02T00:00:00Z"}\n',
        '{"a":1}\n{"type":"trade","symbol":"A","ts_event":"2024-01-02T00:00:00Z"}\n',
    ],
)
def test_events_among_other_lines_are_still_read(shell: Shell, tmp_path: Path, text: str) -> None:
    (tmp_path / "e.jsonl").write_text(text)
    done = shell("mdc cat e.jsonl")
    assert (done.status, len(done.events)) == (0, 1), done.err
    assert "not events of mdc" not in done.err


def test_what_nobody_could_import_is_told_as_before(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text('{"a":1}\n')
    done = shell("mdc cat e.jsonl")
    assert done.status == 65 and "no event type" in done.err
