"""Values of one kind are written in one way in every verb: how many, sizes, lengths of time."""

import json

import pytest

from tests.conftest import Shell

MAKE = "mdc -q stream sim SPY --limit 20 > e.jsonl && mdc -q store --root data < e.jsonl"
SQL = '"SELECT price FROM trade"'


@pytest.mark.parametrize(
    "line",
    [
        "stream sim SPY --limit 0",
        "stream alpaca SPY --mock -n 0",
        "head -n 0 e.jsonl",
        "tail --limit 0 e.jsonl",
        "cat -n 0 e.jsonl",
        "cat --root data --limit 0",
        "head -0 e.jsonl",
        "replay --limit 0 e.jsonl",
    ],
)
@pytest.mark.some(3)
def test_none_is_a_number_of_events(line: str, shell: Shell) -> None:
    assert shell(MAKE).status == 0
    done = shell(f"mdc {line}")
    assert (done.status, done.events) == (0, [])
    assert done.all_events[-1]["type"] == "end"


@pytest.mark.parametrize("verb", ["head", "tail"])
def test_a_number_with_a_minus_is_how_many(verb: str, shell: Shell) -> None:
    assert shell(MAKE).status == 0
    wanted = shell(f"mdc {verb} -n 12 e.jsonl").lines
    assert len(wanted) == 12
    assert shell(f"mdc {verb} -12 e.jsonl").lines == wanted
    assert shell(f"mdc {verb} e.jsonl -12").lines == wanted
    assert "-3 is not in the range" in shell(f"mdc {verb} -n -3 e.jsonl").err
    assert shell(f"mdc {verb} -- -12").status == 65  # a file of that name


@pytest.mark.parametrize("count", [1, 7, 20, 21])
@pytest.mark.some(2)
def test_how_many_of_an_archive(count: int, shell: Shell) -> None:
    assert shell(MAKE).status == 0
    whole = shell("mdc cat --root data").lines
    done = shell(f"mdc -v cat --root data -n {count}")
    assert done.lines == whole[:count]
    assert done.all_events[-1]["reason"] == ("limit" if count <= len(whole) else "eof")
    assert f" = {min(count, len(whole))} out + 0 rejected + 0 dropped" in done.err
    assert shell(f"mdc cat e.jsonl --limit {count} then head -n 3").lines == whole[: min(count, 3)]
    trades = shell("mdc cat --root data --type trade").lines
    assert shell(f"mdc cat --root data --type trade -n {count}").lines == trades[:count]


def test_how_many_rows_of_a_result(shell: Shell) -> None:
    """In every format; without it a table has a hundred, and the others all."""
    assert shell(MAKE).status == 0
    every = shell(f"mdc query {SQL}").lines
    assert len(every) > 3
    assert shell(f"mdc query {SQL} -n 3").lines == every[:3]
    assert shell(f"mdc query {SQL} -n 0").lines == []
    assert len(shell(f"mdc query {SQL} -n 3 --format csv").lines) == 4
    table = shell(f"mdc query {SQL} -n 3 --format table").lines
    assert len(table) == 5 and table[-1].startswith("... more than 3 rows")
    assert len(shell("printf 'SELECT price FROM trade;' | mdc shell -n 2").lines) == 2


def test_nothing_is_no_sample(shell: Shell) -> None:
    assert shell(MAKE).status == 0
    done = shell("mdc inspect -n 0 --json e.jsonl")
    assert json.loads(done.out)["sample"] == []
    done = shell("mdc compress e.jsonl -n 0")
    assert (done.status, "--limit 0 leaves nothing to measure" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("store --root d --seal-size 1000000 < e.jsonl", "'1000000' has no unit (say 1000000B"),
        ("store --root d --min-free 5 < e.jsonl", "'5' has no unit (say 5B or 5MB)"),
        ("store --root d --keep-size 1.5 < e.jsonl", "'1.5' has no unit"),
        ("cat e.jsonl --quarantine-size 99", "'99' has no unit"),
        ("retain --root data --keep-size 99", "'99' has no unit"),
        ("compact --root data --target-size 99", "'99' has no unit"),
        ("advise --root data --max-file-size 99", "'99' has no unit"),
        ("pack create p.zip --root data --max-part-size 99", "'99' has no unit"),
        ("pack verify p.zip --max-unpacked-size 99", "'99' has no unit"),
        ("store --root d --seal-every 10 < e.jsonl", "not a length of time: '10'"),
        ("store --root d --keep 30 < e.jsonl", "not a length of time: '30'"),
        ("retain --root data --keep 30", "not a length of time: '30'"),
        ("retain --root data --keep 0.5ns", "finer than a nanosecond: '0.5ns'"),
        ("stream sim SPY --duration 5", "not a length of time: '5'"),
        ("head -n 10k e.jsonl", "'10k' is not a whole number (say 10000)"),
        ("stream sim SPY --limit 1e3", "stream: --limit: '1e3' is not a whole number (say 1000)"),
    ],
)
@pytest.mark.some(5)
def test_a_value_without_its_unit_is_wrong_and_told(line: str, said: str, shell: Shell) -> None:
    assert shell(MAKE).status == 0
    done = shell(f"mdc {line}")
    assert (done.status, said in done.err) == (2, True), done.err


def test_lengths_of_time_may_have_fractions(shell: Shell) -> None:
    assert shell(MAKE).status == 0
    line = "mdc retain --by event --root data --now 2024-01-03T02:30:01Z --dry-run --json"
    gone = json.loads(shell(f"{line} --keep 0.5d").out)["files"]
    assert gone == json.loads(shell(f"{line} --keep 12h").out)["files"] > 0
    assert json.loads(shell(f"{line} --keep 1.5d").out)["files"] == 0


def test_how_many_a_mock_server_plays(shell: Shell) -> None:
    """A simulated market has no end of its own."""
    client = "{ read url; mdc -q stream alpaca SPY --mock --url $url; }"

    def played(count: int) -> list[str]:
        done = shell(f"mdc -q mock alpaca --symbol SPY -n {count} --once | {client}")
        return [e["ts_event"] for e in done.events if e["type"] in ("trade", "quote")]

    whole = played(40)
    assert len(whole) == 40
    assert played(25) == whole[:25]
