"""What comes again and is only in a journal yet: every reader sees it once."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import Shell

EVENTS = 60


@pytest.fixture
def lines(shell: Shell) -> list[str]:
    """A run in `e.jsonl`, its first half in `half.jsonl`; its events."""
    shell(f"mdc -q stream sim SPY AAPL --limit {EVENTS} > e.jsonl; head -n 31 e.jsonl > half.jsonl")
    return shell("mdc -q cat e.jsonl --plain").lines


@contextmanager
def journaled(path: Path, env: dict[str, str], *options: str) -> Iterator[None]:
    """While a `store` has all of a file in its journal, and sealed nothing."""
    command = ["mdc", "-q", "store", "--ack", "--fsync", "always", *options]
    with subprocess.Popen(
        command,
        cwd=path.parent,
        env=os.environ | env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as store:
        assert store.stdin is not None and store.stdout is not None
        text = path.read_bytes()
        wanted = sum(b'"symbol"' in line for line in text.splitlines())
        store.stdin.write(text)
        for line in store.stdout:
            said = json.loads(line)
            if said["type"] == "ack" and sum(map(int, said["counts"].values())) == wanted:
                break
        yield
        store.stdin.close()
        store.stdout.read()


def seen(shell: Shell) -> Counter[str]:
    """What all readers agree on."""
    found = Counter(shell("mdc -q cat --root data --plain").lines)
    number = found.total()
    assert json.loads(shell("mdc count --root data --json").out)["total"] == number
    assert Counter(shell("mdc -q tail --root data -n 999 --plain").lines) == found
    trades = sum(n for line, n in found.items() if '"type":"trade"' in line)
    sql = shell("mdc query --root data --format jsonl 'SELECT count(*) AS n FROM trade'")
    assert json.loads(sql.out) == {"n": trades}
    some = shell("mdc -q cat --root data --plain --symbol SPY --type trade").lines
    wanted = {ln: n for ln, n in found.items() if '"SPY"' in ln and '"type":"trade"' in ln}
    assert Counter(some) == Counter(wanted)
    return found


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@pytest.mark.parametrize("sealed", ["", "half.jsonl", "e.jsonl"])
@pytest.mark.some(2)
def test_it_is_seen_once(
    sealed: str, form: str, lines: list[str], shell: Shell, forked_env: dict[str, str]
) -> None:
    folder = Path(shell("pwd").out.strip())
    if sealed:
        shell(f"mdc -q store --partial --format {form} < {sealed}")
    whole = Counter(lines)
    gaps = Counter(ln for ln in shell("mdc -q cat data --plain").lines if '"type":"gap"' in ln)
    with ExitStack() as stores:
        for _ in range(2):  # the second has all of it a third time
            stores.enter_context(journaled(folder / "e.jsonl", forked_env, "--format", form))
            assert seen(shell) == whole + gaps
    assert seen(shell) == whole + gaps


def test_what_is_to_be_there_twice_is(
    lines: list[str], shell: Shell, forked_env: dict[str, str]
) -> None:
    folder = Path(shell("pwd").out.strip())
    shell("mdc -q store < e.jsonl")
    with journaled(folder / "e.jsonl", forked_env, "--again"):
        assert seen(shell) == Counter(lines * 2)
    assert seen(shell) == Counter(lines * 2)
    # Equal events of another run are others.
    shell("mdc -q stream sim SPY AAPL --limit 60 > other.jsonl")
    with journaled(folder / "other.jsonl", forked_env):
        assert seen(shell) == Counter(lines * 3)


def test_what_a_killed_store_has_left(
    lines: list[str], shell: Shell, forked_env: dict[str, str]
) -> None:
    folder = Path(shell("pwd").out.strip())
    shell("mdc -q store < e.jsonl")
    with journaled(folder / "e.jsonl", forked_env):
        kept = "mkdir kept; cp data/_mdc/journal/*.journal kept"
        assert shell(kept).status == 0
    # As a power cut leaves it: its journal, and nobody who writes it.
    shell("cp -r data cut; for f in kept/*; do cp $f cut/_mdc/journal/x$(basename $f); done")
    shell("rm -r data; mv cut data")
    assert seen(shell) == Counter(lines)
    assert shell("mdc recover").status == 0
    assert seen(shell) == Counter(lines)
    assert shell("mdc verify --deep").status == 0
