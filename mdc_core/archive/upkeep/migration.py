"""Parts of older schema versions, written anew as the current version has their events.

They are read as current events anyway; this spares the migration on every reading, and brings
the columns of today to those who read the files without mdc. One transaction for each part:
after a kill it is the old one or the new one, and migrating again goes on with the others.
"""

from collections.abc import Iterable

import msgspec

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.upkeep.rewrite import rewritten
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.replace import Replacement
from mdc_core.errors import DataError, WriteError
from mdc_core.versions import changes


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


def migrate(archive: Archive, catalog: Catalog, part: PartRow, profiles: Profiles) -> PartRow:
    """Put a part of the current version in the place of an older one; within `rewriting`.

    Raises DataError, with nothing changed, if the old part is damaged or the new one does
    not give the same events.
    """
    replacement = Replacement(archive, catalog)
    try:
        file = replacement.stage()
        formats = Formats.like([part], profiles)
        origin = msgspec.json.encode(catalog.origin(part))
        new = rewritten(archive, part, file, formats, part.tier, origin, "migrate")
        if new.path != part.path and archive.place_at(part.place).size(new.path) is not None:
            raise DataError(f"{archive.path_of(part)}: {new.path} is in the way")
        replacement.add(file, new)
        replacement.remove(part)
        replacement.commit()
    except OSError as error:
        raise WriteError(f"cannot write below {archive.root}: {error.strerror or error}") from None
    finally:
        replacement.abandon()
    return new
