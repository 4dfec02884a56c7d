"""Folders of streams that are no archive: each file has its own `begin` and `end`."""

import json
from collections import Counter

import pytest

from tests.conftest import Shell

VERBS = {
    "cat": "cat streams",
    "head": "head -n 99 streams",
    "tail": "tail -n 99 streams",
    "replay": "replay --speed max streams",
    "root": "cat --root streams",
    "validate": "validate --check price streams",
    "convert": "convert streams",
}


@pytest.fixture(params=["jsonl", "arrow"])
def lines(request: pytest.FixtureRequest, shell: Shell) -> list[str]:
    """Two streams in a folder; all their events."""
    form, suffix = request.param, {"jsonl": "jsonl", "arrow": "arrows"}[request.param]
    shell("mkdir streams")
    for symbol, seed in (("SPY", 1), ("AAPL", 2)):
        options = f"--limit 30 --seed {seed} --format {form}"
        shell(f"mdc -q stream sim {symbol} {options} > streams/{symbol}.{suffix}")
    return shell(f"mdc -q cat --plain streams/AAPL.{suffix} streams/SPY.{suffix}").lines


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.some(5)
def test_each_file_has_its_own_books(verb: str, lines: list[str], shell: Shell) -> None:
    done = shell(f"mdc {VERBS[verb]}")
    assert done.status == 0, done.err
    assert "counts" not in done.err
    assert Counter(done.lines) == Counter(lines)
    assert [event["type"] for event in (done.all_events[0], done.all_events[-1])] == [
        "begin",
        "end",
    ]


def test_control_events_are_not_counted(lines: list[str], shell: Shell) -> None:
    said = json.loads(shell("mdc count streams --json").out)
    assert said["total"] == len(lines)
    assert not {"begin", "end"} & said["counts"].keys()
    assert shell("mdc -q store --root data streams").status == 0
    assert Counter(shell("mdc -q cat data --plain").lines) == Counter(lines)


@pytest.mark.parametrize("verb", ["cat", "validate", "convert", "count", "head -n 99"])
@pytest.mark.some(3)
def test_a_file_that_breaks_off_is_told(verb: str, lines: list[str], shell: Shell) -> None:
    assert lines
    shell(
        "f=$(ls streams/SPY.*); mdc -q head -n 5 $f --format jsonl | sed '$d' > streams/cut.jsonl"
    )
    done = shell(f"mdc {verb} streams > /dev/null")
    assert (done.status, "streams/cut.jsonl: no `end` event" in done.err) == (65, True), done.err
    assert shell(f"mdc {verb} --partial streams > /dev/null").status == 0


@pytest.mark.parametrize("verb", ["inspect", "lineage", "compress"])
def test_verbs_of_one_file_name_the_verb_that_lists_them(verb: str, shell: Shell) -> None:
    shell("mdc -q stream sim SPY --limit 9 | mdc -q store")
    done = shell(f"mdc {verb} data")
    assert (done.status, "data is a directory" in done.err) == (2, True), done.err
    (hint,) = [line for line in done.err.splitlines() if "hint:" in line]
    listed = shell(hint.partition("in it: ")[2])
    assert (listed.status, "SPY/trade" in listed.out) == (0, True), listed
