"""What `cat -f` remembers of parts, and what it asks for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mdc_core.archive.catalog.catalog import Catalog, Frame, PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.read.follow import ShownParts
from mdc_core.archive.write.archive import Archive
from mdc_core.errors import DataError
from tests.unit.archive.catalog.test_catalog import DAY, part


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive.create(tmp_path / "data")
    with archive.catalog(create=True):
        pass
    yield archive
    archive.close()


def commit(archive: Archive, add: list[PartRow], remove: list[PartRow] | None = None) -> None:
    with archive.catalog() as catalog:
        catalog.commit(add, remove or ())


def shown(parts: ShownParts) -> list[str]:
    return [f"{piece.row.symbol}{piece.row.period}" for piece in parts.new() if piece.row]


def merged(*parts: PartRow, **more: object) -> PartRow:
    inputs = tuple((old.path, old.sha256) for old in parts)
    return part(path="m.parquet", sha256="f" * 64, made_by="compact", inputs=inputs, **more)


def test_only_what_is_new_is_asked_for(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(archive, [part(day=day) for day in range(500)])
    read: list[str] = []
    entry = Catalog._entry

    def counted(catalog: Catalog, *row: object) -> PartRow:
        read.append(str(row[-1]))
        return entry(catalog, *row)  # type: ignore[arg-type]

    following = ShownParts(archive, Query(("A",)))
    assert len(shown(following)) == 500
    monkeypatch.setattr(Catalog, "_entry", counted)
    assert shown(following) == []
    assert read == []
    commit(archive, [part(day=500), part("B", day=1)])
    assert shown(following) == ["A500"]
    assert read == ["A/trade/500.parquet"]


def test_what_left_the_catalog_is_forgotten(archive: Archive) -> None:
    following = ShownParts(archive, Query())
    frames = (Frame(50, 1, 0, 1), Frame(50, 1, 2, 3))
    for day in range(60):
        grown = part(day=day, frames=frames[: 1 + day % 2])
        commit(
            archive,
            [grown],
            [part(day=day - 3, frames=frames[: 1 + (day - 3) % 2])] if day > 2 else [],
        )
        assert set(shown(following)) == {f"A{day}"}
        assert len(following._hashes) <= 4
        assert len(following._frames) <= 4


def test_what_is_rewritten_is_not_new(archive: Archive) -> None:
    old = [part(day=day) for day in range(4)]
    commit(archive, old)
    following = ShownParts(archive, Query(start=2 * DAY))
    assert shown(following) == ["A2", "A3"]
    # Its inputs lie partly outside of the time that is asked for.
    commit(archive, [merged(*old, day=3, begins=0)], old)
    assert shown(following) == []
    commit(archive, [part(day=9)])
    assert shown(following) == ["A9"]


def test_what_was_rewritten_unseen_is_told(archive: Archive) -> None:
    commit(archive, [part(day=5)])
    following = ShownParts(archive, Query())
    assert shown(following) == ["A5"]
    unseen = part(day=6)
    commit(archive, [unseen])
    commit(archive, [merged(unseen, day=6)], [unseen])
    with pytest.raises(DataError, match=r"m.parquet was rewritten before all of it was shown"):
        following.new()
