"""What a verb reads and writes: standard input as `-`, any file, and what exists already."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Shell

MAKE = "mdc -q stream sim SPY --limit 40 > e.jsonl && mdc -q store --root data e.jsonl"
WRITING = (
    "mdc convert e.jsonl -o {}.jsonl",
    "mdc query 'SELECT price FROM trade' -o {}.csv",
    "mdc coverage -o {}.html",
    "mdc export --profile csv e.jsonl --type trade -o {}.csv",
    "mdc pack create -o {}.zip",
    "mdc pack create {}.zip",
)


@pytest.fixture
def made(shell: Shell) -> Shell:
    assert shell(MAKE).status == 0
    return shell


def test_standard_input_is_a_file_of_every_verb_that_reads_one(made: Shell) -> None:
    inspected = json.loads(made("mdc inspect --json - < e.jsonl").out)
    assert (inspected["path"], inspected["events"]) == ("<stdin>", 40)
    assert json.loads(made("mdc inspect --json e.jsonl").out) == {**inspected, "path": "e.jsonl"}
    piped = json.loads(made("cat data/SPY/trade/*.parquet | mdc inspect --json -").out)
    assert piped["encoding"] == "parquet"
    (run,) = json.loads(made("cat e.jsonl | mdc lineage --json -").out)["runs"]
    assert [stage["stage"] for stage in run["stages"]] == ["stream"]
    measured = json.loads(made("cat e.jsonl | mdc compress --format jsonl --json -").out)
    assert measured["events"] == 40
    assert made("cat e.jsonl | mdc store --root copy -").status == 0
    assert made("mdc cat --root copy").lines == made("mdc cat --root data").lines
    assert made("mdc compress").status == 2


def test_store_takes_files(made: Shell) -> None:
    assert made("mdc store --root two e.jsonl e.jsonl").status == 0
    assert len(made("mdc cat --root two").events) == 80
    assert made("mdc store --root two missing.jsonl").status == 65
    again = made("mdc store --root data data/SPY/trade/*.parquet")
    assert again.status != 0 and "data" in again.err  # its own events


def test_a_capture_comes_by_a_pipe(shell: Shell) -> None:
    words = "mdc stream alpaca SPY --mock --limit 30"
    assert shell(f"{words} --capture deep/er/c.jsonl > e.jsonl").status == 0
    whole = shell("mdc stream alpaca --replay deep/er/c.jsonl").lines
    assert len(whole) >= 30
    assert shell("cat deep/er/c.jsonl | mdc stream alpaca --replay -").lines == whole


@pytest.mark.parametrize("line", WRITING)
@pytest.mark.some(2)
def test_what_exists_is_refused_and_folders_are_made(
    line: str, made: Shell, tmp_path: Path
) -> None:
    assert made(line.format("new/er/x")).status == 0
    (file,) = (tmp_path / "new" / "er").iterdir()
    before = file.read_bytes()
    done = made(line.format("new/er/x"))
    assert (done.status, f"{file.relative_to(tmp_path)} exists already" in done.err) == (73, True)
    assert "--force overwrites it" in done.err
    assert file.read_bytes() == before
    file.write_text("old")
    assert made(f"{line.format('new/er/x')} --force").status == 0
    assert file.read_bytes() != b"old"
    refused = made(line.format("e.jsonl/x"))
    assert refused.status == 73, refused.err


def test_other_places_that_exist_already(made: Shell, tmp_path: Path) -> None:
    assert made("mdc schema export -o a/schemas").status == 0
    done = made("mdc schema export a/schemas")
    assert (done.status, "a/schemas/trade.schema.json exists already" in done.err) == (73, True)
    assert made("mdc schema export a/schemas --force").status == 0
    (tmp_path / "there").mkdir()
    for line in ("mdc ls --links there", "mdc plugin new x --kind check --into there"):
        done = made(line)
        assert (done.status, "there exists already" in done.err) == (73, True), done.err
    assert made("mdc pack create a.zip -o b.zip").status == 65  # no archive at a.zip
    assert made("mdc pack create").status == 2
    assert made("mdc schema export").status == 2


READERS = (
    "cat",
    "head",
    "tail",
    "count",
    "validate",
    "convert",
    "inspect",
    "lineage",
    "compress",
    "store --root new",
    "replay --speed max",
    "export --profile csv -o x.csv",
    "import --profile csv",
    "pack verify",
    "pack list",
    "mock alpaca",
    "stream alpaca --replay",
    "query -f",
)


@pytest.mark.parametrize("verb", READERS)
@pytest.mark.some(6)
def test_a_file_that_is_missing_is_bad_data(verb: str, made: Shell) -> None:
    done = made(f"mdc {verb} missing")
    assert (done.status, "missing" in done.out + done.err) == (65, True), done.err


@pytest.mark.parametrize("verb", ["cat", "inspect", "compress"])
def test_a_file_that_cannot_be_read_is_bad_data(verb: str, made: Shell, tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").chmod(0)
    weak = "setpriv --bounding-set -all " if os.geteuid() == 0 else ""
    if weak and shutil.which("setpriv") is None:
        pytest.skip("root may read everything")
    mdc = Path(sys.executable).with_name("mdc")  # a process of its own: one that may less
    done = made(f"{weak}{mdc} {verb} e.jsonl")
    assert (done.status, "cannot read e.jsonl: Permission denied" in done.err) == (65, True)


ROOTED = (
    "ls",
    "du",
    "cat",
    "count",
    "tail",
    "replay",
    "query 'SELECT 1 AS x'",
    "shell",
    "coverage",
    "verify",
    "recover",
    "compact",
    "advise",
    "retain --keep 1d",
    "tier status",
    "catalog rebuild",
    "schema migrate",
    "pack create -o p.zip",
    "export --profile csv -o x.csv",
)


@pytest.mark.parametrize("verb", ROOTED)
@pytest.mark.some(6)
def test_no_archive_is_bad_data(verb: str, shell: Shell) -> None:
    """With --root and without it, in every verb."""
    for line in (f"mdc {verb} < /dev/null", f"mdc {verb} --root nowhere < /dev/null"):
        done = shell(line)
        assert (done.status, "no archive at " in done.err) == (65, True), (line, done.err)


@pytest.mark.parametrize("force", ["", " --force"])
def test_what_is_no_file_is_written_to_and_never_replaced(
    force: str, shell: Shell, tmp_path: Path
) -> None:
    done = shell(
        "mkfifo out.jsonl; cat out.jsonl > got & "
        f"mdc stream sim SPY --limit 3 --plain -o out.jsonl{force}; wait; cat got"
    )
    assert done.status == 0, done.err
    assert len(done.lines) == 3
    assert (tmp_path / "out.jsonl").is_fifo()
    link = shell("ln -s /dev/null nothing.csv; mdc stream sim SPY --limit 3 -o nothing.csv")
    assert link.status == 0, link.err
    assert (tmp_path / "nothing.csv").is_symlink()
