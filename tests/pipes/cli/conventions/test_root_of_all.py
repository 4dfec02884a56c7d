"""The archive of all commands: MDC_ROOT and `root` in mdc.toml."""

from pathlib import Path

import pytest

from tests.conftest import Shell

VERBS = (
    "ls --json",
    "du --json",
    "cat",
    "tail",
    "count --json",
    "replay --speed max",
    "query 'SELECT count(*) AS n FROM trade'",
    "coverage --json",
    "advise --json",
    "tier status --json",
    "retain --keep 1d --dry-run --json",
    "compact --dry-run --json",
    "verify --json",
    "schema migrate --dry-run --json",
    "export --profile csv -o x.csv --force; cat x.csv",
    "pack create -o x.zip --dry-run",
)


@pytest.fixture
def other(shell: Shell) -> Shell:
    assert shell("mdc -q stream sim SPY --limit 30 | mdc -q store --root other").status == 0
    return shell


def said(shell: Shell, line: str, **environ: str) -> list[str]:
    done = shell(line, **environ)
    assert done.status == 0, done.err
    return done.lines


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.some(5)
def test_every_verb_that_reads_an_archive_reads_that_one(
    verb: str, other: Shell, tmp_path: Path
) -> None:
    name, _, rest = verb.partition(" -")
    line = f"mdc {name} --root other {'-' if rest else ''}{rest} < /dev/null"
    wanted = said(other, line)
    assert wanted
    assert said(other, f"mdc {verb} < /dev/null", MDC_ROOT="other") == wanted
    (tmp_path / "mdc.toml").write_text('root = "other"\n')
    assert said(other, f"mdc {verb} < /dev/null") == wanted


def test_what_is_nearer_counts(other: Shell, tmp_path: Path) -> None:
    assert other("mdc -q stream sim QQQ --limit 7 | mdc -q store --root near").status == 0
    count = "mdc count --json < /dev/null"
    seven = said(other, f"{count} --root near")
    (tmp_path / "mdc.toml").write_text('root = "nowhere"\n')
    assert said(other, count, MDC_ROOT="near") == seven
    assert said(other, count, MDC_ROOT="nowhere", MDC_COUNT_ROOT="near") == seven
    assert said(other, f"{count} --root near", MDC_ROOT="nowhere") == seven
    (tmp_path / "mdc.toml").write_text('root = "nowhere"\n[count]\nroot = "near"\n')
    assert said(other, count) == seven
    done = other(count, MDC_ROOT="gone")
    assert (done.status, "no archive at gone" in done.err) == (65, True)


def test_files_and_pipes_come_before_it(other: Shell) -> None:
    """It is where to look if nothing is named, and no second input."""
    said(other, "mdc -q stream sim QQQ --limit 7 > seven.jsonl")
    for line in (
        "mdc cat seven.jsonl",
        "mdc cat < seven.jsonl",
        "cat seven.jsonl | mdc tail",
        "mdc cat seven.jsonl then cat",
        "mdc stream sim QQQ --limit 7 then tail",
    ):
        assert len(other(line, MDC_ROOT="other").events) == 7, line
    assert len(other("mdc cat --root other seven.jsonl", MDC_ROOT="x").events) == 37
    assert other("mdc validate seven.jsonl", MDC_ROOT="other").status == 0  # has no --root
    assert other("mdc -q store seven.jsonl", MDC_ROOT="new").status == 0
    assert len(other("mdc cat --root new").events) == 7


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("root = 5", "root: must be a string, not 5"),
        ("root = ''", "root: it is empty: name a directory"),
        ("root = 'file:///x'", "root: file:///x: name the directory without file://"),
        ("[store]\nroot = 5", "[store] root: must be a string, not 5"),
        ("[store]\nformat = 'parqet'", "[store] format: no such format to store: 'parqet'"),
        ("[store]\nlayout = 'tree'", "[store] layout: 'tree' is not one of"),
        ("[store]\nseal_size = 1000", "[store] seal_size: '1000' has no unit"),
        ("[store]\nseal_every = 10", "[store] seal_every: not a length of time: '10'"),
        ("rot = 'x'", "rot: no such option: 'rot'; did you mean root?"),
    ],
)
@pytest.mark.some(3)
def test_a_wrong_value_names_its_file(text: str, wrong: str, other: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text(f"{text}\n")
    done = other("mdc store < /dev/null")
    assert done.status == 78
    assert f": {tmp_path / 'mdc.toml'}: {wrong}" in done.err, done.err
