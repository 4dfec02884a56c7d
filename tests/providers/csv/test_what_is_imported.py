"""What `mdc import` reads: files, folders, standard input; and what is said where there is none."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell, says_nothing

CSV = "ts_event,symbol,price,size\n2024-01-02,A,1.5,2\n"
JSONL = '{"ts_event":"2024-01-02","symbol":"A","price":1.5,"size":2}\n'


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("mdc import nowhere.csv", 65, "mdc import: no such file or directory: nowhere.csv"),
        ("mdc import --profile csv nowhere.csv", 65, "no such file or directory: nowhere.csv"),
        ("mdc import --profile lean nowhere", 65, "no such file or directory: nowhere"),
        ("mdc import nothing", 65, "mdc import: nothing: no file in it"),
        ("mdc import empty.csv", 65, "mdc import: empty.csv: it is empty"),
        ("mdc import --profile jsonl empty.csv", 65, "empty.csv: it is empty"),
        ("mdc import --profile parquet empty.csv", 65, "empty.csv: it is empty"),
        ("mdc import < empty.csv", 65, "mdc import: <stdin>: it is empty"),
        (": | mdc import -", 65, "mdc import: <stdin>: it is empty"),
        ("mdc import < /dev/null", 2, "mdc import: nothing to import: no file is named"),
        ("mdc import notes", 2, "mdc import: notes: its format is not recognized"),
        ("mdc import folder", 2, "mdc import: folder: its format is not recognized"),
        ("cat notes | mdc import", 2, "mdc import: <stdin>: its format is not recognized"),
        ("mkfifo p; mdc import p", 2, "mdc import: p: a pipe needs --profile"),
    ],
)
def test_nothing_to_import(shell: Shell, tmp_path: Path, line: str, status: int, said: str) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "notes").write_text("no table\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/notes.txt").write_text("no table\n")
    (tmp_path / "nothing").mkdir()
    done = shell(line)
    assert done.status == status and says_nothing(done.out), done.err
    messages = [text for text in done.err.splitlines() if not text.startswith("hint: ")]
    assert said in messages[-1] and sum("mdc import: " in text for text in messages) == 1
    if "--profile" in done.err.partition("hint: ")[2]:
        assert "known: csv, jsonl, lean, lobster, parquet" in done.err


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.jsonl", "t.parquet"])
@pytest.mark.parametrize("line", ["mdc import {} < {name}", "cat {name} | mdc import {} -"])
def test_standard_input_is_recognized(shell: Shell, tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (tmp_path / "t.jsonl").write_text(JSONL)
    columns = {"ts_event": ["2024-01-02"], "symbol": ["A"], "price": ["1.5"], "size": [2]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    done = shell(line.format("--type trade", name=name))
    assert done.status == 0, done.err
    assert [(e["symbol"], e["price"], e["size"]) for e in done.events] == [("A", "1.5", "2")]
    done = shell(line.format("--guess", name=name))
    assert done.status == 0 and says_nothing(done.out)
    assert "mdc import --profile" in done.err and "price" in done.err


def test_more_than_is_looked_at(shell: Shell, tmp_path: Path) -> None:
    """What was looked at to recognize it comes first, and once."""
    head, row = CSV.splitlines()
    (tmp_path / "t.csv").write_text(head + "\n" + f"{row}\n" * 70_000)
    assert (tmp_path / "t.csv").stat().st_size > 1 << 20
    done = shell("cat t.csv | mdc -q import --type trade | mdc -q count")
    assert "70,000" in done.out.replace("70000", "70,000"), done.out


def test_words_of_options_are_no_files(shell: Shell, tmp_path: Path) -> None:
    """A folder that is called as a symbol or an event type is not what is imported."""
    for name in ("A", "trade"):
        (tmp_path / name).mkdir()
    (tmp_path / "t.csv").write_text(CSV)
    (tmp_path / "-t.csv").write_text(CSV)
    for line in ("--symbol A --type trade t.csv", "-q --type=trade --yes t.csv"):
        done = shell(f"mdc import {line}")
        assert (done.status, len(done.events)) == (0, 1), done.err
    assert "-t.csv: no column 'type'" in shell("mdc import -- -t.csv").err


def test_the_help_requires_nothing(shell: Shell) -> None:
    done = shell("mdc import --help")
    assert "required" not in done.out and "told by the content" in " ".join(done.out.split())
