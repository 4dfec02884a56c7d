"""Removing events that are chosen: files as a whole, and files anew without those events.

All of it is one transaction, as a compaction is: whoever is killed has removed all or nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.origins import members, sources_of
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.read.snapshot import pieces
from mdc_core.archive.row_time import NO_TIME
from mdc_core.archive.upkeep.rewrite import Staying, rewritten
from mdc_core.archive.write.active import live
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.replace import Replacement
from mdc_core.errors import BusyError, DataError


class Selection(NamedTuple):
    """What is to go: what is asked for, of some runs or, if none are named, of all."""

    query: Query
    runs: tuple[str, ...] = ()


class Going(NamedTuple):
    """What goes of a part: so many of its rows; and the first and last moment of those."""

    part: PartRow
    rows: int
    begins: int
    ends: int

    @property
    def is_whole(self) -> bool:
        """Whether the file goes."""
        return self.rows == self.part.rows


def going(archive: Archive, catalog: Catalog, chosen: Selection) -> list[Going]:
    """What of an archive goes; only parts that are cut through in time are read.

    Raises DataError where events of a run are in one file with those of others, and BusyError
    where a running `store` may still write to a part.
    """
    parts = _of_runs(archive, catalog, chosen) if chosen.runs else catalog.parts(chosen.query)
    return of_parts(archive, parts, chosen.query)


def of_parts(archive: Archive, parts: Iterable[PartRow], query: Query) -> list[Going]:
    """What of some parts goes."""
    is_live = live(archive)
    found = [one for part in parts if (one := _of_part(archive, part, query)).rows]
    for one in found:
        if is_live(one.part):
            raise BusyError(
                f"{archive.path_of(one.part)} is still being written",
                hint="end the mdc store that writes it, then try again",
            )
    return found


def _of_runs(archive: Archive, catalog: Catalog, chosen: Selection) -> Iterator[PartRow]:
    """The parts that have events of some runs, each of which has no others."""
    found = {
        part.key: part
        for run in chosen.runs
        for part in catalog.of_origins(catalog.keys_of([run]), run)
    }
    for part in found.values():
        if part.may_hold(chosen.query):
            origin = catalog.origin_of(part.origin) or b""
            for key in members(origin):
                if not {*sources_of(catalog.origin_of(key) or b"{}")} & {*chosen.runs}:
                    raise DataError(
                        f"{archive.path_of(part)} has events of other runs as well, for it was "
                        "compacted: which are of this one is not known any more",
                        hint="--symbol, --type and --date choose without regard to runs",
                    )
            yield part


def _of_part(archive: Archive, part: PartRow, query: Query) -> Going:
    """What of a part goes: by what the catalog says, or if it is cut through, by its events."""
    shares = [one for one in part.by_symbol() if query.wants(one.symbol)]
    inside = [one for one in shares if _is_inside(one, query)]
    if len(inside) == len(shares):
        begins = min((one.begins for one in inside), default=NO_TIME)
        ends = max((one.ends for one in inside), default=NO_TIME)
        return Going(part, sum(one.rows for one in inside), begins, ends)
    return _counted(archive, part, query)


def _is_inside(one: PartRow, query: Query) -> bool:
    late = query.start is None or one.begins >= query.start
    return late and (query.end is None or one.ends < query.end)


def _counted(archive: Archive, part: PartRow, query: Query) -> Going:
    from mdc_core.archive.row_time import row_time

    rows, ends = 0, [NO_TIME, NO_TIME]
    for piece in pieces(archive, part):
        for batch in map(query.of, piece.batches()):
            if batch.num_rows:
                moments = row_time(batch)
                low, high = int(moments.min()), int(moments.max())
                ends = [min(ends[0], low), max(ends[1], high)] if rows else [low, high]
                rows += batch.num_rows
    return Going(part, rows, *ends)


def remove(archive: Archive, catalog: Catalog, gone: Sequence[Going], query: Query) -> None:
    """Remove it all at once; within `rewriting`.

    Raises ChangedError where another command has changed a part since, and nothing is removed.
    """
    replacement = Replacement(archive, catalog)
    try:
        for part, rows, *_ in gone:
            if rows < part.rows:
                file, formats = replacement.stage(), Formats.like([part], Profiles())
                staying = Staying(part.rows - rows, query.but)
                new = rewritten(archive, part, file, formats, part.tier, "rm", staying)
                replacement.add(file, new)
            replacement.remove(part)
        replacement.commit()
    finally:
        replacement.abandon()
    catalog.forget_origins()
