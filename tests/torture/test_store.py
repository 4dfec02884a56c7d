"""`kill -9` of `mdc store` at random moments: what was acknowledged is there, exactly once."""

import random
from pathlib import Path

import pytest

from tests.torture.harness import (
    Store,
    check_clean,
    events_of,
    numbers_of,
    seen_by_plain_readers,
)

KILLS = 24  # of each kind
ROUNDS = 8  # with four writers at once


@pytest.mark.parametrize(
    "options",
    [
        ("--fsync", "batch"),
        ("--fsync", "always"),
        ("--format", "jsonl"),
        ("--format", "jsonl", "--compression", "zstd"),
    ],
    ids=" ".join,
)
def test_one_writer(tmp_path: Path, quiet_env: dict[str, str], options: tuple[str, ...]) -> None:
    root = tmp_path / "data"
    chosen = random.Random(repr(options))
    for round_ in range(KILLS):
        store = Store(root, quiet_env, f"w{round_}", *options)
        store.wait_for(chosen.choice([1, 1, 500, 2000, 5000]) + chosen.randrange(300))
        store.kill()
        lines = events_of(root, quiet_env, recover=round_ % 4 == 3)
        numbers = numbers_of(lines, store.writer)
        assert numbers == list(range(len(numbers)))  # each once, none missing before the last
        assert len(numbers) >= store.acknowledged > 0
    assert len(lines) == len(set(lines))
    if "jsonl" not in options:
        seen = seen_by_plain_readers(root)
        assert set(seen.values()) == {1} and sum(seen.values()) == len(lines)
    check_clean(root, quiet_env)
    print(f"{KILLS} kills, {len(lines)} events")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_four_writers(tmp_path: Path, quiet_env: dict[str, str], form: str) -> None:
    root = tmp_path / "data"
    chosen = random.Random(form)
    for round_ in range(ROUNDS):
        stores = [Store(root, quiet_env, f"w{round_}{name}", "--format", form) for name in "abcd"]
        for store in stores:
            store.wait_for(chosen.randrange(1, 4000))
            store.kill()
        lines = events_of(root, quiet_env, recover=round_ % 2 == 1)
        for store in stores:
            numbers = numbers_of(lines, store.writer)
            assert numbers == list(range(len(numbers)))
            assert len(numbers) >= store.acknowledged > 0
    assert len(lines) == len(set(lines))
    check_clean(root, quiet_env)
    print(f"{4 * ROUNDS} kills, {len(lines)} events")
