"""The words of answers: events and files, one of them or several."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mdc_core.texts import counted
from tests.conftest import Shell
from tests.pipes.cli.tables.answers import ANSWERS, answering

CORE = Path(__file__).parents[4] / "mdc_core"
NOUNS = "event|file|part|day|symbol|line|finding|byte|connection|duplicate|journal"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, forked_env: dict[str, str]) -> Path:
    """A folder with an archive of one event, and a pack of it."""
    return answering(tmp_path_factory.mktemp("words"), forked_env)


def keys_in(value: Any) -> Iterator[str]:
    """The keys of all objects within an answer."""
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from keys_in(item)


@pytest.mark.parametrize("line", ANSWERS)
@pytest.mark.some(8)
def test_answers_count_events_and_files(line: str, folder: Path, shell: Shell) -> None:
    answer = json.loads(shell(f"mdc -q {line} --json", cwd=folder).out)
    known = {"parts"} if line.startswith("pack list") else set()  # the parts of a divided pack
    assert {*keys_in(answer)} & {"rows", "parts", "rows_before", "rows_after"} == known


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ls", "1"),
        ("verify", "1 file with 1 event: 0 findings"),
        ("rm --symbol A --dry-run", "would remove 1 event: "),
        ("catalog rebuild --dry-run", "would enter 1 file, 1 event;"),
        ("retain --keep 1s --by event --dry-run", "would remove 1 file, "),
        ("retain --keep 1s --by event --dry-run", "older than 1s"),
        ("retain --keep 36h --by event --dry-run", "older than 36h"),
        ("tier status", "1 file older than 365 days"),
        ("pack list p.zip", "1 event in 1 file, "),
        ("pack verify p.zip", "1 event in 1 file, "),
        ("compress --format parquet e.jsonl", "1 event, "),
        ("ls --links linked", "1 file in linked"),
        ("schema migrate", "migrated 0 files"),
    ],
)
def test_one_is_singular(line: str, said: str, folder: Path, shell: Shell) -> None:
    done = shell(f"mdc {line}", cwd=folder)
    assert said in done.out + done.err
    assert not re.search(rf"\b1 (?:{NOUNS})s\b", done.out + done.err)


def test_numbers_have_their_nouns_from_one_place() -> None:
    bare = re.compile(rf"\{{[^{{}}]*:,\}} (?:[a-z]+ )?(?:{NOUNS})s\b|(?:{NOUNS})\(s\)")
    found = [
        f"{path.relative_to(CORE)}: {line.strip()}"
        for path in CORE.rglob("*.py")
        if "testing" not in path.parts
        for line in path.read_text().splitlines()
        if bare.search(line)
    ]
    assert found == []
    assert [counted(n, "event") for n in (0, 1, 1000)] == ["0 events", "1 event", "1,000 events"]
    assert counted(2, "try", "tries") == "2 tries"
