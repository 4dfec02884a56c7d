"""What is asked for and not there is told, with what was meant, and is status 1 in every verb."""

import json
from pathlib import Path

import pytest

import mdc_core as mdc
from mdc_core.errors import NothingFoundError
from tests.conftest import Shell
from tests.kit.kills import killed
from tests.kit.verbs import CHOOSING, having

CASES = {
    "--symbol SPYY": "no such symbol in data: 'SPYY'; did you mean SPY?",
    "--symbol AAPL,spy": "no such symbol in data: 'spy'; did you mean SPY?",
    "--symbols-file wrong.txt": "symbols in data: 'AAPLE', 'sap'; did you mean AAPL or SAP?",
    "--symbol 'spy*'": "no events of spy* in data; did you mean SPY?",
    "--type bar --symbol SPY": "no bar events of SPY in data; there are quote, trade",
}
LATE = "--date 2031-01-01"
SPAN = "from 2031-01-01 before 2031-01-02; there are some from 2024-01-02T14:30:00."


@pytest.fixture(autouse=True)
def wrong(market: Path) -> None:
    (market.parent / "wrong.txt").write_text("SPY\nAAPLE\nsap\n")


@pytest.mark.parametrize("verb", CHOOSING)
@pytest.mark.some(7)
def test_in_every_verb(shell: Shell, verb: str) -> None:
    for chosen, words in CASES.items():
        done = shell(f"mdc -q {CHOOSING[verb].format(chosen)}")
        assert (done.status, words in done.err) == (1, True), (chosen, done.err)
    one = shell(f"mdc -q {CHOOSING[verb].format('--symbol AAPL,spy')}")
    named = shell(f"mdc -q {CHOOSING[verb].format('--symbol AAPL')}")
    assert (named.status == 0 and one.lines == named.lines) or verb == "coverage"
    done = shell(f"mdc -q {CHOOSING[verb].format('--symbol SPYY,SPY --allow-empty')}")
    assert (done.status, "no such" in done.err) == (0, False)


@pytest.mark.parametrize("verb", sorted(having("--from") & set(CHOOSING) - {"coverage"}))
@pytest.mark.some(5)
def test_a_time_without_events(shell: Shell, verb: str) -> None:
    done = shell(f"mdc -q {CHOOSING[verb].format(LATE)}")
    assert done.status == 1 and f"no events in data {SPAN}" in done.err
    done = shell(f"mdc -q {CHOOSING[verb].format(f'{LATE} --allow-empty')}")
    assert done.status == 0 and "no events" not in done.err


def test_no_verb_is_forgotten() -> None:
    assert having("--symbol") == having("--allow-empty") == set(CHOOSING)


def test_of_files_and_pipes(shell: Shell, market: Path) -> None:
    shell("mdc -q cat data > all.jsonl")
    for line in ("cat all.jsonl", "cat all.jsonl | mdc -q cat", "cat all.jsonl then tail"):
        where = "all.jsonl" if line == "cat all.jsonl" else "the input"
        done = shell(f"mdc -q {line} --symbol SPYY")
        assert done.status == 1
        assert f"no such symbol in {where}: 'SPYY'; did you mean SPY?" in done.err
        done = shell(f"mdc -q {line} --symbol SPY --from 2031")
        assert done.status == 1 and f"no events of SPY in {where} from 2031-01-01;" in done.err
        assert shell(f"mdc -q {line} --symbol SPY").status == 0
    file = next((market / "SPY" / "trade").glob("*.parquet"))
    done = shell(f"mdc -q count {file} --symbol AAPL")
    assert done.status == 1 and "known: SPY" in done.err


