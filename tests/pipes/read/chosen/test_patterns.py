"""Patterns, lists and files of symbols choose the same in every verb."""

import json
from pathlib import Path

import pytest

from tests.conftest import Done, Shell
from tests.kit.verbs import CHOOSING, having
from tests.pipes.store.sharing import sharing_soon

WANTED = ["SPY", "SAP", "BTC/USD"]
WAYS = (
    "--symbol 'S*,BTC?USD'",
    "--symbol 'SP?' --symbol '[S][A-B]P' --symbol BTC/USD,SPY",
    "--symbols-file few.txt",
)
BOTH = "--symbol 'BTC*' --symbols-file spy.txt"


def said(done: Done) -> str:
    assert done.status == 0, done.err
    lines = (line for line in done.lines if not line.startswith("out.zip"))
    return "\n".join(lines)


@pytest.mark.parametrize("verb", CHOOSING)
@pytest.mark.some(7)
def test_in_every_verb(shell: Shell, market: Path, verb: str) -> None:
    named = said(shell(f"mdc {CHOOSING[verb].format(f'--symbol {chr(44).join(WANTED)}')}"))
    every = "--type '*'" if verb == "rm" else ""  # it takes nothing for everything
    everything = said(shell(f"mdc {CHOOSING[verb].format(every)}"))
    if verb not in ("schema migrate", "verify"):  # nothing to do or to say, whatever is chosen
        assert named != everything and (verb.startswith(("count", "tier")) or "SAP" in named)
    assert "AAPL" not in named
    assert said(shell(f"mdc {CHOOSING[verb].format(BOTH)}")) == named
    if verb != "shell":
        listed = CHOOSING[verb].format("--symbols-file -")
        assert said(shell(f"printf 'S*\\nBTC*\\n' | mdc {listed}")) == named


def test_all_ways_are_one(shell: Shell, market: Path) -> None:
    named = shell(f"mdc count data --json --symbol {','.join(WANTED)}").out
    for way in WAYS:
        assert shell(f"mdc count data --json {way}").out == named, way


def test_no_verb_is_forgotten() -> None:
    assert having("--symbol") == having("--symbols-file") == set(CHOOSING)


def test_patterns_are_exact_about_case_and_brackets(shell: Shell, market: Path) -> None:
    def total(chosen: str) -> int:
        return json.loads(shell(f"mdc count data --json {chosen}").out)["total"]

    assert total("--symbol '*'") == total("") == 600
    assert total("--symbol '[[]X]'") == total("") - total("--symbol '[!\\[]*'") > 0
    assert total("--symbol 'S*' --type 'tr*'") == total("--symbol SPY,SAP --type trade") > 0
    assert total("--type 'tr*,q*'") == 600


def test_where_no_catalog_is_and_in_files(shell: Shell, market: Path) -> None:
    chosen = "--symbol 'S*' --type trade"
    before = shell(f"mdc cat data {chosen}").lines
    shell("mdc cat data > all.jsonl")
    assert shell(f"mdc cat all.jsonl {chosen}").lines == before
    assert shell(f"cat all.jsonl | mdc cat {chosen}").lines == before
    for path in (market / "_mdc").glob("catalog*"):
        path.unlink()
    assert shell(f"mdc cat data {chosen}").lines == before
    named = (shell(f"mdc cat data --symbol {name} --type trade") for name in ("SPY", "SAP"))
    assert len(before) == sum(len(done.lines) for done in named)


def test_of_many_symbols_in_shared_parts(shell: Shell, tmp_path: Path) -> None:
    symbols = [f"S{number:03d}" for number in range(30)]
    (tmp_path / "many.txt").write_text("\n".join(symbols))
    few = sharing_soon(shell)
    few("mdc -q stream sim --symbols-file many.txt --limit 300 | mdc -q store --root data")
    assert list((tmp_path / "data").rglob("~mixed"))
    found = [event["symbol"] for event in shell("mdc cat data").events]
    for pattern, prefix in (("S01*", "S01"), ("S00?", "S00"), ("*", "")):
        wanted = [symbol for symbol in found if symbol.startswith(prefix)]
        chosen = [event["symbol"] for event in shell(f"mdc cat data --symbol '{pattern}'").events]
        assert chosen == wanted
        told = json.loads(shell(f"mdc ls --json --symbol '{pattern}'").out)
        assert {row["symbol"] for row in told} == set(wanted)
    # A list may be as long as it likes.
    (tmp_path / "more.txt").write_text("\n".join([*symbols, *(f"X{n}" for n in range(70_000))]))
    assert len(shell("mdc cat data --symbols-file more.txt").events) == len(found)


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("count data --symbols-file no.txt", 65, "no such file or directory: no.txt"),
        ("count data --symbols-file empty.txt", 2, "no symbols in empty.txt"),
        ("count data --symbols-file two.txt", 65, "line 1 has more than one symbol: 'A B'"),
        ("cat - --symbols-file -", 2, "the symbols or the events, not both"),
        ("count data --type 'x*'", 2, "no such event type: 'x*'"),
    ],
)
def test_what_is_wrong(shell: Shell, tmp_path: Path, line: str, status: int, words: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "empty.txt").write_text("# none\n")
    (tmp_path / "two.txt").write_text("A B\n")
    done = shell(f"mdc {line}")
    assert done.status == status and words in done.err
