"""Packs whose events are there already, whatever files they are in."""

import json
from pathlib import Path

import pytest

from tests.conftest import Done, Shell

EVENT = '{{"type":"{}","symbol":"{}","ts_event":"2024-01-0{}T12:00:0{}Z",{}}}\n'
TRADE = '"price":1.5,"size":1'  # no identity, and four of each day say the same
QUOTE = '"bid_price":1,"bid_size":2'


def events(days: range = range(1, 4), seconds: range = range(3)) -> str:
    lines = [
        EVENT.format(kind, symbol, day, second, more)
        for day in days
        for second in seconds
        for symbol in ("SPY", "MSFT", "spy")
        for kind, more in (("trade", TRADE), ("trade", TRADE), ("quote", QUOTE))
    ]
    return "".join(lines)


@pytest.fixture
def data(shell: Shell, tmp_path: Path) -> Path:
    """An archive of 81 events of two runs, and a pack of it as it was before `compact`."""
    (tmp_path / "one.jsonl").write_text(events(seconds=range(2)))
    (tmp_path / "two.jsonl").write_text(events(seconds=range(2, 3)))
    for name in ("one", "two"):
        assert shell(f"mdc store < {name}.jsonl").status == 0
    assert shell("mdc pack create before.zip").status == 0
    assert counted(shell) == 81
    return tmp_path / "data"


def counted(shell: Shell, root: str = "data") -> int:
    done = shell(f"mdc cat --root {root}")
    assert done.status == 0, done.err
    return len(done.events)


def imported(shell: Shell, pack: str, also: str = "") -> tuple[dict[str, object], Done]:
    tried = shell(f"mdc pack import {pack} --root data --json --dry-run {also}")
    done = shell(f"mdc pack import {pack} --root data --json {also}")
    assert (tried.status, done.status) == (0, 0), done.err
    said, would = json.loads(done.out), json.loads(tried.out)
    assert would | {"dry_run": False} == said
    return said, done


@pytest.mark.parametrize("line", ["mdc compact", "mdc compact --sort --row-group 2"])
@pytest.mark.some(1)
def test_what_was_written_anew_is_not_imported_again(
    line: str, data: Path, shell: Shell, tmp_path: Path
) -> None:
    assert shell(line).status == 0
    said, done = imported(shell, "before.zip")
    assert (said["imported"], said["skipped"], said["overlapping"]) == ([], 36, [])
    assert "the events of 36 files already there, in other files" in done.err
    assert counted(shell) == 81
    # And the other way round: the pack of the compacted archive.
    assert shell("mdc pack create after.zip").status == 0
    assert shell("mdc store --root other < one.jsonl").status == 0
    assert shell("mdc store --root other < two.jsonl").status == 0
    assert shell("mdc pack import after.zip --root other").status == 0
    assert counted(shell, "other") == 81


def test_what_is_there_in_part_is_told(data: Path, shell: Shell, tmp_path: Path) -> None:
    more = events(range(3, 5), range(4))
    (tmp_path / "more.jsonl").write_text(more)
    assert shell("mdc store --root other < more.jsonl").status == 0
    assert shell("mdc pack create more.zip --root other").status == 0
    said, done = imported(shell, "more.zip")
    assert isinstance(said["overlapping"], list) and isinstance(said["imported"], list)
    assert len(said["imported"]) == 12
    # January 3 of three symbols and two types; nothing of January 4 was there.
    assert len(said["overlapping"]) == 6
    assert all("2024-01-03" in path for path in said["overlapping"])
    assert "has other events of the same symbol, type and time" in done.err
    assert "and 5 more: what is in both is there twice" in done.err
    assert counted(shell) == 81 + more.count("\n")
    # Events without identity are never dropped, also where they say the same.
    assert shell("mdc compact --dedup").status == 0
    assert counted(shell) == 81 + more.count("\n")


def test_once_more_than_there_is_new(data: Path, shell: Shell, tmp_path: Path) -> None:
    """One event twice where it is there once: that is another content."""
    line = EVENT.format("trade", "ONE", 1, 1, TRADE)
    for count, root in ((1, "data"), (2, "other")):
        (tmp_path / "one.jsonl").write_text(line * count)
        assert shell(f"mdc store --root {root} < one.jsonl").status == 0
    assert shell("mdc pack create ones.zip --root other").status == 0
    said, _ = imported(shell, "ones.zip")
    assert isinstance(said["overlapping"], list) and len(said["overlapping"]) == 1
    assert counted(shell) == 84


def test_new_files_beside_those_that_came_before(data: Path, shell: Shell, tmp_path: Path) -> None:
    """A later pack of the same archive: what lies in files that it had before is no doubt."""
    assert shell("mdc pack import before.zip --root copy").status == 0
    late = events(seconds=range(2, 3)).replace('size":', 'size":3')
    (tmp_path / "late.jsonl").write_text(late)
    assert shell("mdc store < late.jsonl").status == 0
    assert shell("mdc pack create later.zip").status == 0
    done = shell("mdc pack import later.zip --root copy --json")
    said = json.loads(done.out)
    assert (len(said["imported"]), said["skipped"], said["overlapping"]) == (18, 36, [])
    assert counted(shell, "copy") == counted(shell) == 81 + 27


def test_symbols_that_share_a_part(shell: Shell, tmp_path: Path) -> None:
    lines = [EVENT.format("trade", f"S{number:03d}", 1, 1, TRADE) for number in range(300)]
    (tmp_path / "many.jsonl").write_text("".join(lines))
    assert shell("mdc store < many.jsonl").status == 0
    assert len(list(tmp_path.glob("data/~mixed/trade/*"))) == 1
    assert shell("mdc store --root other --format jsonl < many.jsonl").status == 0
    assert shell("mdc pack create many.zip --root other").status == 0
    said, _ = imported(shell, "many.zip")
    assert (said["imported"], said["skipped"], said["overlapping"]) == ([], 300, [])
