"""Carrying on: small partitions stay in a journal of their own, and are never lost or doubled."""

import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock, local
from typing import Any

import pytest

from mdc_core.archive.catalog import database
from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.health import rebuild
from mdc_core.archive.read.snapshot import snapshot
from mdc_core.archive.upkeep.recover import left_behind, prepare
from mdc_core.archive.write import journal
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.intake import Intake, header_of
from mdc_core.archive.write.sealing import load
from mdc_core.batch import from_rows
from mdc_core.errors import BusyError
from mdc_core.events import Trade
from mdc_core.times import from_ns
from mdc_core.wire.files import read_events
from mdc_core.wire.lines.jsonl import rows_of
from tests.conftest import parts_of

RUN = "0123456789ab-abcdef"
HOUR = 3_600 * 10**9
# What comes between two seals: symbols, one trade each, and what is in parts behind the seal.
ROTATIONS = [("ABBB", {"B": 3}), ("AC", {"B": 3}), ("AC", {"B": 3, "A": 3}), ("D", None)]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows are worth a part."""
    monkeypatch.setattr(load, "WORTH_ROWS", 3)


def intake(root: Path, form: str = "parquet", **how: Any) -> Intake:
    archive = Archive.create(root)
    prepare(archive)
    formats = Formats.load(form)
    header = header_of(formats, RUN, "by-symbol", "hourly", b'{"a":1}')
    return Intake(archive, formats, header, **how)


def trades(symbols: str, first: int, at: int = 0) -> list[Trade]:
    return [
        Trade(symbol=symbol, ts_event=from_ns(at + 1), trade_id=str(first + number))
        for number, symbol in enumerate(symbols)
    ]


def write(into: Intake, rows: list[Trade]) -> None:
    into.write(from_rows(rows), Counter(trade=len(rows)))


def rotated(into: Intake) -> list[PartRow]:
    into.rotate()
    wait(into._jobs)
    return into.sealed()


def by_symbol(parts: list[PartRow]) -> dict[str | None, int]:
    return {part.symbol: part.rows for part in parts}


def seen(root: Path) -> list[str | None]:
    """The ids of all trades, from parts and journals, in the order of symbol and time."""
    with closing(snapshot(root)) as now:
        batches = [b for piece in now.stored() for b in piece.batches()]
        rows = [row for batch in [*batches, *now.unsealed_batches()] for row in rows_of(batch)]
    return sorted((row.trade_id for row in rows), key=lambda name: int(name or 0))


def in_files(root: Path) -> list[str | None]:
    """The same from the files alone, as plain readers see them."""
    rows = [row for path in parts_of(root) for b in read_events(path) for row in rows_of(b)]
    return sorted((row.trade_id for row in rows), key=lambda name: int(name or 0))


def ids(count: int) -> list[str | None]:
    return [str(number) for number in range(count)]


def test_what_is_worth_a_part_and_what_is_carried_on(tmp_path: Path) -> None:
    into = intake(tmp_path)
    total = 0
    for symbols, held in ROTATIONS[:3]:
        write(into, trades(symbols, total))
        total += len(symbols)
        rotated(into)
        with into.archive.catalog() as catalog:
            assert by_symbol(catalog.parts()) == held
        assert seen(tmp_path) == ids(total)
        assert into.unsealed == total - sum((held or {}).values())
        assert into.acknowledged == Counter(trade=total)
    assert [p.name for p in sorted((tmp_path / "_mdc/journal").iterdir())] == [
        f"{RUN}-0003c.journal"
    ]
    assert by_symbol(into.seal()) == {"C": 2}
    into.close()
    assert into.rows == total and in_files(tmp_path) == ids(total)
    assert list((tmp_path / "_mdc/journal").iterdir()) == []


def test_equal_times_stay_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    into = intake(tmp_path)
    for number in range(3):
        write(into, trades("A", number))
        parts = rotated(into)
    into.close()
    (path,) = parts_of(tmp_path)
    assert [row.trade_id for b in read_events(path) for row in rows_of(b)] == ["0", "1", "2"]
    # Named after the first segment that it has rows of.
    assert parts[0].segment == f"{RUN}-0002c" and path.name.endswith("-0002c.parquet")


def test_a_period_that_is_over_is_sealed_when_nothing_comes_for_it(tmp_path: Path) -> None:
    into = intake(tmp_path)
    write(into, trades("AB", 0))
    assert rotated(into) == []
    write(into, trades("A", 2) + trades("B", 3, HOUR))
    assert by_symbol(rotated(into)) == {"B": 1}
    write(into, trades("B", 4, HOUR))
    assert by_symbol(rotated(into)) == {"A": 2}
    into.seal()
    into.close()
    assert in_files(tmp_path) == ids(5)


def test_what_has_waited_long_enough_is_sealed_though_nothing_comes(tmp_path: Path) -> None:
    into = intake(tmp_path, seal_after=1e9)
    write(into, trades("A", 0))
    assert rotated(into) == rotated(into) == []
    assert into._sealer._carry is not None
    into._sealer._carry.since.update(dict.fromkeys(into._sealer._carry.since, -1e9))
    write(into, trades("AB", 1))
    assert by_symbol(rotated(into)) == {"A": 2}
    assert into._sealer._carry is not None
    into._sealer._carry.since.update(dict.fromkeys(into._sealer._carry.since, -1e9))
    assert by_symbol(rotated(into)) == {"B": 1}
    assert list((tmp_path / "_mdc/journal").iterdir()) == []
    into.close()


def test_a_format_that_grows_is_sealed_as_a_whole(tmp_path: Path) -> None:
    into = intake(tmp_path, "jsonl")
    write(into, trades("AB", 0))
    assert by_symbol(rotated(into)) == {"A": 1, "B": 1}
    into.close()


@contextmanager
def at_each_step(look: Callable[[], None]) -> Iterator[None]:
    """Look before and behind each step that a kill can come between."""
    one = Lock()  # some syncs run side by side
    mine = local()  # what looking does is no step

    def looks() -> None:
        with one:
            mine.looking = True
            look()
            mine.looking = False

    def between(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **named: Any) -> Any:
            if getattr(mine, "looking", False):
                return real(*args, **named)
            looks()
            try:
                return real(*args, **named)
            finally:
                looks()

        return step

    with pytest.MonkeyPatch.context() as patched:
        for owner, name in [
            *((os, name) for name in ("fsync", "writev")),
            *((Path, name) for name in ("unlink", "rename")),
            (Catalog, "commit"),
        ]:
            patched.setattr(owner, name, between(getattr(owner, name)))
        yield


def copies(root: Path, into: Path) -> Iterator[Path]:
    """Copies of an archive, each as a kill at this moment would leave it."""
    number = 0
    while True:
        number += 1
        target = into / f"{number:04d}"
        shutil.copytree(root, target, ignore_dangling_symlinks=True)
        yield target


def test_a_kill_between_any_two_steps_neither_loses_nor_doubles(
    tmp_path: Path,
) -> None:
    root = tmp_path / "data"
    into = intake(root)
    kills: list[tuple[Path, int, int]] = []
    copy = copies(root, tmp_path / "kills")
    total = written = 0

    def look() -> None:
        assert len(seen(root)) in (written, total)  # an open batch is there, or not yet
        kills.append((next(copy), written, total))

    with at_each_step(look):
        for symbols, held in ROTATIONS:
            total += len(symbols)
            write(into, trades(symbols, written))
            written = total
            rotated(into) if held else into.seal()
    into.close()
    assert len(kills) > 60
    for root, least, most in kills:
        before = seen(root)
        assert before in (ids(least), ids(most))
        archive = Archive(root)
        told = sum(found.events for found in left_behind(archive))
        with closing(snapshot(root)) as now:
            assert told == now.unsealed
        prepare(archive)
        assert seen(root) == in_files(root) == before, root
        assert list((root / "_mdc/journal").glob("*.journal")) == []


def test_nobody_commits_a_seal_while_a_reader_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = intake(tmp_path)
    write(into, trades("ABBB", 0))
    real = journal.segments

    def segments(folder: Path) -> list[Path]:
        """Rotate before the journals are opened."""
        with monkeypatch.context() as patched:
            patched.setattr(journal, "segments", real)
            patched.setattr(database, "PATIENCE", 0)
            with pytest.raises(BusyError):
                rotated(into)
        return real(folder)

    with monkeypatch.context() as patched:
        patched.setattr(journal, "segments", segments)
        assert seen(tmp_path) == ids(4)
    assert by_symbol(rotated(into)) == {"B": 3}
    assert seen(tmp_path) == ids(4)
    into.close()


def test_a_lost_catalog_beside_what_was_carried_on(tmp_path: Path) -> None:
    into = intake(tmp_path)
    write(into, trades("ABBB", 0))
    rotated(into)
    into.close()
    for path in (tmp_path / "_mdc").glob("catalog*"):
        path.unlink()
    rebuild.rebuild(into.archive)
    assert seen(tmp_path) == ids(4)
    prepare(into.archive)
    assert seen(tmp_path) == in_files(tmp_path) == ids(4)


def test_a_commit_that_seemed_to_fail_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = intake(tmp_path)
    write(into, trades("ABBB", 0))
    real = Catalog.commit

    def commit(self: Catalog, *args: Any, **named: Any) -> None:
        real(self, *args, **named)
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(Catalog, "commit", commit)
        with pytest.raises(sqlite3.OperationalError):
            rotated(into)
    prepare(into.archive)  # another store is quicker
    into.seal()
    into.close()
    assert seen(tmp_path) == in_files(tmp_path) == ids(4)
