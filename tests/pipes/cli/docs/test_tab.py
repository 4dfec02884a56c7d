"""What TAB offers for values: words of the archive, of the vocabulary, of providers."""

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from mdc_core.installed import verb_files
from mdc_core.sources import first_line
from tests.conftest import Shell

ROOT = Path(__file__).resolve().parents[4]
FILES = {"bash": "mdc.bash", "zsh": "_mdc", "fish": "mdc.fish"}


def offered(line: str, shell: Shell, program: str = "bash", **env: str) -> list[str]:
    """The words that TAB offers at the end of a line."""
    place = line.rpartition(" ")[2] if program == "fish" else str(line.count(" "))
    words = {"_MDC_COMPLETE": f"{program}_complete", "COMP_WORDS": line, "COMP_CWORD": place}
    done = shell("mdc", **words, **env)
    assert (done.status, done.err) == (0, "")
    return [word.partition(",")[2].partition("\t")[0] for word in done.out.splitlines()]


@pytest.fixture(autouse=True)
def archives(shell: Shell, tmp_path: Path) -> None:
    """An archive where it is looked for, one elsewhere, and files that have no type or symbol."""
    line = "mdc -q stream sim AAPL SPY 'BRK B' --limit 60 then store"
    assert shell(line).status == 0
    line = "mdc -q stream sim QQQ --start 2024-03-04 --limit 30 then store --root other"
    assert shell(line).status == 0


@pytest.mark.parametrize("verb", ["", "cat ", "stream ", "stream sim ", "schema show "])
@pytest.mark.parametrize(
    ("option", "kind"), [("--config", "file"), ("--plugin", "file"), ("--root", "dir")]
)
@pytest.mark.some(5)
def test_files_and_directories_on_either_side(
    verb: str, option: str, kind: str, shell: Shell
) -> None:
    line = f"mdc {verb}{option} x"
    words = {"_MDC_COMPLETE": "bash_complete", "COMP_WORDS": line}
    done = shell("mdc", **words, COMP_CWORD=str(line.count(" ")))
    lacks = option == "--root" and verb in ("stream sim ", "schema show ")
    assert done.out == ("" if lacks else f"{kind},x\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mdc cat --type tr", ["trade"]),
        ("mdc --tz America/New", ["America/New_York"]),
        ("mdc --tz=America/New", ["America/New_York"]),
        ("mdc cat --tz America/New", ["America/New_York"]),
        ("mdc stream --tz Europe/Berl", ["Europe/Berlin"]),
        ("mdc --log-format j", ["json"]),
        ("mdc cat --log-format j", ["json"]),
        ("mdc --tz Nowhere/", []),
        ("mdc cat --type trade,q", ["trade,quote"]),
        ("mdc cat --type trade,trade", []),
        ("mdc cat --type begin", []),
        ("mdc schema migrate --type spl", ["split"]),
        ("mdc schema show beg", ["begin"]),
        ("mdc schema log quo", ["quote"]),
        ("mdc cat --symbol ", ["AAPL", "'BRK B'", "SPY"]),
        ("mdc cat --symbol S", ["SPY"]),
        ("mdc cat --symbol SPY,A", ["SPY,AAPL"]),
        ("mdc cat --symbol=S", ["SPY"]),
        ("mdc cat --root other --symbol ", ["QQQ"]),
        ("mdc cat --symbol A --root other --symbol ", ["QQQ"]),
        ("mdc cat other --symbol ", ["QQQ"]),
        ("mdc --root other cat --symbol ", ["QQQ"]),
        ("mdc ls --root other --date ", ["2024-03-04", "today", "yesterday"]),
        ("mdc cat --from 2024", ["2024-01-02"]),
        ("mdc cat --type trade --fields ts_event,pri", ["ts_event,price"]),
        ("mdc head --fields bid_pri", ["bid_price"]),
        ("mdc query --to 2024-0", ["2024-01-02"]),
        ("mdc coverage --from 2", ["2024-01-02"]),
        ("mdc coverage --calendar week", ["weekdays"]),
        ("mdc coverage --calendar weekdays,XNY", ["weekdays,XNYS"]),
        ("mdc stream sim --type ", ["trade", "quote", "delta"]),
        ("mdc stream sim --type delta,", ["delta,trade", "delta,quote"]),
        ("mdc stream alpaca --type upd", ["updated_bar"]),
        ("mdc mock alpaca --type dai", ["daily_bar"]),
        # Nothing that is no archive, or that the command does not read.
        ("mdc cat --root nowhere --symbol ", []),
        ("mdc cat --root s3://bucket/x --symbol ", []),
        ("mdc mock alpaca --symbol ", []),
    ],
)
@pytest.mark.some(12)
def test_values(line: str, expected: list[str], shell: Shell) -> None:
    assert offered(line, shell) == expected


