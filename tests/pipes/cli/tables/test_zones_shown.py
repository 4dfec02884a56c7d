"""Times that people read are by the clock of --tz; what programs read stays UTC."""

import re
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.kit.screen import shown
from tests.pipes.cli.tables.answers import ANSWERS, answering

UTC_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?Z|(?<!\d)14:30:00")
IN_TOKYO = "2024-01-02T23:30:00.000000001+09:00"
SELECT = "query 'SELECT ts_event, symbol FROM trade'"
EVENTS = ("cat", "head e.jsonl", "tail e.jsonl", "convert e.jsonl", "validate e.jsonl")
TABLES = (*(f"{verb} --format table" for verb in EVENTS), f"{SELECT} --format table")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, forked_env: dict[str, str]) -> Path:
    """A folder with an archive of one event, and a pack of it."""
    return answering(tmp_path_factory.mktemp("zones"), forked_env)


@pytest.mark.parametrize("line", [*ANSWERS, *TABLES])
@pytest.mark.some(10)
def test_all_that_people_read_is_in_the_zone(line: str, folder: Path, shell: Shell) -> None:
    plain = shell(f"mdc -q {line}", cwd=folder).out.partition("sample\n")[0]
    said = shell(f"mdc -q --tz Asia/Tokyo {line}", cwd=folder).out.partition("sample\n")[0]
    assert not UTC_TIME.search(said), said
    assert bool(UTC_TIME.search(plain)) == ("23:30:00" in said), (plain, said)
    named = "times in Asia/Tokyo" in said or re.search(r"times in +Asia/Tokyo", said)
    if "23:30:00" in said and not line.startswith("retain"):
        assert named, said


@pytest.mark.parametrize("line", [f"{line} --json" for line in ANSWERS if "compress" not in line])
@pytest.mark.some(8)
def test_answers_for_programs_stay_in_utc(line: str, folder: Path, shell: Shell) -> None:
    plain = shell(f"mdc -q {line}", cwd=folder).out
    assert shell(f"mdc -q --tz Asia/Tokyo {line}", cwd=folder).out == plain != ""


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "arrow"])
@pytest.mark.parametrize("line", ["cat --plain", SELECT])
def test_events_for_programs_stay_in_utc(line: str, form: str, folder: Path, shell: Shell) -> None:
    digest = f"mdc -q {{}} {line} --format {form} | sha256sum"
    plain, zoned = (shell(digest.format(tz), cwd=folder).out for tz in ("", "--tz Asia/Tokyo"))
    assert plain == zoned


def test_exact_in_a_pipe_and_short_on_a_terminal(
    folder: Path, shell: Shell, forked_env: dict[str, str]
) -> None:
    piped = shell("mdc ls --tz Asia/Tokyo", cwd=folder).out.splitlines()
    assert piped[0] == "times in Asia/Tokyo" and piped[2].split()[-3:-1] == [IN_TOKYO] * 2
    watched = shown("mdc ls --tz Asia/Tokyo", folder, forked_env, width=100).lines
    assert (watched[0], "2024-01-02 23:30:00  2024-01-02 23:30:00" in watched[2]) == (
        "times in Asia/Tokyo",
        True,
    )
    narrow = shown("mdc query --tz Asia/Tokyo 'SELECT 1 AS x'", folder, forked_env).lines
    assert narrow == ["x", "1"]


def test_only_moments_are_moved(folder: Path, shell: Shell) -> None:
    sql = "SELECT ts_event AT TIME ZONE 'UTC' AS wall, ts_event, DATE '2024-01-02' FROM trade"
    done = shell(f'mdc query --tz America/New_York --format table "{sql}"', cwd=folder)
    assert done.out.splitlines()[2].split() == [
        "2024-01-02T14:30:00.000000001",
        "2024-01-02T09:30:00.000000001-05:00",
        "2024-01-02",
    ]


def test_a_day_of_another_date(folder: Path, shell: Shell) -> None:
    line = "mdc head e.jsonl --format table --tz Pacific/Kiritimati --fields ts_event,symbol"
    assert shell(line, cwd=folder).out.splitlines() == [
        "times in Pacific/Kiritimati",
        "2024-01-03",
        "ts_event            symbol",
        "04:30:00.000000001  A",
    ]
