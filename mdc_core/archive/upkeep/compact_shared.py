"""Shared parts taken apart: each symbol in them gets a part of its own.

What symbols have in parts of their own beside is merged in, so that events of equal time keep
their order. A group is one transaction, and proven to hold the same events before.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.catalog.origins import joined
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.read.snapshot import pieces
from mdc_core.archive.upkeep.compact_files import contents, read_back, write_like
from mdc_core.archive.upkeep.compact_outcome import CompactOutcome, shared_outcome
from mdc_core.archive.upkeep.compact_plan import group_of, name_of
from mdc_core.archive.upkeep.merged import EventContent
from mdc_core.archive.write.active import live
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.replace import Replacement, clear_trash
from mdc_core.archive.write.sorter import Sorter
from mdc_core.archive.write.spill import Slices
from mdc_core.disk import writing
from mdc_core.errors import DataError


class TakenApart(NamedTuple):
    """What was put in the place of what."""

    before: Sequence[PartRow]
    after: Sequence[PartRow]


def take_apart(
    archive: Archive,
    catalog: Catalog,
    shared: Sequence[PartRow],
    profiles: Profiles,
    row_group: int | None,
) -> tuple[CompactOutcome, TakenApart]:
    """Give the symbols of the shared parts of a group parts of their own; within `rewriting`.

    What a run of `store` may still seal again is left for the next time; so is a group with a
    damaged part, and one that another command was at.
    """
    group, is_live = group_of(shared[0]), live(archive)
    kept = [part for part in shared if not is_live(part)]
    unchanged = {"files": (len(shared), len(shared)), "changed": False}
    if not kept:
        return shared_outcome(group, shared, shared, **unchanged), TakenApart((), ())
    others = (p for p in catalog.parts(Query(types=(group.type_name,))) if not is_live(p))
    before = with_own(kept, others)
    replacement = Replacement(archive, catalog)
    try:
        with writing(f"below {archive.state}"):
            after = _written(archive, catalog, before, replacement, profiles, row_group)
            replacement.commit()
    except (DataError, ChangedError) as error:
        said = {"busy" if isinstance(error, ChangedError) else "problem": str(error)}
        return shared_outcome(group, shared, shared, **unchanged, **said), TakenApart((), ())
    finally:
        replacement.abandon()
    clear_trash(archive)
    files = len(before), len(after)
    sizes = sum(part.bytes for part in before), sum(part.bytes for part in after)
    outcome = shared_outcome(group, kept, before, files=files, bytes=sizes)
    return outcome, TakenApart(before, after)


def _written(
    archive: Archive,
    catalog: Catalog,
    before: Sequence[PartRow],
    replacement: Replacement,
    profiles: Profiles,
    row_group: int | None,
) -> list[PartRow]:
    """Stage a part for each symbol; raises DataError where they do not hold the same events."""
    of_symbol: dict[str | None, list[PartRow]] = {}
    for part in before:
        for symbol in part.symbols:
            of_symbol.setdefault(symbol, []).append(part)
    after: list[PartRow] = []
    content = EventContent()
    for symbol, rows in by_symbol(archive, before, archive.state):
        parts = of_symbol[symbol]
        like = msgspec.structs.replace(parts[0], symbol=symbol, shares=())
        formats = Formats.like(parts, profiles, row_group)
        path = _free_path(archive, like, formats.of(symbol, like.tier).suffix, before)
        origin, kept = joined((part.origin for part in parts), catalog.origin_of)
        file = replacement.stage()
        part = write_like(archive, parts, rows, file, path, formats, origin, like)
        content += read_back(file, part)
        replacement.add(file, part, kept)
        after.append(part)
    old = contents(archive, before)
    if (old.rows, old.hash) != (content.rows, content.hash):
        raise DataError(
            f"{archive.path_of(before[0])} and its neighbours: {old.rows:,} events were read "
            f"and {content.rows:,} written, or not the same ones; nothing was changed"
        )
    for part in before:
        replacement.remove(part)
    return after


def with_own(shared: Sequence[PartRow], parts: Iterable[PartRow]) -> list[PartRow]:
    """Shared parts, and the own parts of their symbols, in the order of those of one symbol."""
    symbols = {symbol for part in shared for symbol in part.symbols}
    group = group_of(shared[0])
    own = [
        part
        for part in parts
        if part.symbol in symbols
        and group_of(part) == group._replace(symbol=part.symbol, shared=False)
    ]
    return sorted([*shared, *own], key=lambda part: part.path.rpartition("/")[2])


def by_symbol(
    archive: Archive, parts: Sequence[PartRow], folder: Path
) -> Iterator[tuple[str | None, Slices]]:
    """The rows of parts of one type by symbol, of equal time in the order of the parts."""
    with closing(Sorter(folder, "none")) as sorter:
        for part in parts:
            for piece in pieces(archive, part):
                for batch in piece.batches():
                    sorter.add(batch)
        for key, rows in sorter.partitions():
            yield key.symbol, rows


def _free_path(archive: Archive, like: PartRow, suffix: str, old: Sequence[PartRow]) -> str:
    """The path of a part that is whole, or the next one that is free, or becomes free."""
    place, going = archive.place_at(like.place), {part.path for part in old}
    paths = (f"{name_of(like, number)}{suffix}" for number in count())
    return next(path for path in paths if path in going or place.size(path) is None)