def test_the_archive_is_that_of_the_settings(shell: Shell, tmp_path: Path) -> None:
    line = "mdc cat --symbol "
    assert offered(line, shell, MDC_CAT_ROOT="other") == ["QQQ"]
    assert offered(line, shell, MDC_ROOT="other") == ["QQQ"]
    (tmp_path / "mdc.toml").write_text('[cat]\nroot = "other"\n')
    assert offered(line, shell) == ["QQQ"]
    (tmp_path / "mdc.toml").write_text("[cat\n")
    assert offered(line, shell) == []


def test_nothing_is_written_and_damage_is_silent(shell: Shell, tmp_path: Path) -> None:
    catalog = tmp_path / "data" / "_mdc" / "catalog.sqlite"

    def tree() -> list[tuple[str, int]]:
        return sorted((str(p), p.stat().st_mtime_ns) for p in tmp_path.rglob("*") if p != tmp_path)

    before = tree()
    assert offered("mdc cat --symbol S", shell) == ["SPY"]
    assert offered("mdc cat --date 2", shell) == ["2024-01-02"]
    assert tree() == before
    catalog.write_bytes(b"no database, but as long as one" * 99)
    assert offered("mdc cat --symbol S", shell) == []
    catalog.unlink()
    assert offered("mdc cat --symbol S", shell) == []


def test_many_symbols_with_many_files_are_found_by_the_index(shell: Shell, tmp_path: Path) -> None:
    """As many lookups as words are offered, whatever the catalog holds."""
    state = tmp_path / "large" / "_mdc"
    state.mkdir(parents=True)
    with sqlite3.connect(state / "catalog.sqlite") as db:
        db.execute(
            "CREATE TABLE parts (symbol TEXT, type TEXT, period TEXT, run_id TEXT, number INTEGER)"
        )
        db.execute("CREATE INDEX by_symbol ON parts (symbol, type)")
        every = (
            (f"S{n:05}".encode(), "trade", f"2024-01-{d:02}") for n in range(9_000) for d in (1, 2)
        )
        db.executemany("INSERT INTO parts (symbol, type, period) VALUES (?, ?, ?)", every)
        plan = db.execute("EXPLAIN QUERY PLAN SELECT min(symbol) FROM parts WHERE symbol >= x'41'")
        assert "USING COVERING INDEX by_symbol" in str(plan.fetchall())
    found = offered("mdc cat --root large --symbol S", shell)
    assert len(found) == 500 and found[:2] == ["S00000", "S00001"]
    assert offered("mdc cat --root large --symbol S0899", shell)[-1] == "S08999"


TYPED = {
    "bash": """\
        source "$SCRIPT"
        COMP_WORDS=(mdc cat --type trade,q)
        COMP_CWORD=3
        compopt() { :; }
        _mdc_completion mdc
        printf '%s\\n' "${COMPREPLY[@]}"
    """,
    "zsh": """\
        autoload -U compinit && compinit -u -d "$HOME/zcompdump"
        _describe() { print -rl -- "${completions_with_descriptions[@]}" }
        compadd() { print -rl -- "${completions[@]}" }
        source "$SCRIPT"
        words=(mdc cat --type trade,q)
        CURRENT=4
        _mdc_completion
    """,
    "fish": "source $SCRIPT; complete -C 'mdc cat --type trade,q'",
}


@pytest.mark.parametrize("program", FILES)
def test_a_list_with_its_commas_in_the_shells_themselves(
    program: str, forked_env: dict[str, str], tmp_path: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    env = {"SCRIPT": str(ROOT / "completions" / FILES[program]), "HOME": str(tmp_path)}
    done = subprocess.run(
        [program, "-c", TYPED[program]],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=forked_env | env,
    )
    assert done.stderr == ""
    word, _, told = done.stdout.strip().partition("\t" if program == "fish" else ":")
    assert word == "trade,quote"
    assert told.startswith("" if program == "bash" else "The best bid and offer changed; a side")


def test_fish_shows_whole_descriptions(forked_env: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    script = ROOT / "completions" / "mdc.fish"
    line = f"source {script}; complete -C 'mdc stream alpaca --fe'; complete -C 'mdc cover'"
    done = subprocess.run(
        ["fish", "-c", line],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=forked_env | {"HOME": str(tmp_path)},
    )
    told = dict(line.split("\t") for line in done.stdout.splitlines())
    assert "," in told["--feed"] and told["--feed"].count(" ") > 3
    whole = first_line(verb_files()["coverage"])
    assert told["coverage"] == whole and "," in whole


def test_runs(shell: Shell, tmp_path: Path) -> None:
    (run,) = {path.name.split(".")[1][:12] for path in tmp_path.glob("data/*/*/*.parquet")}
    assert offered("mdc rm --run ", shell) == [run]
    assert offered(f"mdc rm --run {run[:4]}", shell) == [run]
    assert offered("mdc rm --run x", shell) == []
    done = shell(f"mdc rm --run {run} --dry-run --json")
    assert done.status == 0 and run in done.out
