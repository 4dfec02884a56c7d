"""A part that is not as the catalog knows it is named by whoever has to read it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of
from tests.pipes.store.storing import trade, trades

LINES = trades(0, 200)


def deleted(path: Path) -> None:
    path.unlink()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def replaced(path: Path) -> None:
    """By a sound file of the same kind, but of another size."""
    path.write_bytes(next(p for p in parts_of(path.parents[2]) if "B" in p.parts).read_bytes())


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


VERBS = {
    "cat": "mdc cat --root data",
    "tail": "mdc tail --root data",
    "replay": "mdc replay --speed max --root data",
    "count": "mdc count --root data --from 2024-01-02T14:30:00.1",
    "count all": "mdc count --root data",
}


@pytest.mark.parametrize("form", ["parquet", "jsonl", "jsonl --compression gzip"])
@pytest.mark.parametrize("damage", [deleted, truncated, emptied, replaced, a_directory])
@pytest.mark.some(5)
def test_a_damaged_part_is_named(
    form: str, damage: Callable[[Path], None], shell: Shell, tmp_path: Path
) -> None:
    text = "\n".join([*LINES, trade(7, "B")])
    assert shell(f"mdc store --format {form}", stdin=text.encode()).status == 0
    (path,) = [part for part in parts_of(tmp_path / "data") if "A" in part.parts]
    damage(path)
    for verb, line in VERBS.items():
        done = shell(line)
        assert done.status == 65, f"{verb}: {done.err}"
        assert path.name in done.err
        assert not [event for event in done.events if event["symbol"] == "A"]
    # What does not need it goes on.
    assert shell("mdc cat --root data --symbol B").lines == [trade(7, "B")]
    counted = json.loads(shell("mdc count --root data --symbol B --json").out)
    assert counted == {"counts": {"trade": 1}, "total": 1}
