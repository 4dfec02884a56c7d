"""The archive is named as an argument or by --root, in every verb that reads one."""

from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing
from tests.kit.verbs import flags_of_verbs

# `{}` is the archive, or --root and the archive.
READING = {
    "advise": "advise {} --json",
    "book": "book {} --every 1s",
    "cat": "cat {}",
    "catalog rebuild": "catalog rebuild {} --dry-run --json",
    "compact": "compact {} --dry-run --json",
    "convert": "convert {}",
    "count": "count {} --json",
    "coverage": "coverage {} --json",
    "du": "du {} --json",
    "export": "export --profile csv {} -o out.csv --force; s=$?; cat out.csv; exit $s",
    "head": "head {} -n 3",
    "ls": "ls {} --json",
    "pack create": "pack create {} out.zip --dry-run",
    "query": "query {} 'SELECT count(*) AS n FROM trade'",
    "recover": "recover {} --json",
    "replay": "replay {} --speed max",
    "retain": "retain {} --by event --keep 1d --dry-run --json",
    "rm": "rm {} --type trade --dry-run --json",
    "schema migrate": "schema migrate {} --dry-run --json",
    "shell": "shell {} <<< 'SELECT count(*) AS n FROM trade'",
    "tail": "tail {} -n 3",
    "tier migrate": "tier migrate {} --dry-run --json",
    "tier plan": "tier plan {} --json",
    "tier status": "tier status {} --json",
    "validate": "validate {}",
    "verify": "verify {} --json",
}
MORE = {"publish http": "publish http http://127.0.0.1:9 {} --dry-run"}
# They write the archive, or say where it is; a mock server plays it; a file has one above it.
OTHERS = {"store", "pack import", "lineage", "config show"}


@pytest.fixture
def mine(market: Path) -> Path:
    """An archive that is not at `data`."""
    return market.rename(market.with_name("mine"))


@pytest.mark.parametrize("verb", [*READING, *MORE])
@pytest.mark.some(9)
def test_in_every_verb(shell: Shell, mine: Path, verb: str) -> None:
    line = (READING | MORE)[verb]
    named = shell(f"mdc {line.format('--root mine')}")
    given = shell(f"mdc {line.format('mine')}")
    assert named.status == given.status == 0, given.err
    assert named.lines == given.lines and (given.lines or verb.startswith(("publish", "book")))
    nowhere = shell(f"mdc {line.format('nowhere')}")
    assert nowhere.status == 65 and "nowhere" in nowhere.err


def test_no_verb_is_forgotten() -> None:
    verbs = {verb for verb, flags in flags_of_verbs().items() if "--root" in flags}
    read = {verb for verb in verbs - OTHERS if not verb.startswith(("mock ", "publish "))}
    assert read == set(READING)


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("ls mine --root mine", 2, "two archives, mine and mine"),
        ("pack create mine x.zip --root mine", 2, "two archives"),
        ("pack create mine mine x.zip", 2, "one file to write, and one archive"),
        ("query mine --root mine 'SELECT 1'", 2, "two archives"),
        ("query mine", 2, "say one statement"),
        ("query mine mine 'SELECT 1'", 2, "say one statement"),
        ("ls few.txt", 65, "few.txt is a file, not an archive"),
        ("validate --root s3://bucket/data", 2, "mdc cat --root s3://bucket/data | mdc"),
        ("tail -f mine", 2, "hint: mdc cat --follow"),
        ("inspect mine", 2, "mine is a directory"),
    ],
)
def test_what_is_wrong(shell: Shell, mine: Path, line: str, status: int, words: str) -> None:
    done = shell(f"mdc {line}")
    assert done.status == status and words in done.err and says_nothing(done.out)


def test_a_setting_gives_way_to_the_argument(shell: Shell, mine: Path) -> None:
    (mine.parent / "mdc.toml").write_text('[ls]\nroot = "other"\n[query]\nroot = "other"\n')
    assert shell("mdc ls mine").status == 0
    assert shell("mdc query mine 'SELECT 1'").status == 0
    assert shell("mdc ls").status == 65
    (mine.parent / "one.sql").write_text("SELECT count(*) AS n FROM trade")
    assert shell("mdc query mine -f one.sql").out == '{"n":240}\n'


def test_archives_among_files(shell: Shell, mine: Path) -> None:
    shell("mdc -q cat mine --symbol SPY > spy.jsonl")
    lines = shell("mdc -q cat mine").lines
    assert shell("mdc -q validate mine --check schema").lines == lines
    assert shell("mdc -q validate mine spy.jsonl --check schema").lines == [
        *lines,
        *shell("mdc -q cat spy.jsonl").lines,
    ]
    assert shell("mdc -q head mine -n 5 --symbol SPY").lines == shell("head -n 6 spy.jsonl").lines
    assert shell("mdc --root mine head -n 1").lines == lines[:1]
