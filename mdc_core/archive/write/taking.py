"""Taking a place for an archive: a directory or prefix that no archive has taken before.

It may have files of an older version, which took none: those of this archive's catalog are its
own. Where there are others, nobody can tell whose they are.
"""

from collections.abc import Iterable, Iterator

from mdc_core.archive.catalog.catalog import Catalog, FileMove, PartRow
from mdc_core.archive.ownership import CATALOG, check, owner_of
from mdc_core.archive.part_formats import suffix_of
from mdc_core.archive.write.archive import Archive
from mdc_core.errors import ConfigError
from mdc_core.texts import typed


def take(archive: Archive, catalog: Catalog, name: str) -> None:
    """Take a place that parts are to be moved to; raises ConfigError if it may be another's."""
    must_know(archive, catalog.parts(), catalog.moves(), name)
    archive.take(name)


def must_know(
    archive: Archive, parts: Iterable[PartRow], moves: Iterable[FileMove], name: str
) -> None:
    """Raise ConfigError if a place that is nobody's has files that a catalog does not know."""
    if not archive.is_taken(name):
        _, strange = _files(archive, parts, moves, name)
        if strange:
            more = f" and {len(strange) - 1:,} more" if len(strange) > 1 else ""
            rebuild = typed("catalog", "rebuild", "--root", archive.root)
            own = f"remove {archive.state / CATALOG}, then {rebuild}"
            raise ConfigError(
                f"{archive.place_at(name).url} has files that {archive.root} does not know: "
                f"{strange[0]}{more}",
                hint=f"a directory of its own; if they are its own, {own}",
            )


def take_known(archive: Archive, catalog: Catalog) -> None:
    """Take the places of an older version that have files of this archive, and no others."""
    for name in catalog.places():
        if not archive.is_taken(name):
            known, strange = _files(archive, catalog.parts(), catalog.moves(), name)
            if known and not strange:
                archive.take(name)


def lost_id(archive: Archive, names: Iterable[str]) -> str | None:
    """The id that an archive had which has lost it, as its places say; raises ConfigError."""
    lost = None
    for name in names if archive.id is None else ():
        if name and (owner := owner_of(archive.place_at(name))) is not None:
            lost = lost or owner.id
            check(archive.place_at(name), lost, archive.place)
    return lost


def must_be_told(archive: Archive, names: Iterable[str]) -> None:
    """Raise ConfigError where no catalog is left that says whether files are this archive's.

    At the root itself they are, unless that is a URL: another host may have the catalog.
    """
    for name in [*names, *([""] if archive.local is None else [])]:
        at = archive.place_at(name)
        if archive.is_taken(name) and archive.id is not None:
            continue
        for path in _parts(archive, name):
            whose = "another archive's, or its own that no catalog knows"
            raise ConfigError(
                f"{at.full_path(path)} may be {whose}: {archive.root} has none",
                hint=typed("catalog", "rebuild", "--root", archive.root),
            )


def _files(
    archive: Archive, parts: Iterable[PartRow], moves: Iterable[FileMove], name: str
) -> tuple[int, list[str]]:
    """How many parts a place has of this archive, and those that it does not know."""
    ours = {part.path for part in parts if part.place == name}
    ours |= {move.path for move in moves if move.place == name}
    found = list(_parts(archive, name))
    strange = [path for path in found if path not in ours]
    return len(found) - len(strange), strange


def _parts(archive: Archive, name: str) -> Iterator[str]:
    at = archive.place_at(name)
    if at.local is None or at.local.is_dir():
        yield from (path for path, _ in at.walk() if suffix_of(path))
