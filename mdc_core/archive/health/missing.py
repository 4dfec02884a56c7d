"""Parts that the catalog knows and whose files are gone."""

from itertools import groupby, islice

from mdc_core.archive.catalog.query import Query
from mdc_core.archive.write.archive import Archive
from mdc_core.texts import counted

_AT_ONCE = 10_000
_NAMED = 20


def missing(archive: Archive, query: Query) -> list[str]:
    """A sentence for each part that can hold what is asked for and is gone, up to twenty."""
    if not archive.has_catalog:
        return []
    absent: list[tuple[str, str]] = []
    with archive.catalog(read_only=True) as catalog:
        for place, named in groupby(catalog.files(query), lambda file: file[0]):
            storage = archive.place_at(place)
            while paths := [path for _, path in islice(named, _AT_ONCE)]:
                absent += [(place, path) for path in storage.absent(paths)]
    found = _still_missing(archive, absent) if absent else []
    said = [f"{name} is missing" for name in found[:_NAMED]]
    if len(found) > _NAMED:
        said.append(f"{counted(len(found) - _NAMED, 'more file')} missing; see mdc verify")
    return said


def _still_missing(archive: Archive, absent: list[tuple[str, str]]) -> list[str]:
    """Those that nobody has replaced since we looked, or is about to bring into their places."""
    with archive.catalog(read_only=True) as now, now.at_once():
        coming = {(move.place, move.path) for move in now.moves() if move.kind == "put"}
        return [
            storage.full_path(path)
            for place, path in absent
            if (place, path) not in coming and now.knows(place, path)
            for storage in [archive.place_at(place)]
            if storage.size(path) is None
        ]