def test_only_the_verb_s_own_status_in_a_pipe(shell: Shell, market: Path) -> None:
    line = "mdc -q cat data --symbol SPYY | mdc count --json > n; echo ${PIPESTATUS[*]}"
    assert shell(line).out == "1 0\n"
    assert json.loads(market.with_name("n").read_text())["total"] == 0
    (end,) = [e for e in shell("mdc cat data --symbol SPYY").all_events if e["type"] == "end"]
    assert end["reason"] == "eof"
    done = shell("mdc -q cat data --symbol SPYY then count --json")
    assert done.status == 1 and json.loads(done.out)["total"] == 0


def test_an_empty_input_is_no_mistake_but_an_archive_is(shell: Shell, market: Path) -> None:
    (market.parent / "nothing.jsonl").touch()
    for line in ("cat nothing.jsonl", "count nothing.jsonl", "head < nothing.jsonl"):
        assert shell(f"mdc {line}").status == 0
    assert shell("mdc cat nothing.jsonl --symbol SPY").status == 1
    assert shell("mdc retain --yes --by event --root data --keep 1d").status == 0
    readers = ("cat", "head", "count", "ls", "du", "coverage", "pack create")
    for verb in readers:
        done = shell(f"mdc -q {CHOOSING[verb].format('')}")
        assert done.status == 1 and "no events in data" in done.err, verb
    for verb in ("compact", "retain", "tier plan", "advise", "query"):
        assert shell(f"mdc -q {CHOOSING[verb].format('')}").status == 0, verb


def test_what_is_only_in_a_journal_is_there(shell: Shell, market: Path) -> None:
    shell("mdc -q stream sim NEW --limit 5 > new.jsonl")
    killed(shell, "mdc -q store --root data < new.jsonl", "write@0.part:1:kill")
    assert not list(market.glob("NEW/*/*.parquet"))
    for verb in ("cat", "count", "ls", "coverage"):
        done = shell(f"mdc -q {CHOOSING[verb].format('--symbol NEW')}")
        assert done.status == 0 and "no such symbol" not in done.err, verb
    assert "mdc recover" in shell("mdc ls --root data").err


def test_without_a_catalog(shell: Shell, market: Path) -> None:
    for file in (market / "_mdc").glob("catalog*"):
        file.unlink()
    for verb in ("cat", "count", "ls", "query"):
        done = shell(f"mdc -q {CHOOSING[verb].format('--symbol SPY,SPYY')}")
        assert done.status == 1 and "'SPYY'; did you mean SPY?" in done.err
        assert shell(f"mdc -q {CHOOSING[verb].format('--symbol SPY')}").status == 0


def test_from_python(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(market.parent)
    made = mdc.pipeline("cat --root data --symbol SPYY,SPY then count")
    with pytest.raises(NothingFoundError, match="no such symbol in data: 'SPYY'"):
        made.run()
    result = made.run(check=False)
    assert (result.status, [stage.status for stage in result.stages]) == (1, [1, 0])
    assert result.answer.total() > 0
    assert isinstance(result.stages[0].error, NothingFoundError)
    allowed = mdc.stage("cat", root="data", symbol="SPYY", allow_empty=True)
    assert mdc.pipeline(allowed, "count").run().answer.total() == 0


SAYING = ("du", "coverage", "compact", "retain", "advise", "tier plan", "tier migrate", "rm")


@pytest.mark.parametrize("verb", [*SAYING, "schema migrate", "pack create"])
def test_no_result_of_nothing_follows(shell: Shell, verb: str) -> None:
    line = CHOOSING[verb].format("--symbol SPYY").replace(" --json", "")
    done = shell(f"mdc {line}")
    said = "no such symbol in data: 'SPYY'; did you mean SPY?"
    assert (done.status, done.out, done.err) == (1, "", f"mdc {verb}: {said}\n")
    some = shell(f"mdc {line.replace('SPYY', 'SPYY,SPY')}")
    assert some.status == 1 and said in some.err
    assert some.out or len(some.err.splitlines()) == 2, "what was found has its result"
    if "--json" in CHOOSING[verb]:
        as_json = shell(f"mdc {line} --json")
        assert as_json.status == 1 and as_json.err == done.err
        json.loads(as_json.out)
