"""The catalog, made again from the parts, and from what an old one still tells."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.database import NAME
from mdc_core.archive.catalog.origins import gathered, keep, kept
from mdc_core.archive.catalog.upgrade import OLD_SUM
from mdc_core.archive.health import unfinished
from mdc_core.archive.health.pages import damages
from mdc_core.archive.health.salvage import Salvaged, salvaged
from mdc_core.archive.part_formats import suffix_of
from mdc_core.archive.read.examine import digest_of, examine
from mdc_core.archive.read.examine import examined as examined
from mdc_core.archive.read.examine import rows_of as rows_of
from mdc_core.archive.storage import Storage, sync_all
from mdc_core.archive.upkeep.tiering import ORDER
from mdc_core.archive.write import taking
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.replace import Replacement
from mdc_core.disk import reading, writing
from mdc_core.errors import BusyError, DataError, UnreadableError

# What only a catalog knows of a part.
_KNOWN = (
    "layout",
    "period",
    "format",
    "codec",
    "tier",
    "segment",
    "run_id",
    "origin",
    "inputs",
    "made_by",
    "made_at",
    "stored_at",
)


class Rebuilt(NamedTuple):
    """What became of a catalog."""

    parts: list[PartRow]
    known: int  # of which an old catalog knew more than the files tell
    problems: list[str]  # files that are no parts, or not the parts that they were
    gone: list[str]  # parts that an old catalog knew, and that are not there
    aside: Path | None = None  # where a damaged catalog is now
    unknown: int = 0  # parts of which it is lost where their rows come from


def rebuild(
    archive: Archive,
    tiers: Mapping[str, str] | None = None,
    *,
    dry_run: bool = False,
    tell: Callable[[int], None] = lambda size: None,
    expect: Callable[[int], None] = lambda size: None,
) -> Rebuilt:
    """Make the catalog from the parts in the root and in the directories of tiers.

    `tiers` are the places by name, each with its tier. Without a dry run, this is for whoever
    has the right to rewrite (`Archive.maintained`).
    """
    old = salvaged(archive)
    fresh = bool(old.problems) or not archive.has_catalog
    busy = unfinished.written_now(archive)
    if fresh and busy and not dry_run:
        raise BusyError(
            f"{busy[0]} is being written, and the catalog is missing or damaged",
            hint="end the mdc store that writes it, then try again",
        )
    tails = unfinished.GrownTails(archive, set(old.sealed), cut=not dry_run)
    look = _Scan(archive, old, tiers or {}, tails)
    places = list(_checked_places(archive, old, tiers or {}))
    for name, _ in places if not fresh else ():
        taking.must_know(archive, old.parts, old.moves, name)
    lost_id = taking.lost_id(archive, [name for name, _ in places])
    rebuilt = look.all(places, tell, expect).rebuilt()
    if dry_run:
        return rebuilt
    archive.identified(lost_id)
    known = look.origins_of(rebuilt.parts)
    lost = [part for part in rebuilt.parts if part.origin and part.origin not in known]
    rebuilt, origins = rebuilt._replace(unknown=len(lost)), list(known.values())
    if fresh:
        rebuilt = rebuilt._replace(aside=_made(archive, old, rebuilt.parts, origins))
    else:
        with archive.catalog() as catalog:
            catalog.commit(rebuilt.parts, old.parts, origins=origins)
    for name in {part.place for part in rebuilt.parts}:
        archive.take(name)
    _bring_columns(archive, rebuilt.parts)
    return rebuilt


def _bring_columns(archive: Archive, parts: list[PartRow]) -> None:
    """Bring what plain readers need beside the parts into its place, where it is not."""
    with archive.catalog() as catalog:
        replacement = Replacement(archive, catalog)
        replacement.columns(parts)
        replacement.abandon()


class _Scan:
    """Every file of an archive, and what is known of it."""

    def __init__(
        self,
        archive: Archive,
        old: Salvaged,
        tiers: Mapping[str, str],
        tails: unfinished.GrownTails,
    ) -> None:
        self.rows: list[PartRow] = []
        self._origins = dict(old.origins)
        self.known = 0
        self.problems: list[str] = []
        self._archive, self._tiers, self._tails = archive, tiers, tails
        self._before = {part.key: part for part in old.parts}
        # What is on its way is as the catalog says, wherever its file is just now.
        moving = {(move.place, move.path) for move in old.moves}
        self._moving = moving
        self.rows += [part for part in old.parts if part.key in moving]

    def all(
        self,
        places: Iterable[tuple[str, Storage]],
        tell: Callable[[int], None],
        expect: Callable[[int], None],
    ) -> "_Scan":
        """Look at every file."""
        for name, at in places:
            files = [(p, size) for p, size in at.walk() if (name, p) not in self._moving]
            expect(sum(size for _, size in files))
            damaged = self._damaged(name, at, [path for path, _ in files])
            for path, size in files:
                tell(size)
                try:
                    if path in damaged:
                        raise DataError(damaged[path])
                    with reading(at.full_path(path)):
                        self._one(name, at, path, size)
                except UnreadableError as error:
                    # What cannot be read now is not gone, nor anything else than it was.
                    self.rows += [part for part in [self._before.get((name, path))] if part]
                    self.problems.append(str(error))
                except DataError as error:
                    text = str(error)
                    self.problems.append(text if path in text else f"{at.full_path(path)}: {text}")
        return self

    def rebuilt(self) -> Rebuilt:
        """What was found."""
        found = {part.key for part in self.rows}
        gone = [part for part in self._before.values() if part.key not in found]
        paths = sorted(self._archive.path_of(part) for part in gone)
        return Rebuilt(self.rows, self.known, self.problems, paths)

    def origins_of(self, parts: Iterable[PartRow]) -> dict[str, bytes]:
        """What is known of where some parts come from, by name."""

        def look(key: str) -> bytes | None:
            return self._origins.get(key) or kept(self._archive.state, key)

        return gathered({part.origin for part in parts}, look)

    def _damaged(self, name: str, at: Storage, paths: list[str]) -> dict[str, str]:
        """Why Parquet files cannot be parts, where no hash tells."""
        if at.local is None:
            return {}
        new = [p for p in paths if p.endswith(".parquet") and (name, p) not in self._before]
        found = damages([at.local / path for path in new], deep=True)
        return {path: some[0].text for path, some in zip(new, found, strict=True) if some}

    def _one(self, name: str, at: Storage, path: str, size: int) -> None:
        """Enter a part; raises DataError if it is none."""
        if not suffix_of(path):
            raise DataError("not a part by its name")
        known = self._before.get((name, path))
        with at.open(path) as file:
            same = known is not None and _is_as_known(file, size, known)
        if known is not None and same:
            self._same(at, path, name, known)
            return
        if known is not None and path.endswith(".parquet") and at.local is not None:
            for damage in damages([at.local / path], deep=True)[0]:
                raise DataError(f"damaged: {damage.text}")
        if known is None and not name and not path.endswith(".parquet"):
            size = self._tails.committed(path, size)
            if not size:
                return  # all of it is still in a journal
        found = examine(at, path, place=name, size=size)
        if known is not None:
            text = f"{at.full_path(path)}: not the file that the old catalog knew"
            self.problems.append(f"{text}; entered as it is now")
        self.rows.append(_in_tier(found.row, self._tiers.get(name)))
        if found.origin is not None:
            self._origins.setdefault(found.row.origin, found.origin)

    def _same(self, at: Storage, path: str, name: str, known: PartRow) -> None:
        """Enter a part that is as it was."""
        row = known
        if not known.frames:  # a file that grows has frames, which only the catalog knows
            said = {field: getattr(known, field) for field in _KNOWN}
            row = msgspec.structs.replace(examine(at, path, place=name).row, **said)
        self.rows.append(row)
        self.known += 1


def _is_as_known(file: pa.NativeFile, size: int, known: PartRow) -> bool:
    """Whether a file is the one of the old catalog, or has only grown since."""
    fits = size == known.bytes or (size > known.bytes and bool(known.frames))
    return fits and digest_of(file, known.bytes) == known.sha256


def _in_tier(row: PartRow, named: str | None) -> PartRow:
    """A part in the tier of its directory, else in that which it names itself."""
    tier = named or (row.tier if row.tier in ORDER else "hot")
    return msgspec.structs.replace(row, tier=tier)


def _checked_places(
    archive: Archive, old: Salvaged, tiers: Mapping[str, str]
) -> Iterator[tuple[str, Storage]]:
    """Every place; raises DataError if one that has parts is not there: they are not gone."""
    used = {part.place for part in old.parts}
    for name, at in distinct_places(archive, old.parts, tiers):
        if at.local is None or at.local.is_dir():
            yield name, at
        elif name in used:
            raise DataError(
                f"{at.url}, in which the archive has parts, is not there",
                hint="mount it, or make an empty directory if they are lost",
            )


def distinct_places(
    archive: Archive, parts: Iterable[PartRow], tiers: Iterable[str]
) -> Iterator[tuple[str, Storage]]:
    """Every place with its name, each directory once; those that have parts first."""
    used = {part.place for part in parts} - {""}
    seen: set[str] = set()
    for name in ["", *sorted(used), *sorted(set(tiers) - used - {""})]:
        at = archive.place_at(name)
        where = str(at.local.resolve()) if at.local is not None else at.url
        if where not in seen:
            seen.add(where)
            yield name, at


def _made(
    archive: Archive, old: Salvaged, parts: list[PartRow], origins: list[bytes]
) -> Path | None:
    """A new catalog in the place of none, or of a damaged one, which is set aside."""
    folder = archive.state / "tmp" / f"rewrite-{os.getpid()}-catalog"
    try:
        with writing(f"below {archive.state}", "the catalog is as it was"):
            return _replaced(archive, folder, old, parts, origins)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replaced(
    archive: Archive, folder: Path, old: Salvaged, parts: list[PartRow], origins: list[bytes]
) -> Path | None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for origin in origins:
        keep(archive.state, origin)
    with Catalog(folder, create=True) as catalog:
        catalog.commit(parts, sealed=old.sealed.items(), moves=old.moves, origins=origins)
    aside = _set_aside(archive.state) if archive.has_catalog else None
    sync_all([folder / NAME])
    (folder / NAME).rename(archive.state / NAME)
    sync_all([archive.state])
    return aside


def _set_aside(state: Path) -> Path:
    """Keep a damaged catalog under another name; it stays where it is until it is replaced."""
    aside = next(path for n in count(1) if not (path := state / f"{NAME}.damaged-{n}").exists())
    for end in ("", "-journal", OLD_SUM):
        with suppress(FileNotFoundError):
            shutil.copy2(state / f"{NAME}{end}", f"{aside}{end}")
            if end:  # neither is true of the new one
                (state / f"{NAME}{end}").unlink()
    sync_all([aside])
    return aside
