"""`kill -9` of everything that rewrites an archive, at random moments of its run."""

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.torture.harness import (
    MDC,
    Store,
    check_clean,
    events_of,
    killed,
    lasting,
    numbers_of,
    run,
    seen_by_plain_readers,
    trade,
)
from tests.unit.wire.older import chosen, write_parquet

WRITERS = 4
ROUNDS = 6  # of four writers and a rewrite


class Rewrite(NamedTuple):
    """A command that rewrites an archive, and how often it is killed."""

    words: tuple[str, ...]
    kills: int
    make: Callable[[Path, dict[str, str]], None]


def many_parts(root: Path, env: dict[str, str]) -> None:
    """Parts of five runs of store, Parquet and JSONL, some of which grew."""
    for number in range(5):
        lines = b"".join(trade(f"r{number}", at) for at in range(600))
        form = ("--format", "jsonl") if number % 2 else ("--format", "parquet")
        for piece in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
            _stored(root, env, piece, *form)


def _stored(root: Path, env: dict[str, str], lines: bytes, *options: str) -> None:
    whole = lines[lines.find(b"\n") + 1 : lines.rfind(b"\n") + 1]
    command = [MDC, "-q", "store", "--root", str(root), *options]
    subprocess.run(command, input=whole, check=True, env=env)


def few_periods(root: Path, env: dict[str, str]) -> None:
    """One symbol on two days, in parts of several runs."""
    for number in range(6):
        lines = b"".join(trade("r", at * 3) for at in range(number * 200, number * 200 + 200))
        _stored(root, env, lines)


def old_versions(root: Path, env: dict[str, str]) -> None:
    """Parts of an older schema version, as files that a catalog takes in."""
    rows, _ = chosen("trade", "0.8.0")
    for number in range(12):
        path = root / f"S{number}" / "trade" / "2024-01-02.old.parquet"
        path.parent.mkdir(parents=True)
        own = [{**row, "symbol": f"S{number}"} for row in rows]
        write_parquet(path, own, {"trade": "0.8.0"})
    run(env, "catalog", "rebuild", "--root", str(root))


REWRITES = {
    "compact": Rewrite(("compact",), 36, many_parts),
    "tier": Rewrite(("tier", "migrate", "--now", "2024-03-01"), 30, many_parts),
    "retain": Rewrite(("retain", "--days", "1", "--now", "2024-01-04T12:00"), 14, many_parts),
    "pack import": Rewrite(("pack", "import", "PACK"), 30, few_periods),
    "migrate": Rewrite(("schema", "migrate"), 30, old_versions),
}


def made_pack(folder: Path, env: dict[str, str]) -> Path:
    many_parts(folder / "given", env)
    pack = folder / "given.zip"
    run(env, "pack", "create", str(pack), "--root", str(folder / "given"))
    return pack


@pytest.mark.parametrize("name", REWRITES)
def test_a_rewrite_is_killed(tmp_path: Path, quiet_env: dict[str, str], name: str) -> None:
    """Whatever was done of it, each event is there once, and in the end it is done."""
    rewrite = REWRITES[name]
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mdc.toml").write_text('[tier.warm]\ndirectory = "../warm"\n')
    words = list(rewrite.words)
    if "PACK" in words:
        words[words.index("PACK")] = str(made_pack(tmp_path, quiet_env))
    fresh, work = tmp_path / "fresh", tmp_path / "work"
    root = work / "data"
    rewrite.make(fresh, quiet_env)
    before = events_of(fresh, quiet_env)
    command = [MDC, *words, "--root", str(root)]

    def again() -> None:
        for folder in (root, work / "warm"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fresh, root)

    again()
    longest = lasting(command, quiet_env, work)
    after = events_of(root, quiet_env)
    assert after != before or name in ("compact", "tier", "migrate")
    again()
    hit = 0
    chance = random.Random(len(name))
    for number in range(4 * rewrite.kills):
        if hit == rewrite.kills:
            break
        status = killed(command, quiet_env, longest * chance.uniform(0.35, 1), work)
        found = events_of(root, quiet_env, recover=number % 3 == 2)
        check_events(name, found, before, after)
        if status == 0:  # it got through: the kills come somewhat earlier from now on
            assert found == after
            again()
            longest *= 0.93
        else:
            hit += 1
            longest *= 1.02
    run(quiet_env, "recover", "--root", str(root))
    subprocess.run(command, check=True, capture_output=True, env=quiet_env, cwd=work)
    assert events_of(root, quiet_env) == after
    assert all(times == 1 for times in seen_by_plain_readers(work).values())
    check_clean(root, quiet_env, work)
    assert hit == rewrite.kills
    print(f"{name}: {hit} kills, {len(after)} events")


def check_events(name: str, found: list[bytes], before: list[bytes], after: list[bytes]) -> None:
    """What may be there between the beginning and the end of a rewrite."""
    assert len(found) == len(set(found)), "an event is there twice"
    if name == "retain":
        assert set(after) <= set(found) <= set(before)
    elif name == "pack import":
        assert set(before) <= set(found) <= set(after)
    else:
        assert found == before


def test_four_writers_and_a_rewrite(tmp_path: Path, quiet_env: dict[str, str]) -> None:
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
        command = [MDC, "-q", *rewrite, "--root", str(root)]
        kills += killed(command, quiet_env, chance.uniform(0.6, 3), tmp_path, (0, 75)) == -9
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
