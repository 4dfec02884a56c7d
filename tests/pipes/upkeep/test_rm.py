"""`mdc rm`: what is chosen is gone, wherever it was, and all the rest is there."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of
from tests.kit.kills import killed, kills
from tests.pipes.store.sharing import sharing_soon

FORMATS = ("parquet", "jsonl")


@pytest.fixture(params=FORMATS)
def lines(request: pytest.FixtureRequest, shell: Shell) -> list[str]:
    """An archive of two runs, of which the first is in `a.jsonl`; all its events."""
    shell("mdc -q stream sim SPY AAPL --limit 200 > a.jsonl")
    shell("mdc -q stream sim SPY QQQ --limit 100 --seed 9 > b.jsonl")
    for name in "ab":
        shell(f"mdc -q store --format {request.param} < {name}.jsonl")
    return held(shell)


def held(shell: Shell) -> list[str]:
    return shell("mdc -q cat --root data").lines


def run_of(name: str, shell: Shell) -> str:
    run: str = json.loads(shell(f"head -n 1 {name}.jsonl").out)["run_id"]
    return run


def sound(shell: Shell, lines: list[str]) -> None:
    """All that looks at the archive agrees, also when the catalog is made again."""
    assert Counter(held(shell)) == Counter(lines)
    counted = json.loads(shell("mdc count --root data --json").out)["total"]
    listed = json.loads(shell("mdc ls --json").out or "[]")
    rows = sum(one["events"] for one in listed)
    assert (counted, rows) == (len(lines), len(lines))
    assert (shell("mdc verify --deep").status, shell("mdc recover").out) == (0, "")
    shell("rm data/_mdc/catalog.sqlite; mdc catalog rebuild")
    assert Counter(held(shell)) == Counter(lines)


@pytest.mark.some(1)
def test_a_run(lines: list[str], shell: Shell) -> None:
    run = run_of("a", shell)
    dry = shell(f"mdc rm --run {run} --dry-run")
    assert (dry.status, held(shell)) == (0, lines)
    assert "mdc rm: would remove 200 events from 2024-01-02T14:30:00" in dry.err
    done = shell(f"mdc rm --run {run} --yes")
    assert done.status == 0, done.err
    assert done.out == dry.out.replace("would remove", "removed")
    left = shell("mdc -q cat b.jsonl").lines
    sound(shell, left)
    again = shell(f"mdc rm --run {run} --yes")
    assert (again.status, again.out) == (1, "")
    assert "nothing to remove in data" in again.err
    assert shell(f"mdc rm --run {run} --yes --allow-empty").status == 0
    # It can be stored again.
    assert "already stored" not in shell("mdc store < a.jsonl").err
    assert Counter(held(shell)) == Counter(lines)


@pytest.mark.some(1)
def test_a_symbol_and_a_type(lines: list[str], shell: Shell) -> None:
    assert shell("mdc rm --symbol 'S*' --type trade --yes").status == 0
    left = [one for one in lines if not ('"trade"' in one and '"symbol":"SPY"' in one)]
    assert 0 < len(left) < len(lines)
    sound(shell, left)


@pytest.mark.some(1)
def test_a_span_of_time_cuts_files(lines: list[str], shell: Shell) -> None:
    times = sorted(json.loads(one)["ts_event"] for one in lines)
    start, stop = times[50], times[150]
    done = shell(f"mdc rm --from {start} --to {stop} --yes --json")
    assert done.status == 0, done.err
    said = json.loads(done.out)
    left = [one for one in lines if not start <= json.loads(one)["ts_event"] < stop]
    assert said["events"] == len(lines) - len(left) > 0
    assert not all(one["file_removed"] for one in said["removed"])
    sound(shell, left)
    # The rest of a run is still known as that.
    assert "of 200 events" in shell("mdc store < a.jsonl").err
    assert shell("mdc rm --date 2024-01-02 --yes").status == 0
    assert (held(shell), parts_of(Path(shell("pwd").out.strip(), "data"))) == ([], [])


def test_of_a_shared_file(shell: Shell, forked_env: dict[str, str]) -> None:
    soon = sharing_soon(shell)
    rows = [
        f'{{"type":"trade","symbol":"S{n}","ts_event":"2024-01-02T15:00:0{k}Z","price":{n}}}\n'
        for n in range(20)
        for k in range(3)
    ]
    soon("mdc -q store", stdin="".join(rows).encode())
    lines = held(shell)
    assert len(lines) == 60
    assert soon("mdc rm --symbol S3 --from 2024-01-02T15:00:01Z --yes").status == 0
    left = [o for o in lines if '"S3"' not in o or ":00.000000000Z" in o]
    assert len(left) == 58
    sound(shell, left)


@pytest.mark.some(1)
def test_it_is_asked_for_and_refused_otherwise(lines: list[str], shell: Shell) -> None:
    for line, text in (
        ("mdc rm", "nothing says what is to go"),
        ("mdc rm --yes", "nothing says what is to go"),
        ("mdc rm --symbol SPY", "--yes removes without asking"),
    ):
        done = shell(line)
        assert (done.status, text in done.err) == (2, True), done
    assert shell("mdc rm --symbol NONE --yes").status == 1
    assert shell("mdc rm --root nowhere --symbol SPY --yes").status == 65
    assert held(shell) == lines


@pytest.mark.some(1)
def test_runs_in_one_file_are_not_guessed_at(lines: list[str], shell: Shell) -> None:
    assert shell("mdc compact").status == 0
    done = shell(f"mdc rm --run {run_of('a', shell)} --yes")
    assert (done.status, "has events of other runs as well" in done.err) == (65, True)
    both = f"--run {run_of('a', shell)} --run {run_of('b', shell)}"
    assert Counter(held(shell)) == Counter(lines)
    assert shell(f"mdc rm {both} --yes").status == 0
    assert held(shell) == []


def test_what_is_being_written_is_refused(shell: Shell, tmp_path: Path) -> None:
    shell("mdc -q stream sim SPY --limit 50 > a.jsonl; mdc -q store --format jsonl < a.jsonl")
    (part, *_) = parts_of(tmp_path / "data")
    segment = part.name.split(".")[1]
    holding = (
        f"exec 8>>data/_mdc/journal/{segment}.journal; flock 8; mdc rm --symbol SPY --yes;"
        " s=$?; exec 8>&-; rm data/_mdc/journal/*; exit $s"
    )
    done = shell(holding)
    assert (done.status, "is still being written" in done.err) == (75, True), done
    assert len(held(shell)) == 50


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.some(1)
def test_killed_at_any_step(form: str, shell: Shell, tmp_path: Path) -> None:
    shell("mdc -q stream sim SPY AAPL --limit 120 > a.jsonl")
    shell(f"mdc -q store --format {form} < a.jsonl")
    before = held(shell)
    cut = sorted(json.loads(one)["ts_event"] for one in before)[60]
    after = [one for one in before if json.loads(one)["ts_event"] < cut]
    line = f"mdc -q rm --from {cut} --yes"
    shutil.copytree(tmp_path / "data", tmp_path / "kept")

    def fresh() -> None:
        shutil.rmtree(tmp_path / "data")
        shutil.copytree(tmp_path / "kept", tmp_path / "data")

    seen = set()
    for fault in kills(shell, line, 10, after=fresh):
        fresh()
        killed(shell, line, fault)
        found = held(shell)
        assert found in (before, after), fault
        shell("mdc -q recover")
        assert held(shell) == found
        assert shell("mdc verify --deep").status == 0
        seen.add(len(found))
    assert seen == {len(before), len(after)}


def test_it_asks_on_a_terminal(shell: Shell) -> None:
    shell("mdc -q stream sim SPY --limit 20 | mdc -q store")
    asked = shell("printf 'n\\n' | script -qec 'mdc rm --symbol SPY' /dev/null")
    assert "Remove 20 events from 2024-01-02T14:30:00" in asked.out
    assert len(held(shell)) == 20
    shell("printf 'y\\n' | script -qec 'mdc rm --symbol SPY' /dev/null")
    assert held(shell) == []
