"""What is chosen: times that hold nothing and symbols that are none are refused in every verb."""

import json
from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing

SPAN = "--from 2024-01-03 --to 2024-01-02"
VERBS = (
    "cat --root data",
    "count --root data",
    "ls --root data",
    "replay --root data",
    "compact --root data --dry-run",
    "coverage --root data",
    "query --root data 'SELECT count(*) FROM trade'",
    "export --profile csv --root data -o out",
    "pack create out.zip --root data",
)


@pytest.fixture
def data(shell: Shell, tmp_path: Path) -> Path:
    """An archive of two symbols."""
    assert shell("mdc -q stream sim SPY AAPL --limit 400 | mdc -q store --root data").status == 0
    return tmp_path / "data"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.some(3)
def test_from_behind_to_is_refused(shell: Shell, data: Path, verb: str) -> None:
    for span in (SPAN, "--from 2024-01-02T15:00:00Z --to 2024-01-02T15:00:00Z"):
        done = shell(f"mdc {verb} {span}")
        assert done.status == 2 and says_nothing(done.out)
        assert "--from must be before --to" in done.err
    assert not (data.parent / "out").exists()


def test_an_import_too(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("ts_event,symbol,price,size\n2024-01-02T15:00:00Z,A,1,1\n")
    line = "mdc import --profile csv t.csv --type trade"
    assert shell(f"{line} --date 2024-01-02").out.count('"price":1') == 1
    assert shell(f"{line} --date 2024-01-03").out.count('"price":1') == 0
    done = shell(f"{line} {SPAN}")
    assert done.status == 2 and says_nothing(done.out)
    assert "--from must be before --to" in done.err


def test_blanks_around_a_symbol_are_told_and_not_taken_off(shell: Shell, data: Path) -> None:
    for verb in (*VERBS[:-1], "retain --by event --root data --keep 1d --dry-run"):
        done = shell(f"mdc {verb} --symbol ' SPY'")
        assert done.status == 2 and says_nothing(done.out), verb
        assert "' SPY' has blanks around it: say 'SPY'" in done.err
    for line in ("stream sim 'SPY '", "mock alpaca --symbol 'SPY '"):
        done = shell(f"mdc {line} --limit 1" if "stream" in line else f"mdc {line}")
        assert done.status == 2 and says_nothing(done.out)
        assert "'SPY ' has blanks around it: say 'SPY'" in done.err
    (data.parent / "mdc.toml").write_text('[count]\nsymbol = " SPY"\n')
    done = shell("mdc count --root data")
    assert done.status == 78 and says_nothing(done.out)
    assert "[count] symbol: ' SPY' has blanks around it" in done.err


def test_blanks_beside_commas_are_none_of_a_symbol(shell: Shell, data: Path) -> None:
    def events(chosen: str) -> int:
        return json.loads(shell(f"mdc count --root data --json --symbol {chosen}").out)["total"]

    assert events("'SPY, AAPL'") == events("SPY --symbol AAPL") == 400


@pytest.mark.parametrize("verb", [*VERBS[:-1], "retain --by event --root data --keep 1d"])
@pytest.mark.some(3)
def test_an_empty_symbol_is_not_all_of_them(shell: Shell, data: Path, verb: str) -> None:
    for flag in ("--symbol ''", "--symbol ' , '", "--type ''"):
        done = shell(f"mdc {verb} {flag}")
        assert done.status == 2 and says_nothing(done.out), flag
        assert "it is empty: leave the option out" in done.err or "blanks" in done.err
    assert len(list(data.glob("*/*/*.parquet"))) == 4
    assert shell("mdc stream sim '' --limit 1").status == 2


def test_count_notices_a_file_that_is_gone_or_has_another_size(shell: Shell, data: Path) -> None:
    file = next(data.glob("SPY/trade/*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    done = shell("mdc count --root data")
    assert done.status == 65 and says_nothing(done.out)
    assert f"{file.relative_to(data.parent)} is not the file that the catalog knows" in done.err
    file.unlink()
    for chosen in ("", "--symbol SPY", "--type trade"):
        done = shell(f"mdc count --root data {chosen}")
        assert done.status == 65 and says_nothing(done.out)
        assert f"{file.relative_to(data.parent)} is missing" in done.err
    assert shell("mdc count --root data --symbol AAPL").status == 0
    file.write_bytes(whole)
    assert "400" in shell("mdc count --root data").out


@pytest.mark.parametrize("verb", ["ls", "ls --tree", "ls --json", "du", "tier status", "coverage"])
@pytest.mark.some(2)
def test_what_adds_up_tells_of_files_that_are_gone(shell: Shell, data: Path, verb: str) -> None:
    line = f"mdc {verb} --root data"
    before = shell(line)
    assert (before.status, "missing" in before.err) == (0, False)
    file = next(data.glob("SPY/trade/*.parquet"))
    file.unlink()
    done = shell(line)
    assert (done.status, done.out) == (65, before.out)
    assert f"mdc {verb.partition(' --')[0]}: {file.relative_to(data.parent)} is missing" in done.err
    if verb not in ("du", "tier status"):
        assert shell(f"{line} --symbol AAPL").status == 0


def test_only_some_of_many_files_that_are_gone_are_named(shell: Shell, data: Path) -> None:
    symbols = " ".join(f"S{number}" for number in range(15))
    assert shell(f"mdc -q stream sim {symbols} --limit 600 | mdc -q store --root data").status == 0
    for folder in data.glob("S[0-9]*"):
        for file in folder.glob("*/*"):
            file.unlink()
    done = shell("mdc ls")
    said = done.err.splitlines()
    assert (done.status, sum(" is missing" in line for line in said)) == (65, 20)
    assert said[-1] == "mdc ls: 10 more files missing; see mdc verify"
