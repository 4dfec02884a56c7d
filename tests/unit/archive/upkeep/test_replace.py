"""Rewriting: new parts for old ones, whoever is killed, whoever reads meanwhile."""

import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from queue import Queue
from typing import Any

import msgspec
import pytest

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.catalog.origins import origin_key
from mdc_core.archive.read.snapshot import Snapshot, snapshot
from mdc_core.archive.upkeep.recover import prepare
from mdc_core.archive.write import replace
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.replace import Replacement, finish_moves, rewriting
from mdc_core.archive.write.sealing import seal
from mdc_core.archive.write.sealing.seal import write_part
from mdc_core.archive.write.sealing.sorter import Sorter
from mdc_core.batch import from_rows
from mdc_core.errors import BusyError, DataError, WriteError
from mdc_core.events import Trade
from mdc_core.times import from_ns
from mdc_core.wire.lines.jsonl import rows_of
from tests.conftest import parts_of
from tests.unit.archive.write.test_parts import intake, write


class Stopped(BaseException):
    """A kill, as far as the code is concerned: nothing more is done."""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive of three parts, a trade in each."""
    into = intake(tmp_path / "data")
    for seq in range(3):
        write(into, [Trade(symbol="A", ts_event=from_ns(seq), seq=seq)])
        into.seal()
    into.close()
    return Archive.open(tmp_path / "data")


def seqs(held: Snapshot) -> list[int | None]:
    return [
        row.seq for piece in held.stored() for batch in piece.batches() for row in rows_of(batch)
    ]


def now(archive: Archive) -> list[int | None]:
    with closing(snapshot(archive.root)) as held:
        return seqs(held)


@pytest.fixture
def held(archive: Archive) -> Iterator[Snapshot]:
    """What a reader looked up before everything else."""
    with closing(snapshot(archive.root)) as held:
        yield held


def staged(new: Replacement, like: PartRow, numbers: list[int], path: str) -> PartRow:
    """A part with other rows in the place of `like`."""
    sorter = Sorter(Path(new.stage()).parent, "daily")
    sorter.add(from_rows([Trade(symbol="A", ts_event=from_ns(n), seq=n) for n in numbers]))
    file = new.stage()
    ((_, rows),) = sorter.partitions()
    facts = write_part(file, Formats.load("parquet").of("A"), rows, origin_key(b"{}"))
    sorter.close()
    part = msgspec.structs.replace(like, path=path, made_by="compact", segment=None, **facts)
    new.add(file, part, [b'{"b":2}'])
    return part


def merge(
    archive: Archive,
    catalog: Catalog,
    path: str = "A/trade/1970-01-01.parquet",
    numbers: list[int] | None = None,
) -> tuple[list[PartRow], Replacement]:
    """All parts in one of another path, not committed yet."""
    old = list(catalog.parts())
    new = Replacement(archive, catalog)
    staged(new, old[0], numbers or [0, 1, 2], path)
    for part in old:
        new.remove(part)
    return old, new


def state_files(archive: Archive, name: str) -> list[str]:
    return sorted(path.name for path in (archive.state / name).rglob("*") if path.is_file())


def test_parts_in_the_place_of_others(archive: Archive) -> None:
    assert now(archive) == [0, 1, 2]
    with rewriting(archive) as catalog:
        _, new = merge(archive, catalog)
        assert now(archive) == [0, 1, 2]  # nothing is seen before the commit
        new.commit()
        (part,) = list(catalog.parts())
        assert catalog.origin(part) == {"a": 1}
    assert now(archive) == [0, 1, 2]
    assert parts_of(Path(archive.root)) == [Path(archive.root, part.path)]
    assert state_files(archive, "tmp") == []
    assert not (archive.state / "trash").exists()


def test_nothing_is_changed_by_what_is_abandoned(archive: Archive) -> None:
    before = {path: path.read_bytes() for path in parts_of(Path(archive.root))}
    with rewriting(archive) as catalog:
        rows, new = merge(archive, catalog)
        new.abandon()
        assert state_files(archive, "tmp") == []
        new.commit()
        assert list(catalog.parts()) == rows
    assert {path: path.read_bytes() for path in parts_of(Path(archive.root))} == before


def test_a_part_that_has_changed_since_is_not_replaced(archive: Archive) -> None:
    with rewriting(archive) as catalog:
        rows, new = merge(archive, catalog)
        changed = msgspec.structs.replace(rows[1], tier="cold")
        catalog.commit([changed], [rows[1]])
        with pytest.raises(ChangedError, match=rows[1].path):
            new.commit()
        assert list(catalog.parts()) == [rows[0], changed, rows[2]]
    assert now(archive) == [0, 1, 2]


def stop(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, after: int = 0) -> None:
    """End everything at the call of a function after so many."""
    real: Callable[..., Any] = getattr(owner, name)
    left = after

    def stopping(*args: Any, **options: Any) -> Any:
        nonlocal left
        if left == 0:
            raise Stopped
        left -= 1
        return real(*args, **options)

    monkeypatch.setattr(owner, name, stopping)


SAME = "the path of an old part"
STOPS = [
    (replace, "finish_moves", 0),
    (replace, "_put", 0),
    (replace, "_drop", 0),
    (replace, "_drop", 1),
    (Catalog, "moved", 0),
]


@pytest.mark.parametrize("path", ["A/trade/1970-01-01.parquet", SAME])
@pytest.mark.parametrize(("owner", "name", "after"), STOPS)
@pytest.mark.parametrize("redo", ["recover", "rewriting"])
def test_moves_are_done_again(
    owner: Any,
    name: str,
    after: int,
    path: str,
    redo: str,
    archive: Archive,
    held: Snapshot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        monkeypatch.context() as patched,
        pytest.raises(Stopped),
        rewriting(archive) as catalog,
    ):
        rows = list(catalog.parts())
        to = rows[1].path if path == SAME else path
        _, new = merge(archive, catalog, to, [0, 1, 2, 3])
        stop(patched, owner, name, after)
        new.commit()
    # Committed is committed: every reader finds what its catalog said, before the moves too.
    assert now(archive) == [0, 1, 2, 3]
    assert seqs(held) == [0, 1, 2]
    if redo == "recover":
        assert prepare(archive) == []
    else:
        with rewriting(archive) as catalog:
            assert catalog.moves() == []
    assert now(archive) == [0, 1, 2, 3]
    assert seqs(held) == [0, 1, 2]
    assert parts_of(Path(archive.root)) == [Path(archive.root, to)]
    assert state_files(archive, "tmp") == []
    with archive.catalog() as catalog:
        assert finish_moves(archive, catalog) == 0


def test_a_stop_before_the_commit_leaves_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        monkeypatch.context() as patched,
        pytest.raises(Stopped),
        rewriting(archive) as catalog,
    ):
        rows, new = merge(archive, catalog)
        stop(patched, Catalog, "commit")
        new.commit()
    assert state_files(archive, "tmp") != []
    assert now(archive) == [0, 1, 2]
    prepare(archive)
    assert now(archive) == [0, 1, 2]
    assert state_files(archive, "tmp") == []
    with archive.catalog() as catalog:
        assert list(catalog.parts()) == rows


def test_a_reader_with_the_old_catalog_reads_from_the_trash(
    archive: Archive, held: Snapshot
) -> None:
    with rewriting(archive) as catalog:
        rows, new = merge(archive, catalog, numbers=[7])
        new.commit()
    assert not any(Path(archive.root, row.path).exists() for row in rows)
    assert state_files(archive, "trash") == sorted(row.sha256 for row in rows)
    assert seqs(held) == [0, 1, 2]
    assert now(archive) == [7]


def test_the_trash_is_cleared_when_nobody_reads(archive: Archive) -> None:
    reader = (archive.state / "readers.lock").open("ab")
    fcntl.flock(reader, fcntl.LOCK_SH)
    with rewriting(archive) as catalog:
        rows, new = merge(archive, catalog)
        new.commit()
    prepare(archive)
    assert state_files(archive, "trash") == sorted(row.sha256 for row in rows)
    reader.close()
    prepare(archive)
    assert not (archive.state / "trash").exists()


def test_a_new_file_on_the_path_of_an_old_one_is_not_changed_in_place(
    archive: Archive, held: Snapshot
) -> None:
    (first, *_) = held.parts
    with Path(archive.root, first.path).open("rb") as opened:
        before = opened.read()
        with rewriting(archive) as catalog:
            _, new = merge(archive, catalog, first.path, [5, 6])
            new.commit()
        opened.seek(0)
        assert opened.read() == before
    assert Path(archive.root, first.path).read_bytes() != before
    assert seqs(held) == [0, 1, 2]
    assert now(archive) == [5, 6]


def test_one_rewrites_at_a_time(archive: Archive) -> None:
    with rewriting(archive):
        other = rewriting(Archive.open(archive.root))
        with pytest.raises(BusyError, match="is being rewritten by another command"), other:
            pass
        # Whoever only recovers leaves the moves to the one who is at it.
        assert prepare(Archive.open(archive.root)) == []
    with rewriting(archive):
        pass


def test_a_disk_that_refuses_says_what_does_the_rest(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, rewriting(archive) as catalog:
        _, new = merge(archive, catalog)
        patched.setattr(replace, "sync_all", full)
        with pytest.raises(WriteError, match="No space left on device") as refused:
            new.commit()
        assert "finish what is committed: mdc recover --root" in (refused.value.hint or "")
    assert now(archive) == [0, 1, 2]


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), WriteError("no sync")])
@pytest.mark.parametrize("place", ["commit", "moves"])
def test_an_error_behind_the_commit_takes_nothing_away(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    enter = Catalog.commit

    def entered(catalog: Catalog, *args: Any, **more: Any) -> None:
        enter(catalog, *args, **more)
        raise error

    with monkeypatch.context() as patched, rewriting(archive) as catalog:
        _, new = merge(archive, catalog)
        if place == "commit":
            patched.setattr(Catalog, "commit", entered)
        else:
            patched.setattr(replace, "_put", fail)
        with suppress(WriteError, OSError):
            new.commit()
        new.abandon()
    prepare(archive)
    assert now(archive) == [0, 1, 2]
    with archive.catalog() as catalog:
        assert len(list(catalog.parts())) == 1
        assert catalog.moves() == []
        assert catalog.problems() == []


def test_a_file_that_is_gone_altogether_is_named(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        monkeypatch.context() as patched,
        pytest.raises(Stopped),
        rewriting(archive) as catalog,
    ):
        _, new = merge(archive, catalog)
        stop(patched, replace, "finish_moves")
        new.commit()
    for path in (archive.state / "tmp").rglob("*.part"):
        path.unlink()
    with (
        pytest.raises(DataError, match=r"A/trade/1970-01-01\.parquet is gone"),
        rewriting(archive),
    ):
        pass


def test_a_link_is_not_possible(
    archive: Archive, held: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system without links: the rewriting is done, an old reader has to try again."""

    def refused(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    (first, *_) = held.parts
    with monkeypatch.context() as patched, rewriting(archive) as catalog:
        patched.setattr(os, "link", refused)
        _, new = merge(archive, catalog, first.path, [5, 6])
        new.commit()
    assert now(archive) == [5, 6]
    with pytest.raises(DataError, match="is not the file that the catalog knows"):
        seqs(held)


@pytest.mark.parametrize("path", ["A/trade/1970-01-01.jsonl", SAME])
def test_a_file_that_is_being_appended_to_is_not_replaced(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who rewrites waits, then learns that it is not the file that he has read."""
    into = intake(tmp_path, "jsonl")
    write(into, [Trade(symbol="A", ts_event=from_ns(n), seq=n) for n in range(3)])
    (old,) = into.seal()
    write(into, [Trade(symbol="A", ts_event=from_ns(3), seq=3)])

    def rewrite() -> None:
        other = Archive.open(tmp_path)
        with rewriting(other) as catalog:
            new = Replacement(other, catalog)
            file = new.stage()
            file.write_bytes((tmp_path / old.path).read_bytes()[: old.bytes])
            to = old.path if path == SAME else path
            new.add(file, msgspec.structs.replace(old, path=to, made_by="compact", frames=()))
            new.remove(old)
            new.commit()

    real, lock = seal.write_part, fcntl.flock
    told: Queue[str] = Queue()

    def telling(file: Any, operation: int) -> None:
        try:
            lock(file, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            told.put("has to wait")
            lock(file, operation)

    with ThreadPoolExecutor(1) as pool:
        rewritten: list[Future[None]] = []

        def meanwhile(*arguments: Any, **more: Any) -> Any:
            if not rewritten:
                rewritten.append(pool.submit(rewrite))
                rewritten[0].add_done_callback(lambda _: told.put("is done"))
                assert told.get() == "has to wait"
            return real(*arguments, **more)

        monkeypatch.setattr(fcntl, "flock", telling)
        monkeypatch.setattr(seal, "write_part", meanwhile)
        into.seal()
        into.close()
        with pytest.raises(ChangedError):
            rewritten[0].result()
    assert now(into.archive) == [0, 1, 2, 3]
    assert len(parts_of(tmp_path)) == 1
