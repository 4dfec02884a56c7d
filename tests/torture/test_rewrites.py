"""Four stores and a rewrite at once, all of them killed, again and again."""

import random
import subprocess
from pathlib import Path

import pytest

from tests.kit import forks
from tests.torture.harness import Store, check_clean, events_of, numbers_of, run, trade

WRITERS = 4
ROUNDS = 6  # of four writers and a rewrite
STEPS = 400  # of a rewrite, about, that touch the disk


def many_parts(root: Path, env: dict[str, str]) -> None:
    """Parts of five runs of store, Parquet and JSONL, some of which grew."""
    for number in range(5):
        lines = b"".join(trade(f"r{number}", at) for at in range(600))
        form = ("--format", "jsonl") if number % 2 else ("--format", "parquet")
        for piece in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
            whole = piece[piece.find(b"\n") + 1 : piece.rfind(b"\n") + 1]
            command = ["mdc", "-q", "store", "--root", str(root), *form]
            subprocess.run(command, input=whole, check=True, env=env)


@pytest.mark.skipif(not forks.available(), reason="no fork server here")
def test_four_writers_and_a_rewrite(
    tmp_path: Path, quiet_env: dict[str, str], forked_env: dict[str, str]
) -> None:
    """Stores and a compaction at once, all of them killed."""
    root = tmp_path / "data"
    chance = random.Random(4)
    many_parts(root, quiet_env)
    kept = set(events_of(root, quiet_env))
    kills = 0
    for number in range(ROUNDS):
        forms = [("parquet", "jsonl")[(number + at) % 2] for at in range(WRITERS)]
        stores = [
            Store(root, quiet_env, f"w{number}{name}", "--format", form)
            for name, form in zip("abcd", forms, strict=True)
        ]
        for store in stores:
            store.wait_for(1)
        rewrite = (["compact"], ["tier", "migrate", "--now", "2024-03-01"])[number % 2]
        command = ["mdc", "-q", *rewrite, "--root", str(root)]
        env = forked_env | {"MDC_FAIL": f"any:{chance.randrange(1, STEPS)}:kill"}
        done = subprocess.run(command, capture_output=True, env=env, cwd=tmp_path, check=False)
        assert done.returncode in (-9, 0, 75), done.stderr.decode()
        kills += done.returncode == -9
        for store in stores:
            store.wait_for(store.acknowledged + chance.randrange(2000))
            store.kill()
        lines = events_of(root, quiet_env, recover=number % 2 == 1)
        assert len(lines) == len(set(lines)) and kept <= set(lines)
        for store in stores:
            numbers = numbers_of(lines, store.writer)
            assert numbers == list(range(len(numbers)))
            assert len(numbers) >= store.acknowledged > 0
        kept = set(lines)
    run(quiet_env, "recover", "--root", str(root))
    run(quiet_env, "compact", "--root", str(root))
    assert set(events_of(root, quiet_env)) == kept
    check_clean(root, quiet_env, tmp_path)
    print(f"{kills + ROUNDS * WRITERS} kills, {len(kept)} events")
