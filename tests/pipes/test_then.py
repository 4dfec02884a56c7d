"""Verbs joined by `then` do in one process what they do in a pipe of processes."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Shell, only_says_error, parts_of, says_nothing

FILTERS = (
    "validate",
    "validate --check price --on-fail drop",
    "cat --type trade",
    "cat --symbol AAPL",
    "tail -n 7",
    "convert",
    "store --root data --tee",
)
ENDS = (
    "store --root last",
    "count --json",
    "validate --format arrow",
    "store --root last --ack",
)


def run(line: str, folder: Path, env: dict[str, str]) -> tuple[int, bytes, list[str]]:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        capture_output=True,
        cwd=folder,
        env=env | {"MDC_LOG_FORMAT": "json"},  # which has all accounts
        check=False,
    )
    records = [json.loads(line) for line in done.stderr.splitlines()]
    said = sorted(f"mdc {one['stage']}: {one['message']}" for one in records)
    return done.returncode, done.stdout, said


def read(data: bytes, shell: Shell) -> list[str]:
    """The lines of the events in an output of either wire."""
    return shell("mdc convert 2> /dev/null", stdin=data).lines if data else []


def stored(folder: Path, shell: Shell) -> dict[str, list[str]]:
    """The files of all archives in a folder, each with its events."""
    files = [f for root in ("data", "last") for f in parts_of(folder / root)]
    # The name of a file holds the id of its run; what is before it says what is in the file.
    names = [str(f.relative_to(folder)).partition(".")[0] for f in files]
    assert len(set(names)) == len(names)
    lines = [shell(f"mdc cat {f} 2> /dev/null").lines for f in files]
    return dict(zip(names, lines, strict=True))


@settings(max_examples=6, derandomize=True)
@given(st.lists(st.sampled_from(FILTERS), max_size=2), st.sampled_from(ENDS))
def test_the_same_as_with_pipes(
    shell: Shell, forked_env: dict[str, str], filters: list[str], end: str
) -> None:
    verbs = ["stream sim SPY AAPL --limit 120", *filters, end]
    with tempfile.TemporaryDirectory() as made:
        piped, chained = Path(made, "piped"), Path(made, "chained")
        piped.mkdir()
        chained.mkdir()
        status, out, err = run(" | ".join(f"mdc {verb}" for verb in verbs), piped, forked_env)
        got = run("mdc " + " then ".join(verbs), chained, forked_env)
        assert (got[0], got[2]) == (status, err)
        assert err
        if end.startswith("count"):
            assert got[1] == out
        elif "--ack" not in end:
            assert read(got[1], shell) == read(out, shell)
        assert stored(chained, shell) == stored(piped, shell)


ACCOUNT = re.compile(
    r"mdc (\w+): (\d+) in = (\d+) out \+ (\d+) rejected \+ (\d+) dropped"
    r"(?: \+ (\d+) skipped)?( .*)?"
)
ENOUGH = ("head -n 3", "head -n 3 then count --json", "head -n 3 then store --root last")


def accounts(err: list[str]) -> dict[str, tuple[int, ...]]:
    """What each stage says of in, out, rejected, dropped, skipped; each says it once."""
    found = [match for match in map(ACCOUNT.fullmatch, err) if match]
    assert len({match[1] for match in found}) == len(found)
    return {match[1]: tuple(int(number or 0) for number in match.groups()[1:6]) for match in found}


@settings(max_examples=6)
@given(
    st.lists(st.sampled_from(FILTERS), max_size=2, unique_by=lambda verb: verb.split()[0]),
    st.sampled_from(ENOUGH),
)
def test_a_reader_that_has_enough_is_the_same_for_pipes_and_then(
    shell: Shell, forked_env: dict[str, str], filters: list[str], end: str
) -> None:
    filters = [verb for verb in filters if not verb.startswith("tail")]  # it waits for the end
    verbs = ["stream sim SPY AAPL", *filters, *end.split(" then ")]
    with tempfile.TemporaryDirectory() as made:
        piped, chained = Path(made, "piped"), Path(made, "chained")
        piped.mkdir()
        chained.mkdir()
        status, out, err = run(" | ".join(f"mdc {verb}" for verb in verbs), piped, forked_env)
        got = run("mdc " + " then ".join(verbs), chained, forked_env)
        assert (status, got[0]) == (141, 0)  # pipefail: the source's reader went away
        assert read(got[1], shell) == read(out, shell)
        by_pipe, by_then = accounts(err), accounts(got[2])
        assert sorted(by_pipe) == sorted(by_then) == sorted(v.split()[0] for v in verbs)
        for read_in, *others in (*by_pipe.values(), *by_then.values()):
            assert read_in == sum(others)
        # How far those before `head` came is chance; those behind it have the same.
        behind = [verb.split()[0] for verb in end.split(" then ")[1:]]
        assert [by_pipe[verb] for verb in behind] == [by_then[verb] for verb in behind]
        for folder, counts in ((piped, by_pipe), (chained, by_then)):
            assert not list(folder.glob("*/_mdc/journal/*"))
            for root in ("data", "last"):
                held = json.loads(shell(f"mdc count --root {folder / root} --json").out or "{}")
                if (folder / root).exists() and len([v for v in verbs if "store" in v]) == 1:
                    assert held["total"] == counts["store"][1]


@pytest.mark.parametrize(
    "source",
    [
        "replay events.jsonl",
        "cat -f events.jsonl",
        "cat -f --root old",
        "replay --step --root old",
        "stream sim SPY --rate 0.01 --speed 1x",
    ],
)
def test_what_waits_is_sealed_in_time(source: str, shell: Shell) -> None:
    line = '{"type":"trade","symbol":"A","ts_event":"2024-01-0%dT00:00:00Z","price":1,"size":1}'
    done = shell(
        f"""
        (echo '{line % 1}'; echo '{line % 2}') > events.jsonl
        mdc -q store --root old < events.jsonl
        mkfifo steps; exec 5<> steps; echo >&5
        mdc {source} then store --root new --seal-every 1ms <&5 &
        # Sealed to a file, or carried on in another segment.
        until find new | grep -E '[.]parquet|c[.]journal'; do sleep .02; done 2> /dev/null
        kill -INT $!; wait $!
        mdc count --root new --json
        """
    )
    assert done.status == 0, done.err
    assert '"total": ' in done.out


def test_a_source_that_fails_is_known_to_the_last_stage(shell: Shell) -> None:
    for join in ("then", "| mdc"):
        done = shell(f"mdc cat --root nowhere {join} store --root data")
        assert done.status == 65
        assert "no archive at nowhere" in done.err
        assert "cat ended with an error" in done.err
    for source in ("cat nothing.jsonl", "stream alpaca SPY", "validate nothing.jsonl"):
        done = shell(f"mdc {source}")
        assert done.status
        assert only_says_error(done.out)
        assert shell(f"set +o pipefail; mdc {source} | mdc store --root data").status == 65


def test_the_reader_that_has_enough_ends_the_chain(shell: Shell) -> None:
    done = shell("mdc -q stream sim SPY then cat --type trade then head -n 3")
    assert (done.status, done.err) == (0, "")
    assert [event["type"] for event in done.events] == ["trade"] * 3


def test_the_first_stage_reads_what_is_piped_in_or_named(shell: Shell) -> None:
    shell("mdc stream sim SPY --limit 20 > events.jsonl")
    for line in (
        "mdc validate events.jsonl then count --json",
        "cat events.jsonl | mdc cat then count --json",
    ):
        assert '"total": 20' in shell(f"{line}").out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("stream sim SPY then", "nothing after `then`"),
        ("then store", "nothing before `then`"),
        ("-q then store", "missing command"),
        (
            "stream sim SPY then stream sim SPY",
            "mdc stream: reads no input, so it must be the first",
        ),
        ("stream sim SPY then cat --root data", "mdc cat: reads no input"),
        (
            "stream sim SPY then count then store",
            "mdc count: writes no events, so it must be the last stage",
        ),
        ("stream sim SPY then --root a store", "no command between `then` and --root"),
        ("stream sim SPY then ls", "cannot be part of a pipeline"),
        ("stream sim SPY then stores", "no such command: 'stores'"),
        ("stream sim SPY then store --layuot flat", "--layuot"),
    ],
)
def test_what_cannot_be_joined(line: str, words: str, shell: Shell) -> None:
    done = shell(f"mdc {line}")
    assert done.status == 2 and says_nothing(done.out)
    assert words in done.err


def test_tab_knows_then(shell: Shell) -> None:
    line = "mdc stream sim SPY then validate --on-fail "
    count = len(line.split(" ")) - 1
    words = {"_MDC_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(count)}
    assert "plain,quarantine" in shell("mdc", **words).out
    words |= {"COMP_WORDS": "mdc cat data th", "COMP_CWORD": "3"}
    assert "plain,then" in shell("mdc", **words).out
    for line in ("stream sim SPY", "-q validate", "cat then head", "import --profile csv x"):
        assert "then" in offered(f"mdc {line} th", shell), line
    for line in ("ls", "count", "query", "stream sim SPY then count", "pack list"):
        assert "then" not in offered(f"mdc {line} th", shell), line


@pytest.mark.parametrize(
    "line",
    [
        "store --tee --root ",
        "cat --type ",
        "cat --root data --root=",
        "cat --root = ",  # as bash cuts it
        "head -n ",
        "convert --format ",
        "store --ack --format ",
        "stream sim SPY --limit ",
        "stream sim SPY then validate --on-fail ",
        "cat -- ",
    ],
)
@pytest.mark.parametrize("program", ["bash", "zsh", "fish"])
def test_tab_offers_no_then_where_a_value_must_come(program: str, line: str, shell: Shell) -> None:
    out = tab(f"mdc {line}t", program, shell)
    assert "then" not in out, out


def test_tab_offers_files_of_that_name_in_bash(shell: Shell, tmp_path: Path) -> None:
    """It shows words, or else files; the other shells show both."""
    (tmp_path / "trades.jsonl").touch()
    assert "then" not in tab("mdc cat t", "bash", shell)
    assert "then" in tab("mdc cat th", "bash", shell)
    assert {"file", "then"} <= set(tab("mdc cat t", "zsh", shell))
    assert {"file", "then"} <= set(tab("mdc cat t", "fish", shell))


# Each verb that can stand behind `then`, with what it needs there.
BEHIND = {
    "book": "",
    "cat": "",
    "convert": "--format jsonl",
    "count": "",
    "export": "--profile csv --output out",
    "head": "",
    "publish": "http http://127.0.0.1:9 --dry-run",
    "replay": "--speed max",
    "store": "",
    "tail": "",
    "validate": "",
}


def offered(line: str, shell: Shell) -> list[str]:
    """What TAB offers at the end of a line."""
    words = {"_MDC_COMPLETE": "bash_complete", "COMP_WORDS": line}
    out = shell("mdc", **words, COMP_CWORD=str(line.count(" "))).out
    return sorted(word.partition(",")[2] for word in out.splitlines())


def test_tab_right_behind_then_offers_stages_that_take_input(shell: Shell) -> None:
    assert offered("mdc stream sim SPY then ", shell) == list(BEHIND)
    assert offered("mdc stream sim SPY then validate then c", shell) == ["cat", "convert", "count"]
    assert offered("mdc stream sim SPY then -", shell) == []
    assert {"ls", "stream", "store"} < set(offered("mdc ", shell))
    runs = [f"stream sim SPY --limit 5 then {verb} {more}" for verb, more in BEHIND.items()]
    done = shell("; ".join(f"mdc -q {line} > out.txt || echo {line}" for line in runs))
    assert (done.out, done.err) == ("", "")
    others = sorted(set(offered("mdc ", shell)) - set(BEHIND))
    lines = (f"mdc stream sim SPY --limit 5 then {verb} x 2>/dev/null >&2" for verb in others)
    done = shell(
        "; ".join(f"{line} && echo {verb}" for verb, line in zip(others, lines, strict=True))
    )
    assert done.out == ""


TOML = """
quiet = true
[stream]
limit = 50
[stream.sim]
seed = 3
[cat]
type = "trade"
[validate]
check = ["price"]
[head]
lines = 4
"""


def test_each_stage_has_its_own_section_of_mdc_toml(shell: Shell, tmp_path: Path) -> None:
    flags = "stream sim A --limit 50 --seed 3 then cat --type trade then validate --check price"
    wanted = shell(f"mdc -q {flags} then head --limit 4").all_events
    (tmp_path / "mdc.toml").write_text(TOML)
    for line in (
        "mdc stream sim A then cat then validate then head",
        "mdc stream sim A | mdc cat - | mdc validate | mdc head",
    ):
        done = shell(f"set +o pipefail; {line}")  # `head` may end those before it
        assert (done.status, done.err) == (0, "")
        assert done.events == [e for e in wanted if e["type"] == "trade"]
        assert done.all_events[0]["origin"]["request"]["checks"] == ["price"]
    assert len(shell("mdc stream sim A then cat then validate then head -n 2").events) == 2
    assert len(shell("mdc stream sim A then cat then head", MDC_HEAD_LIMIT="3").events) == 3


def test_a_table_that_belongs_to_nothing_is_told_once(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text("[mailbox]\nlimit = 2\n")
    done = shell("mdc -q stream sim A --limit 3 then validate then count --json")
    assert '"total": 3' in done.out
    (line,) = done.err.splitlines()
    assert "[mailbox] is not used: no such table: 'mailbox'" in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[head]\nlimt = 3\n", "[head] limt: no such option: 'limt'; did you mean limit?"),
        ("[head]\nlimit = 'x'\n", "[head] limit: must be a whole number, not 'x'"),
        ("[stream]\nlimit = -1\n", "[stream] limit: -1 is not in the range"),
    ],
)
def test_a_wrong_setting_of_any_stage_names_its_place(
    text: str, words: str, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "mdc.toml").write_text(text)
    done = shell("mdc stream sim A --limit 9 then cat then head")
    assert done.status == 78 and only_says_error(done.out)
    assert words in done.err


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mdc stream sim SPY then ", "store"),
        ("mdc stream sim SPY then va", "validate"),
        ("mdc stream sim SPY then store --lay", "--layout"),
        ("mdc stream sim SPY then store --layout fl", "flat"),
        ("mdc stream sim SPY then validate --check cr", "crossed"),
        ("mdc cat then store --format ", "jsonl"),
        ("mdc cat --root data t", "then"),
    ],
)
@pytest.mark.parametrize("program", ["bash", "zsh", "fish"])
def test_tab_behind_then(program: str, line: str, offered: str, shell: Shell) -> None:
    assert offered in tab(line, program, shell)


def tab(line: str, program: str, shell: Shell) -> list[str]:
    """What a shell is answered at the end of a line: kinds, words and their helps."""
    words = {"_MDC_COMPLETE": f"{program}_complete", "COMP_WORDS": line}
    words["COMP_CWORD"] = line.split(" ")[-1] if program == "fish" else str(line.count(" "))
    out = shell("mdc", **words).out
    return out.replace(",", "\n").replace("\t", "\n").splitlines()


def test_help_and_man_page_tell_of_then(shell: Shell) -> None:
    told = "`mdc A then B then C` does the same in one process"
    assert told in " ".join(shell("mdc --help").out.split())
    page = Path(__file__).resolve().parents[2] / "man" / "mdc.1"
    assert told in " ".join(page.read_text().split())
