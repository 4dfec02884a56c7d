"""What the system refuses is told as that, and nothing is taken for gone or damaged by it."""

from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of
from tests.kit import forks

pytestmark = pytest.mark.skipif(not forks.available(), reason="no fork server here")


@pytest.fixture
def lines(shell: Shell) -> list[str]:
    """The events of an archive of two runs, Parquet and JSONL."""
    for seed, form in ((1, "parquet"), (2, "jsonl")):
        line = f"mdc stream sim SPY --limit 40 --seed {seed} | mdc store --format {form}"
        assert shell(line).status == 0
    return shell("mdc cat --root data").lines


def test_a_folder_that_cannot_be_listed_is_not_empty(shell: Shell, lines: list[str]) -> None:
    done = shell("mdc catalog rebuild", MDC_FAIL="look@data/SPY:1:emfile")
    said = "mdc catalog rebuild: cannot read data/SPY: Too many open files\n"
    assert (done.status, done.err) == (65, said)
    assert shell("mdc cat --root data").lines == lines


def test_a_part_that_cannot_be_read_keeps_its_entry(
    shell: Shell, lines: list[str], tmp_path: Path
) -> None:
    part = next(path for path in parts_of(tmp_path / "data") if path.suffix == ".parquet")
    done = shell("mdc catalog rebuild", MDC_FAIL=f"read@{part.name}:1:eio")
    assert done.status == 1
    assert f"cannot read {part.relative_to(tmp_path)}: Input/output error" in done.out + done.err
    assert shell("mdc cat --root data").lines == lines


@pytest.mark.parametrize("kind", ["eio", "enospc", "emfile"])
def test_a_file_is_not_blamed_for_the_system(
    kind: str, shell: Shell, lines: list[str], tmp_path: Path
) -> None:
    assert shell("mdc stream sim SPY --limit 40 --seed 3 | mdc store").status == 0
    part = next(path for path in parts_of(tmp_path / "data") if path.suffix == ".parquet")
    done = shell("mdc compact", MDC_FAIL=f"read@{part.name}:1:eio")
    assert done.status == 65
    assert f"cannot read {part.relative_to(tmp_path)}: Input/output error" in done.err
    assert "not a whole" not in done.err and "damaged" not in done.err
    done = shell("mdc compact", MDC_FAIL=f"write@.part:1:{kind}")
    assert (done.status, "cannot write below data" in done.err) == (73, True)
    assert shell("mdc verify --deep").status == 0


def test_a_journal_that_cannot_be_removed_is_sealed_once(shell: Shell, lines: list[str]) -> None:
    line = "mdc stream sim SPY --limit 40 --seed 3 then store --format jsonl -v"
    done = shell(line, MDC_FAIL="unlink@.journal:1:eio")
    assert (done.status, "40 in = 40 out" in done.err) == (0, True), done
    assert len(shell("mdc cat --root data").lines) == len(lines) + 40
    assert shell("mdc recover").status == 0
    assert len(shell("mdc cat --root data").lines) == len(lines) + 40
    assert shell("mdc verify --deep").status == 0


def test_an_error_behind_the_commit_of_a_seal_makes_no_doubles(
    shell: Shell, lines: list[str]
) -> None:
    line = "mdc stream sim SPY --limit 40 --seed 3 then store --format jsonl -v"
    done = shell(line, MDC_FAIL="committed:1:eio")
    assert done.status == 73
    assert shell("mdc recover").status == 0
    assert len(shell("mdc cat --root data").lines) == len(lines) + 40


@pytest.mark.parametrize(
    ("line", "fault", "status", "said"),
    [
        ("mdc cat --root data", "connect:1:emfile", 65, "cannot read"),
        ("mdc cat --root data", "look@journal:1:emfile", 65, "cannot read data/_mdc/journal"),
        ("mdc cat --root data", "read@.jsonl:1:eio", 65, "Input/output error"),
        ("mdc ls", "select:3:eio", 65, "cannot read"),
        ("mdc verify --deep", "look@.parquet:1:emfile", 1, "Too many open files"),
        ("mdc pack create p.zip", "open@p.zip:1:emfile", 73, "cannot write in ."),
        ("mdc pack create p.zip", "fsync@p.zip:1:eio", 73, "cannot write in ."),
        (
            "mdc convert --format jsonl data/SPY/*/*.parquet -o o.jsonl",
            "fsync:1:eio",
            73,
            "o.jsonl",
        ),
        ("mdc recover", "look@_mdc/tmp:1:emfile", 73, "cannot write below data"),
        ("mdc query 'select count(*) from trade'", "look@.jsonl:1:emfile", 65, "cannot read"),
    ],
)
def test_no_bug_is_reported(
    line: str, fault: str, status: int, said: str, shell: Shell, lines: list[str]
) -> None:
    done = shell(line, MDC_FAIL=fault)
    assert (done.status, said in done.out + done.err) == (status, True), done
    assert shell("mdc cat --root data").lines == lines
