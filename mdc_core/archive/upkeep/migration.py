"""Parts of older schema versions, written anew as the current version has their events.

They are read as current events anyway; this spares the migration on every reading, and brings
the columns of today to those who read the files without mdc. Some parts are one transaction:
after a kill each is the old one or the new one, and migrating again goes on with the others.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.upkeep.rewrite import rewritten
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.replace import Replacement, clear_trash
from mdc_core.disk import writing
from mdc_core.errors import DataError
from mdc_core.versions import changes

BATCH_PARTS = 200  # of one transaction
BATCH_BYTES = 256 << 20


def outdated(parts: Iterable[PartRow]) -> tuple[list[PartRow], list[str]]:
    """The parts of versions that are migrated on reading; why others cannot be read at all."""
    found: list[PartRow] = []
    problems: list[str] = []
    for part in parts:
        try:
            if changes(part.type_name, part.version):
                found.append(part)
        except DataError as error:
            problems.append(f"{part.path}: {error}")
    return found, problems


class Migrated(NamedTuple):
    """The parts that were of older versions, and why others still are."""

    done: list[PartRow]
    problems: list[str]


def migrate(
    archive: Archive,
    catalog: Catalog,
    parts: Sequence[PartRow],
    profiles: Profiles,
    tell: Callable[[int], None] = lambda rows: None,
) -> Migrated:
    """Put parts of the current version in the place of older ones; within `rewriting`.

    A part stays as it is if it is damaged, if the new one does not give the same events, or
    if another command has changed it meanwhile.
    """
    migrated = Migrated([], [])
    waiting = deque(parts)
    while waiting:
        batch, size = [waiting.popleft()], 0
        while waiting and len(batch) < BATCH_PARTS and size + waiting[0].bytes < BATCH_BYTES:
            batch.append(waiting.popleft())
            size += batch[-1].bytes
        for part in _migrate(archive, catalog, batch, profiles, migrated):
            _migrate(archive, catalog, [part], profiles, migrated)
        tell(sum(part.rows for part in batch))
        clear_trash(archive)
    return migrated


def _migrate(
    archive: Archive,
    catalog: Catalog,
    batch: Sequence[PartRow],
    profiles: Profiles,
    migrated: Migrated,
) -> list[PartRow]:
    """Migrate parts in one transaction; returns what has to be tried again."""
    replacement = Replacement(archive, catalog)
    done: list[PartRow] = []
    try:
        for part in batch:
            try:
                with writing(f"below {archive.root}"):
                    _stage(archive, catalog, replacement, part, profiles)
            except DataError as error:
                migrated.problems.append(str(error))
            else:
                done.append(part)
        replacement.commit()
    except ChangedError as error:
        if len(batch) == 1:
            migrated.problems.append(f"{error}: it stays for the next time")
            done = []
        return done  # one by one, then
    finally:
        replacement.abandon()
    migrated.done.extend(done)
    return []


def _stage(
    archive: Archive,
    catalog: Catalog,
    replacement: Replacement,
    part: PartRow,
    profiles: Profiles,
) -> None:
    """Write a part anew; raises DataError, with nothing changed, where that cannot be."""
    file = replacement.stage()
    formats = Formats.like([part], profiles)
    new = rewritten(archive, part, file, formats, part.tier, "migrate")
    if new.path != part.path and archive.place_at(part.place).size(new.path) is not None:
        raise DataError(f"{archive.path_of(part)}: {new.path} is in the way")
    replacement.add(file, new)
    replacement.remove(part)
